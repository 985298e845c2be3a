"""Bar 2: what features carry of a gap sums to the gap itself, for each group of each attribute."""

from __future__ import annotations

from pathlib import Path

import lightgbm as lgb
import numpy as np
from frame import Bar

from training.audits.fairness import audit
from training.audits.groups import intersections, partition
from training.churn import DEFAULTS

CUSTOMERS, FEATURES, WITHIN = 10_000, 60, 1e-6


def bar_2(_folder: Path) -> Bar:
    """Gaps are measured here from the model's own raw scores, apart from the audit."""
    rng = np.random.default_rng(2)
    x = rng.gamma(1.0, 30.0, size=(CUSTOMERS, FEATURES))
    x[rng.random(x.shape) < 0.1] = np.nan
    log_odds = np.nan_to_num(x[:, :5] / 30 - 1).sum(axis=1)
    y = (rng.random(CUSTOMERS) < 1 / (1 + np.exp(-log_odds))).astype(float)
    booster = lgb.train(DEFAULTS, lgb.Dataset(x, y))
    raw = np.asarray(booster.predict(x, raw_score=True))
    probability = 1 / (1 + np.exp(-raw))
    attributes = {
        "age": np.where(np.nan_to_num(x[:, 0]) > 30, "old", "young").astype(object),
        "region": rng.choice(np.array(["n", "e", "s", "w", None], dtype=object), CUSTOMERS),
        "income": np.array([f"{d}" for d in rng.integers(0, 8, CUSTOMERS)], dtype=object),
    }
    found = audit(
        y,
        probability,
        probability > np.quantile(probability, 0.8),
        attributes,
        contributions=booster.predict(x, pred_contrib=True),
        feature_names=[f"f{i}" for i in range(FEATURES)],
        raw_log_odds=raw,
        replicates=20,
        seed=1,
    )
    singles = [partition(name, values, CUSTOMERS) for name, values in attributes.items()]
    off, groups = 0.0, 0
    for part, audited in zip(
        (*singles, *intersections(singles)),
        (*found.attributes, *found.intersections),
        strict=True,
    ):
        for group in audited.groups:
            if group.mechanism is None:
                continue
            members = part.groups[group.value]
            gap = raw[members].mean() - raw[part.known & ~members].mean()
            off = max(off, abs(sum(p.difference for p in group.mechanism.parts) - gap))
            groups += 1
    return Bar(
        value={"off": float(off), "groups": groups, "customers": CUSTOMERS},
        bar=f"parts sum to the measured gap within {WITHIN:g} in every group",
        met=groups > 40 and float(off) <= WITHIN,
    )
