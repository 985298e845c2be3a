"""Quiet cohorts: whose labels tell the risk without contact, and when they are enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.clock import DAY_US
from training.churn import PAST_CONTACT, churned, fit
from training.config import Horizons, Training
from training.labels.quiet import (
    LEAST_OF_EACH,
    LEAST_ROWS,
    NO_COHORTS,
    WITHOUT_CONTACT,
    QuietCohorts,
    enough,
)
from training.snapshot import Snapshot

HORIZON = 28
STARTS = tuple(17_000 * DAY_US + i * HORIZON * DAY_US for i in range(8))
HORIZONS, TRAINING = Horizons(churn_days=HORIZON), Training(trials=0, threads=1)


def contacted(per_epoch: int, seed: int) -> tuple[Snapshot, QuietCohorts, np.ndarray]:
    """Epochs in which half of those at risk are saved, unless they are of the quiet fifth.

    Also the risk of each row without contact.
    """
    rng = np.random.default_rng(seed)
    n = per_epoch * len(STARTS)
    x = rng.standard_normal(n)
    risk = 1 / (1 + np.exp(0.5 - 1.5 * x))
    quiet = rng.random(n) < 0.2
    leaves = (rng.random(n) < risk) & ~(~quiet & (x > 0) & (rng.random(n) < 0.8))
    as_of = np.repeat(STARTS, per_epoch)
    customer = np.array([f"c{i % per_epoch}" for i in range(n)], object)
    rows = Snapshot(
        customer_id=customer,
        as_of=as_of,
        features=np.column_stack([np.zeros(n), x]),
        names=("days_since_last_order", "x"),
        churned=leaves[:, None],
        order_days_after=(~leaves).astype(np.int64),
        spend_after=np.zeros(n, np.int64),
    )
    members = {s: frozenset(customer[quiet & (as_of == s)]) for s in STARTS}
    return rows, QuietCohorts(members), risk


def test_from_quiet_cohorts_the_risk_without_contact_is_learned():
    rows, cohorts, risk = contacted(2000, 1)
    split = cohorts.split(now=STARTS[-1] + HORIZON * DAY_US, gap_days=HORIZON, validation_epochs=3)
    kept = cohorts.rows(rows)
    model = fit(kept, split, horizons=HORIZONS, training=TRAINING, estimand=WITHOUT_CONTACT).model
    assert model.estimand == WITHOUT_CONTACT
    of_test = rows.as_of == split.test
    p = model.probability(rows.features[of_test])
    assert p.mean() == pytest.approx(risk[of_test].mean(), rel=0.1)
    assert np.abs(p - risk[of_test]).mean() < 0.06
    naive = fit(rows, split, horizons=HORIZONS, training=TRAINING).model
    assert naive.estimand == PAST_CONTACT
    assert naive.probability(rows.features[of_test]).mean() < 0.75 * risk[of_test].mean()


def test_only_members_at_the_start_of_their_epoch_teach():
    rows, cohorts, _ = contacted(50, 2)
    kept = cohorts.rows(rows)
    assert len(kept) == sum(len(m) for m in cohorts.members.values())
    for start in STARTS:
        assert set(kept.at([start]).customer_id) == cohorts.members[start]
    assert len(NO_COHORTS.rows(rows)) == 0


@given(
    epochs=st.integers(0, 8),
    late_days=st.integers(0, 60),
    lag=st.integers(0, 40),
    validation=st.integers(1, 6),
)
def test_no_label_teaches_before_it_is_known(epochs, late_days, lag, validation):
    cohorts = QuietCohorts({s: frozenset({"a"}) for s in STARTS[:epochs]})
    now = STARTS[0] + (HORIZON * epochs + late_days) * DAY_US
    gap = HORIZON + lag
    split = cohorts.split(now=now, gap_days=gap, validation_epochs=validation)
    if split is None:
        known = [s for s in STARTS[:epochs] if s + gap * DAY_US <= now]
        steps = -(-gap // HORIZON)  # epochs until a label is known
        assert len(known) <= 2 * steps
        return
    assert split.test + gap * DAY_US <= now
    assert split.dates == split.refit
    assert len(split.validation) <= validation
    for date in split.validation:
        assert split.known_at(date)
        assert date in split.dates


def test_two_epochs_are_too_few_and_three_do():
    for epochs, splits in ((0, False), (1, False), (2, False), (3, True)):
        cohorts = QuietCohorts({s: frozenset({"a"}) for s in STARTS[:epochs]})
        found = cohorts.split(now=STARTS[-1], gap_days=HORIZON, validation_epochs=2)
        assert (found is not None) == splits
    assert (found.test, found.dates, found.validation) == (STARTS[2], STARTS[1::-1], (STARTS[1],))


@pytest.mark.parametrize(
    ("left", "stayed", "expected"),
    [
        (LEAST_OF_EACH, LEAST_ROWS - LEAST_OF_EACH, True),
        (LEAST_OF_EACH - 1, LEAST_ROWS, False),
        (LEAST_ROWS, LEAST_OF_EACH - 1, False),
        (LEAST_OF_EACH, LEAST_ROWS - LEAST_OF_EACH - 1, False),
    ],
)
def test_enough_are_a_thousand_with_a_hundred_of_each(left, stayed, expected):
    assert enough(np.repeat([1.0, 0.0], [left, stayed])) is expected


def test_labels_of_the_quiet_are_those_of_the_rows():
    rows, cohorts, risk = contacted(2000, 3)
    kept = churned(cohorts.rows(rows))
    assert kept.mean() == pytest.approx(risk.mean(), abs=0.03)
