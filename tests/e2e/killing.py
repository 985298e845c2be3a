"""The service as a process that is killed, and what its callers were told until then."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil
from processes import leader_of
from small_shop import NOW

from bocian.commands.running import free_port, running
from bocian.settings import load

CALLERS = 6
AT = NOW.isoformat()


class Service(Protocol):
    """One that can be killed."""

    address: str

    def up(self, epoch: str) -> None:
        """Be there and ready; one that has to be started serves this epoch of the policy."""

    def kill(self, dice: np.random.Generator) -> None:
        """`kill -9`, of all or of a part as the dice fall."""

    def close(self) -> None:
        """Leave nothing behind."""


class Forked:
    """What a worker of BentoML runs, forked from a process that has imported it: quick to start."""

    def __init__(self, config: Path, ledger_url: str) -> None:
        self._settings = {"BOCIAN_CONFIG": str(config), "BOCIAN_PATHS__LEDGER": ledger_url}
        self._port, self._pid = free_port(), 0
        self.address = f"http://127.0.0.1:{self._port}"
        words = [sys.executable, Path(__file__).with_name("forking.py")]
        pipe = subprocess.PIPE
        self._forker = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True)

    def up(self, epoch: str) -> None:
        if not self._pid:
            assert self._forker.stdin is not None
            assert self._forker.stdout is not None
            environment = self._settings | {"BOCIAN_POLICY__EPOCH": epoch}
            print(json.dumps([environment, self._port]), file=self._forker.stdin, flush=True)
            self._pid = int(self._forker.stdout.readline())
        _wait_until_ready(self.address)

    def kill(self, dice: np.random.Generator) -> None:  # noqa: ARG002 - the protocol's
        os.kill(self._pid, signal.SIGKILL)
        while psutil.pid_exists(self._pid):
            time.sleep(0.005)
        self._pid = 0

    def close(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
        self._forker.communicate()


class UnderBentoML:
    """`bocian serve`: mostly its worker is killed, which BentoML starts anew; else all of it."""

    def __init__(self, config: Path, ledger_url: str, log: Path) -> None:
        self._config, self._ledger_url, self._log = config, ledger_url, log
        self._running = ExitStack()
        self.address = ""

    def up(self, epoch: str) -> None:
        if not self.address:
            os.environ |= {"BOCIAN_PATHS__LEDGER": self._ledger_url, "BOCIAN_POLICY__EPOCH": epoch}
            started = running(load(self._config), self._config, self._log)
            self.address = self._running.enter_context(started)
        _wait_until_ready(self.address)

    def kill(self, dice: np.random.Generator) -> None:
        supervisor = psutil.Process(leader_of(int(urlsplit(self.address).port or 0)))
        workers = supervisor.children(recursive=True)  # in sessions of their own
        whole = dice.random() < 0.1
        killed = [supervisor, *workers] if whole else workers
        for process in killed:
            process.kill()
        assert psutil.wait_procs(killed, timeout=10)[1] == []
        if whole:
            self.close()

    def close(self) -> None:
        self._running.close()
        self.address = ""


def _wait_until_ready(address: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/readyz", timeout=60).status_code == 200:
                return
        time.sleep(0.02)
    raise AssertionError("the service must come up again")


def service_of(config: Path, ledger_url: str, log: Path) -> Service:
    """Forked, unless BOCIAN_SERVED_BY=bentoml asks for all of it, which takes seconds to start."""
    if os.environ.get("BOCIAN_SERVED_BY") == "bentoml":
        return UnderBentoML(config, ledger_url, log)
    return Forked(config, ledger_url)


class Asked(NamedTuple):
    """A request; its `mark`, also the idempotency key, is in what the ledger keeps of it."""

    mark: str
    path: str
    body: bytes


@dataclass
class Callers:
    """They ask without a pause, and remember what was answered and what was not."""

    customers: Sequence[str]
    told: dict[Asked, bytes] = field(default_factory=dict)
    doubtful: list[Asked] = field(default_factory=list)
    _to_send: list[str] = field(default_factory=list)

    def until(self, moment_s: float, kill: Callable[[], None], service: Service, run: int) -> None:
        """Ask until all have been answered and `moment_s` more seconds; then the service dies."""
        over, before = threading.Event(), len(self.told)
        with ThreadPoolExecutor(CALLERS) as pool:
            asking = [
                pool.submit(self._ask_on, service.address, f"{run}-{n}", over)
                for n in range(CALLERS)
            ]
            while len(self.told) < before + CALLERS and not any(a.done() for a in asking):
                time.sleep(0.01)
            time.sleep(moment_s)
            over.set()
            kill()
            for each in asking:
                each.result()

    def again(self, service: Service, dice: np.random.Generator) -> None:
        """Ask again what was not answered, and some of what was: the answers are the same."""
        some = dice.permutation(len(self.told))[:10]
        asked = list(self.told)
        with httpx.Client(base_url=service.address, timeout=60) as http:
            for one in [asked[i] for i in some] + self.doubtful:
                content = _ask(http, one)
                assert self.told.setdefault(one, content) == content, one
        self.doubtful.clear()

    def _ask_on(self, address: str, name: str, over: threading.Event) -> None:
        dice = np.random.default_rng([ord(c) for c in name])
        with httpx.Client(base_url=address, timeout=60) as http:
            for asked in self._requests(name, dice):
                try:
                    self.told[asked] = content = _ask(http, asked)
                except httpx.TransportError:
                    assert over.is_set(), "only a kill may break a connection"
                    self.doubtful.append(asked)
                if over.is_set():
                    return
                if (
                    asked.path == "/v1/next-best-action"
                    and (made := json.loads(content))["channel"]
                ):
                    self._to_send.append(made["decision_id"])

    def _requests(self, name: str, dice: np.random.Generator) -> Iterator[Asked]:
        number = 0
        while True:
            number += 1
            mark, who = f"{name}-{number}", str(dice.choice(self.customers))
            kind = dice.choice(
                ["decide", "events", "consents", "execution"], p=[0.4, 0.2, 0.2, 0.2]
            )
            if kind == "execution" and self._to_send:
                path = f"/v1/decisions/{self._to_send[-1]}/execution"
                body: dict[str, Any] = {"status": "sent", "at": AT, "by": mark}
            elif kind == "events":
                path, event = (
                    "/v1/events",
                    {"source": "till", "customer_id": who, "type": "session"},
                )
                both = [event | {"event_id": f"{mark} {i}", "occurred_at": AT} for i in (0, 1)]
                body = {"events": both}
            elif kind == "consents":
                path, act = "/v1/consents", {"customer_id": who, "purpose": "marketing", "at": AT}
                act |= {"channel": "email", "means": mark, "legal_basis": "consent"}
                body = {"consents": [act | {"given": bool(dice.integers(2))}]}
            else:
                path, body = "/v1/next-best-action", {"customer_id": who}
            yield Asked(mark, path, json.dumps(body).encode())


def _ask(http: httpx.Client, asked: Asked) -> bytes:
    headers = {"Content-Type": "application/json", "Idempotency-Key": asked.mark}
    answer = http.post(asked.path, content=asked.body, headers=headers)
    assert answer.status_code == 200, (asked, answer.text)
    return answer.content
