"""`bocian serve`: the service in the foreground, under BentoML."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bocian.brands import load_all
from bocian.commands.screen import notes
from bocian.settings import Settings
from serving.config import DEFAULT_SECRET, LOOPBACK


class UnprotectedError(ValueError):
    """The service would listen where others can reach it, without keys or a secret."""


def command(settings: Settings, port: int | None = None) -> list[str]:
    """The command line that starts the service.

    Raises:
        UnprotectedError: The address is not this machine's own, and no keys are required, or the
            policy's secret is none.
    """
    host = settings.service.host
    if host not in LOOPBACK and not settings.service.require_keys:
        raise UnprotectedError(
            f"service.host must be one of {list(LOOPBACK)} where service.require_keys is false, "
            f"got: {host!r}; `bocian keys create` makes keys"
        )
    if host not in LOOPBACK and _has_known_secret(settings):
        raise UnprotectedError(
            f"service.host must be one of {list(LOOPBACK)} where policy.secret is the one that "
            f"everybody knows, got: {host!r}; BOCIAN_POLICY__SECRET sets another"
        )
    return [
        *(sys.executable, "-m", "bentoml", "serve", "serving.service:BocianService"),
        *("--host", host, "--port", str(port or settings.service.port)),
        *("--working-dir", str(Path(__file__).parents[2])),
    ]


def environment(*configs: Path) -> dict[str, str]:
    """What the service finds in its environment."""
    return os.environ | {
        "BOCIAN_CONFIG": os.pathsep.join(str(config.resolve()) for config in configs),
        "BENTOML_DO_NOT_TRACK": "True",
        "PYTHONUNBUFFERED": "1",
    }


def run(configs: Sequence[Path], port: int | None) -> None:
    """Become the service; does not return."""
    settings = load_all(configs)
    words, *_ = [command(one, port) for one in settings]
    if any(map(_has_known_secret, settings)):
        notes.print("policy.secret is the one that everybody knows: set BOCIAN_POLICY__SECRET")
    os.execve(words[0], words, environment(*configs))  # noqa: S606 - the words are our own


def _has_known_secret(settings: Settings) -> bool:
    return settings.policy.secret.get_secret_value() == DEFAULT_SECRET
