"""Bar 6: figures by group equal those of fairlearn and scikit-learn on the same arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from frame import Bar
from sklearn.metrics import roc_auc_score

from training.audits.fairness import audit
from training.audits.groups import intersections, partition

CUSTOMERS, WITHIN = 6_000, 1e-12

# Hardt, Price & Srebro's definitions on eight rows by hand: y, selected, group.
GOLDEN = ([1, 1, 0, 0, 1, 1, 0, 0], [1, 0, 1, 0, 1, 1, 0, 0], "aaaabbbb")
GOLDEN_RATES = {"a": (0.5, 0.5, 0.5, 0.5), "b": (0.5, 0.5, 1.0, 0.0)}
"""Base rate, selection rate, TPR, FPR."""


def bar_6(_folder: Path) -> Bar:
    """Every figure that both have, for each value and each pair of values."""
    rng = np.random.default_rng(6)
    p = rng.beta(1, 3, CUSTOMERS)
    y = (rng.random(CUSTOMERS) < p).astype(int)
    selected = (p + rng.normal(0, 0.1, CUSTOMERS) > 0.3).astype(int)
    attributes = {
        "age": rng.choice(np.array(["18-34", "35-64", "65+"], dtype=object), CUSTOMERS),
        "sex": rng.choice(np.array(["f", "m"], dtype=object), CUSTOMERS),
    }
    ours = audit(y, p, selected, attributes, replicates=20, seed=1)
    parts = [partition(name, values, CUSTOMERS) for name, values in attributes.items()]
    named = [*attributes.values(), attributes["age"] + " and " + attributes["sex"]]
    metrics = {
        "base_rate": lambda t, _: float(np.mean(t)),
        "selection_rate": selection_rate,
        "tpr": true_positive_rate,
        "fpr": false_positive_rate,
    }
    off, compared = 0.0, 0
    for part, found, sensitive in zip(
        (*parts, *intersections(parts)), (*ours.attributes, *ours.intersections), named, strict=True
    ):
        theirs = MetricFrame(
            metrics=metrics, y_true=y, y_pred=selected, sensitive_features=sensitive
        )
        scores = MetricFrame(
            metrics=roc_auc_score, y_true=y, y_pred=p, sensitive_features=sensitive
        )
        for group in found.groups:
            for name in metrics:
                off = max(off, abs(group.figures[name].value - theirs.by_group[name][group.value]))
            auc = roc_auc_score(y[part.groups[group.value]], p[part.groups[group.value]])
            off = max(off, abs(group.figures["auc"].value - auc))
            off = max(off, abs(group.figures["auc"].value - scores.by_group[group.value]))
            compared += len(metrics) + 2
    sex = {"y_true": y, "y_pred": selected, "sensitive_features": attributes["sex"]}
    against = ours.attributes[1].groups
    differences = [abs(g.comparison("selection_rate").difference.value) for g in against]
    ratios = [g.comparison("selection_rate").ratio.value for g in against]
    off = max(off, abs(max(differences) - demographic_parity_difference(**sex)))
    off = max(off, abs(min(ratios) - demographic_parity_ratio(**sex)))
    golden = _golden()
    return Bar(
        value={"off": float(off), "compared": compared + 2, "golden": golden},
        bar=f"within {WITHIN:g} of fairlearn and scikit-learn, and of the golden values",
        met=float(off) <= WITHIN and golden,
    )


def _golden() -> bool:
    """The eight rows, each ten times, as a group needs ten customers."""
    y, selected, groups = GOLDEN
    rows = {"group": np.array([*groups] * 10, dtype=object)}
    found = audit(y * 10, np.full(80, 0.5), selected * 10, rows, replicates=5, seed=1, min_size=10)
    names = ("base_rate", "selection_rate", "tpr", "fpr")
    return all(
        tuple(group.figures[name].value for name in names) == GOLDEN_RATES[group.value]
        for group in found.attributes[0].groups
    )
