"""The parts of the unattended loop, each the one that production uses, on a simulated business.

Effects are learned by `training.effects` and update declared ones, the policy chooses and explores
as `serving.policy` does, and `training.evaluation.off_policy` says who may replace whom. Simulated
are the customers, what comes of decisions, and who is held out or kept quiet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.effects import DeclaredEffects, Effects, UpdatedEffects
from serving.policy.kernel import greedy_arm, mixture
from training.effects import Decided, Trial, updated
from training.effects.outcomes import compare
from training.evaluation.off_policy import Bounds, Judgement, Log, Overlap, judge
from training.simulate import (
    Population,
    Round,
    Scenario,
    Seen,
    State,
    net_values,
    unattended,
)

FloatArray = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Terms:
    """How the loop is run.

    Attributes:
        floor: Share of decisions spread evenly over all arms, in (0, 1).
        share: Declared effect of every action, as a share of the margin at risk.
        sd: Standard deviation of that belief.
        tolerated_loss: δ of the gate, a share of what a decision earned.
        seed: Of parts and shuffles.
        threads: How many learners may be fitted at once.

    Raises:
        ValueError: Without exploration, or with nothing else, there is no loop.
    """

    floor: float = 0.4
    share: float = 0.0
    sd: float = 1.0
    tolerated_loss: float = 0.01
    seed: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.floor < 1:
            raise ValueError(f"floor must lie in (0, 1), got: {self.floor}")


@dataclass(frozen=True)
class Parts:
    """What decides, what learns and what judges, for k actions of a scenario."""

    scenario: Scenario
    terms: Terms = Terms()

    @property
    def prior(self) -> DeclaredEffects:
        """The declared effects, the same for all actions and stages of life."""
        k = len(self.scenario.actions)
        return DeclaredEffects(
            tuple((action.id, action.channel) for action in self.scenario.actions),
            share=np.full((k, 1), self.terms.share),
            sd=np.full(k, self.terms.sd),
        )

    @property
    def cost(self) -> FloatArray:
        """Of each arm, 0 for no action, minor units, shape (k + 1,)."""
        return np.array([0.0, *(action.cost for action in self.scenario.actions)])

    def best(self, effects: Effects, now: State) -> NDArray[np.int64]:
        """The arm of the highest value for each customer, shape (n,)."""
        stage = np.full(len(now.covariates), np.nan)
        effect = effects.effect(stage, now.churn_risk, now.expected_margin, now.covariates)
        value = np.column_stack([np.zeros(len(effect)), effect]) - self.cost
        best: NDArray[np.int64] = greedy_arm(value, np.ones(value.shape, np.bool_))
        return best

    def decide(self, effects: Effects, now: State) -> FloatArray:
        """P(arm), shape (n, k + 1): mostly the best, now and then another."""
        best = self.best(effects, now)
        anything = np.ones((len(best), len(self.cost)), np.bool_)
        chances: FloatArray = mixture(best, anything, self.terms.floor)
        return chances

    def of_oracle(self, effects: Effects, now: State) -> float:
        """What choosing by these effects is worth in truth, as a share of the oracle's value."""
        worth = net_values(self.scenario, now)
        chosen = np.take_along_axis(worth, self.best(effects, now)[:, None], axis=1)
        return float(chosen.mean() / worth.max(axis=1).mean())

    def learn(self, seen: Sequence[Seen]) -> UpdatedEffects:
        """The declared effects, updated by all slots so far."""
        trial, k = self._trial(seen), len(self.scenario.actions)
        at_risk = _all(seen, lambda s: s.now.churn_risk * s.now.expected_margin)
        told = Decided(
            trial,
            at_risk=float(at_risk.mean()),
            compared=tuple(int(np.isin(trial.arm, (0, arm)).sum()) for arm in range(1, k + 1)),
            left_out={},
        )
        return updated(
            self.prior,
            told,
            cost=dict(zip(trial.arms[1:], self.cost[1:].tolist(), strict=True)),
            seed=self.terms.seed,
            threads=self.terms.threads,
        )

    def judge(self, challenger: Effects, incumbent: Effects, later: Sequence[Seen]) -> Judgement:
        """Whether the challenger may decide instead, by slots that neither was learned from."""
        trial = self._trial(later)
        log = Log(
            trial.arm,
            trial.outcome - self.cost[trial.arm],
            trial.customer,
            np.ones((len(trial), len(self.cost)), np.bool_),
            _all(later, lambda s: s.played.probabilities),
        )

        def as_if(effects: Effects) -> Overlap:
            return Overlap(log, _all(later, lambda s: self.decide(effects, s.now)))

        return judge(
            as_if(challenger),
            as_if(incumbent),
            compare(trial, self.terms.seed).expected - self.cost,
            Bounds(self.terms.tolerated_loss * abs(float(log.rewards.mean()))),
            decided_at=_all(later, lambda s: np.full(len(s.played.arm), s.played.slot)),
            fitted_until=later[0].played.slot,
        )

    def _trial(self, seen: Sequence[Seen]) -> Trial:
        """A row for each decision that was drawn."""
        return Trial.of(
            _all(seen, lambda s: s.now.covariates),
            _all(seen, lambda s: s.played.arm),
            _all(seen, lambda s: s.played.margin),
            arms=["no_action", *self.prior.names],
            propensity=_all(seen, lambda s: s.played.probabilities),
            customer=_all(seen, lambda s: np.arange(len(s.played.arm))),
            alike=[action.channel for action in self.scenario.actions],
        )


def with_rounds(scenario: Scenario, rounds: int) -> Scenario:
    """The scenario with so many slots, and as much history before the first of them."""
    more = (rounds - scenario.logging.slots) * scenario.outcome_days
    return replace(
        scenario,
        history_days=scenario.history_days + more,
        logging=replace(scenario.logging, slots=rounds),
    )


def loop(population: Population, terms: Terms) -> Iterator[Round[Effects]]:
    """From declared effects alone through all slots of the population's scenario."""
    parts = Parts(population.scenario, terms)
    first: Effects = parts.prior
    return unattended(population, first, decide=parts.decide, learn=parts.learn, judge=parts.judge)


def _all(seen: Sequence[Seen], column: Callable[[Seen], NDArray[T]]) -> NDArray[T]:
    """A column over all slots, of those for whom an arm was drawn: not held out, not kept quiet."""
    return np.concatenate([column(s)[~(s.played.holdout | s.played.quiet)] for s in seen])
