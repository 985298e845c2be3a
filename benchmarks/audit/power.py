"""Bar 3: planted disparities are found as often as they can be, and clean data raise no alarm.

Every audit is the whole of it: three attributes, all their values and combinations of two, three
rates each, corrected together.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from frame import Bar, tell
from numpy.typing import NDArray

from training.audits.comparing import analytic_power, equal_rates_p
from training.audits.fairness import audit
from training.audits.report import Audit, Finding

CUSTOMERS, RATIO, LEVEL = 5_000, 0.8, 0.05
SEEDS = 200 if os.environ.get("BENCH_LONG") else 40
ALARMS_AT_MOST = {200: 17, 40: 6}[SEEDS]
SHARES = {
    "sex": {"f": 0.5, "m": 0.5},
    "age": {"18-34": 0.3, "35-54": 0.3, "55-64": 0.2, "65+": 0.2},
    "region": {"north": 0.2, "east": 0.2, "south": 0.25, "west": 0.25, "islands": 0.1},
}
PLANTED = ("age", "65+")
ELSEWHERE = (
    # rate of the others, ratio, rows of the group
    (0.5, 0.8, 500),
    (0.5, 0.8, 250),
    (0.5, 0.85, 1_000),
    (0.2, 0.7, 1_000),
    (0.2, 0.6, 250),
    (0.05, 0.4, 1_000),
)
DRAWS = 10_000 if os.environ.get("BENCH_LONG") else 2_000


def bar_3(_folder: Path) -> Bar:
    """Power where it must be high, power elsewhere beside the formula, and false alarms."""
    clean = [audited(seed, planted=False) for seed in range(SEEDS)]
    tell(f"{SEEDS} audits of clean data done")
    alarms = sum(any_found(of) for of in clean)
    planted = [audited(10_000 + seed, planted=True) for seed in range(SEEDS)]
    tell(f"{SEEDS} audits of a planted disparity done")
    power = sum(map(named, planted)) / SEEDS
    tests = clean[0].tests
    elsewhere = [relative_power(*case, alpha=LEVEL / tests) for case in ELSEWHERE]
    value = {
        "power": power,
        "false_alarms": alarms,
        "seeds": SEEDS,
        "tests": tests,
        "elsewhere": elsewhere,
    }
    least = min(case["of_analytic"] for case in elsewhere)
    return Bar(
        value=value,
        bar=f"power at least 0.95; elsewhere at least 0.95 of the analytic power; false_alarms at "
        f"most {ALARMS_AT_MOST} of {SEEDS}",
        met=power >= 0.95 and least >= 0.95 and alarms <= ALARMS_AT_MOST,
    )


def audited(seed: int, *, planted: bool) -> Audit:
    """An audit of customers of whom half leave and half are targeted, the likely ones first.

    Where a disparity is planted, one in five who should be is not targeted in one group.
    """
    rng = np.random.default_rng(seed)
    attributes = {
        name: rng.choice(np.array([*shares], dtype=object), CUSTOMERS, p=[*shares.values()])
        for name, shares in SHARES.items()
    }
    probability = rng.beta(2, 2, CUSTOMERS)
    selected = probability > 0.5
    if planted:
        name, value = PLANTED
        selected &= (attributes[name] != value) | (rng.random(CUSTOMERS) < RATIO)
    return audit(
        rng.random(CUSTOMERS) < probability,
        probability,
        selected,
        attributes,
        replicates=20,
        seed=seed,
        level=LEVEL,
    )


def any_found(of: Audit) -> bool:
    return any(a.finding is Finding.FOUND for a in (*of.attributes, *of.intersections))


def named(of: Audit) -> bool:
    """Whether the planted group itself was found, in the rate that was planted."""
    name, value = PLANTED
    attribute = next(a for a in of.attributes if a.name == name)
    group = next(g for g in attribute.groups if g.value == value)
    compared = group.comparison("selection_rate")
    return compared is not None and compared.found


def relative_power(rate: float, ratio: float, rows: int, *, alpha: float) -> dict[str, Any]:
    """Power of one comparison at the level of the strictest step, beside the formula's."""
    others = CUSTOMERS - rows
    rng = np.random.default_rng(rows)
    ours = rng.binomial(rows, rate * ratio, DRAWS)
    theirs = rng.binomial(others, rate, DRAWS)
    found = [
        equal_rates_p((a, b), (rows, others)) < alpha for a, b in zip(ours, theirs, strict=True)
    ]
    group: NDArray[np.float64] = np.array(rate * ratio)
    analytic = float(analytic_power(rate, group, (rows, others), alpha=alpha))
    case = {
        "rate": rate,
        "ratio": ratio,
        "rows": rows,
        "power": round(float(np.mean(found)), 3),
        "analytic": round(analytic, 3),
        "of_analytic": round(float(np.mean(found)) / analytic, 3),
    }
    tell(case)
    return case
