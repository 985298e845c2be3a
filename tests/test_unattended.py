"""The loop's parts are production's, and from nothing they come to what can be known."""

from __future__ import annotations

import numpy as np
import pytest
from small_world import SCENARIO

from bocian.commands.loop import Told, in_words
from bocian.unattended import Parts, Terms, loop, with_rounds
from models.effects import DeclaredEffects
from serving.policy.exploration import Exploration
from serving.policy.policy import decide
from serving.policy.problem import Arm, Problem
from training.evaluation.off_policy import Answer
from training.simulate import Seen, draw, log, net_values, state

PARTS = Parts(SCENARIO, Terms(floor=0.3))


@pytest.fixture(scope="module")
def people():
    return draw(SCENARIO)


@pytest.fixture(scope="module")
def rounds(people):
    return list(loop(people, PARTS.terms))


def test_chances_are_those_of_the_policy_that_serves(people, rounds):
    effects, now, n = rounds[-1].serves, state(people, 1), 200
    names = ("no_action", *(action.id for action in SCENARIO.actions))
    told = effects.effect(
        np.full(n, np.nan), now.churn_risk[:n], now.expected_margin[:n], now.covariates[:n]
    )
    problem = Problem(
        customer_ids=tuple(map(str, range(n))),
        arms=tuple(Arm(name, "email" if place else None) for place, name in enumerate(names)),
        effect=np.column_stack([np.zeros(n), told]),
        timing=np.ones((n, 8)),
        delivery_cost=PARTS.cost,
        contact_cost=np.zeros((n, 3)),
        lever=np.ones((n, 3)),
        use=np.zeros((3, 0)),
        resources=(),
        prices=np.zeros(0),
        suppressed=np.zeros((n, 3), np.uint32),
        hour_feasible=np.ones((3, 8), np.bool_),
    )
    chance = Exploration(b"s", "e", "s", "q", 0.3, 0.0, holdout_share=0.0, quiet_share=0.0)
    np.testing.assert_array_equal(
        PARTS.decide(effects, now)[:n], decide(problem, chance).action_propensity
    )
    assert len(np.unique(PARTS.best(effects, now))) > 1


def test_from_nothing_to_most_of_what_can_be_known(rounds):
    first, last = rounds[0], rounds[-1]
    assert isinstance(first.served, DeclaredEffects)
    assert PARTS.of_oracle(first.served, first.seen.now) == 0
    unseen = state(draw(SCENARIO, seed=6), SCENARIO.logging.slots)
    assert PARTS.of_oracle(last.serves, unseen) > 0.8
    assert sum(one.promoted for one in rounds) >= 1


def test_only_what_the_gate_lets_is_promoted(rounds):
    judged = [one for one in rounds if one.judgement]
    assert judged
    for one in judged:
        let = one.judgement.answer is not Answer.NOT_EVALUABLE
        assert one.promoted == let == (one.serves is one.waiting)
        played = one.seen.played
        drawn = ~(played.holdout | played.quiet)
        earned = (played.margin - PARTS.cost[played.arm])[drawn].mean()
        assert one.judgement.gain.low > -0.012 * earned or not let


def test_the_gate_sees_the_true_gain(rounds):
    """In a log by chance alone, of customers whom nobody has seen."""
    unseen, knows = draw(SCENARIO, seed=7), rounds[-1].serves
    last = Seen(state(unseen, 0), log(unseen)[0])
    judgement = PARTS.judge(knows, PARTS.prior, [last])
    apart = PARTS.decide(knows, last.now) - PARTS.decide(PARTS.prior, last.now)
    true = (apart * net_values(SCENARIO, last.now)).sum(axis=1).mean()
    half = (judgement.gain.high - judgement.gain.low) / 2
    assert judgement.gain.value == pytest.approx(true, abs=1.5 * half)
    assert half < true


def test_a_policy_gains_nothing_on_itself(people):
    last = Seen(state(people, 0), log(people)[0])
    judgement = PARTS.judge(PARTS.prior, PARTS.prior, [last])
    assert judgement.gain.value == judgement.gain.low == judgement.gain.high == 0
    assert judgement.answer is Answer.NOT_WORSE


def test_more_rounds_leave_as_much_history_before_the_first():
    longer = with_rounds(SCENARIO, 10)
    assert longer.logging.slots == 10
    assert longer.first_slot_day == SCENARIO.first_slot_day
    assert with_rounds(longer, 3) == SCENARIO


def test_the_command_tells_each_round(rounds):
    told = [in_words(one, PARTS) for one in rounds]
    assert [one.number for one in told] == [1, 2, 3]
    assert told[0] == Told(1, 0.0, None, None, promoted=False)
    assert told[1].answer == "better"
    assert told[1].gain.low > 0
    assert told[1].promoted
    assert told[2].of_oracle > 0.5


@pytest.mark.parametrize("floor", [0.0, 1.0, -0.1])
def test_a_loop_without_exploration_is_refused(floor):
    with pytest.raises(ValueError, match=r"floor must lie in \(0, 1\), got: "):
        Terms(floor=floor)
