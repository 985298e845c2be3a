"""Decide, wait, learn, evaluate, promote: again and again, with nobody in between.

What decides is any value that the three parameters of `unattended` know how to use, such as the
effects of actions. It is never judged on rows that it was learned from: what was learned before a
slot waits until the slot's outcomes are known.
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
        waiting: What had been learned from all slots before, and was judged on this one; None in
            the first.
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
    judge: Callable[[P, P, Seen], Judgement],
) -> Iterator[Round[P]]:
    """Play all slots of a population's scenario, a round each.

    Args:
        population: Who is decided for.
        prior: What decides in the first slot.
        decide: P(arm | covariates), shape (n, k + 1), exploration included.
        learn: Learns from all slots so far.
        judge: Holds a challenger, its first argument, against the one that serves, on a slot that
            neither was learned from.
    """
    serves = prior
    seen: list[Seen] = []
    for slot in range(population.scenario.logging.slots):
        waiting = learn(seen) if seen else None
        now = state(population, slot)
        before = [one.played for one in seen]
        last = Seen(now, play(population, now, decide(serves, now), before))
        served, judgement = serves, None
        if waiting is not None:
            judgement = judge(waiting, served, last)
            serves = served if judgement.answer is Answer.NOT_EVALUABLE else waiting
        yield Round(last, served, waiting, judgement, serves)
        seen.append(last)
