"""What an arm is worth at an hour, in parts that sum to the value to the last bit."""

from __future__ import annotations

from dataclasses import dataclass

from serving.policy.arrays import FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """A value in minor units, taken apart: arrays of one shape. Costs are negative numbers.

    Attributes:
        effect: effect at an average hour, tau.
        timing: what the hour adds or takes, tau * (m - 1).
        delivery_cost: minus the cost of delivery.
        contact_cost: minus the cost in fatigue.
        lever: what a lever adds or takes: the sum of all above * (lever - 1). It is a wish of the
            business and no effect. It never turns a loss into a gain, nor a gain into a loss.
        prices: minus the dual prices of the resources that the arm uses.
    """

    effect: FloatArray
    timing: FloatArray
    delivery_cost: FloatArray
    contact_cost: FloatArray
    lever: FloatArray
    prices: FloatArray

    @property
    def value(self) -> FloatArray:
        """Sum of the parts, added in the order in which they are declared."""
        return self.worth + self.lever + self.prices

    @property
    def worth(self) -> FloatArray:
        """What is expected of the arm, before levers and prices."""
        return self.effect + self.timing + self.delivery_cost + self.contact_cost


def price_part(use: FloatArray, prices: FloatArray) -> FloatArray:
    """Minus what the arms' resources cost: from use [k, r] and prices [r] to [k]."""
    # A sum over rows, and not a matrix product, whose last bit depends on the machine's library.
    part: FloatArray = 0 - (use * prices).sum(axis=1)
    return part
