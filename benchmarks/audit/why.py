"""Bars 1, 5 and 9: contributions that sum, counterfactuals that hold, decisions taken again."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from decided import business, decisions
from frame import Bar, tell

from features.catalogue import CATALOGUE
from models.bundle import BundleError
from serving.bundles import Loaded, Shelf
from serving.explain import ExplanationError, explain
from serving.explain.audience import explanation_for
from serving.explain.counterfactual import counterfactuals
from serving.record import to_bytes
from serving.replay import replay

RANDOM_CUSTOMERS = 100_000
COUNTERFACTUALS = 1_000
EXPLAINED_TWICE = 200
WITHIN = 1e-6


def bar_1(folder: Path) -> Bar:
    """Each column drawn by itself from what customers have: combinations that nobody ever had."""
    engine = business(folder)
    loaded, records = engine.shelf.champion(), list(decisions(engine))
    text = _text(loaded)
    known = np.array([_row(record, loaded) for record in records], np.float64)
    rng = np.random.default_rng(1)
    largest = 0.0
    for _ in range(RANDOM_CUSTOMERS // 10_000):
        drawn = np.column_stack([rng.choice(column, 10_000) for column in known.T])
        model = loaded.bundle.churn
        error = np.abs(model.contributions(drawn).sum(axis=1) - model.raw(drawn)).max()
        largest = max(largest, float(error))
    refused = {
        name: _refused(records[0], loaded, re.sub(rf"(?m)^{name}=\S+", f"{name}=-1e30", text))
        for name in ("leaf_value", "threshold")
    }
    refused["file"] = _file_refused(folder, loaded, engine.shelf)
    return Bar(
        value={"customers": RANDOM_CUSTOMERS, "largest_error": largest, "refused": refused},
        bar=f"sums within {WITHIN} on {RANDOM_CUSTOMERS:,} customers, all tampered models refused",
        met=largest <= WITHIN and all(refused.values()),
    )


def bar_5(folder: Path) -> Bar:
    """What is told, put into the record, and the record decided on anew, one by one."""
    engine = business(folder)
    loaded, shown, true = engine.shelf.champion(), 0, 0
    asked = 0
    for record in decisions(engine):
        asked += 1
        for told in counterfactuals(replay(record, loaded)):
            changed = deepcopy(record)
            for change in told["changes"] + told["follows"]:
                changed["inputs"]["features"][change["feature"]] = change["to"]
            again = replay(changed, loaded).record()
            then = {name: again[name] for name in ("action_id", "channel")}
            then["churn_probability"] = again["predictions"]["churn_probability"]
            shown, true = shown + 1, true + (then == told["then"])
        if shown >= COUNTERFACTUALS:
            break
    return Bar(
        value={"shown": shown, "true": true, "decisions": asked},
        bar=f"all of {COUNTERFACTUALS:,} true",
        met=true == shown >= COUNTERFACTUALS,
    )


def bar_9(folder: Path) -> Bar:
    """Each stored decision from its record and a bundle loaded anew; some explained twice."""
    engine = business(folder)
    bundles = Shelf(engine.shelf.folder, CATALOGUE.hashes)
    replayed = same = pages = 0
    for record in decisions(engine):
        loaded = bundles.get(record["versions"]["bundle"])
        same += to_bytes(replay(record, loaded).record()) == to_bytes(record)
        replayed += 1
        if replayed <= EXPLAINED_TWICE:
            one = explanation_for(record, loaded, "staff", "pl")
            other = explanation_for(record, engine.shelf.champion(), "staff", "pl")
            pages += (one.page, one.content) == (other.page, other.content)
    return Bar(
        value={"replayed": replayed, "same": same, "explained_twice_alike": pages},
        bar="10,000 of 10,000 the same bytes, and their explanations",
        met=same == replayed >= 10_000 and pages == EXPLAINED_TWICE,
    )


def _row(record: dict[str, Any], loaded: Loaded) -> list[float]:
    values = record["inputs"]["features"]
    return [np.nan if values[name] is None else values[name] for name in loaded.bundle.features]


def _text(loaded: Loaded) -> str:
    """The trees as text, without their lengths, over which LightGBM would abort."""
    text = loaded.bundle.churn.booster.model_to_string()
    return re.sub(r"(?m)^tree_sizes=.*\n", "", text)


def _refused(record: dict[str, Any], loaded: Loaded, tampered: str) -> bool:
    """Whether an explanation by a churn model of other trees is refused."""
    churn = replace(loaded.bundle.churn, booster=lgb.Booster(model_str=tampered))
    try:
        explain(record, replace(loaded, bundle=replace(loaded.bundle, churn=churn)))
    except ExplanationError as error:
        tell(str(error))
        return True
    return False


def _file_refused(folder: Path, loaded: Loaded, shelf: Shelf) -> bool:
    """Whether a bundle with another file is refused when it is read."""
    copy = Shelf(folder / "tampered", CATALOGUE.hashes)
    copy.put(shelf.folder / loaded.digest)
    trees = folder / "tampered" / loaded.digest / "churn.txt"
    trees.write_text(trees.read_text().replace("leaf_value=", "leaf_value=0", 1))
    try:
        copy.get(loaded.digest)
    except BundleError as error:
        tell(str(error))
        return True
    return False
