"""Logs that the tests of off-policy evaluation share."""

import numpy as np

from training.evaluation.off_policy.log import Log
from training.evaluation.off_policy.overlap import Overlap

FOUR_TARGET = [[0.0, 1.0], [0.5, 0.5], [0.25, 0.75], [0.2, 0.8]]
FOUR_PREDICTIONS = [[1.0, 2.0], [0.0, 1.0], [3.0, 1.0], [2.0, 0.0]]


def four(**changes):
    """Four rows whose target has the weights 0, 2, 1.5 and 0.25."""
    return Log(
        **{
            "actions": [0, 1, 1, 0],
            "rewards": [1.0, 2.0, 1.0, 4.0],
            "customers": ["a", "b", "b", "c"],
            "feasible": np.ones((4, 2), bool),
            "logging_policy": [[0.5, 0.5], [0.75, 0.25], [0.5, 0.5], [0.8, 0.2]],
        }
        | changes
    )


def four_overlap(**changes):
    return Overlap(four(**changes), FOUR_TARGET)


class World:
    """Three actions whose expected rewards, both policies and the target's value are known.

    What is expected depends on a coin x: rows are drawn with it, so the value is an exact mean.
    Slots of one customer share x and half of the noise.
    """

    expected = np.array([[1.0, 3.0, 0.0], [2.0, 0.0, 4.0]])
    logging = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    target = np.array([[0.1, 0.2, 0.7], [0.2, 0.1, 0.7]])
    value = float((target * expected).sum(axis=1).mean())

    def draw(self, customers, slots, seed):
        """A log, the target on it, and the expected rewards [n, 3]."""
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(customers), slots)
        x = rng.integers(2, size=customers)[who]
        cumulative = self.logging[x].cumsum(axis=1)
        actions = (cumulative > rng.random(who.size)[:, None]).argmax(axis=1)
        noise = rng.normal(size=customers)[who] + rng.normal(size=who.size)
        log = Log(
            actions,
            self.expected[x, actions] + noise,
            who,
            np.ones((who.size, 3), bool),
            self.logging[x],
        )
        return log, Overlap(log, self.target[x]), self.expected[x]
