"""Which features carry the gap between a group and its reference in the model's score.

It says how the model arrives at the gap, not why the world is so: a feature that carries a gap
need not cause it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.audits.groups import Mask
from training.evaluation.checks import FloatArray, numbers

TOLERANCE = 1e-6
BASELINE = "(baseline)"


@dataclass(frozen=True, slots=True)
class Part:
    """A feature's mean contribution in the group − in the reference, in log-odds."""

    feature: str
    difference: float


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A gap in mean raw log-odds (group − reference), taken apart.

    Attributes:
        gap: the parts sum to it within 1e-6.
        parts: one for each feature and the baseline, the largest in size first.
    """

    gap: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What each feature adds to each row's raw log-odds; build it with `contributions_of`.

    Attributes:
        features: F names, and the baseline's last.
        values: float64 [n, F + 1].
        raw_log_odds: float64 [n], what the rows of `values` sum to.
    """

    features: tuple[str, ...]
    values: FloatArray
    raw_log_odds: FloatArray


def contributions_of(
    values: npt.ArrayLike,
    feature_names: Sequence[str],
    n: int,
    raw_log_odds: npt.ArrayLike | None = None,
) -> Contributions:
    """Check contributions as LightGBM's `pred_contrib` and TreeSHAP give them.

    Args:
        values: [n, F + 1] in raw log-odds, the baseline in the last column.
        feature_names: F names.
        n: rows expected.
        raw_log_odds: [n], the model's own raw scores; where given, every row is held to them.

    Raises:
        ValueError: another shape, or a row whose contributions do not sum to its raw log-odds.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n, len(feature_names) + 1):
        raise ValueError(
            f"contributions must have {n} rows and {len(feature_names)} + 1 columns "
            f"(the baseline last), got: shape {array.shape}"
        )
    sums = numbers("sums of contributions", array.sum(axis=1))
    raw = sums if raw_log_odds is None else numbers("raw_log_odds", raw_log_odds, n)
    off = np.abs(sums - raw)
    if off.max() > TOLERANCE:
        row = int(off.argmax())
        raise ValueError(
            f"contributions must sum to raw_log_odds within {TOLERANCE:g}, "
            f"got: {sums[row]:.9g} against {raw[row]:.9g} in row {row}"
        )
    return Contributions((*feature_names, BASELINE), array, raw)


def decompose(contributions: Contributions, group: Mask, reference: Mask) -> Mechanism:
    """Take the gap between two groups of rows (bool [n] each) apart into features.

    Raises:
        ValueError: the parts do not sum to the gap within 1e-6.
    """
    values, raw = contributions.values, contributions.raw_log_odds
    differences = values[group].mean(axis=0) - values[reference].mean(axis=0)
    gap = float(raw[group].mean() - raw[reference].mean())
    if abs(differences.sum() - gap) > TOLERANCE:
        raise ValueError(
            f"parts must sum to the gap of {gap:.9g} within {TOLERANCE:g}, "
            f"got: {differences.sum():.9g}"
        )
    order = np.argsort(-np.abs(differences), kind="stable")
    parts = (Part(contributions.features[i], float(differences[i])) for i in order)
    return Mechanism(gap, tuple(parts))
