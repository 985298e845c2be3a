"""Decisions and truth as tables, for whoever reads them from files."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.simulate.log import Played
from training.simulate.population import Population
from training.simulate.state import COVARIATES, state


def decisions(population: Population, played: Played) -> pa.Table:
    """One slot, a row a customer: the decision, its probabilities, the covariates, the outcome."""
    now, scenario = state(population, played.slot), population.scenario
    arms = pa.array(scenario.arms)
    channels = pa.array([None, *(action.channel for action in scenario.actions)], pa.string())
    silent = played.arm == 0
    return pa.table(
        {
            "customer_id": customer_ids(np.arange(len(population))),
            "slot": np.full(len(population), played.slot, np.int32),
            "action_id": arms.take(pa.array(played.arm)),
            "channel": channels.take(pa.array(played.arm)),
            "propensity": played.propensity,
            **{f"p_{arm}": played.probabilities[:, i] for i, arm in enumerate(scenario.arms)},
            "hour": pa.array(played.hour.astype(np.int8), mask=silent),
            "hour_propensity": pa.array(played.hour_propensity, mask=silent),
            "holdout": played.holdout,
            "quiet": played.quiet,
            "engaged": played.engaged,
            "outcome_margin": played.margin,
            **{name: now.covariates[:, i] for i, name in enumerate(COVARIATES)},
        }
    )


def truth(population: Population) -> pa.Table:
    """What nobody can know of each customer, and how they stand now."""
    scenario, rhythms = population.scenario, population.rhythms
    now = state(population, scenario.logging.slots)
    ids = [action.id for action in scenario.actions]
    peaks = np.array([habit.peak_hour for habit in scenario.hours.habits])
    return pa.table(
        {
            "customer_id": customer_ids(np.arange(len(population))),
            "protected_group": pa.array(list(scenario.groups.shares)).take(
                pa.array(population.group)
            ),
            "peak_hour": peaks[population.habit],
            "first_order_day": rhythms.start,
            "dropout_day": rhythms.end,
            "order_rate": rhythms.rate,
            "order_rate_drift": rhythms.drift,
            "hazard": rhythms.hazard,
            **{name: now.covariates[:, i] for i, name in enumerate(COVARIATES)},
            **{f"effect_{name}": now.effect[:, i] for i, name in enumerate(ids)},
            **{f"true_effect_{name}": now.true_effect[:, i] for i, name in enumerate(ids)},
        }
    )


def customer_ids(customers: NDArray[np.int64]) -> pa.Array:
    """Ids of customers by number, such as `c0000042`."""
    digits = pc.utf8_lpad(pa.array(customers).cast(pa.string()), 7, "0")
    return pc.binary_join_element_wise("c", digits, "")
