"""Bars 1 and 2: Hillstrom's e-mail experiment of 2008, whose arms were drawn with 1/3 each.

64,000 customers; men's e-mail, women's e-mail or none; whether they visited within two weeks.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from frame import Bar, tell
from numpy.typing import NDArray

from training.effects import Stakes, Trial, learn, settle
from training.effects.outcomes import PARTS, Comparison, compare
from training.effects.parts import parts_of, sd_of_mean
from training.effects.personal import calibration, held_out_scores
from training.effects.proof import LEVEL, prove
from training.effects.value import best_arms
from training.evaluation.uplift import qini

FILE = "hillstrom.csv.gz"
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
REPEATS = 3
HALVES = 20
COSTS = (0.0, 0.005)
"""Of a mail, as shares of a visit."""
THREADS = 2
FloatArray = NDArray[np.float64]


def bar_1(folder: Path) -> Bar:
    """Women's e-mail ranked by whom it brings: Qini on held-out fifths, and the test; men's too."""
    women, men = (compare(trial((0, arm)), seed=1) for arm in (2, 1))
    scores = [ranked(women, seed) for seed in range(REPEATS)]
    seen = women.trial
    qinis = [qini(seen.outcome, score, seen.arm) for score in scores]
    kept = {"row": np.arange(len(seen)), "visit": seen.outcome, "treated": seen.arm}
    columns = {f"score_{seed}": score for seed, score in enumerate(scores)}
    write(folder / "hillstrom-womens.parquet", kept | columns)
    value = {
        "qini_womens": round(float(np.mean(qinis)), 4),
        "qini_by_seed": np.round(qinis, 4).tolist(),
        "womens_p": prove(women, seed=1).p[0],
        "mens_p": round(prove(men, seed=1).p[0], 4),
    }
    return Bar(
        value=value,
        bar=f"qini_womens >= 0.055, womens_p <= {LEVEL}, mens_p > {LEVEL}: not proven",
        met=value["qini_womens"] >= 0.055 and value["womens_p"] <= LEVEL < value["mens_p"],
    )


def bar_2(folder: Path) -> Bar:
    """All arms: learned on one half, the policy's value on the other beside the best constant's."""
    with ProcessPoolExecutor(THREADS) as pool:
        halves = [half for both in pool.map(on_half, range(HALVES)) for half in both]
    whole = settle(learn(trial((0, 1, 2)), seed=1, threads=THREADS))
    write(folder / "hillstrom-halves.parquet", {k: [h[k] for h in halves] for k in halves[0]})
    value: dict[str, Any] = {}
    for cost in COSTS:
        mine = [half for half in halves if half["cost"] == cost]
        difference = np.array([half["difference"] for half in mine])
        sd = float(np.mean([half["sd"] for half in mine]))
        low = difference.mean() - 1.96 * difference.std(ddof=1) / np.sqrt(HALVES)
        value[f"cost_{cost}"] = {
            "difference": round(float(difference.mean()), 5),
            "lower_limit": round(float(low), 5),
            "standard_error": round(sd, 5),
            "beaten_in": sum(half["personal"] for half in mine),
            "met": bool(low >= -sd),
        }
    value["at_zero_cost"] = whole.model.verdicts
    everyone = not any(arm.personal for arm in whole.model.arms)
    return Bar(
        value=value,
        bar="lower 95 % limit over 20 halves above -1 standard error of one half; at zero cost "
        "mailing everyone is not beaten",
        met=everyone and all(value[f"cost_{cost}"]["met"] for cost in COSTS),
    )


def on_half(seed: int) -> list[dict[str, Any]]:
    """At each cost: the policy of one half, weighed by the plain means of the other.

    The best constant arm is the one that is best on the half that judges.
    """
    everybody = trial((0, 1, 2))
    taught = np.random.default_rng(seed).permutation(len(everybody)) < len(everybody) // 2
    learned = learn(rows_of(everybody, taught), seed=seed, threads=1)
    judge = rows_of(everybody, ~taught)
    weighed = (judge.arm[:, None] == np.arange(3)) * judge.outcome[:, None] * 3
    found = []
    for cost in COSTS:
        fitted = settle(learned, Stakes((cost, cost)))
        arm = best_arms(fitted.model.effect(judge.x) - cost)
        net = weighed - np.array([0.0, cost, cost])
        apart = net[np.arange(len(judge)), arm] - net[:, net.mean(axis=0).argmax()]
        found.append(
            {
                "seed": seed,
                "cost": cost,
                "personal": any(one.personal for one in fitted.model.arms),
                "difference": float(apart.mean()),
                "sd": sd_of_mean(apart, judge.customer),
            }
        )
    tell({"half": seed, "p": learned.proof.p, "difference": [half["difference"] for half in found]})
    return found


def ranked(comparison: Comparison, seed: int) -> FloatArray:
    """Scores (n,) of held-out fifths, by the candidate that is best on the other four fifths."""
    known = comparison.trial
    part = parts_of(known.customer, PARTS, np.random.default_rng(seed))
    scores = held_out_scores(comparison, 0, part, threads=THREADS)
    chosen = np.empty(len(known))
    pseudo = comparison.effects[:, 0]
    for number in range(PARTS):
        others = (part != number) & comparison.comparable[:, 0]
        lines = [calibration(score, pseudo, others, known.customer) for score in scores]
        best = int(np.argmax([line.explained for line in lines]))
        chosen[part == number] = scores[best, part == number]
    return chosen


def trial(arms: tuple[int, ...]) -> Trial:
    """Those who were in these arms, none first."""
    data = table()
    arm = data["segment"].map({ARMS[number]: place for place, number in enumerate(arms)})
    rows = data[arm.notna()]
    return Trial.of(
        columns(rows),
        arm.dropna().to_numpy().astype(int),
        rows["visit"],
        arms=[ARMS[number] for number in arms],
        propensity=[1 / len(arms)] * len(arms),
    )


def rows_of(everybody: Trial, mask: NDArray[np.bool_]) -> Trial:
    """Only these rows."""
    return Trial.of(
        everybody.x[mask],
        everybody.arm[mask],
        everybody.outcome[mask],
        arms=everybody.arms,
        propensity=[1 / 3] * 3,
    )


def columns(data: pd.DataFrame) -> FloatArray:
    """What was known before, categories as zeros and ones."""
    plain = data[["recency", "history", "mens", "womens", "newbie"]]
    return np.column_stack([plain, pd.get_dummies(data[["zip_code", "channel"]])]).astype(float)


@cache
def table() -> pd.DataFrame:
    """The file as published."""
    path = Path(os.environ.get("DATA", "../shared/data")) / FILE
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: set DATA to the folder that holds {FILE}")
    return pd.read_csv(path)


def write(path: Path, columns: dict[str, Any]) -> None:
    """What is judged, for whoever wants to judge it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
