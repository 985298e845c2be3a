"""Bar 6: effects mean what they say, and where there is one effect for all, they say that.

Simulated trials with known truth (docs/simulator.md). Each seed is another world.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from frame import Bar, tell
from worlds import read, world, write

from training.effects import fit

HETEROGENEOUS = ("persuadables", "futile_risk")
CONSTANT = "constant_effect"
SEEDS = 200
CUSTOMERS = 200_000 if "BENCH_LONG" in os.environ else 100_000
CUSTOMERS_CONSTANT = 4_000
WORKERS = 2


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
    told = world(read(name), customers=CUSTOMERS, seed=1)
    fitted = fit(told.trial, told.stakes, seed=1, threads=WORKERS)
    unseen = world(read(name), customers=CUSTOMERS, seed=2).now
    predicted = fitted.model.effect(unseen.covariates)
    found = {}
    for action, arm in enumerate(fitted.model.arms):
        if arm.personal is not None:
            columns = {"predicted": predicted[:, action], "truth": unseen.effect[:, action]}
            write(folder / f"effects-{name}-{arm.arm}.parquet", columns)
            found[arm.arm] = round(float(np.polyfit(*columns.values(), 1)[0]), 3)
    tell({name: fitted.model.verdicts, "slope": found})
    return found


def personalised(seed: int) -> dict[str, Any]:
    """Whether anything personal is claimed of a world in which nothing is."""
    told = world(read(CONSTANT), customers=CUSTOMERS_CONSTANT, seed=1000 + seed)
    fitted = fit(told.trial, told.stakes, seed=seed, threads=1)
    claimed = any(arm.personal for arm in fitted.model.arms)
    return {"seed": seed, "p": min(fitted.learned.proof.p), "personal": claimed}
