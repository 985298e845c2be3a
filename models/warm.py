"""`python -m models.warm`: compile what predicts into its cache, so that no first request waits."""

from __future__ import annotations

import numpy as np

from models.btyd import Histories, ParetoNBD
from models.trees import NODE, Forest


def warm() -> None:
    """Score one row on a lone leaf, and one customer who has just begun."""
    leaf = Forest(features=1, trees=1, depth=0, nodes=np.zeros(1, NODE), values=np.zeros(1))
    leaf.scores(np.zeros((1, 1)))
    ParetoNBD(1, 1, 1, 1).probability_alive(Histories(*np.zeros((3, 1))))


if __name__ == "__main__":
    warm()
