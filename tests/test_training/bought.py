"""Customers who buy till they die, by the law that Pareto/NBD and Gamma-Gamma assume."""

from __future__ import annotations

import numpy as np

from models.btyd import GammaGamma, ParetoNBD
from training.clv.log import Log, log_of

PARETO_NBD = ParetoNBD(r=0.8, alpha=6.0, s=0.6, beta=12.0)
GAMMA_GAMMA = GammaGamma(p=6.0, q=4.0, v=1500.0)


def bought(customers: int, days: int, *, joined_in: int, seed: int) -> Log:
    """All their purchases on the days from 0 to `days`, the first by day `joined_in`; in cents."""
    rng = np.random.default_rng(seed)
    model, money = PARETO_NBD, GAMMA_GAMMA
    first = rng.uniform(0, joined_in, customers)
    weekly = rng.gamma(model.r, 1 / model.alpha, customers)
    life = 7 * rng.exponential(1 / rng.gamma(model.s, 1 / model.beta, customers))
    observed = np.minimum(life, days + 1 - first)
    owner = np.repeat(np.arange(customers), rng.poisson(weekly * observed / 7))
    when = first[owner] + rng.random(len(owner)) * observed[owner]
    owner, when = np.append(np.arange(customers), owner), np.append(first, when)
    usual = rng.gamma(money.q, 1 / money.v, customers)
    margin = rng.gamma(money.p, 1 / usual[owner])
    return log_of(owner, np.floor(when), margin)
