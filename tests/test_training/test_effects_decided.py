"""Decisions and what came of them, as a trial: against one made by hand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_labels import AS_OF, CUSTOMERS, block_of

from features.block import Block
from features.clock import DAY_US
from training.config import Outcomes
from training.effects import Decided, Decision, EffectsError, Trial, decided, fit
from training.labels.spend import net_spend_after

MONTH = Outcomes(days=28, lag_days=2, margin_rate=0.5)
NOW = AS_OF + 30 * DAY_US
EVENTS = st.lists(
    st.tuples(
        st.integers(0, CUSTOMERS - 1),
        st.integers(-3, 40).map(lambda days: AS_OF + days * DAY_US),
        st.sampled_from((-1, 0, 0, 0, 1)),
        st.integers(0, 20).map(lambda days: days * DAY_US),
        st.sampled_from(("order", "order_return", "session")),
        st.integers(0, 10**12),
    ),
    max_size=40,
)
ASKED = st.lists(st.tuples(st.integers(0, CUSTOMERS - 1), st.integers(-3, 40)), max_size=8)


class Blocks(NamedTuple):
    """A store of these blocks."""

    held: tuple[Block, ...]

    def blocks(self):
        return iter(self.held)


@given(events=EVENTS, asked=ASKED, days=st.integers(1, 30), known_by=st.integers(0, 60))
def test_net_spend_is_that_of_a_plain_loop(events, asked, days, known_by):
    who = np.array([c for c, _ in asked], np.int64)
    start = AS_OF + np.array([d for _, d in asked], np.int64) * DAY_US
    known = AS_OF + known_by * DAY_US
    found = net_spend_after(block_of(events), who, start, days, known)
    signs = {"order": 1, "order_return": -1, "session": 0}
    assert found.tolist() == [
        sum(
            signs[kind] * value
            for c, at, near, lag, kind, value in events
            if c == customer
            and begin <= at + near < begin + days * DAY_US
            and at + near + lag <= known
        )
        for customer, begin in zip(who, start, strict=True)
    ]


def decision(number: int, arm: str = "no_action", **changes) -> Decision:
    """Of customer a, b or c, by turns; mail had a chance of 0.25, and a call the same."""
    chances = {"no_action": 0.5, "mail/email": 0.25, "call/phone": 0.25}
    row = Decision("abc"[number % 3], AS_OF + number, arm, chances, np.array([number, 1.0]), 200.0)
    return row._replace(**changes)


def told(rows, events=(), **options) -> Decided:
    arms = ("mail/email", "call/phone")
    stated = {"arms": arms, "now": NOW + 1_000, "outcomes": MONTH} | options
    return decided(rows, Blocks((block_of(events),)), **stated)


def hundred(arm: str = "mail/email") -> list[Decision]:
    """Fifty of the arm, fifty of none."""
    return [decision(i, arm if i % 2 else "no_action") for i in range(100)]


def test_it_is_the_trial_made_by_hand():
    order = (0, AS_OF + DAY_US, 0, 0, "order", 1_000)
    back = (0, AS_OF + 2 * DAY_US, 0, 0, "order_return", 400)
    found = told(reversed(hundred()), [order, back])
    trial, by_hand = found.trial, sorted(hundred(), key=lambda d: (d.customer_id, d.at_us))
    assert trial.arms == ("no_action", "mail/email")
    assert trial.x.tolist() == [d.features.tolist() for d in by_hand]
    assert trial.arm.tolist() == [int(d.arm == "mail/email") for d in by_hand]
    assert trial.outcome.tolist() == [300.0 if d.customer_id == "a" else 0.0 for d in by_hand]
    assert trial.customer.tolist() == ["abc".index(d.customer_id) for d in by_hand]
    # That a call was possible too is gone with the calls: what is left is 0.5 against 0.25.
    np.testing.assert_allclose(trial.propensity, [[2 / 3, 1 / 3]] * 100)
    assert (trial.alike, trial.basis) == (("email",), "propensities logged")
    assert (found.at_risk, found.compared, found.left_out) == (200.0, (100,), {})
    assert found.digest == told(hundred(), [order, back]).digest != told(hundred()).digest


def test_outcomes_count_when_they_were_known_and_within_the_window():
    spent = [
        (0, AS_OF + 5 * DAY_US, 0, 20 * DAY_US, "order", 2),  # known in time
        (0, AS_OF + 27 * DAY_US, 0, 4 * DAY_US, "order", 40),  # known too late
        (0, AS_OF + 28 * DAY_US, 1, 0, "order", 800),  # of who was asked last, within
    ]
    found = told(hundred(), spent).trial
    assert found.outcome[:3].tolist() == [1.0, 401.0, 401.0]


def test_a_decision_counts_once_its_window_and_lag_are_over():
    found = told([*hundred(), decision(1_001), decision(1_002), decision(1_000)])
    assert (len(found.trial), found.left_out) == (101, {"outcome not known yet": 2})


def test_what_tells_nothing_is_left_out_and_counted():
    strange = [decision(200, features=None), decision(201, "call/phone"), decision(202, "fax/fax")]
    alone = decision(203, propensity={"no_action": 1.0})
    found = told([*hundred(), *strange, alone])
    assert len(found.trial) == 100
    assert found.left_out == {
        "features were computed otherwise": 1,
        "of an arm with too few decisions, or no longer declared": 2,
        "nothing but one arm was possible": 1,
    }


def test_too_few_decisions_are_refused_with_their_number():
    with pytest.raises(EffectsError, match=r"50 decisions with an action.*'mail/email': 49"):
        told(hundred()[:99])
    impossible = [d._replace(propensity={d.arm: 1.0}) for d in hundred()]
    with pytest.raises(EffectsError, match=r"each with a chance of both.*'mail/email': 50"):
        told(impossible)
    with pytest.raises(EffectsError, match=r"got: \{'no_action': 0, 'mail/email': 0, 'call"):
        told([])


def test_an_arm_is_compared_only_where_it_was_possible():
    """Calls bring 3, and were possible only where everybody spends 50 more."""
    rng = np.random.default_rng(3)
    n = 3_000
    rich = rng.random(n) < 0.4
    arm = np.where(rng.random(n) < 0.5, np.where(rich & (rng.random(n) < 0.5), 2, 1), 0)
    outcome = 50.0 * rich + np.array([0, 1, 3])[arm] + rng.normal(size=n)
    chances = np.where(rich[:, None], [0.5, 0.25, 0.25], [0.5, 0.5, 0])
    names = ("no_action", "mail", "call")
    x = np.column_stack([rich, rng.normal(size=n)]).astype(float)
    found = fit(Trial.of(x, arm, outcome, arms=names, propensity=chances), seed=1, threads=1)
    mail, call = found.model.arms
    assert (mail.mean, call.mean) == (pytest.approx(1, abs=0.15), pytest.approx(3, abs=0.25))
    assert found.learned.comparison.comparable.mean(axis=0).tolist() == [1, rich.mean()]
