"""Policies on a log: by hand, without selection, and with the truth known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.evaluation.off_policy import Answer, Overlap
from training.evaluation.off_policy.estimators import doubly_robust
from training.proof.case import Case, ProofError
from training.proof.compare import Target, prove
from training.proof.policies import BASELINES, best_for_all, by_risk
from training.proof.segments import segments

ARMS = ("no_action", "a/email", "b/sms")


def a_case(**changes):
    """Eight customers, one decision each; b is closed to the last two."""
    closed = [[0.5, 0.5, 0.0]] * 2
    return Case(
        **{
            "arms": ARMS,
            "customers": np.arange(8),
            "at": np.arange(8),
            "chosen": np.array([0, 1, 2, 0, 1, 2, 0, 1]),
            "logging_policy": np.array([[0.5, 0.25, 0.25]] * 6 + closed),
            "possible": np.array([[True] * 3] * 6 + [[True, True, False]] * 2),
            "rewards": np.array([1.0, 2.0, 4.0, 1.0, 2.0, 4.0, 1.0, 2.0]),
            "features": np.zeros((8, 0)),
            "risk": np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, np.nan]),
            "segments": np.array(["x"] * 4 + ["y"] * 4, object),
        }
        | changes
    )


def drawn(seed, customers=300, effect=(0.0, 0.0, 0.0)):
    """Two decisions a customer whose reward is known: 10 + x + effect, and noise."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(customers), 2)
    x = rng.normal(size=customers)[who]
    chance = np.array([0.5, 0.3, 0.2])
    chosen = rng.choice(3, size=who.size, p=chance)
    noise = rng.normal(size=customers)[who] + rng.normal(size=who.size)
    return a_case(
        customers=who,
        at=np.arange(who.size),
        chosen=chosen,
        logging_policy=np.tile(chance, (who.size, 1)),
        possible=np.ones((who.size, 3), bool),
        rewards=10 + x + np.array(effect)[chosen] + noise,
        features=x[:, None],
        risk=-x,
        segments=np.where(x > 0, "up", "down").astype(object),
    )


def of(proof, name):
    return next(line for line in proof.lines if line.name == name)


def test_values_by_hand():
    case = a_case()
    target = np.array([[0.0, 0.0, 1.0]] * 6 + [[0.0, 1.0, 0.0]] * 2)
    proof = prove(case, Target("new", ARMS, target, fitted_until=0), tolerated_loss=0.0)
    assert [line.name for line in proof.lines] == ["new", *BASELINES]
    new = of(proof, "new").value
    # Weights 4, 4 and 2 on the rewards 4, 4 and 2, of eight rows.
    assert new.ips.value == pytest.approx(36 / 8)
    assert new.snips.value == pytest.approx(36 / 10)
    assert new.effective_rows == pytest.approx(100 / 36)
    assert new.supported_mass == 1
    assert of(proof, "nobody").value.ips.value == pytest.approx(6 / 8)
    assert of(proof, "incumbent").value.ips.value == pytest.approx(17 / 8)
    assert of(proof, "incumbent").contacted == pytest.approx(0.5)
    assert of(proof, "incumbent").gain is None
    # 1/3 each of what is open to six; 1/2 each to two.
    by_hand = (2 * (2 * 1 + 4 * 2 + 4 * 4) / 3 + 2 * (1 + 2) / 2) / 8
    assert of(proof, "random").value.ips.value == pytest.approx(by_hand)
    assert proof.judgement.answer == Answer.NOT_EVALUABLE


def test_best_for_all_is_chosen_on_other_customers():
    """Of three arms that do the same the best on the log gains nothing on others."""
    honest, picked = [], []
    for seed in range(40):
        case = drawn(seed, customers=100)
        truth = np.column_stack([10 + case.features[:, 0]] * 3)
        scores = [
            doubly_robust(Overlap(case.log, np.tile(np.eye(3)[a], (200, 1))), truth).mean()
            for a in (1, 2)
        ]
        policy = best_for_all(case)
        assert set(policy.max(axis=1)) == {1.0}
        assert not policy[:, 0].any()
        level = truth.mean()
        honest.append(doubly_robust(Overlap(case.log, policy), truth).mean() - level)
        picked.append(max(scores) - level)
    error = np.std(honest) / np.sqrt(len(honest))
    assert abs(np.mean(honest)) < 3 * error
    assert np.mean(picked) > 3 * np.std(picked) / np.sqrt(len(picked))


def test_best_for_all_finds_the_better_arm():
    policy = best_for_all(drawn(3, effect=(0.0, 0.5, 3.0)))
    assert (policy == np.eye(3)[2]).all()


def test_the_highest_risks_get_as_many_contacts_as_before():
    case = drawn(4, effect=(0.0, 0.5, 3.0))
    policy = by_risk(case)
    assert 1 - policy[:, 0].mean() == pytest.approx(0.5)
    assert case.risk[policy[:, 2] == 1].min() >= case.risk[policy[:, 0] == 1].max()
    with pytest.raises(ProofError, match="highest_risk_first needs customers' risk, got: none"):
        by_risk(replace(case, risk=np.full(len(case.at), np.nan)))


def test_an_arm_that_the_log_never_held_is_not_evaluable():
    case = drawn(5, customers=1_500)
    target = np.tile([0.5, 0.5], (3_000, 1))
    proof = prove(case, Target("new", ("no_action", "c/app"), target, 0), tolerated_loss=0.5)
    assert of(proof, "new").value.supported_mass == pytest.approx(0.5)
    assert proof.judgement.answer == Answer.NOT_EVALUABLE
    assert any("got: 50.00%" in reason for reason in proof.judgement.reasons)
    assert of(proof, "random").value.supported_mass == pytest.approx(1)


def test_two_policies_are_paired():
    """Beside another policy, not beside the one that ran; the same policy gains exactly nothing."""
    case = drawn(6, customers=3_000, effect=(0.0, 1.0, 2.0))
    third = np.tile(np.eye(3)[2], (6_000, 1))
    beside = Target("champion", ARMS, third, 0)
    same = prove(case, Target("new", ARMS, third, 0, beside), tolerated_loss=0.01)
    assert same.judgement.gain.value == 0
    assert same.judgement.answer == Answer.NOT_WORSE
    worse = np.tile(np.eye(3)[1], (6_000, 1))
    found = prove(case, Target("new", ARMS, worse, 0, beside), tolerated_loss=0.01).judgement
    assert found.gain.high < 0
    assert found.answer == Answer.NOT_EVALUABLE


def test_rows_that_a_fit_knew_prove_nothing():
    case = drawn(7, customers=1_500)
    target = Target("new", ARMS, case.logging_policy, fitted_until=10)
    reasons = prove(case, target, tolerated_loss=0.01).judgement.reasons
    assert "got: 10 of 3000 that are not" in reasons[0]


def test_values_cover_the_truth():
    """Arm b's value is 13 and its gain on the policy that ran 2.25, with learned predictions."""
    value = gain = 0
    for seed in range(60):
        case = drawn(100 + seed, effect=(0.0, 0.5, 3.0))
        target = Target("new", ARMS, np.tile(np.eye(3)[2], (600, 1)), 0)
        new = of(prove(case, target, tolerated_loss=0.0, baselines=()), "new")
        value += new.value.doubly_robust.low <= 13 <= new.value.doubly_robust.high
        gain += new.gain.low <= 2.25 <= new.gain.high
    assert min(value, gain) >= 52  # of 57 expected; fewer happens once in 200 times


def test_segments_are_valued_alone():
    case = drawn(8)
    target = Target("incumbent", ARMS, case.logging_policy, 0)
    proof = prove(case, target, tolerated_loss=0.0, segmented=True, baselines=("nobody",))
    found = of(proof, "incumbent").segments
    assert set(found) == {"up", "down"}
    rows = case.segments == "up"
    assert found["up"].ips.value == pytest.approx(case.rewards[rows].mean())
    assert found["up"].rows + found["down"].rows == 600


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["b", None, "a"], ["b", "unknown", "a"]),
        ([1.0, np.nan, 2.0], ["1", "unknown", "2"]),
        (range(1, 10), ["1: to 3"] * 3 + ["2: to 5"] * 2 + ["3: to 7"] * 2 + ["4: above 7"] * 2),
    ],
)
def test_segments_from_whatever_a_column_holds(values, labels):
    assert segments([*values]).tolist() == labels


def test_a_log_without_an_action_is_refused():
    with pytest.raises(ProofError, match="must have arms to compare: 'no_action', then others"):
        a_case(arms=("no_action",))
