"""What customers will buy and earn: a mixture of experts as far as each proved right."""

from models.lifetime.experts import EXPERTS
from models.lifetime.hybrid import Hybrid, Value
from models.lifetime.past import RECENT_DAYS, Past
from models.lifetime.spread import Counts, Spread
from models.lifetime.start import START_COLUMNS, Reading, Start

__all__ = [
    "EXPERTS",
    "RECENT_DAYS",
    "START_COLUMNS",
    "Counts",
    "Hybrid",
    "Past",
    "Reading",
    "Spread",
    "Start",
    "Value",
]
