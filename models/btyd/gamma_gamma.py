"""Gamma-Gamma: what a transaction is worth, shrunk to everyone's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.btyd.histories import FloatArray, require_positive


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Gamma-Gamma (Fader & Hardie 2013, "The Gamma-Gamma model of monetary value").

    A transaction's margin is Gamma(shape p, rate nu), nu ~ Gamma(shape q, rate v), apart from how
    often the customer buys: check that the two are not correlated. Means of no transactions are of
    no weight, and may be NaN.

    Attributes:
        p: Shape of the margins of one customer.
        q: Shape of the rates across customers; the margins have a finite mean above q = 1.
        v: Rate of the rates, in units of money.
    """

    p: float
    q: float
    v: float

    def __post_init__(self) -> None:
        require_positive(p=self.p, q=self.q, v=self.v)

    def _posterior(
        self, frequency: FloatArray, mean_margin: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Shape and rate of nu given the mean of `frequency` transactions, each of shape (n,)."""
        total = np.where(frequency > 0, frequency * mean_margin, 0.0)
        return self.q + self.p * frequency, self.v + total

    def expected_mean(self, frequency: FloatArray, mean_margin: FloatArray) -> FloatArray:
        """E[margin of a further transaction], shape (n,), in units of `v`; may be infinite.

        p * (v + x * m) / (p * x + q - 1) where that is defined.

        Args:
            frequency: How many transactions the mean is of, shape (n,).
            mean_margin: Mean margin of those transactions, shape (n,).
        """
        shape, rate = self._posterior(frequency, mean_margin)
        finite = shape > 1
        return np.where(finite, self.p * rate / np.where(finite, shape - 1, 1), np.inf)

    def draw_margin(
        self,
        transactions: npt.NDArray[np.int64],
        frequency: FloatArray,
        mean_margin: FloatArray,
        rng: np.random.Generator,
    ) -> FloatArray:
        """Draw the total margin of so many further transactions, shape (n, draws).

        Exactly from the predictive distribution given the parameters: nu from its posterior, and
        the sum of k margins, which is Gamma(shape k * p, rate nu).

        Args:
            transactions: As a model's `draw_transactions` gives them, shape (n, draws).
            frequency: How many transactions the mean is of, shape (n,).
            mean_margin: Mean margin of those transactions, shape (n,).
            rng: Source of the draws.
        """
        shape, rate = self._posterior(frequency, mean_margin)
        nu = rng.gamma(shape[:, None], size=transactions.shape) / rate[:, None]
        return rng.gamma(self.p * transactions) / nu
