"""A service of one's own for as long as a block of code lasts."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from bocian.commands.serve import command, environment
from bocian.settings import Settings

_LONGEST_START_S = 120.0
_LONGEST_STOP_S = 20.0


class ServiceError(RuntimeError):
    """The service did not come up."""


@contextmanager
def running(settings: Settings, config: Path, log: Path, *beside: Path) -> Iterator[str]:
    """Start the service on a free port, wait until it is ready, and stop it in any case.

    Args:
        settings: Of the service.
        config: The file that they came from.
        log: Where its output goes.
        beside: The configurations of further brands.

    Yields:
        Its address.

    Raises:
        ServiceError: It ended, or was not ready in time; the end of its log is in the message.
    """
    port = free_port()
    address = f"http://{settings.service.host}:{port}"
    with up(command(settings, port), environment(config, *beside), address, log):
        yield address


@contextmanager
def up(
    words: Sequence[str], variables: Mapping[str, str], address: str, log: Path
) -> Iterator[None]:
    """Run a service by its command line, wait until it is ready, and stop it in any case.

    Raises:
        ServiceError: It ended, or was not ready in time; the end of its log is in the message.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, address, log)
            yield
        finally:
            _stop(process)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + _LONGEST_START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServiceError(f"the service ended with {process.returncode}: {_tail(log)}")
        with suppress(httpx.HTTPError):  # not listening yet
            if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                return
        time.sleep(0.2)
    raise ServiceError(f"the service was not ready after {_LONGEST_START_S:.0f} s: {_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the service to end; after a while, end it and each of its workers.

    Workers have sessions of their own and outlive a service that is killed, so that their ids are
    noted while they are still its children.
    """
    if process.poll() is not None:
        return
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=_LONGEST_STOP_S)
    for survivor in left:
        with suppress(psutil.NoSuchProcess):
            survivor.kill()
    process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
