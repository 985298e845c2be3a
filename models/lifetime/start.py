"""Where the trees start: what a buy-till-you-die model expects of a short history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba as nb
import numpy as np

from models.btyd import GammaGamma, Histories, ParetoNBD
from models.btyd.histories import FloatArray
from models.lifetime.past import Past

START_COLUMNS: Final = ("pareto_nbd_alive", "pareto_nbd_pace", "gamma_gamma_margin")
"""The columns that trees may read beside features."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What `Start` makes of n customers; all arrays are of shape (n,).

    Attributes:
        alive: P(still a customer).
        pace: Expected transactions a week, just now.
        size: Of the number of transactions to come if that were negative binomial: its variance is
            m + m^2 / size for a mean m.
        margin: Expected margin of a further transaction.
        days_to_next_order: Median days until the next transaction of one who goes on buying.
    """

    alive: FloatArray
    pace: FloatArray
    size: FloatArray
    margin: FloatArray
    days_to_next_order: FloatArray

    @property
    def columns(self) -> FloatArray:
        """`START_COLUMNS`, shape (n, 3)."""
        return np.array([self.alive, self.pace, self.margin]).T


@dataclass(frozen=True, slots=True)
class Start:
    """How often customers buy and whether they still do, and what a transaction earns."""

    pareto_nbd: ParetoNBD
    gamma_gamma: GammaGamma

    def read(self, past: Past) -> Reading:
        """What can be said of customers whatever the horizon.

        With a shape r + x and a rate alpha + T of a living customer's buying rate, and P(alive) p:
        1 / size is (1 + 1 / (r + x)) / p - 1, and of those who do not stop before half have waited
        longer than (alpha + T) * (2^(1 / (r + x)) - 1).
        """
        model, histories = self.pareto_nbd, past.histories
        alive = model.probability_alive(histories)
        parameters = float(model.r), float(model.alpha)
        pace, size, days = _paces(*parameters, histories.frequency, histories.age, alive)
        margin = self.gamma_gamma.expected_mean(past.transactions, past.mean_margin)
        return Reading(alive, pace, size, margin, days)

    def weeks_alive(self, histories: Histories, weeks: float) -> FloatArray:
        """Of the next `weeks`, how many one who is a customer still will remain one, (n,)."""
        return self.pareto_nbd.time_alive(histories, weeks)


@nb.njit(cache=True, nogil=True)
def _paces(
    r: float, alpha: float, frequency: FloatArray, age: FloatArray, alive: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Pace, size and days to the next order, by the formulas of `Start.read`."""
    pace, size, days = np.empty(len(age)), np.empty(len(age)), np.empty(len(age))
    for i in range(len(age)):
        shape, rate = r + frequency[i], alpha + age[i]
        pace[i] = alive[i] * shape / rate
        size[i] = alive[i] * shape / (1 + (1 - alive[i]) * shape)
        days[i] = 7 * rate * np.expm1(np.log(2.0) / shape)
    return pace, size, days
