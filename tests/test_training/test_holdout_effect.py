"""The whole programme against those never contacted: a textbook test, and what it can see."""

import numpy as np
import pytest
from scipy import stats

from features.block import Block
from features.clock import DAY_US
from features.events import TYPE_CODE
from training.evaluation.holdout import intention_to_treat
from training.programme import since_start


def test_it_is_welchs_interval():
    rng = np.random.default_rng(1)
    main, holdout = rng.exponential(5, 400), rng.exponential(3, 30)
    found = intention_to_treat(np.r_[main, holdout], np.arange(430) >= 400)
    textbook = stats.ttest_ind(main, holdout, equal_var=False)
    limits = textbook.confidence_interval(0.95)
    assert found.difference.value == pytest.approx(main.mean() - holdout.mean())
    assert (found.difference.low, found.difference.high) == pytest.approx((limits.low, limits.high))
    assert (found.main_customers, found.holdout_customers) == (400, 30)
    assert (found.main_mean, found.holdout_mean) == (main.mean(), holdout.mean())


def test_two_groups_alike_differ_by_nothing():
    found = intention_to_treat([1, 3, 1, 3], [False, False, True, True])
    assert found.difference.value == 0
    assert found.difference.low == -found.difference.high


def test_no_spread_is_no_doubt():
    found = intention_to_treat([2, 2, 1, 1], [False, False, True, True])
    assert (found.difference.value, found.difference.low, found.difference.high) == (1, 1, 1)
    assert found.detectable == 0


def test_the_detectable_effect_is_found_in_80_of_100_programmes():
    rng, held = np.random.default_rng(2), np.arange(1_000) >= 900
    typical = np.where(np.arange(1_000) % 2, 1.0, -1.0)  # as wide as what follows
    truth = intention_to_treat(typical, held).detectable
    found = sum(
        intention_to_treat(rng.normal(size=1_000) + truth * ~held, held).difference.low > 0
        for _ in range(600)
    )
    assert found / 600 == pytest.approx(0.8, abs=0.06)


def test_groups_too_small_or_misshapen_are_refused():
    with pytest.raises(ValueError, match="got: 2 in main and 1 in the holdout"):
        intention_to_treat([1, 2, 3], [False, False, True])
    with pytest.raises(ValueError, match=r"bool, one for each of 3 customers, got: int64"):
        intention_to_treat([1, 2, 3], [0, 0, 1])


class FewEvents:
    """A store of one block."""

    def __init__(self, events):
        rows = sorted(events)
        who, at, lag, kind, value = zip(*rows, strict=True)
        ids = sorted(set(who))
        measures = np.zeros((7, len(rows)), np.int64)
        measures[0] = value
        self._block = Block(
            customer_ids=tuple(ids),
            offsets=np.searchsorted(np.array(who), [*ids, "~"]),
            occurred_at=np.array(at, np.int64) * DAY_US,
            known_at=(np.array(at) + np.array(lag)) * DAY_US,
            type=np.array([TYPE_CODE[each] for each in kind], np.int8),
            channel=np.full(len(rows), -1, np.int8),
            measures=measures,
            category=np.full(len(rows), -1, np.int32),
            categories=(),
        )

    def blocks(self):
        yield self._block


def test_outcomes_since_the_start_by_hand():
    """Days; the programme runs in [10, 20)."""

    def is_b(customers):
        return np.array([customer == "b" for customer in customers])

    store = FewEvents(
        [
            ("a", 1, 0, "order", 100),
            ("a", 10, 0, "order", 700),
            ("a", 12, 0, "order_return", 200),
            ("a", 12, 0, "order_line", 999),
            ("a", 20, 0, "order", 5_000),
            ("b", 9, 0, "order", 100),
            ("b", 15, 0, "session", 0),
            ("b", 15, 30, "order", 300),  # not known yet
            ("late", 12, 0, "order", 400),
            ("unknown", 9, 5, "order", 400),  # known only after the start
            ("visitor", 2, 0, "session", 0),
        ]
    )
    found = since_start(store, 10 * DAY_US, 20 * DAY_US, held_out=is_b)
    assert found.customer_id.tolist() == ["a", "b"]
    assert found.spend.tolist() == [500, 0]
    assert found.ordered.tolist() == [True, False]
    assert found.held_out.tolist() == [False, True]
    with pytest.raises(ValueError, match="got: none before its first decision"):
        since_start(store, 0, 20 * DAY_US, held_out=is_b)
