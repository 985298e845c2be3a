"""`bocian serve`: the service in the foreground, under BentoML."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bocian.commands.screen import notes
from bocian.settings import Settings
from serving.api.access import LOOPBACK
from serving.config import DEFAULT_SECRET


class UnprotectedError(ValueError):
    """The service would listen where others can reach it, without any key."""


def command(settings: Settings, port: int | None = None) -> list[str]:
    """The command line that starts the service.

    Raises:
        UnprotectedError: The address is not this machine's own, and no keys are required.
    """
    host = settings.service.host
    if host not in LOOPBACK and not settings.service.require_keys:
        raise UnprotectedError(
            f"service.host must be one of {list(LOOPBACK)} where service.require_keys is false, "
            f"got: {host!r}; `bocian keys create` makes keys"
        )
    return [
        *(sys.executable, "-m", "bentoml", "serve", "serving.service:BocianService"),
        *("--host", host, "--port", str(port or settings.service.port)),
        *("--working-dir", str(Path(__file__).parents[2])),
    ]


def environment(config: Path) -> dict[str, str]:
    """What the service finds in its environment."""
    return os.environ | {
        "BOCIAN_CONFIG": str(config.resolve()),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONUNBUFFERED": "1",
    }


def run(settings: Settings, config: Path, port: int | None) -> None:
    """Become the service; does not return."""
    words = command(settings, port)
    if settings.policy.secret.get_secret_value() == DEFAULT_SECRET:
        notes.print("policy.secret is the one that everybody knows: set BOCIAN_POLICY__SECRET")
    os.execve(words[0], words, environment(config))  # noqa: S606 - the words are our own
