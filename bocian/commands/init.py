"""`bocian init`: a commented `bocian.toml` to start from."""

from __future__ import annotations

import secrets
from importlib.resources import files
from pathlib import Path

from bocian.commands.screen import out
from bocian.settings import SettingsError
from serving.config import DEFAULT_SECRET


def run(target: Path) -> None:
    """Write the template, unless something lies there already."""
    if target.exists():
        raise SettingsError(f"a new configuration must not overwrite one, found: {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    template = files("bocian").joinpath("template.toml").read_text()
    target.write_text(template.replace(DEFAULT_SECRET, secrets.token_urlsafe(24)))
    out.print(
        f"written: {target}. Next: say in [[sources]] where your events are, then `bocian ingest`",
        markup=False,
    )
