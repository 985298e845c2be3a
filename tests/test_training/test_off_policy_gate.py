"""What a log may say of a policy, and what it must not."""

import numpy as np
import pytest

from training.evaluation.off_policy.gate import Answer, Bounds, judge
from training.evaluation.off_policy.log import Log
from training.evaluation.off_policy.overlap import Overlap

ROWS = 6_000
BOUNDS = Bounds(margin=0.05)


def log(effect, *, share=0.5, logged_share=None, seed=1):
    """`no_action` or an action, which adds `effect` to the reward."""
    rng = np.random.default_rng(seed)
    actions = (rng.random(ROWS) < share).astype(int)
    told = share if logged_share is None else logged_share
    return Log(
        actions,
        effect * actions + rng.normal(size=ROWS),
        np.arange(ROWS) // 2,
        np.ones((ROWS, 2), bool),
        np.tile([1 - told, told], (ROWS, 1)),
    )


def judged(logged, target, incumbent, *, decided_at=None, bounds=BOUNDS):
    return judge(
        Overlap(logged, np.tile(target, (ROWS, 1))),
        Overlap(logged, np.tile(incumbent, (ROWS, 1))),
        np.zeros((ROWS, 2)),
        bounds,
        decided_at=np.full(ROWS, 10) if decided_at is None else decided_at,
        fitted_until=10,
    )


def test_a_gain_that_is_shown_is_better():
    found = judged(log(0.5), [0, 1], [1, 0])
    assert found.answer is Answer.BETTER
    assert found.gain.low < 0.5 < found.gain.high
    assert found.reasons == ()
    assert "audit of who gets what" in found.advice


def test_the_incumbent_itself_is_not_worse_than_itself():
    found = judged(log(0.5), [0.3, 0.7], [0.3, 0.7])
    assert found.answer is Answer.NOT_WORSE
    assert found.reasons == (
        "the gain must have a lower 95 % limit above 0 to be shown, got: +0 [+0, +0]",
    )


def test_a_loss_within_the_margin_is_not_worse_and_without_a_margin_not_proven():
    wide, none = Bounds(margin=0.3), Bounds(margin=0)
    assert judged(log(0.0), [0, 1], [1, 0], bounds=wide).answer is Answer.NOT_WORSE
    found = judged(log(0.0), [0, 1], [1, 0], bounds=none)
    assert found.answer is Answer.NOT_EVALUABLE
    assert found.reasons[0].startswith("the gain must have a lower 95 % limit above 0, got: ")
    assert "capped randomised share" in found.advice


def test_a_loss_is_told_with_its_interval():
    found = judged(log(-0.5), [0, 1], [1, 0])
    assert found.answer is Answer.NOT_EVALUABLE
    assert found.gain.high < 0
    assert "above -0.05, got: -0." in found.reasons[0]


def only(found):
    assert found.answer is Answer.NOT_EVALUABLE
    (reason,) = found.reasons
    return reason


def test_rows_that_a_policy_was_fitted_on_prove_nothing():
    decided_at = np.where(np.arange(ROWS) < 3, 9, 10)
    reason = only(judged(log(0.5), [0, 1], [1, 0], decided_at=decided_at))
    assert reason.endswith("either policy was fitted on, got: 3 of 6000 that are not")


def test_a_target_off_the_logged_support_is_not_evaluable():
    """Every 50th customer could only get nothing; the target gives them something all the same."""
    base = log(0.5)
    closed = np.arange(ROWS) // 2 % 50 == 0
    logged = Log(
        np.where(closed, 0, base.actions),
        base.rewards,
        base.customers,
        base.feasible,
        np.where(closed[:, None], [1.0, 0.0], base.logging_policy),
    )
    reason = only(judged(logged, [0, 1], [1, 0]))
    assert reason.startswith("at least 99.0% of the target's probability")
    assert reason.endswith("got: 98.00%")


def test_a_small_effective_sample_is_not_evaluable():
    reason = only(judged(log(0.5, share=0.1), [0, 1], [1, 0]))
    assert reason.startswith("the effective sample must be at least 1,000 rows, got: 602")
    assert reason.endswith(" of 6,000")


def test_a_gain_that_a_handful_of_rows_decides_is_not_evaluable():
    """The target changes what one customer in 100 gets: its effective sample does not see that."""
    logged = log(0.5, share=0.1)
    target = np.tile([1.0, 0.0], (ROWS, 1))
    target[: ROWS // 100] = [0.0, 1.0]
    nobody = Overlap(logged, np.tile([1.0, 0.0], (ROWS, 1)))
    found = judge(
        Overlap(logged, target),
        nobody,
        np.zeros((ROWS, 2)),
        BOUNDS,
        decided_at=np.full(ROWS, 10),
        fitted_until=10,
    )
    assert "rest on at least 100 effective rows in which both policies differ" in only(found)


def test_propensities_that_the_choices_belie_are_not_evaluable():
    """Half got the action, and the log says 40 %."""
    reason = only(judged(log(0.5, logged_share=0.4), [0, 1], [0.6, 0.4]))
    assert reason.startswith("the weights must average 1.000 within 0.0")
    assert "the logged propensities are true" in reason


def test_all_reasons_are_told_at_once():
    found = judged(
        log(0.5, share=0.1, logged_share=0.05), [0, 1], [1, 0], decided_at=np.zeros(ROWS)
    )
    assert len(found.reasons) == 3


def test_a_policy_no_better_than_the_incumbent_is_seldom_called_better():
    """The lower limit of a 95 % interval: 2.5 %, of 200 logs 5 and no more than 11 (p = 0.01)."""
    better = sum(
        judged(log(0.0, seed=seed), [0, 1], [1, 0]).answer is Answer.BETTER for seed in range(200)
    )
    assert better <= 11


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({"margin": -0.1}, r"margin must be finite and at least 0, got: -0.1"),
        ({"margin": 0, "supported_mass": 0}, r"supported_mass must be a share in \(0, 1\], got: 0"),
        ({"margin": 0, "effective_rows": 0}, r"effective_rows must be finite and .* got: 0"),
        ({"margin": 0, "rows_apart": np.inf}, r"rows_apart must be finite and .* got: inf"),
    ],
)
def test_bounds_that_bind_nothing_are_refused(bounds, text):
    with pytest.raises(ValueError, match=text):
        Bounds(**bounds)


def test_instants_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"one instant for each of 6000 rows, got: shape \(2,\)"):
        judged(log(0.5), [0, 1], [1, 0], decided_at=[1, 2])
