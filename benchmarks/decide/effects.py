"""Bar 6: effects mean what they say, and where there is one effect for all, they say that.

Simulated trials with known truth (docs/simulator.md). Each seed is another world.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Bar, tell
from numpy.typing import NDArray

from training.effects import Stakes, Trial, fit
from training.simulate import Scenario, draw, log, state

HETEROGENEOUS = ("persuadables", "futile_risk")
CONSTANT = "constant_effect"
SEEDS = 200
CUSTOMERS = 200_000 if "BENCH_LONG" in os.environ else 100_000
CUSTOMERS_CONSTANT = 4_000
WORKERS = 2
FloatArray = NDArray[np.float64]


def bar_6(folder: Path) -> Bar:
    """Slopes of true on predicted effects of new customers, and how often a null is missed."""
    slopes: dict[str, Any] = {name: slope(name, folder) for name in HETEROGENEOUS}
    with ProcessPoolExecutor(WORKERS) as pool:
        nulls = list(pool.map(personalised, range(SEEDS)))
    write(folder / "effects-constant.parquet", {k: [n[k] for n in nulls] for k in nulls[0]})
    chosen = sum(null["personal"] for null in nulls)
    told = [s for name in HETEROGENEOUS for s in slopes[name].values()]
    return Bar(
        value={"slope": slopes, "constant_chosen": chosen, "of_seeds": SEEDS},
        bar="slope 0.8 to 1.2 of each action that differs by proof; constant_chosen <= 11 of 200",
        met=bool(told) and all(0.8 <= s <= 1.2 for s in told) and chosen <= 11,
    )


def slope(name: str, folder: Path) -> dict[str, float]:
    """By action whose effects are told by customer: true on predicted, where nobody was seen."""
    told, trial, _ = world(name, CUSTOMERS, seed=1)
    fitted = fit(trial, stakes(told), seed=1, threads=WORKERS)
    _, unseen, truth = world(name, CUSTOMERS, seed=2)
    predicted = fitted.model.effect(unseen.x)
    found = {}
    for action, arm in enumerate(fitted.model.arms):
        if arm.personal is not None:
            columns = {"predicted": predicted[:, action], "truth": truth[:, action]}
            write(folder / f"effects-{name}-{arm.arm}.parquet", columns)
            found[arm.arm] = round(float(np.polyfit(*columns.values(), 1)[0]), 3)
    tell({name: fitted.model.verdicts, "slope": found})
    return found


def personalised(seed: int) -> dict[str, Any]:
    """Whether anything personal is claimed of a world in which nothing is."""
    told, trial, _ = world(CONSTANT, CUSTOMERS_CONSTANT, seed=1000 + seed)
    fitted = fit(trial, stakes(told), seed=seed, threads=1)
    claimed = any(arm.personal for arm in fitted.model.arms)
    return {"seed": seed, "p": min(fitted.learned.proof.p), "personal": claimed}


def stakes(scenario: Scenario) -> Stakes:
    """What the scenario says that its actions cost."""
    return Stakes(tuple(action.cost for action in scenario.actions))


def world(name: str, customers: int, *, seed: int) -> tuple[Scenario, Trial, FloatArray]:
    """One slot of a scenario: a trial, and E[effect | x] of its rows, shape (n, k)."""
    told = Scenario.read(scenarios() / f"{name}.toml")
    told = replace(told, customers=customers, seed=seed, logging=replace(told.logging, slots=1))
    population = draw(told)
    played, now = log(population)[0], state(population, 0)
    rows = ~(played.holdout | played.quiet)
    trial = Trial.of(
        now.covariates[rows],
        played.arm[rows],
        played.margin[rows],
        arms=["no_action", *(action.id for action in told.actions)],
        propensity=played.probabilities[rows],
    )
    return told, trial, now.effect[rows]


def scenarios() -> Path:
    """Beside the data."""
    folder = Path(os.environ.get("DATA", "../shared/data")).parent / "scenarios"
    if not folder.exists():
        raise FileNotFoundError(f"{folder} is missing: scenarios lie beside the folder DATA")
    return folder


def write(path: Path, columns: dict[str, Any]) -> None:
    """What is judged, for whoever wants to judge it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
