"""Requests that are answered together: all that wait at the same time, by one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from itertools import groupby, islice
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

MOST_AT_ONCE = 64


@dataclass(frozen=True)
class _Waiting(Generic[Asked]):
    asked: Asked
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    context: Context


class Desk(Generic[Asked, Answered]):
    """Takes whatever waits, answers it at once, and then takes what came meanwhile.

    Nobody waits for company: one who comes alone is answered alone. Under load what is done once
    for all, a look-up, a commit, is shared by many.
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
        while True:
            together = [self._waiting.get(), *islice(self._others(), MOST_AT_ONCE - 1)]
            # A trace of the first shows what was done for all.
            answers = together[0].context.run(self._answers, [one.asked for one in together])
            told = zip(together, answers, strict=True)
            for loop, theirs in groupby(told, key=lambda pair: pair[0].loop):
                with suppress(RuntimeError):  # that loop has ended, and whoever asked with it
                    loop.call_soon_threadsafe(_tell, list(theirs))

    def _others(self) -> Iterator[_Waiting[Asked]]:
        with suppress(Empty):
            while True:
                yield self._waiting.get_nowait()

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
