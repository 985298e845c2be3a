"""Decisions played slot by slot, with the probability of each, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulate.hours import engagement
from training.simulate.policies import Policy, logging_policy
from training.simulate.population import Population
from training.simulate.rhythm import Floats
from training.simulate.scenario import Scenario
from training.simulate.state import State, state
from training.simulate.streams import stream


@dataclass(frozen=True, eq=False)
class Played:
    """One slot of n customers.

    Attributes:
        slot: Counted from 0.
        probabilities: P(arm | covariates, in neither the holdout nor the quiet cohort), (n, k + 1).
        arm: What was chosen, an index into the scenario's arms, shape (n,). In the holdout and the
            quiet cohort it is 0, whatever the probabilities.
        hour: Of sending, 0 to 23 in UTC, -1 without a message, shape (n,).
        hour_propensity: P(that hour), NaN without a message, shape (n,).
        holdout, quiet: Who is never contacted, and who is not in this epoch, shape (n,).
        engaged: Who opened, answered or tapped the message, shape (n,).
        margin: Measured over the outcome window, minor units, shape (n,).
        changed: What the chosen action changed in the expected margin, in truth, shape (n,).
    """

    slot: int
    probabilities: Floats
    arm: NDArray[np.int64]
    hour: NDArray[np.int64]
    hour_propensity: Floats
    holdout: NDArray[np.bool_]
    quiet: NDArray[np.bool_]
    engaged: NDArray[np.bool_]
    margin: Floats
    changed: Floats

    @property
    def propensity(self) -> Floats:
        """P(what was chosen): 1 in the holdout and in the quiet cohort, shape (n,)."""
        chosen = np.take_along_axis(self.probabilities, self.arm[:, None], axis=1)[:, 0]
        return np.where(self.holdout | self.quiet, 1.0, chosen)


Log = tuple[Played, ...]
"""All slots, in order."""


def log(
    population: Population,
    policy: Policy | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Log:
    """Play all slots; a `policy` in place of the scenario's may learn from those before.

    Raises:
        ValueError: The policy's probabilities are none.
    """
    scenario = population.scenario
    policy = policy or logging_policy(scenario, population.group)
    played: list[Played] = []
    for slot in range(scenario.logging.slots):
        now = state(population, slot)
        played.append(play(population, now, policy(now, played), played))
        progress(slot + 1, scenario.logging.slots)
    return tuple(played)


def play(
    population: Population, now: State, probabilities: Floats, before: Sequence[Played]
) -> Played:
    """Draw the decisions of one slot, and what comes of them.

    Args:
        population: n customers.
        now: How they stand at the slot.
        probabilities: P(arm | covariates), shape (n, k + 1).
        before: All slots before this one, in order.

    Raises:
        ValueError: The probabilities are none.
    """
    scenario, n = population.scenario, len(population)
    _check(probabilities, (n, len(scenario.arms)))
    holdout = stream(scenario.seed, "holdout").random(n) < scenario.logging.holdout
    quiet = _quiet(scenario, now.slot) & ~holdout
    rng = stream(scenario.seed, "decisions", now.slot)
    below = np.cumsum(probabilities, axis=1)[:, :-1]
    arm = np.where(holdout | quiet, 0, (rng.random(n)[:, None] >= below).sum(axis=1))
    contacted = arm > 0
    hour, hour_propensity = _hours(scenario, contacted, rng)
    force = (1 - scenario.fatigue.per_message) ** pressure(scenario, now.slot, before, n)
    reached = engagement(scenario.hours.habits)[population.habit, hour] * force
    none = np.zeros((n, 1))
    effect = np.take_along_axis(np.hstack([none, now.true_effect]), arm[:, None], axis=1)[:, 0]
    noise = [action.outcome_noise_sd for action in scenario.actions]
    sd = np.array([np.mean(noise), *noise])[arm]
    return Played(
        slot=now.slot,
        probabilities=probabilities,
        arm=arm,
        hour=hour,
        hour_propensity=hour_propensity,
        holdout=holdout,
        quiet=quiet,
        engaged=contacted & (rng.random(n) < reached),
        margin=now.expected_margin + effect * force + sd * rng.standard_normal(n),
        changed=effect * force,
    )


def pressure(scenario: Scenario, slot: int, before: Sequence[Played], n: int) -> Floats:
    """Messages that are still felt at a slot: the sum of e^(−days since / recovery_days), (n,)."""
    felt = np.zeros(n)
    for played in before:
        days = (slot - played.slot) * scenario.outcome_days
        felt += (played.arm > 0) * np.exp(-days / scenario.fatigue.recovery_days)
    return felt


def _quiet(scenario: Scenario, slot: int) -> NDArray[np.bool_]:
    """The cohort of the epoch, a stretch of the churn horizon's length, that the slot lies in."""
    epoch = slot * scenario.outcome_days // scenario.horizon_days
    drawn = stream(scenario.seed, "quiet", epoch).random(scenario.customers)
    return np.asarray(drawn < scenario.logging.quiet_cohort)


def _hours(
    scenario: Scenario, contacted: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats]:
    """The usual hour, or now and then any of the 24."""
    logging, n = scenario.logging, len(contacted)
    explored = rng.random(n) < logging.send_hour_explored
    hour = np.where(explored, rng.integers(24, size=n), logging.send_hour_mode)
    usual = (hour == logging.send_hour_mode) * (1 - logging.send_hour_explored)
    chance = usual + logging.send_hour_explored / 24
    return np.where(contacted, hour, -1), np.where(contacted, chance, np.nan)


def _check(probabilities: Floats, shape: tuple[int, int]) -> None:
    if probabilities.shape != shape:
        raise ValueError(f"probabilities must be of shape {shape}, got: {probabilities.shape}")
    total = probabilities.sum(axis=1)
    wrong = (probabilities < 0).any(axis=1) | ~(np.abs(total - 1) < 1e-9)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"probabilities must not be negative and sum to 1, got for customer {row}: "
            f"{probabilities[row].tolist()}"
        )
