"""`python -m models.warm`: compile what predicts into its cache, so that no first request waits."""

from __future__ import annotations

import numpy as np

from models.btyd import GammaGamma, Histories, ParetoNBD
from models.lifetime import EXPERTS, RECENT_DAYS, Hybrid, Past, Spread, Start
from models.trees import NODE, Forest


def warm() -> None:
    """Score one row on a lone leaf, and value one customer who has just begun."""
    leaf = Forest(features=1, trees=1, depth=0, nodes=np.zeros(1, NODE), values=np.zeros(1))
    raw = leaf.scores(np.zeros((1, 1)))
    weights = (1 / len(EXPERTS),) * len(EXPERTS)
    start = Start(ParetoNBD(1, 1, 1, 1), GammaGamma(1, 1, 1))
    hybrid = Hybrid(start, (1.0, 1.0), weights, weights, Spread((0.0, 1.0), (), ((0.0, 1.0),)))
    recent = np.ones((1, len(RECENT_DAYS)))
    past = Past(Histories(*np.zeros((3, 1))), np.ones(1), recent, recent)
    value = hybrid.value(past, start.read(past), 1.0, raw, raw)
    hybrid.margin_interval(value, 0.9)


if __name__ == "__main__":
    warm()
