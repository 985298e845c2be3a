"""Bar 4: the gate blocks a planted disparity and names it; nobody overrides without a reason."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from frame import Bar

from training.audits.fairness import audit
from training.evaluation.bootstrap import Estimate
from training.figures import Figure
from training.gate import Evidence, refusals
from training.tracking import Override

CUSTOMERS, RATIO = 5_000, 0.6
SEEDS = 200 if os.environ.get("BENCH_LONG") else 20
GOOD = (
    Figure("churn AUC", 0.8, 0.78, 0.82, 0.7, "orders alone", Estimate(0.1, 0.08, 0.12)),
    Figure("churn calibration error", 0.01),
)


def bar_4(_folder: Path) -> Bar:
    """Bundles that are good in all else, with a disparity and without."""
    against = _said(planted=True)
    named = [bool(said) and all("age 65+" in s for s in said) for said in against]
    passed = [not said for said in _said(planted=False)]
    refused = {who: _refused(*who) for who in (("Ada", " "), ("", "we know"), ("Ada", "we know"))}
    expected = [True, True, False]
    value = {
        "blocked_and_named": sum(named),
        "clean_passed": sum(passed),
        "seeds": SEEDS,
        "overrides_without_a_reason_refused": list(refused.values())[:2] == expected[:2],
        "says": next(s for said in against for s in said),
    }
    return Bar(
        value=value,
        bar="all planted ones blocked by name, at least 19 of 20 clean ones let through, and an "
        "override without reviewer or reason refused",
        met=all(named) and sum(passed) >= 0.95 * SEEDS and list(refused.values()) == expected,
    )


def _said(*, planted: bool) -> list[list[str]]:
    return [
        refusals(Evidence("digest", GOOD, audited(seed, planted=planted), protected=("age",)))
        for seed in range(SEEDS)
    ]


def audited(seed: int, *, planted: bool) -> dict[str, object]:
    """Of those who leave, a group of a fifth of the customers is reached less often."""
    rng = np.random.default_rng(seed)
    age = rng.choice(
        np.array(["18-34", "35-64", "65+"], dtype=object), CUSTOMERS, p=[0.4, 0.4, 0.2]
    )
    probability = rng.beta(2, 2, CUSTOMERS)
    selected = probability > 0.5
    if planted:
        selected &= (age != "65+") | (rng.random(CUSTOMERS) < RATIO)
    found = audit(
        rng.random(CUSTOMERS) < probability,
        probability,
        selected,
        {"age": age},
        replicates=200,
        seed=seed,
    )
    return found.to_dict()


def _refused(reviewer: str, reason: str) -> bool:
    try:
        Override(reviewer, reason)
    except ValueError:
        return True
    return False
