"""Learn what customers will buy and earn."""

from training.clv.features import FittedClv, fit

__all__ = ["FittedClv", "fit"]
