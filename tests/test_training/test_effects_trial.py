"""A trial that cannot tell anything is refused by name; what is unlike is not compared."""

from __future__ import annotations

import numpy as np
import pytest
from trials import ARMS, comparison, trial

from training.effects import EffectsError, Stakes, Trial, fit
from training.effects.averages import average_effects
from training.effects.outcomes import compare
from training.effects.parts import by_customer, covariance_of_means, parts_of

GOOD = {
    "x": np.zeros((150, 2)),
    "arm": np.arange(150) % 3,
    "outcome": np.ones(150),
    "arms": ARMS,
    "propensity": [0.4, 0.3, 0.3],
}


def with_one(array, place, value):
    """A copy in which one element is another."""
    changed = np.array(array, float if isinstance(value, float) else None)
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"x": np.zeros(150)}, r"x must have rows and columns, got: shape \(150,\)"),
        ({"x": with_one(GOOD["x"], (3, 1), np.inf)}, "infinity in row 3, col. 1"),
        ({"arm": GOOD["arm"] * 1.0}, "arm must hold integers, got: float64"),
        ({"arm": with_one(GOOD["arm"], 0, 7)}, r"arm must be one of 0 to 2, got: \[7\]"),
        ({"arms": ["none"]}, "no action and at least one action, got: 1 arms"),
        ({"arm": np.arange(150) % 2}, r"at least 50 rows, got: {'call': 0}"),
        ({"outcome": np.ones(3)}, r"outcome must have 150 rows like x, got: shape \(3,\)"),
        ({"outcome": with_one(GOOD["outcome"], 4, np.nan)}, "finite, got: nan in row 4"),
        ({"customer": [1, 2]}, r"customer must have 150 rows like x, got: shape \(2,\)"),
        ({"propensity": [0.5, 0.5]}, r"shape \(3,\) or \(150, 3\), got: \(2,\)"),
        ({"propensity": [0.5, 0.3, 0.3]}, r"sum to 1, got: \[0.5, 0.3, 0.3\] in row 0"),
        ({"propensity": [0.7, 0.3, 0.0]}, "propensity above 0, got: 0 in row 2, arm 2"),
        ({"alike": ["email"]}, r"a group for each of 2 actions, got: \('email',\)"),
    ],
)
def test_a_wrong_trial_is_refused(wrong, said):
    with pytest.raises(EffectsError, match=said):
        Trial.of(**GOOD | wrong)


def test_what_can_be_concluded_follows_from_the_propensities():
    drawn = {"randomised": [0.4, 0.3, 0.3], "propensities logged": np.full((150, 3), 1 / 3)}
    for basis, chances in drawn.items():
        assert Trial.of(**GOOD | {"propensity": chances}).basis == basis
    assert Trial.of(**GOOD | {"propensity": None}).basis == "observational"


def test_wrong_stakes_are_refused():
    with pytest.raises(EffectsError, match=r"share must lie in \(0, 1\], got: 0"):
        Stakes((1.0, 2.0), share=0)
    with pytest.raises(EffectsError, match="costs must be finite, got: "):
        Stakes((1.0, float("nan")))


def test_customers_stay_in_one_part_and_parts_are_alike():
    customer = np.repeat(np.arange(100), 3)
    part = parts_of(customer, 5, np.random.default_rng(1))
    assert (part.reshape(100, 3) == part[::3, None]).all()
    assert np.bincount(part).tolist() == [60] * 5


def test_rows_of_one_customer_count_once():
    """Rows repeated three times tell no more: the standard error stays."""
    values = np.random.default_rng(1).normal(size=(200, 2))
    once = covariance_of_means(values, np.arange(200))
    thrice = covariance_of_means(np.repeat(values, 3, axis=0), np.repeat(np.arange(200), 3))
    np.testing.assert_allclose(thrice, once)
    np.testing.assert_allclose(once, np.cov(values.T, bias=True) / 200)
    np.testing.assert_array_equal(
        by_customer(np.array([[1.0], [2.0], [4.0]]), np.array([1, 0, 1])), [[2.0], [5.0]]
    )


def test_the_average_effect_by_hand():
    """Six rows, fifty times. Mail was drawn with 1/4 and nobody expects anything of no action.

    Values of mail: 2 + 4 · (3 − 2) = 6 where it was chosen with the outcome 3, 2 + 4 · (0 − 2) =
    −6 where with 0, 2 elsewhere: (6 − 6 + 4 · 2) / 6 = 4/3. Of none: 4/3 · (1, 1, 0, 0) / 6 =
    4/9. The difference is 8/9.
    """
    arm, outcome = np.array([1, 1, 0, 0, 0, 0]), np.array([3.0, 0, 1, 1, 0, 0])
    known = Trial.of(
        np.zeros((300, 1)),
        np.tile(arm, 50),
        np.tile(outcome, 50),
        arms=("none", "mail"),
        propensity=[0.75, 0.25],
        customer=np.repeat(np.arange(50), 6),
    )
    expected = np.tile([0.0, 2.0], (300, 1))
    mean, covariance = average_effects(comparison(known, expected))
    assert mean[0] == pytest.approx(8 / 9)
    # All customers are the same: nothing is left to chance.
    assert covariance[0, 0] == pytest.approx(0, abs=1e-20)


def test_average_effects_do_not_rest_on_the_outcome_model():
    """Propensities are right: whatever is expected, the mean pseudo-outcome is near the truth."""
    known = trial(20_000)
    rng = np.random.default_rng(2)
    nonsense = comparison(known, np.tile(rng.normal(size=3), (len(known), 1)))
    for each in (nonsense, compare(known, seed=1)):
        mean, covariance = average_effects(each)
        sd = np.sqrt(np.diag(covariance))
        assert (np.abs(mean - [0.5, 0.2]) < 4 * sd).all()
    assert sd.max() < 0.03


@pytest.fixture(scope="module")
def chosen_ones() -> Trial:
    """Whoever spends more got mail more often, and no one above 1.5 went without.

    The outcome rises by 0.5 through the mail, and by the spend itself.
    """
    rng = np.random.default_rng(3)
    spend = rng.normal(size=6000)
    chance = np.where(spend > 1.5, 1.0, 1 / (1 + np.exp(-1.5 * spend)))
    arm = (rng.random(6000) < chance).astype(int)
    outcome = spend + 0.5 * arm + rng.normal(size=6000)
    return Trial.of(
        spend[:, None], arm, outcome, arms=("none", "mail"), propensity=None, customer=None
    )


def test_observational_data_say_so_and_refuse_whom_they_cannot_compare(chosen_ones):
    fitted = fit(chosen_ones, seed=1, threads=1)
    naive = np.subtract(*(chosen_ones.outcome[chosen_ones.arm == a].mean() for a in (1, 0)))
    (mail,) = fitted.model.arms
    assert naive > 1.2
    assert mail.mean == pytest.approx(0.5, abs=4 * mail.sd)
    assert fitted.basis == fitted.model.basis == "observational"
    assert mail.verdict.startswith("observational, true only if all that decided who got it")
    effect, sd = fitted.model.with_sd(np.array([[0.0], [2.5], [-3.0]]))
    assert np.isnan(effect[:, 0]).tolist() == np.isnan(sd[:, 0]).tolist() == [False, True, True]


def test_no_overlap_is_an_error(chosen_ones):
    apart = (chosen_ones.x[:, 0] > 0).astype(int)
    never = Trial.of(
        chosen_ones.x + 5 * apart[:, None],
        apart,
        chosen_ones.outcome,
        arms=("none", "mail"),
        propensity=None,
    )
    with pytest.raises(EffectsError, match=r"action 'mail' must have 50 rows with it .* compara"):
        compare(never, seed=1)
