"""What the best policies are worth in `persuadables`, against an integral."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from simulate_world import world

from training.simulate import draw, net_values, state

CORRELATION = 0.2
ACTIONS = {"discount": (-5, 400, 15), "call": (250, 1500, 600), "tip": (8, 40, 1)}
"""Mean and standard deviation of the effect, and cost, as the scenario states them."""
DRIVERS = {
    "discount": ["price_sensitivity", "days_since_last_order"],
    "call": ["complaints", "monetary_value"],
    "tip": ["category_entropy"],
}


@pytest.fixture(scope="module")
def persuadables():
    actions = [
        {
            "id": name,
            "channel": "email",
            "cost": cost,
            "effect_mean": mean,
            "effect_sd": sd,
            "effect_on": "margin",
            "effect_drivers": DRIVERS[name],
            "outcome_noise_sd": 2000,
        }
        for name, (mean, sd, cost) in ACTIONS.items()
    ]
    return world(actions=actions, risk_effect_correlation=CORRELATION, customers=100_000, seed=13)


def oracle():
    """E[max(0, net effects)] = the integral of 1 − Π P(net ≤ v) over v ≥ 0 and over risk.

    Given the risk's normal score r, an action's net conditional mean is a rising function of
    d ~ N(0, 1), and those of actions without a common driver are independent.
    """
    d, v = np.linspace(-8, 8, 4001), np.linspace(0, 60_000, 30_001)
    u, weight = np.polynomial.hermite_e.hermegauss(101)
    weight = weight / weight.sum()
    own = np.sqrt(1 - CORRELATION**2)
    total = 0.0
    for r, of_r in zip(*(part[20:-20] for part in (u, weight)), strict=True):
        if of_r < 1e-9:
            continue
        below = np.ones_like(v)
        for mean, sd, cost in ACTIONS.values():
            told = CORRELATION * r + own * np.sqrt(0.9) * d
            score = told[:, None] + own * np.sqrt(0.1) * u
            expected = (score * np.abs(score)) @ weight / np.sqrt(3)
            net = mean + sd * expected - cost
            below *= norm.cdf(np.interp(v, net, d, left=-np.inf, right=np.inf))
        total += of_r * np.trapezoid(1 - below, v)
    return total


def test_the_oracle_is_worth_what_the_integral_says(persuadables):
    now = state(draw(persuadables), 0)
    best = net_values(persuadables, now).max(axis=1)
    assert best.mean() == pytest.approx(oracle(), abs=4.5 * best.std() / np.sqrt(len(best)))


def test_the_best_constant_reaches_less_than_three_quarters_of_the_oracle(persuadables):
    of_all = max(0.0, *(mean - cost for mean, _, cost in ACTIONS.values()))
    assert of_all / oracle() <= 0.75
    net = net_values(persuadables, state(draw(persuadables), 0))
    constants = net.mean(axis=0)
    assert constants.max() == pytest.approx(of_all, abs=1)
    assert constants.max() / net.max(axis=1).mean() <= 0.75
