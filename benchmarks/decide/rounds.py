"""After ten unattended rounds from declared effects alone: how near is that to what a log gives?

Full logs are 200,000 decisions by the scenario's own policy: ten slots of 20,000 customers.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from frame import tell
from worlds import read, write

from bocian.unattended import Parts, Terms, loop, with_rounds
from training.simulate import Seen, draw, log, net_values, state

ROUNDS, CUSTOMERS, LOGGED, JUDGED = 10, 100_000, 20_000, 100_000
OTHERS = 500_000
"""What the seed of those who are judged adds to that of the loop."""
OF_FULL_LOGS = 0.8


def after_rounds(folder: Path, name: str) -> dict[str, Any]:
    """Shares of the oracle's value; a file that is missing is made first."""
    path = folder / f"scenarios-loop-{name}.parquet"
    if not path.exists():
        write(path, played(name))
    kept = pq.read_table(path)
    worth = {c: kept[c].to_numpy() for c in kept.column_names if c.startswith("worth_")}
    best = worth["worth_oracle"].mean()
    share = {c.removeprefix("worth_"): round(float(w.mean() / best), 4) for c, w in worth.items()}
    rounds = [share[f"round_{number}"] for number in range(1, ROUNDS + 1)]
    of_full = rounds[-1] / share["full_logs"]
    figures = {
        "of_full_logs": round(of_full, 4),
        "full_logs": share["full_logs"],
        "after_round": rounds,
        "met": bool(of_full >= OF_FULL_LOGS),
    }
    tell({f"loop {name}": figures})
    return figures


def played(name: str) -> dict[str, Any]:
    """What each policy is worth to customers whom nobody has contacted, minor units each."""
    scenario = with_rounds(read(name), ROUNDS)
    population = draw(replace(scenario, customers=CUSTOMERS))
    new = state(draw(replace(scenario, customers=JUDGED), scenario.seed + OTHERS), ROUNDS)
    parts = Parts(population.scenario, Terms())
    rows = np.arange(JUDGED)
    net = np.column_stack([np.zeros(JUDGED), new.true_effect]) - parts.cost
    others = draw(replace(scenario, customers=LOGGED))
    slots = [Seen(state(others, slot.slot), slot) for slot in log(others)]
    found = {
        "oracle": net_values(scenario, new).argmax(axis=1),
        "full_logs": parts.best(parts.learn(slots), new),
    }
    for one in loop(population, parts.terms):
        number = one.seen.played.slot + 1
        found[f"round_{number}"] = parts.best(one.serves, new)
        answer = one.judgement and one.judgement.answer
        tell({name: number, "challenger": answer, "promoted": one.promoted})
    return {f"arm_{who}": arm for who, arm in found.items()} | {
        f"worth_{who}": net[rows, arm] for who, arm in found.items()
    }
