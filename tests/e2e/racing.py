"""Writers in several processes who decide, queue, send and withdraw for one customer at once.

`python racing.py SPEC`, a JSON object; what they saw goes to standard output, one JSON document.
Each reading of the clock that they share is a while later than any before it, so that windows roll
while they race. The writers' epochs differ, so that each makes decisions of its own.
"""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bocian import wiring
from bocian.settings import load
from features.clock import to_us
from features.warm import warm
from serving.engine import DecisionEngine
from serving.intake import Intake
from serving.ledger.accesses import Visit
from serving.ledger.consents import Consent
from serving.ledger.message import Message
from serving.orchestrator.render import Renderer
from serving.orchestrator.run import Orchestrator
from serving.record import answer

FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Seen:
    """What writers saw by the machine's time: when messages went out, and when acts were told."""

    deliveries: list[dict[str, Any]]
    acts: list[dict[str, Any]]

    def deliver(self, message: Message) -> str:
        """Take a while over a delivery, as a provider does."""
        time.sleep(0.005)
        out = {"key": message.key, "channel": message.channel, "at": time.monotonic_ns()}
        self.deliveries.append(out)
        return message.key


@dataclass(frozen=True)
class Asking:
    """The engine, asked for its answer as over HTTP."""

    engine: DecisionEngine

    def next_best_action(self, customer_id: str) -> dict[str, Any]:
        return answer(self.engine.next_best_action(customer_id))


class SharedClock:
    """Of all processes that are forked from this one."""

    def __init__(self, start: dt.datetime, tick: dt.timedelta) -> None:
        self._start, self._tick = start, tick
        self._ticks = FORK.Value("q", 0)

    def __call__(self) -> dt.datetime:
        return self.pass_by(1)

    def pass_by(self, ticks: int) -> dt.datetime:
        """Let time pass; the instant that it is then."""
        with self._ticks.get_lock():
            self._ticks.value += ticks
            return self._start + self._ticks.value * self._tick


def race(spec: dict[str, Any], clock: SharedClock, start: Any, process: int) -> Seen:
    """All threads of one process; all of all processes wait for one another at each `start`."""
    settings, seen = load(Path(spec["config"])), Seen([], [])
    engine = replace(wiring.engine(settings), clock=clock)

    def write(thread: int) -> None:
        for number in range(spec["rounds"]):
            # Some share an epoch, and so their decision; the others have one each.
            epoch = f"e{number}" if thread % 4 == 1 else f"e{number}p{process}t{thread}"
            own = engine.policy.model_copy(update={"epoch": epoch})
            asking = Asking(replace(engine, policy=own))
            if thread:
                asking.next_best_action(spec["customer"])  # from here on it is the stored one
            start.wait()
            if thread:
                orchestrator = Orchestrator(
                    client=asking,
                    ledger=engine.ledger,
                    renderer=Renderer(),
                    sender=seen,
                    clock=clock,
                    actions=engine.shelf.champion().program.actions,
                    caps=engine.caps,
                    messages=settings.messages,
                )
                report = orchestrator.send([spec["customer"]], deliver_now=thread % 3 != 0)
                assert not report.errors, report.errors
            elif number % 2:
                for given in (False, True):
                    _consent(engine, spec["customer"], given, seen)
            if start.wait() == 0:
                clock.pass_by((25, 9)[number % 2] * 60)

    with ThreadPoolExecutor(spec["threads"]) as pool:
        list(pool.map(write, range(spec["threads"])))
    return seen


def _consent(engine: DecisionEngine, customer: str, given: bool, seen: Seen) -> None:
    intake = Intake(engine.ledger, engine.events, engine.clock)
    for channel in ("email", "sms", "push"):
        at_us = to_us(engine.clock())
        act = Consent(customer, "marketing", channel, given, at_us, "a link", "consent")
        began = time.monotonic_ns()
        intake.consent([act], Visit(engine.ledger.commit, "local", "consents", at_us))
        told = {"began": began, "ended": time.monotonic_ns()}
        seen.acts.append({"channel": channel, "given": given, "at_us": at_us} | told)


def main(spec: dict[str, Any]) -> None:
    """Race, and tell what was seen."""
    os.environ |= spec["environment"]
    warm()
    now = load(Path(spec["config"])).now
    start = FORK.Barrier(spec["processes"] * spec["threads"])
    clock, seen = SharedClock(now, dt.timedelta(minutes=1)), FORK.SimpleQueue()
    processes = [
        FORK.Process(target=lambda n=n: seen.put(race(spec, clock, start, n)))
        for n in range(spec["processes"])
    ]
    for process in processes:
        process.start()
    done = [seen.get() for _ in processes]
    for process in processes:
        process.join()
    json.dump(
        {name: [one for each in done for one in getattr(each, name)] for name in vars(done[0])},
        sys.stdout,
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
