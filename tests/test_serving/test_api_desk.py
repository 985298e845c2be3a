"""Requests that wait together are answered together, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from serving.api.desk import MOST_AT_ONCE, Desk


class Work:
    """Doubles numbers, waits where it is told to, and remembers what came together."""

    def __init__(self) -> None:
        self.together: list[list[int]] = []
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.takes_s = 0.0

    def __call__(self, asked: Sequence[int]) -> list[int | Exception]:
        self.together.append(list(asked))
        self.entered.set()
        assert self.go_on.wait(30)
        time.sleep(self.takes_s)
        if 1300 in asked:
            raise RuntimeError("this one breaks everything")
        return [LookupError(f"no {n}") if n < 0 else 2 * n for n in asked]


async def _while_busy(work: Work, desk: Desk[int, int], asked: Sequence[int]) -> list[object]:
    """What is answered to those who ask while one is being answered; the first answer is of 0."""
    work.go_on.clear()
    first = asyncio.ensure_future(desk.ask(0))
    await asyncio.to_thread(work.entered.wait, 30)
    others = [asyncio.ensure_future(desk.ask(n)) for n in asked]
    await asyncio.sleep(0)  # all of them have asked
    work.go_on.set()
    assert await first == 0
    return await asyncio.gather(*others, return_exceptions=True)


def test_one_who_comes_alone_is_answered_alone():
    work = Work()
    desk = Desk(work)
    assert asyncio.run(desk.ask(4)) == 8
    assert asyncio.run(desk.ask(5)) == 10  # from another loop
    assert work.together == [[4], [5]]


def test_those_who_wait_are_answered_together_in_their_order():
    work = Work()
    found = asyncio.run(_while_busy(work, Desk(work), range(1, 6)))
    assert found == [2, 4, 6, 8, 10]
    assert work.together == [[0], [1, 2, 3, 4, 5]]


def test_who_were_answered_together_and_ask_again_a_moment_apart_come_together_again():
    work = Work()
    desk = Desk(work)

    async def twice() -> None:
        await _while_busy(work, desk, range(5))
        work.takes_s = 2.0
        await asyncio.gather(*(desk.ask(n) for n in range(5)))  # the desk waits for 0.6 s next
        again = []
        for n in range(4):
            again.append(asyncio.ensure_future(desk.ask(n)))
            await asyncio.sleep(0.01)
        # One of the five stays away: those who came are not kept for ever.
        assert await asyncio.gather(*again) == [0, 2, 4, 6]

    asyncio.run(twice())
    assert sorted(work.together[-1]) == [0, 1, 2, 3]


def test_so_many_at_once_and_no_more():
    work = Work()
    found = asyncio.run(_while_busy(work, Desk(work), range(1, MOST_AT_ONCE + 4)))
    assert found == [2 * n for n in range(1, MOST_AT_ONCE + 4)]
    assert list(map(len, work.together)) == [1, MOST_AT_ONCE, 3]


def test_an_error_is_told_to_the_one_whose_it_is():
    work = Work()
    good, bad = asyncio.run(_while_busy(work, Desk(work), [3, -1]))
    assert good == 6
    assert isinstance(bad, LookupError)
    assert str(bad) == "no -1"


def test_what_one_breaks_the_others_do_not_suffer_for():
    work = Work()
    before, broken, after = asyncio.run(_while_busy(work, Desk(work), [1, 1300, 2]))
    assert (before, after) == (2, 4)
    assert isinstance(broken, RuntimeError)
    with pytest.raises(RuntimeError, match="this one"):
        asyncio.run(Desk(work).ask(1300))


def test_who_has_gone_holds_up_nobody():
    work = Work()
    desk = Desk(work)

    async def one_leaves() -> int:
        work.go_on.clear()
        first = asyncio.ensure_future(desk.ask(1))
        await asyncio.to_thread(work.entered.wait, 30)
        first.cancel()
        second = asyncio.ensure_future(desk.ask(2))
        await asyncio.sleep(0)
        work.go_on.set()
        return await second

    assert asyncio.run(one_leaves()) == 4
