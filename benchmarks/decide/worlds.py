"""Worlds of the scenarios: one slot of decisions, its log, and what is true of its customers."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from training.effects import Stakes, Trial
from training.simulate import Scenario, State, draw, log, state

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class World:
    """A scenario's customers at one slot.

    Attributes:
        scenario: What they were drawn from.
        trial: What was logged of those in neither the holdout nor the quiet cohort.
        now: How everybody stands, and the truth.
    """

    scenario: Scenario
    trial: Trial
    now: State

    @property
    def stakes(self) -> Stakes:
        """What the scenario says that its actions cost."""
        return Stakes(tuple(action.cost for action in self.scenario.actions))


def world(scenario: Scenario, *, customers: int, seed: int) -> World:
    """Draw one. Each seed is another world, in which effects follow the same rules."""
    logging = replace(scenario.logging, slots=1)
    scenario = replace(scenario, customers=customers, seed=seed, logging=logging)
    population = draw(scenario)
    played, now = log(population)[0], state(population, 0)
    told = ~(played.holdout | played.quiet)
    trial = Trial.of(
        now.covariates[told],
        played.arm[told],
        played.margin[told],
        arms=scenario.arms,
        propensity=played.probabilities[told],
    )
    return World(scenario, trial, now)


def read(name: str) -> Scenario:
    """A scenario by its name; they lie beside the data."""
    folder = Path(os.environ.get("DATA", "../shared/data")).parent / "scenarios"
    if not folder.exists():
        raise FileNotFoundError(f"{folder} is missing: scenarios lie beside the folder DATA")
    return Scenario.read(folder / f"{name}.toml")


def write(path: Path, columns: dict[str, Any]) -> None:
    """What is judged, for whoever wants to judge it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
