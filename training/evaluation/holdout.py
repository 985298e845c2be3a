"""What a whole programme changed: those it may contact beside those it never does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from training.evaluation.bootstrap import Estimate
from training.evaluation.checks import FloatArray, numbers

POWER = 0.8


@dataclass(frozen=True, slots=True)
class ProgrammeEffect:
    """Means of both groups, their difference, and what difference could have been found.

    `detectable` is the true difference which a 95 % interval leaves 0 out of in 80 of 100 such
    experiments. A smaller effect may be there and not show.
    """

    main_customers: int
    holdout_customers: int
    main_mean: float
    holdout_mean: float
    difference: Estimate
    detectable: float


def intention_to_treat(outcomes: npt.ArrayLike, held_out: npt.ArrayLike) -> ProgrammeEffect:
    """Compare outcomes by what was drawn for a customer, whatever then came of it.

    The interval is Welch's (1947): mean difference ± t √(s₁²/n₁ + s₀²/n₀), with Satterthwaite's
    degrees of freedom. The detectable difference is (t₀.₉₇₅ + t₀.₈) times the same root.

    Args:
        outcomes: [n], one for each customer, such as margin in minor units, or 1 who stayed and
            0 who did not.
        held_out: bool [n], whether the customer was drawn into the holdout.

    Raises:
        ValueError: fewer than two customers in either group.
    """
    values = numbers("outcomes", outcomes)
    held = np.asarray(held_out)
    if held.shape != values.shape or held.dtype != np.bool_:
        raise ValueError(
            f"held_out must be bool, one for each of {values.size} customers, "
            f"got: {held.dtype} of shape {held.shape}"
        )
    main, holdout = values[~held], values[held]
    if min(main.size, holdout.size) < 2:
        raise ValueError(
            "both groups must have two customers at least, "
            f"got: {main.size} in main and {holdout.size} in the holdout"
        )
    parts = np.array([_variance_of_mean(main), _variance_of_mean(holdout)])
    error = float(np.sqrt(parts.sum()))
    difference = float(main.mean() - holdout.mean())
    freedom = 1.0 if error == 0 else error**4 / _over(parts**2, (main.size - 1, holdout.size - 1))
    half = float(stdtrit(freedom, 0.975)) * error
    return ProgrammeEffect(
        main_customers=main.size,
        holdout_customers=holdout.size,
        main_mean=float(main.mean()),
        holdout_mean=float(holdout.mean()),
        difference=Estimate(difference, difference - half, difference + half),
        detectable=half + float(stdtrit(freedom, POWER)) * error,
    )


def _variance_of_mean(values: FloatArray) -> float:
    return float(values.var(ddof=1) / values.size)


def _over(squares: FloatArray, freedoms: tuple[int, int]) -> float:
    return float((squares / np.array(freedoms)).sum())
