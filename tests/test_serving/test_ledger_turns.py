"""A customer's turn: one at a time, between threads and processes, and gone with its holder."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.ledger import open_ledger
from serving.ledger.consents import Consent
from serving.ledger.turns import STRIPES

WITHDRAWN = Consent("c1", "marketing", "email", False, 1, "a link", "consent")
GIVEN = Consent("c1", "marketing", "sms", True, 1, "a form", "consent")
CUSTOMERS = [f"c{n}" for n in range(10 * STRIPES)]
WHILE_S = 0.15


def test_a_withdrawal_waits_for_the_customers_turn_and_nothing_else_does(ledger):
    with ThreadPoolExecutor() as pool, ledger.turns.of(["c1"]):
        withdrawing = pool.submit(ledger.consents.record_many, [GIVEN, WITHDRAWN])
        assert pool.submit(ledger.consents.record_many, [GIVEN]).result(10) == 1
        time.sleep(WHILE_S)
        assert not withdrawing.done()
        assert ledger.consents.allowed_channels("c1", "marketing", 1) == {"sms"}
    assert withdrawing.result(10) == 1


def test_an_erasure_waits_for_it_too(ledger):
    ledger.consents.record_many([GIVEN])
    with ThreadPoolExecutor() as pool, ledger.turns.of(["c1"]):
        erasing = pool.submit(ledger.erase, "c1")
        time.sleep(WHILE_S)
        assert not erasing.done()
    assert erasing.result(10) == {"consents": 1}


def test_it_is_given_up_on_an_error(ledger):
    with pytest.raises(OSError, match="mailbox full"), ledger.turns.of(["c1"]):
        raise OSError("mailbox full")
    with ledger.turns.of(["c1"]):
        pass


def test_many_turns_at_once_do_not_wait_for_one_another_for_ever(ledger):
    def take(number: int) -> None:
        few = [CUSTOMERS[(number * step) % len(CUSTOMERS)] for step in (1, 7, 31, 12, 1)]
        with ledger.turns.of(few), ledger.writing():
            pass

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(take, range(64)))
    with ledger.turns.of(CUSTOMERS):
        pass


def test_it_holds_between_processes_and_ends_with_the_one_that_is_killed(ledger, ledger_url):
    told, telling = os.pipe()
    child = os.fork()
    if not child:
        with open_ledger(ledger_url).turns.of(["c1"]):
            os.write(telling, b".")
            signal.pause()
    assert os.read(told, 1) == b"."
    with ThreadPoolExecutor() as pool:
        withdrawing = pool.submit(ledger.consents.record_many, [WITHDRAWN])
        time.sleep(WHILE_S)
        assert not withdrawing.done()
        os.kill(child, signal.SIGKILL)
        assert withdrawing.result(10) == 1
    os.waitpid(child, 0)
