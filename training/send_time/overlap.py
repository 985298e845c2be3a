"""Which hours the log can tell of: who could have got a message then, and how many did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.send_time import BLOCKS, Floats

LEAST_EFFECTIVE = 200
"""Messages in a block, by Kish's effective size. At one answer in ten, their share of answers is
known within four points: less cannot tell the hours that matter from those that do not."""

LEAST_COVERED = 0.8
LARGEST_WEIGHT = 20.0


@dataclass(frozen=True, eq=False)
class Overlap:
    """How m messages speak for everyone in the hours that they were sent at.

    Attributes:
        propensity: P(block | what was known), logged or estimated, shape (m, 8).
        weight: Of each message, with a sum of its effective size: P(block) / P(block | what was
            known), at most 20 (Cole & Hernán 2008), shape (m,).
        effective: Effective messages in each block (Kish 1965), shape (8,).
        covered: Share of everyone who could have got a message in each block, as far as those tell
            who did: mean of 1[block] / P(block | what was known), shape (8,).
        known: The blocks with enough of both, bool of shape (8,).
    """

    propensity: Floats
    weight: Floats
    effective: Floats
    covered: Floats
    known: NDArray[np.bool_]


def overlap(block: NDArray[np.int64], propensity: Floats) -> Overlap:
    """Weights and coverage of messages sent in blocks, both of m rows."""
    m = len(block)
    chosen = propensity[np.arange(m), block]
    usual = np.bincount(block, minlength=BLOCKS) / max(m, 1)
    weight = np.minimum(usual[block] / chosen, LARGEST_WEIGHT)

    def total(of_row: Floats) -> Floats:
        return np.asarray(np.bincount(block, of_row, minlength=BLOCKS), np.float64)

    squares = total(weight**2)
    effective = np.divide(total(weight) ** 2, squares, out=np.zeros(BLOCKS), where=squares > 0)
    covered = total(1 / chosen) / max(m, 1)
    weight *= effective.sum() / max(weight.sum(), 1)
    known = (effective >= LEAST_EFFECTIVE) & (covered >= LEAST_COVERED)
    return Overlap(propensity, weight, effective, covered, known)


def estimated(block: NDArray[np.int64], known: Floats) -> Floats:
    """P(block | what was known), shape (m, 8): a multinomial logistic regression, ridge of 1.

    Args:
        block: Of each message, shape (m,).
        known: Columns that may have guided the hour, shape (m, f).
    """
    met = np.unique(block)
    found = np.zeros((len(block), BLOCKS))
    if len(met) == 1 or not known.shape[1]:
        found[:] = np.bincount(block, minlength=BLOCKS) / max(len(block), 1)
        return found
    model = LogisticRegression(max_iter=200).fit(known, block)
    found[:, met] = model.predict_proba(known)
    return found
