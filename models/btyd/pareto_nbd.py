"""Pareto/NBD: customers stop at an unseen moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numba as nb
import numpy as np
import numpy.typing as npt

from models.btyd.histories import FloatArray, Histories, require_positive
from models.btyd.quadrature import unit_rule

_NODES = 24
_NEGLIGIBLE = 40.0
"""e^-40 is below the precision of a double: the integral of a decay may end there."""


@dataclass(frozen=True, slots=True)
class ParetoNBD:
    """Pareto/NBD (Schmittlein, Morrison & Colombo 1987, "Counting your customers").

    While alive a customer buys at the rate lambda ~ Gamma(shape r, rate alpha); they stop for good
    at the rate mu ~ Gamma(shape s, rate beta), whether they buy or not.

    Attributes:
        r: Shape of the buying rates; small for unlike customers.
        alpha: Rate of the buying rates, in units of time.
        s: Shape of the stopping rates.
        beta: Rate of the stopping rates, in units of time.
    """

    r: float
    alpha: float
    s: float
    beta: float

    def __post_init__(self) -> None:
        require_positive(r=self.r, alpha=self.alpha, s=self.s, beta=self.beta)

    def silent_deaths(
        self, frequency: FloatArray, since: FloatArray, until: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """When within (since, until] a customer who no longer bought may have stopped.

        Returns:
            Moments tau and the logs of their masses, each of shape (24, n); a customer's masses sum
            to the integral of s * (alpha + tau)^-(r + x) * (beta + tau)^-(s + 1) over tau.

        Gauss' rule over ln(min(alpha, beta) + tau), in which the integrand is smooth whatever the
        parameters, ending where what is left is negligible (Fader & Hardie 2005, "A note on
        deriving the Pareto/NBD model", have two hypergeometric functions here).
        """
        return self._deaths(frequency, since, until, until)[:2]

    def _deaths(self, *columns: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        parameters = float(self.r), float(self.alpha), float(self.s), float(self.beta)
        found = _silent_deaths(*parameters, *columns, *unit_rule(_NODES))
        return cast("tuple[FloatArray, FloatArray, FloatArray]", found)

    def _log_silent_death(
        self, histories: Histories, since: FloatArray, until: FloatArray
    ) -> FloatArray:
        """Log of all mass of `silent_deaths` over that of being alive at `age`, shape (n,)."""
        return self._deaths(histories.frequency, since, until, histories.age)[2]

    def log_dead_odds(self, histories: Histories) -> FloatArray:
        """Log-odds of having stopped by `age`, shape (n,); -inf where t_x = age."""
        return self._log_silent_death(histories, histories.t_x, histories.age)

    def probability_alive(self, histories: Histories) -> FloatArray:
        """P(has not stopped by `age`), shape (n,)."""
        return np.asarray(np.exp(-np.logaddexp(0, self.log_dead_odds(histories))))

    def expected_transactions(self, histories: Histories, horizon: npt.ArrayLike) -> FloatArray:
        """E[transactions in (age, age + horizon]], shape (n,); `horizon` a number or shape (n,).

        Given that the customer is alive, lambda ~ Gamma(r + x, alpha + T) and mu ~ Gamma(s, beta +
        T) independently, so that it is P(alive) * (r + x) / (alpha + T) times the `time_alive`.
        """
        rate = (self.r + histories.frequency) / (self.alpha + histories.age)
        return self.probability_alive(histories) * rate * self.time_alive(histories, horizon)

    def time_alive(self, histories: Histories, horizon: npt.ArrayLike) -> FloatArray:
        """E[time within (age, age + horizon] until one who is alive at `age` stops], shape (n,).

        The integral of ((beta + T) / (beta + T + t))^s over t from 0 to the horizon.
        """
        lengths = histories.horizons(horizon)
        return np.asarray(_time_alive(float(self.s), float(self.beta), histories.age, lengths))

    def probability_of_any(self, histories: Histories, horizon: npt.ArrayLike) -> FloatArray:
        """P(at least one transaction in (age, age + horizon]), shape (n,).

        Given that the customer is alive, they buy unless they first stop or the horizon ends.
        """
        lengths = histories.horizons(horizon)
        end = histories.age + lengths
        stops = np.exp(self._log_silent_death(histories, histories.age, end))
        waits = np.exp(
            -(self.r + histories.frequency) * np.log1p(lengths / (self.alpha + histories.age))
            - self.s * np.log1p(lengths / (self.beta + histories.age))
        )
        # Rounding may leave a horizon of 0 with less than nothing.
        return np.asarray(self.probability_alive(histories) * np.maximum(1 - stops - waits, 0))

    def draw_transactions(
        self, histories: Histories, horizon: npt.ArrayLike, draws: int, rng: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        """Draw the number of transactions in (age, age + horizon], shape (n, draws).

        Exactly from the predictive distribution given the parameters: alive or not; lambda from its
        posterior (see `expected_transactions`); the time alive that mu's posterior gives, which is
        Pareto with shape s and scale beta + T; Poisson many transactions in what of the horizon
        that leaves.
        """
        size = (len(histories), draws)
        age = histories.age[:, None]
        alive = rng.random(size) < self.probability_alive(histories)[:, None]
        rate = rng.gamma(self.r + histories.frequency[:, None], size=size) / (self.alpha + age)
        scale = self.beta + age
        alive_for = np.minimum(
            rng.pareto(self.s, size), histories.horizons(horizon)[:, None] / scale
        )
        return np.where(alive, rng.poisson(rate * scale * alive_for), 0)


@nb.njit(cache=True, nogil=True)
def _time_alive(s: float, beta: float, age: FloatArray, lengths: FloatArray) -> FloatArray:
    found = np.empty(len(age))
    for i in range(len(age)):
        stretch = np.log1p(lengths[i] / (beta + age[i]))
        if s != 1:  # of which the stretch itself is the limit
            stretch = -np.expm1((1 - s) * stretch) / (s - 1)
        found[i] = (beta + age[i]) * stretch
    return found


@nb.njit(cache=True, nogil=True)
def _silent_deaths(
    r: float,
    alpha: float,
    s: float,
    beta: float,
    frequency: FloatArray,
    since: FloatArray,
    until: FloatArray,
    age: FloatArray,
    nodes: FloatArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`ParetoNBD.silent_deaths`, and their log-odds against being alive at `age`, shape (n,)."""
    moments = np.empty((len(nodes), len(since)))
    log_masses = np.empty((len(nodes), len(since)))
    log_odds = np.empty(len(since))
    log_weights = np.log(weights)
    for i in range(len(since)):
        shape = r + frequency[i]
        length = min(
            until[i] - since[i],
            (alpha + since[i]) * np.expm1(_NEGLIGIBLE / shape),
            (beta + since[i]) * np.expm1(_NEGLIGIBLE / s),
        )
        start = min(alpha, beta) + since[i]
        width = np.log1p(length / start)
        log_scale = np.log(s * width * start)
        largest = -np.inf
        for j in range(len(nodes)):
            tau = since[i] + start * np.expm1(nodes[j] * width)
            log_mass = (
                log_weights[j]
                + log_scale
                + nodes[j] * width
                - shape * np.log(alpha + tau)
                - (s + 1) * np.log(beta + tau)
            )
            moments[j, i], log_masses[j, i] = tau, log_mass
            largest = max(largest, log_mass)
        total = 0.0
        if length > 0:  # else there is no time to stop in: masses of 0
            for j in range(len(nodes)):
                total += np.exp(log_masses[j, i] - largest)
        log_alive = -shape * np.log(alpha + age[i]) - s * np.log(beta + age[i])
        log_odds[i] = largest + np.log(total) - log_alive
    return moments, log_masses, log_odds
