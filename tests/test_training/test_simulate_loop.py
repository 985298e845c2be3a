"""The loop's order: who decides, who waits, and what each was learned from."""

from __future__ import annotations

import numpy as np
import pytest
from simulate_world import world

from training.evaluation.bootstrap import Estimate
from training.evaluation.off_policy import Answer, Judgement
from training.simulate import draw, log, unattended

SLOTS = 6


@pytest.fixture(scope="module")
def people():
    return draw(world(customers=300, logging={"slots": SLOTS}))


def decide(policy, now):
    """A policy is a tuple of the slots that it was learned from; the prior has learned nothing."""
    chances = np.array([0.2, 0.3, 0.5]) if policy else np.array([0.5, 0.3, 0.2])
    return np.tile(chances, (len(now.covariates), 1))


def learn(seen):
    return tuple(one.played.slot for one in seen)


def played(people, *answers):
    """The rounds, and what the judge was asked, if it answers so."""
    asked, left = [], list(answers)

    def judge(challenger, incumbent, later):
        asked.append((challenger, incumbent, learn(later)))
        return Judgement(left.pop(0), Estimate(0.0, 0.0, 0.0), (), "")

    rounds = list(unattended(people, (), decide=decide, learn=learn, judge=judge))
    assert not left
    return rounds, asked


NO, BETTER, NOT_WORSE = Answer.NOT_EVALUABLE, Answer.BETTER, Answer.NOT_WORSE


def test_a_challenger_is_judged_on_all_later_slots_until_rows_have_doubled(people):
    rounds, asked = played(people, *[NO] * (SLOTS - 1))
    assert asked == [
        ((0,), (), (1,)),
        ((0, 1), (), (2,)),
        ((0, 1), (), (2, 3)),
        ((0, 1, 2, 3), (), (4,)),
        ((0, 1, 2, 3), (), (4, 5)),
    ]
    assert [one.served for one in rounds] == [()] * SLOTS
    assert rounds[0].waiting is None
    assert rounds[0].judgement is None


def test_who_was_let_decides_from_the_next_slot_on(people):
    rounds, asked = played(people, NO, BETTER, NO, NOT_WORSE)
    assert [one.served for one in rounds] == [(), (), (), (0, 1), (0, 1), (0, 1)]
    assert [one.promoted for one in rounds] == [False, False, True, False, False, True]
    assert rounds[3].waiting is None
    assert rounds[-1].serves == (0, 1, 2, 3)
    for challenger, incumbent, later in asked:
        assert max(challenger + incumbent) < min(later)
    for one in rounds:
        np.testing.assert_array_equal(
            one.seen.played.probabilities, decide(one.served, one.seen.now)
        )


def test_a_loop_that_promotes_nothing_is_a_log_of_its_prior(people):
    rounds, _ = played(people, *[NO] * (SLOTS - 1))
    for one, slot in zip(rounds, log(people, lambda now, _: decide((), now)), strict=True):
        np.testing.assert_array_equal(one.seen.played.arm, slot.arm)
        np.testing.assert_array_equal(one.seen.played.margin, slot.margin)
