"""Decide, wait, learn, evaluate, promote: again and again, with nobody in between.

What decides is any value that the three parameters of `unattended` know how to use, such as the
effects of actions. It is never judged on rows that it was learned from: what was learned before a
slot waits until the slot's outcomes are known, and goes on waiting while they are too few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from training.evaluation.off_policy import Answer, Judgement
from training.simulate.log import Played, play
from training.simulate.population import Population
from training.simulate.rhythm import Floats
from training.simulate.state import State, state

P = TypeVar("P")
"""What decides."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One slot, its outcomes known: how customers stood, and what was done and came of it."""

    now: State
    played: Played


@dataclass(frozen=True, eq=False)
class Round(Generic[P]):
    """One slot of the loop.

    Attributes:
        seen: The slot.
        served: What decided in it.
        waiting: The challenger, judged on this slot and on those since it was learned; None where
            there was none.
        judgement: How it stood beside what served.
        serves: What decides in the next slot: the one that waited, if the judgement let it.
    """

    seen: Seen
    served: P
    waiting: P | None
    judgement: Judgement | None
    serves: P

    @property
    def promoted(self) -> bool:
        """Whether another decides from now on."""
        return self.serves is not self.served


def unattended(
    population: Population,
    prior: P,
    *,
    decide: Callable[[P, State], Floats],
    learn: Callable[[Sequence[Seen]], P],
    judge: Callable[[P, P, Sequence[Seen]], Judgement],
) -> Iterator[Round[P]]:
    """Play all slots of a population's scenario, a round each.

    A challenger is learned after the first slot, and then whenever there are twice as many slots as
    the one before was learned from: a few more rows make no other policy, and one that is learned
    anew each time never waits for rows enough to be judged.

    Args:
        population: Who is decided for.
        prior: What decides in the first slot.
        decide: P(arm | covariates), shape (n, k + 1), exploration included.
        learn: Learns from all slots so far.
        judge: Holds a challenger, its first argument, against the one that serves, on all slots
            that neither was learned from.
    """
    serves, waiting, taught = prior, None, 0
    seen: list[Seen] = []
    for slot in range(population.scenario.logging.slots):
        if slot >= max(1, 2 * taught):
            waiting, taught = learn(seen), slot
        now = state(population, slot)
        before = [one.played for one in seen]
        seen.append(Seen(now, play(population, now, decide(serves, now), before)))
        served, challenger, judgement = serves, waiting, None
        if challenger is not None:
            judgement = judge(challenger, served, seen[taught:])
            if judgement.answer is not Answer.NOT_EVALUABLE:
                serves, waiting = challenger, None
        yield Round(seen[-1], served, challenger, judgement, serves)
