"""What customers will buy and earn: buy till you die, and trees as far as they prove right."""

from models.lifetime.hybrid import EXPERTS, Hybrid, Value
from models.lifetime.spread import Counts, Spread
from models.lifetime.start import START_COLUMNS, Past, Reading, Start

__all__ = [
    "EXPERTS",
    "START_COLUMNS",
    "Counts",
    "Hybrid",
    "Past",
    "Reading",
    "Spread",
    "Start",
    "Value",
]
