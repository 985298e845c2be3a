"""BG/NBD: each purchase may be the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.btyd.histories import FloatArray, Histories, require_positive
from models.btyd.quadrature import beta_rule

_NODES = 64


@dataclass(frozen=True, slots=True)
class BetaGeometric:
    """BG/NBD (Fader, Hardie & Lee 2005, "Counting your customers the easy way").

    While alive a customer buys at the rate lambda ~ Gamma(shape r, rate alpha); after each
    transaction but the first they stop for good with probability p ~ Beta(a, b). So who has never
    bought again is alive for certain: a known weakness for one-time buyers.

    Attributes:
        r: Shape of the rates; small for unlike customers.
        alpha: Rate of the rates, in units of time.
        a: Of dropout, whose mean is a / (a + b).
        b: Of dropout.
    """

    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        require_positive(r=self.r, alpha=self.alpha, a=self.a, b=self.b)

    def log_dead_odds(self, histories: Histories) -> FloatArray:
        """Log-odds of having stopped by `age`, shape (n,); -inf where frequency is 0.

        The odds are a / (b + x - 1) * ((alpha + T) / (alpha + t_x))^(r + x).
        """
        x = np.maximum(histories.frequency, 1)
        silence = (histories.age - histories.t_x) / (self.alpha + histories.t_x)
        odds = np.log(self.a / (self.b + x - 1)) + (self.r + x) * np.log1p(silence)
        return np.where(histories.frequency > 0, odds, -np.inf)

    def probability_alive(self, histories: Histories) -> FloatArray:
        """P(has not stopped by `age`), shape (n,)."""
        return np.asarray(np.exp(-np.logaddexp(0, self.log_dead_odds(histories))))

    def expected_transactions(self, histories: Histories, horizon: npt.ArrayLike) -> FloatArray:
        """E[transactions in (age, age + horizon]], shape (n,); `horizon` a number or shape (n,).

        Given that the customer is alive, lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + x)
        independently, so that it is P(alive) times the mean over p of
        (1 - (1 + p * horizon / (alpha + T))^-(r + x)) / p: the paper's equation (10) without its
        hypergeometric function, and without its pole at a = 1. Its relative error is below 1e-8 up
        to a horizon of ten times alpha + T, and below 1e-6 up to a hundred times for x <= 5.
        """
        shape = self.r + histories.frequency
        reach = histories.horizons(horizon) / (self.alpha + histories.age)
        frequencies, row = np.unique(histories.frequency, return_inverse=True)
        nodes, weights = beta_rule(self.a, self.b + frequencies, _NODES)
        if_alive = np.zeros(len(histories))
        for of_frequency, weight in zip(nodes, weights, strict=True):
            p = of_frequency[row]
            if_alive -= weight[row] * np.expm1(-shape * np.log1p(p * reach)) / p
        return np.asarray(self.probability_alive(histories) * if_alive)

    def probability_of_any(self, histories: Histories, horizon: npt.ArrayLike) -> FloatArray:
        """P(at least one transaction in (age, age + horizon]), shape (n,)."""
        reach = histories.horizons(horizon) / (self.alpha + histories.age)
        waits = np.exp(-(self.r + histories.frequency) * np.log1p(reach))
        return np.asarray(self.probability_alive(histories) * (1 - waits))

    def draw_transactions(
        self, histories: Histories, horizon: npt.ArrayLike, draws: int, rng: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        """Draw the number of transactions in (age, age + horizon], shape (n, draws).

        Exactly from the predictive distribution given the parameters: alive or not; the number that
        lambda's posterior gives without dropout, which is negative binomial; p from its posterior
        (see `expected_transactions`), and of those transactions the ones up to the geometric last.
        """
        size = (len(histories), draws)
        x = histories.frequency[:, None]
        alive = rng.random(size) < self.probability_alive(histories)[:, None]
        reach = histories.horizons(horizon) / (self.alpha + histories.age)
        bought = rng.negative_binomial(self.r + x, 1 / (1 + reach[:, None]), size)
        # Beta draws can underflow to 0, which geometric refuses.
        stops = np.maximum(rng.beta(self.a, self.b + x, size), np.finfo(np.float64).tiny)
        return np.where(alive, np.minimum(bought, rng.geometric(stops)), 0)
