"""Bar 4: what policies learned from the logs of scenarios are worth, in a truth that is known.

Each log holds a decision for each of 200,000 customers. Judged are 100,000 others, whom nobody has
contacted yet. What is made stays in the folder and is not made again.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from frame import Bar, tell
from numpy.typing import NDArray
from rounds import OF_FULL_LOGS, after_rounds
from t_learner import t_learner
from threadpoolctl import threadpool_limits
from worlds import FloatArray, World, read, world, write

from training.effects import fit
from training.effects.value import best_arms
from training.simulate import Scenario, net_values

SCENARIOS = ("futile_risk", "persuadables", "targeted_log", "constant_effect")
CUSTOMERS = 200_000
JUDGED = 100_000
LONG = "BENCH_LONG" in os.environ
FURTHER_SEEDS = (0, 1_000) if LONG else (0,)
"""Added to a scenario's own."""
LOOPED = SCENARIOS if LONG else ()
OTHERS = 500_000
"""What the seed of those who are judged adds to that of the log."""
OF_T_LEARNER, OF_RISK_FIRST = 0.9, 2.0
CONSTANT_AT_MOST = {"persuadables": 0.75}
"""Of the oracle."""
WORKERS = 2
IntArray = NDArray[np.int64]


def bar_4(folder: Path) -> Bar:
    """Shares of the oracle's value, each scenario in a process of one thread."""
    runs = [(name, further) for further in FURTHER_SEEDS for name in SCENARIOS]
    # Two processes of one thread each, where linear algebra would start two in both.
    with ProcessPoolExecutor(WORKERS, initializer=threadpool_limits, initargs=(1,)) as pool:
        figures = dict(zip(map(title, runs), pool.map(partial(run, folder), runs), strict=True))
        rounds = dict(zip(LOOPED, pool.map(partial(after_rounds, folder), LOOPED), strict=True))
    return Bar(
        value={
            "of_oracle": {name: of["of_oracle"]["ours"] for name, of in figures.items()},
            "scenarios": figures,
            "loop": rounds,
        },
        bar=f"of_oracle >= {OF_T_LEARNER} of the T-learner's and above the best constant's, where "
        f"effects differ, else not below it; >= {OF_RISK_FIRST:g} times risk-first where risk and "
        f"effect are unrelated; the best constant at most {CONSTANT_AT_MOST}; "
        f"with --long, ten rounds of the loop >= {OF_FULL_LOGS} of what full logs give",
        met=all(of["met"] for of in (*figures.values(), *rounds.values())),
    )


def title(run: tuple[str, int]) -> str:
    """Of a run: the scenario, and how far its seed is from the judged one."""
    name, further = run
    return f"{name}+{further}" if further else name


def run(folder: Path, which: tuple[str, int]) -> dict[str, Any]:
    """The figures of one log, from its file; a file that is missing is made first."""
    name, further = which
    path = folder / f"scenarios-{title(which)}.parquet"
    if not path.exists():
        write(path, decided(name, further))
    figures = judged(read(name), path, constant_at_most=CONSTANT_AT_MOST.get(name, 1.0))
    tell({title(which): figures})
    return figures


def decided(name: str, further: int) -> dict[str, Any]:
    """A column for each action's effect, and one for each policy: the arm that a customer gets."""
    scenario = read(name)
    seed = scenario.seed + further
    learned_from = world(scenario, customers=CUSTOMERS, seed=seed)
    new = world(scenario, customers=JUDGED, seed=seed + OTHERS)
    x, cost = new.now.covariates, np.array(learned_from.stakes.cost)
    fitted = fit(learned_from.trial, learned_from.stakes, seed=1, threads=1)
    tell({name: fitted.model.verdicts})
    effects = {
        "truth": new.now.true_effect,
        "expected": new.now.effect,
        "ours": fitted.model.effect(x),
        "t_learner": t_learner(learned_from.trial, x, seed=1, threads=1),
    }
    ours = best_arms(effects["ours"] - cost)
    best = np.argmax([0.0, *(fitted.learned.mean - cost)])
    arms = {
        "oracle": net_values(new.scenario, new.now).argmax(axis=1),
        "ours": ours,
        "t_learner": best_arms(effects["t_learner"] - cost),
        "constant": np.full(JUDGED, best),
        "nobody": np.zeros(JUDGED, np.int64),
        "random": np.random.default_rng(seed).integers(1 + len(cost), size=JUDGED),
    }
    arms |= risk_first(new, spend=float(np.r_[0.0, cost][ours].sum()))
    return {
        f"effect_{of}_{action}": column
        for of, by_action in effects.items()
        for action, column in zip(scenario.arms[1:], by_action.T, strict=True)
    } | {f"arm_{policy}": arm for policy, arm in arms.items()}


def risk_first(new: World, *, spend: float) -> dict[str, IntArray]:
    """By action: those most at risk get it, as many as can be paid for."""
    order = np.argsort(-new.now.churn_risk, kind="stable")
    found = {}
    for number, action in enumerate(new.scenario.actions, start=1):
        arm = np.zeros(len(order), np.int64)
        arm[order[: int(spend / action.cost)]] = number
        found[f"risk_first_{action.id}"] = arm
    return found


def judged(scenario: Scenario, path: Path, *, constant_at_most: float) -> dict[str, Any]:
    """What each policy is worth to those it is judged on, as a share of what the oracle is."""
    kept = pq.read_table(path)
    truth = np.column_stack([kept[f"effect_truth_{arm}"] for arm in scenario.arms[1:]])
    net = np.column_stack([np.zeros(len(truth)), truth - [a.cost for a in scenario.actions]])
    worth = {
        column.removeprefix("arm_"): net[np.arange(len(net)), kept[column].to_numpy()]
        for column in kept.column_names
        if column.startswith("arm_")
    }
    best = worth["oracle"].mean()
    share = {policy: float(of.mean() / best) for policy, of in worth.items()}
    of_risk = max((p for p in share if p.startswith("risk_first")), key=lambda p: share[p])
    apart = {
        "ours_less_0.9_t_learner": worth["ours"] - OF_T_LEARNER * worth["t_learner"],
        "ours_less_constant": worth["ours"] - worth["constant"],
        "ours_less_2_risk_first": worth["ours"] - OF_RISK_FIRST * worth[of_risk],
    }
    differ = any(action.effect_sd > 0 for action in scenario.actions)
    futile = differ and scenario.risk_effect_correlation == 0
    # One effect for all is the best constant's own case: nothing lies above it there.
    least = share["constant"] + (1e-9 if differ else 0.0)
    return {
        "of_oracle": {policy: round(of, 4) for policy, of in share.items()},
        "intervals": {what: interval(of / best) for what, of in apart.items()},
        "oracle_minor": round(float(best), 2),
        "met": bool(
            share["ours"] >= OF_T_LEARNER * share["t_learner"]
            and share["ours"] >= least
            and (not futile or share["ours"] >= OF_RISK_FIRST * share[of_risk])
            and share["constant"] <= constant_at_most
        ),
    }


def interval(apart: FloatArray) -> list[float]:
    """The mean of paired differences and its 95 % limits: of the customers, not of the log."""
    mean, half = apart.mean(), 1.96 * apart.std() / np.sqrt(len(apart))
    return [round(float(at), 4) for at in (mean, mean - half, mean + half)]
