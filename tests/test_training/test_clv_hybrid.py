"""The mixture of experts: planted weights are found, and without judges the start stands alone."""

from __future__ import annotations

import numpy as np
import pytest
from bought import GAMMA_GAMMA, PARETO_NBD, bought

from models.btyd import Histories
from models.lifetime import EXPERTS, START_COLUMNS, Hybrid, Past, Spread, Start
from training.clv import hybrid
from training.clv.log import NAMES, columns, past
from training.clv.outcomes import Outcome, see

OPINIONS = np.random.default_rng(1).gamma(1, 2, (500, 4))


def test_planted_weights_are_found():
    planted = np.array([0.2, 0, 0.5, 0.3])
    found = hybrid.mixture([OPINIONS], [OPINIONS @ planted + 1e-6], [1])
    assert found == pytest.approx(planted, abs=2e-3)


def test_whoever_expects_the_opposite_of_what_comes_has_no_weight():
    rng = np.random.default_rng(2)
    truth = rng.gamma(1, 2, 500)
    wrong = np.full(500, 30.0) - truth
    experts = np.column_stack([truth, wrong, truth * rng.uniform(0.5, 1.5, 500), truth + 1])
    weights = hybrid.mixture([experts], [rng.poisson(truth).astype(np.float64)], [1])
    assert weights[1] == 0
    assert sum(weights) == pytest.approx(1)


def test_a_cutoff_counts_by_the_rows_that_had_taught_by_then():
    """Two judges of opposite opinion, of whom the second had learned from a hundred times more."""
    first, second = OPINIONS[:, 0], OPINIONS[:, 1]
    weights = hybrid.mixture([OPINIONS, OPINIONS], [first, second], [10, 1000])
    assert weights[1] > 0.95
    assert hybrid.mixture([OPINIONS, OPINIONS], [first, second], [10, 10])[1] < 0.6


@pytest.fixture(scope="module")
def outcomes():
    """Two cutoffs of 1,500 customers, and the 60 days after each."""
    log = bought(1500, 280, joined_in=80, seed=3)

    def outcome(day):
        known = log.until(day)
        seen = see(past(known, day), columns(known, day))
        return Outcome(seen, 60 / 7, *log.after(day, day + 60, known.names))

    return outcome(140), outcome(200)


@pytest.fixture(scope="module")
def alone(outcomes):
    early, late = outcomes
    return hybrid.fit([early], [], late.seen, names=NAMES, seed=1, threads=1)


def test_without_a_judge_the_start_stands_alone(outcomes, alone):
    seen, (_, fitted) = outcomes[1].seen, alone
    assert fitted.transactions == fitted.margin == (1, *[0] * (len(EXPERTS) - 1))
    n = len(seen.past)
    value = fitted.value(seen.past, seen.reading, 10.0, np.zeros(n), np.zeros(n))
    expected = seen.start.pareto_nbd.expected_transactions(seen.past.histories, 10.0)
    np.testing.assert_allclose(value.transactions, expected, rtol=1e-12)
    np.testing.assert_allclose(value.margin, expected * seen.reading.margin, rtol=1e-12)


def test_trees_leave_the_total_as_it_is(outcomes, alone):
    seen, (learned, fitted) = outcomes[1].seen, alone
    factors, paces = learned.paces(seen)
    total = seen.reading.pace.sum()
    assert seen.reading.pace @ factors / fitted.scales[0] == pytest.approx(total)
    assert paces.sum() / fitted.scales[1] == pytest.approx(total)


def test_trees_read_the_features_and_then_the_start(alone):
    learned, _ = alone
    assert learned.on_start.feature_name() == [*NAMES, *START_COLUMNS]


def test_a_feature_that_tells_the_future_is_believed(outcomes):
    """Trees that know what comes are given nearly all the weight."""
    early, late = (
        Outcome(
            see(o.seen.past, np.column_stack([o.seen.features, np.sqrt(o.transactions)])),
            o.weeks, o.transactions, o.margin,
        )
        for o in outcomes
    )  # fmt: skip
    _, fitted = hybrid.fit(
        [early, late], [hybrid.Fold([early], late)], late.seen,
        names=[*NAMES, "oracle"], seed=1, threads=1,
    )  # fmt: skip
    assert sum(fitted.transactions[2:4]) > 0.8


def test_the_median_wait_is_that_of_drawn_waits():
    """A buying rate from its posterior, then an exponential wait."""
    one = Past(
        Histories([5.0], [20.0], [30.0]), np.array([100.0]), np.zeros((1, 2)), np.zeros((1, 2))
    )
    rng = np.random.default_rng(4)
    rate = rng.gamma(PARETO_NBD.r + 5, 1 / (PARETO_NBD.alpha + 30), 200_000)
    waits = 7 * rng.exponential(1 / rate)
    found = Start(PARETO_NBD, GAMMA_GAMMA).read(one).days_to_next_order
    assert found == pytest.approx([np.median(waits)], rel=0.01)


def test_weights_that_are_not_of_all_experts_are_refused():
    spread = Spread((0.0, 1.0), (), ((0.0, 1.0),))
    each = (1 / len(EXPERTS),) * len(EXPERTS)
    with pytest.raises(ValueError, match=r"margin must hold a weight for each of .* got: \(1.0,\)"):
        Hybrid(Start(PARETO_NBD, GAMMA_GAMMA), (1.0, 1.0), each, (1.0,), spread)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"mean_margin": np.array([1.0])},
            r"mean_margin must be of shape \(2,\) for 2 histories, got: \(1,\)",
        ),
        (
            {"recent_margin": np.ones((2, 3))},
            r"recent_margin must be of shape \(2, 2\) for 2 histories, got: \(2, 3\)",
        ),
        ({"mean_margin": np.array([1.0, np.nan])}, "mean_margin must be finite, got: nan in row 1"),
        (
            {"recent_transactions": np.array([[0.0, 1.0], [0.0, np.inf]])},
            r"recent_transactions must be finite, got: \[ 0. inf\] in row 1",
        ),
    ],
)
def test_a_past_that_nobody_can_have_is_refused(changed, message):
    recent = np.zeros((2, 2))
    known = {"mean_margin": np.ones(2), "recent_transactions": recent, "recent_margin": recent}
    with pytest.raises(ValueError, match=message):
        Past(Histories([0, 0], [0, 0], [3, 3]), **known | changed)
