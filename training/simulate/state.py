"""How customers stand when a decision is due: what may be known of them, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from training.simulate.effects import driver_scores, effects, normal_scores
from training.simulate.population import Population, slot_days
from training.simulate.rhythm import Floats
from training.simulate.scenario import DRIVERS, Scenario

MARGIN: Final = 0.3
"""The share of spend that is margin."""

COVARIATES: Final = (*DRIVERS, "churn_risk", "expected_margin")
"""What the covariates are, in this order."""


@dataclass(frozen=True, eq=False)
class State:
    """n customers at one slot.

    Attributes:
        slot: Counted from 0; the number of slots itself is now.
        covariates: What may be known, shape (n, 7), columns as in `COVARIATES`.
        effect: E[effect | covariates] of each action instead of none, in minor units of margin over
            the outcome window for who is not tired of messages, shape (n, k). No policy that knows
            the covariates can do better than the one that goes by this.
        true_effect: The effect itself, shape (n, k).
    """

    slot: int
    covariates: Floats
    effect: Floats
    true_effect: Floats

    @property
    def churn_risk(self) -> Floats:
        """P(no order within the horizon | not contacted), shape (n,)."""
        return self.covariates[:, COVARIATES.index("churn_risk")]

    @property
    def expected_margin(self) -> Floats:
        """E[margin over the outcome window | not contacted], minor units, shape (n,)."""
        return self.covariates[:, COVARIATES.index("expected_margin")]


def state(population: Population, slot: int) -> State:
    """How everybody stands at a slot, `slots` meaning now.

    Raises:
        ValueError: There is no such slot.
    """
    scenario, rhythms = population.scenario, population.rhythms
    if not 0 <= slot <= scenario.logging.slots:
        raise ValueError(f"slot must be one of 0 to {scenario.logging.slots} (now), got: {slot}")
    day, last = int(slot_days(scenario)[slot]), population.last_order[slot]
    risk = rhythms.churn_risk(day, last, scenario.horizon_days)
    expected = rhythms.expected_orders(day, last, scenario.outcome_days)
    driver = {
        "price_sensitivity": population.price_sensitivity,
        "complaints": population.complaints,
        "category_entropy": population.category_entropy,
        "monetary_value": population.monetary_value,
        "days_since_last_order": day - last,
    }
    risk_score = normal_scores(risk)
    both = [
        effects(
            action,
            risk_score,
            driver_scores([driver[name] for name in action.effect_drivers], risk_score),
            population.unexplained[:, number],
            scenario.risk_effect_correlation,
        )
        for number, action in enumerate(scenario.actions)
    ]
    return State(
        slot=slot,
        covariates=np.column_stack(
            [
                *(driver[name] for name in DRIVERS),
                risk,
                MARGIN * population.monetary_value * expected,
            ]
        ),
        effect=np.column_stack([mean for mean, _ in both]),
        true_effect=np.column_stack([true for _, true in both]),
    )


def net_values(scenario: Scenario, state: State) -> Floats:
    """What each arm is worth, E[effect | covariates] less its cost, shape (n, k + 1).

    Column 0 is no action, worth 0. The oracle's value is the mean of the largest in each row, the
    best constant's the largest of the columns' means.
    """
    cost = np.array([action.cost for action in scenario.actions])
    return np.column_stack([np.zeros(len(state.effect)), state.effect - cost])
