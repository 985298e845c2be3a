"""Values of policies that did not run: by hand, as identities, and against known truth."""

import numpy as np
import pytest
from off_policy_logs import FOUR_PREDICTIONS, FOUR_TARGET, World, four, four_overlap

from training.evaluation.off_policy.crossfit import cross_fitted
from training.evaluation.off_policy.estimators import (
    direct_method,
    doubly_robust,
    ips,
    snips,
    switch_doubly_robust,
    switch_threshold,
)
from training.evaluation.off_policy.log import Log
from training.evaluation.off_policy.overlap import Overlap
from training.evaluation.off_policy.report import by_segment, difference, evaluate

WORLD = World()


def test_four_rows_by_hand():
    """Weights 0, 2, 1.5, 0.25; direct scores 2, 0.5, 1.5, 0.4; residuals 0, 1, 0, 2."""
    overlap, q = four_overlap(), FOUR_PREDICTIONS
    assert ips(overlap).mean() == pytest.approx(6.5 / 4)
    assert ips(overlap, most=1.5).mean() == pytest.approx(5.5 / 4)
    assert snips(overlap).mean() == pytest.approx(6.5 / 3.75)
    assert direct_method(overlap, q) == pytest.approx([2, 0.5, 1.5, 0.4])
    assert doubly_robust(overlap, q) == pytest.approx([2, 2.5, 1.5, 0.9])
    assert doubly_robust(overlap, q, most=1) == pytest.approx([2, 1.5, 1.5, 0.9])
    assert switch_doubly_robust(overlap, q, threshold=1) == pytest.approx([2, 0.5, 1.5, 0.9])


def test_the_policy_that_ran_is_worth_what_it_earned():
    log = four()
    itself = Overlap(log, log.logging_policy)
    assert ips(itself).mean() == pytest.approx(log.rewards.mean())
    assert snips(itself).mean() == pytest.approx(log.rewards.mean())
    assert itself.effective_rows == pytest.approx(4)


def test_without_predictions_doubly_robust_is_ips():
    overlap = four_overlap()
    np.testing.assert_array_equal(doubly_robust(overlap, np.zeros((4, 2))), ips(overlap))


def test_switch_is_the_direct_method_below_all_weights_and_doubly_robust_above():
    overlap, q = four_overlap(), FOUR_PREDICTIONS
    np.testing.assert_array_equal(
        switch_doubly_robust(overlap, q, threshold=0.1), direct_method(overlap, q)
    )
    np.testing.assert_array_equal(
        switch_doubly_robust(overlap, q, threshold=2), doubly_robust(overlap, q)
    )


def test_snips_cares_for_no_common_factor_of_the_propensities():
    chosen = np.array([0.5, 0.25, 0.5, 0.8])
    assert snips(four_overlap(logging_policy=chosen / 4)).mean() == pytest.approx(
        snips(four_overlap()).mean()
    )


def test_snips_moves_with_the_rewards():
    raised = four_overlap(rewards=np.array([1.0, 2.0, 1.0, 4.0]) + 10)
    assert snips(raised).mean() == pytest.approx(snips(four_overlap()).mean() + 10)


def test_true_predictions_give_the_value_of_these_very_rows():
    _, overlap, expected = WORLD.draw(2_000, 1, seed=1)
    assert direct_method(overlap, expected).mean() == pytest.approx(WORLD.value, abs=0.02)


@pytest.fixture(scope="module")
def replicates():
    """400 logs; predictions are wrong by 1 for action 2, which the target favours."""
    rows = []
    for seed in range(400):
        _, overlap, expected = WORLD.draw(200, 2, seed)
        wrong = expected + np.array([0.0, 0.0, 1.0])
        rows.append(
            [
                ips(overlap).mean(),
                doubly_robust(overlap, wrong).mean(),
                doubly_robust(overlap, expected).mean(),
                snips(overlap).mean(),
                direct_method(overlap, wrong).mean(),
            ]
        )
    return np.array(rows)


def test_ips_and_doubly_robust_hit_the_truth_on_average_and_the_direct_method_does_not(replicates):
    off = replicates.mean(axis=0) - WORLD.value
    noise = replicates.std(axis=0) / np.sqrt(len(replicates))
    assert (np.abs(off[:4]) < 4 * noise[:4]).all()
    assert off[4] == pytest.approx(0.7, abs=0.02)


def test_predictions_make_it_steadier(replicates):
    spread = replicates.std(axis=0)
    assert spread[2] < spread[1] < spread[0]


def two_actions(rare: float, wanted: float):
    """500 rows of two actions: the second is logged once, with probability `rare`."""
    actions = np.zeros(500, int)
    actions[7] = 1
    log = Log(
        actions,
        np.random.default_rng(1).normal(size=500),
        np.arange(500),
        np.ones((500, 2), bool),
        np.tile([1 - rare, rare], (500, 1)),
    )
    return Overlap(log, np.tile([1 - wanted, wanted], (500, 1)))


def test_switch_gives_up_a_weight_whose_variance_outweighs_what_it_could_bias():
    """A weight of 1,000 for a thousandth of the target: at most 0.001 · R of bias, 2 R of noise."""
    overlap, q = two_actions(rare=1e-6, wanted=1e-3), np.zeros((500, 2))
    threshold = switch_threshold(overlap, q)
    assert 0.999 <= threshold < 1000
    kept = switch_doubly_robust(overlap, q, threshold=threshold)
    assert kept.std() < 0.1 * doubly_robust(overlap, q).std()


def test_switch_keeps_a_weight_that_could_bias_by_more_than_it_costs():
    """A weight of 3 for half of the target: up to R / 2 of bias, 0.006 R of noise."""
    overlap = two_actions(rare=1 / 6, wanted=0.5)
    assert switch_threshold(overlap, np.zeros((500, 2))) == overlap.weights.max()


def test_the_threshold_needs_whole_rows():
    chosen = four_overlap(logging_policy=[0.5, 0.25, 0.5, 0.8])
    with pytest.raises(ValueError, match=r"needs P\(action \| x\) of all actions, got: a log of"):
        switch_threshold(chosen, FOUR_PREDICTIONS)


def test_predictions_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must have shape \(4, 2\) like .* got: \(4, 3\)"):
        direct_method(four_overlap(), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="must be finite, got: nan in row 0, action 0"):
        doubly_robust(four_overlap(), np.full((4, 2), np.nan))


def test_snips_of_a_target_that_never_met_the_log_is_refused():
    other = Overlap(four(), [[0, 1], [1, 0], [1, 0], [0, 1]])
    with pytest.raises(ValueError, match="got: weights of 0 in all of 4 rows"):
        snips(other)
    assert evaluate(other, FOUR_PREDICTIONS).snips is None


def test_no_model_sees_the_customer_it_predicts():
    """The regression answers with the customers it learned from, one a bit."""
    log, _, _ = WORLD.draw(12, 3, seed=2)

    def seen(features, actions, rewards, predict_for):
        assert len(features) == len(actions) == len(rewards)
        learned = float(sum(2.0**c for c in np.unique(features[:, 0])))
        return np.full((len(predict_for), 3), learned)

    q = cross_fitted(log, log.customers[:, None], seen, folds=4, seed=1)
    others = q[:, 0].astype(int)
    assert ((others >> log.customers) & 1 == 0).all()
    assert [bin(bits).count("1") for bits in others] == [9] * 36
    with pytest.raises(ValueError, match="at most the number of customers, 12, got: 13"):
        cross_fitted(log, log.customers[:, None], seen, folds=13, seed=1)


def test_all_estimators_side_by_side_and_by_segment():
    log, overlap, expected = WORLD.draw(300, 2, seed=4)
    all_rows = evaluate(overlap, expected)
    assert (all_rows.rows, all_rows.customers) == (600, 300)
    for estimate in (all_rows.ips, all_rows.snips, all_rows.doubly_robust, all_rows.switch):
        assert estimate.low < WORLD.value < estimate.high
    segment = np.where(expected[:, 0] == 1, "first", "second")
    parts = by_segment(overlap, expected, segment)
    assert list(parts) == ["first", "second"]
    assert sum(part.rows for part in parts.values()) == 600
    weighted = sum(part.rows * part.doubly_robust.value for part in parts.values()) / 600
    assert weighted == pytest.approx(all_rows.doubly_robust.value)
    chosen = Overlap(
        four(logging_policy=[0.5, 0.25, 0.5, 0.8], rewards=log.rewards[:4]), FOUR_TARGET
    )
    assert evaluate(chosen, FOUR_PREDICTIONS).switch is None
    with pytest.raises(ValueError, match=r"one label for each of 600 rows, got: shape \(2,\)"):
        by_segment(overlap, expected, ["a", "b"])


def test_pairing_takes_out_what_two_policies_share():
    log, overlap, expected = WORLD.draw(500, 2, seed=5)
    nearly = Overlap(log, 0.9 * overlap.target_policy + 0.1 * log.logging_policy)
    gain = difference(overlap, nearly, expected)
    alone = evaluate(overlap, expected).doubly_robust
    assert gain.high - gain.low < 0.2 * (alone.high - alone.low)
    itself = difference(overlap, overlap, expected)
    assert (itself.value, itself.low, itself.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="two policies on one log, got: two logs"):
        difference(overlap, WORLD.draw(500, 2, seed=6)[1], expected)
