"""Requests that are answered together: all that wait at the same time, by one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from itertools import count, groupby, islice
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import perf_counter
from typing import Any, Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

MOST_AT_ONCE = 64
PATIENCE = 0.3
"""How long to wait for as many as last time, in shares of how long they took."""


@dataclass(frozen=True)
class _Waiting(Generic[Asked]):
    asked: Asked
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    context: Context


class Desk(Generic[Asked, Answered]):
    """Takes whatever waits, answers it at once, and then takes what came meanwhile.

    Under load what is done once for all, a look-up, a commit, is shared by many. Callers who were
    answered together ask again together, a moment apart: the desk waits for as many as last time,
    for a part of the time that it then saves. Else they would part into two halves that wait for
    each other. Who comes alone, after one who came alone, waits for nobody.
    """

    def __init__(self, work: Callable[[Sequence[Asked]], Sequence[Answered | Exception]]) -> None:
        """Answer by `work`, which gives an answer or an error for each, in their order."""
        self._work = work
        self._waiting: SimpleQueue[_Waiting[Asked]] = SimpleQueue()
        self._opening = Lock()
        self._thread: Thread | None = None

    async def ask(self, asked: Asked) -> Answered:
        """The answer to one request; the event loop goes on meanwhile.

        Raises:
            Exception: What `work` gave, or raised, for this one.
        """
        self._open()
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._waiting.put(_Waiting(asked, loop, answer, copy_context()))
        answered: Answered = await answer
        return answered

    def _open(self) -> None:
        with self._opening:
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="desk", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        company, took_s = 1, 0.0
        while True:
            together = list(islice(self._together(company, PATIENCE * took_s), MOST_AT_ONCE))
            company, started = len(together), perf_counter()
            # A trace of the first shows what was done for all.
            answers = together[0].context.run(self._answers, [one.asked for one in together])
            took_s = perf_counter() - started
            told = zip(together, answers, strict=True)
            for loop, theirs in groupby(told, key=lambda pair: pair[0].loop):
                with suppress(RuntimeError):  # that loop has ended, and whoever asked with it
                    loop.call_soon_threadsafe(_tell, list(theirs))

    def _together(self, company: int, patience_s: float) -> Iterator[_Waiting[Asked]]:
        """Whoever waits, and who comes within `patience_s` of the first until all `company` are
        there.
        """
        yield self._waiting.get()
        until = perf_counter() + patience_s
        with suppress(Empty):
            for number in count(2):
                left_s = until - perf_counter() if number <= company else 0.0
                yield (
                    self._waiting.get(timeout=left_s) if left_s > 0 else self._waiting.get_nowait()
                )

    def _answers(self, asked: Sequence[Asked]) -> Sequence[Answered | Exception]:
        try:
            return self._work(asked)
        except Exception as error:
            if len(asked) == 1:
                return [error]
            # What one of them breaks, the others need not suffer for.
            return [answer for one in asked for answer in self._answers([one])]


def _tell(answered: Sequence[tuple[_Waiting[Any], Any]]) -> None:
    for one, answer in answered:
        if one.answer.done():  # whoever asked has gone
            continue
        if isinstance(answer, Exception):
            one.answer.set_exception(answer)
        else:
            one.answer.set_result(answer)
