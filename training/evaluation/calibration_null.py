"""What calibration error chance alone would show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.evaluation.checks import probabilities, whole
from training.evaluation.probabilities import equal_count_bins


def calibration_null(
    p: npt.ArrayLike, bins: int = 10, *, replicates: int = 1000, seed: int
) -> float:
    """95th percentile of `calibration_error` if `p` were perfectly calibrated.

    Outcomes are simulated from the predictions themselves, y ~ Bernoulli(p), and binned alike: an
    error below this figure is no evidence of miscalibration. Rows are taken as independent.

    Args:
        p: [n] within [0, 1].
        bins: as given to `calibration_error`.
        replicates: how many simulations.
        seed: of the simulations.
    """
    predicted = probabilities("p", p)
    predicted = np.sort(predicted)
    of_row = equal_count_bins(predicted, whole("bins", bins, 1))
    starts = np.flatnonzero(np.r_[True, np.diff(of_row) > 0])
    rng = np.random.default_rng(seed)
    errors = np.empty(whole("replicates", replicates, 1))
    for i in range(replicates):
        residuals = (rng.random(predicted.size) < predicted) - predicted
        errors[i] = np.abs(np.add.reduceat(residuals, starts)).sum() / predicted.size
    return float(np.quantile(errors, 0.95))
