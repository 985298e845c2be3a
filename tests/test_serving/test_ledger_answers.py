"""Answers under an idempotency key: the first one, for a week, until its customer is erased."""

from __future__ import annotations

from serving.ledger import Ledger
from serving.ledger.answers import KEPT_DAYS, Asked, Given
from serving.ledger.instants import DAY_US

NOW = 1_510_000_000_000_000
ASKED = Asked("local", "k1", "hash of the request")


def _put(ledger: Ledger, asked: Asked, content: bytes, *customers: str, at_us: int = NOW) -> Given:
    return ledger.commit(lambda c: ledger.answers.put(c, asked, content, customers, at_us))


def test_an_answer_comes_back_byte_for_byte(ledger: Ledger):
    content = b'{"x":\x00"\xff"}'
    given = _put(ledger, ASKED, content, "c1", "c2", "c1")
    assert given.content == content
    assert sorted(given.customer_ids) == ["c1", "c2"]
    assert ledger.answers.find(ASKED) == given


def test_the_first_answer_stays(ledger: Ledger):
    first = _put(ledger, ASKED, b"first", "c1")
    assert _put(ledger, Asked("local", "k1", "another"), b"second", "c2") == first


def test_each_caller_has_keys_of_their_own(ledger: Ledger):
    _put(ledger, ASKED, b"mine")
    assert ledger.answers.find(Asked("other", "k1", ASKED.request_sha256)) is None


def test_an_answer_is_kept_for_a_week_and_then_let_go(ledger: Ledger):
    _put(ledger, ASKED, b"old", "c1")
    other = Asked("local", "k2", "another")
    _put(ledger, other, b"new", at_us=NOW + KEPT_DAYS * DAY_US)
    assert ledger.answers.find(ASKED) is not None
    _put(ledger, other, b"new", at_us=NOW + KEPT_DAYS * DAY_US + 1)
    assert ledger.answers.find(ASKED) is None
    assert ledger.erase("c1") == {}


def test_erasing_one_customer_erases_the_answers_about_them_and_no_other(ledger: Ledger):
    _put(ledger, ASKED, b"about two", "c1", "c2")
    _put(ledger, Asked("local", "k2", "another"), b"about one", "c2")
    assert ledger.erase("c1") == {"answers": 1}
    assert ledger.answers.find(ASKED) is None
    assert ledger.answers.find(Asked("local", "k2", "another")) is not None
