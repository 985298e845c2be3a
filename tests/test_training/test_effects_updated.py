"""Beliefs and measurements weighed by their precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trials import trial

from models.component import cut, read
from models.effects import (
    ArmEffect,
    DeclaredEffects,
    LearnedEffects,
    Linear,
    Personal,
    Term,
    UpdatedEffects,
)
from models.effects.stating import effects_from_stated, stated_effects
from models.pyfunc import scorer
from training.cards import component_card
from training.effects.regressions import BASES

DECLARED = DeclaredEffects(
    arms=(("call", "call_center"), ("offer", "email")),
    share=np.linspace(-0.1, 0.2, 16).reshape(2, 8),
    sd=np.array([0.05, 0.1]),
)
STAGE, LEAVES, MARGIN = np.array([0, 3, np.nan]), np.array([0.5, 0.1, np.nan]), np.full(3, 1000.0)
X = np.array([[0.0, 1.0], [1.0, np.nan], [2.0, 3.0]])


def measured(mean: float, sd: float, **changes) -> UpdatedEffects:
    """A trial of the offer alone; 400 minor units were at risk, so the belief's sd is 40."""
    arm = ArmEffect("offer/email", mean, sd, None, None, 0.01, "so")
    learned = LearnedEffects(2, "propensities logged", (replace(arm, **changes),))
    return UpdatedEffects(DECLARED, learned, 400.0, (123,))


def test_equal_precision_is_the_middle_and_other_arms_stay_as_declared():
    declared = np.nan_to_num(DECLARED.effect(STAGE, LEAVES, MARGIN))
    found = measured(10.0, 40.0).effect(STAGE, LEAVES, MARGIN, X)
    np.testing.assert_array_equal(found[:, 0], declared[:, 0])
    np.testing.assert_allclose(found[:, 1], (declared[:, 1] + 10) / 2)
    told = measured(10.0, 40.0).measurement(1, X[:1])
    assert (told.effect, told.sd, told.weight) == (10, 40, 0.5)
    assert (told.decisions, told.basis, told.personal) == (123, "propensities logged", False)
    assert measured(10.0, 40.0).measurement(0, X[:1]) is None


def test_the_belief_rules_when_data_are_few_and_vanishes_when_they_are_many():
    declared = np.nan_to_num(DECLARED.effect(STAGE, LEAVES, MARGIN))
    few, many = (measured(10.0, sd).effect(STAGE, LEAVES, MARGIN, X) for sd in (1e6, 1e-6))
    np.testing.assert_allclose(few, declared, atol=1e-6)
    np.testing.assert_allclose(many[:, 1], 10, rtol=1e-9)


def test_a_certain_belief_is_not_moved_and_no_belief_does_not_hold():
    certain = replace(measured(10.0, 0.0), declared=replace(DECLARED, sd=np.zeros(2)))
    np.testing.assert_array_equal(
        certain.effect(STAGE, LEAVES, MARGIN, X)[:2], DECLARED.effect(STAGE, LEAVES, MARGIN)[:2]
    )
    assert (measured(10.0, 0.0).effect(STAGE, LEAVES, MARGIN, X)[:, 1] == 10).all()


def test_where_the_trial_cannot_tell_the_belief_stays():
    nobody = Linear(
        np.zeros(2), np.array([], int), np.zeros(2), np.ones(2), np.zeros(2), -9.0, True
    )
    silent = measured(10.0, 1.0, compared=nobody, least=0.1)
    np.testing.assert_array_equal(
        silent.effect(STAGE, LEAVES, MARGIN, X),
        np.nan_to_num(DECLARED.effect(STAGE, LEAVES, MARGIN)),
    )
    assert silent.measurement(1, X[:1]) is None


def test_arms_that_are_not_declared_are_refused():
    with pytest.raises(ValueError, match=r"declared ones .*'offer/email'.*got: \['fax/fax'\]"):
        measured(1.0, 1.0, arm="fax/fax")
    with pytest.raises(ValueError, match=r"for each of 1 arms, got: \(\)"):
        replace(measured(1.0, 1.0), decisions=())


@pytest.fixture(scope="module")
def personal() -> UpdatedEffects:
    """Trees tell for whom an offer does more."""
    known = trial(600)
    score = (Term(1.0, BASES["trees"](known.x[:, :2], known.outcome)),)
    return measured(10.0, 5.0, personal=Personal("DR trees", score, 0.3, 0.9, 4.0))


def test_one_customer_and_many_give_the_same_bits(personal):
    many = personal.effect(STAGE, LEAVES, MARGIN, X)
    one = [
        personal.effect(STAGE[i : i + 1], LEAVES[i : i + 1], MARGIN[i : i + 1], X[i : i + 1])
        for i in range(3)
    ]
    assert np.concatenate(one).tobytes() == many.tobytes()
    assert len(set(many[:, 1] - np.nan_to_num(DECLARED.effect(STAGE, LEAVES, MARGIN))[:, 1])) == 3


def test_what_is_stated_comes_back_to_the_bit(personal):
    for effects in (DECLARED, measured(10.0, 5.0), personal):
        values, boosters = stated_effects(effects)
        again = effects_from_stated(values, boosters)
        assert type(again) is type(effects)
        found, expected = (e.effect(STAGE, LEAVES, MARGIN, X) for e in (again, effects))
        assert found.tobytes() == expected.tobytes()
        assert stated_effects(again)[0] == values
    assert "learned" not in stated_effects(DECLARED)[0]


def test_a_bundle_carries_them_and_so_does_the_component(trained, personal, tmp_path):
    columns = len(trained.bundle.features)
    known = trial(600)
    wide = np.column_stack([known.x, np.zeros((600, columns - 3))])
    own = replace(
        personal.learned.arms[0].personal, score=(Term(1.0, BASES["trees"](wide, known.outcome)),)
    )
    arm = replace(personal.learned.arms[0], personal=own)
    effects = replace(personal, learned=LearnedEffects(columns, "randomised", (arm,)))
    replace(trained.bundle, effects=effects).save(tmp_path / "bundle")
    cut(tmp_path / "bundle", "effects", tmp_path / "effects")
    component = read(tmp_path / "effects")
    assert list(component.features) == list(trained.bundle.features)
    asked = scorer(tmp_path / "effects")
    rng = np.random.default_rng(2)
    given = {name: rng.random(5) for name in asked.numbers} | {"lifecycle_stage": np.zeros(5)}
    x = np.column_stack([given[name] for name in trained.bundle.features])
    expected = effects.effect(
        given["lifecycle_stage"], given["churn_probability"], given["expected_margin"], x
    )
    found = np.column_stack(list(asked.score(given).values()))
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_the_card_says_what_was_measured(trained):
    declared = component_card("effects", trained)
    assert "nothing was learned" in declared
    assert "## Measured" not in declared
    bundle = replace(trained.bundle, effects=measured(10.0, 4.0, verdict="the same for all"))
    card = component_card("effects", replace(trained, bundle=bundle))
    assert "- offer/email, 123 decisions (propensities logged), minor units: the same for" in card
    assert "| call | call_center | -10.0% to 4.0% | 5.0% |" in card
    assert "nothing was learned" not in card
