"""The HTTP API from Python: `Client`, what it takes and gives, and how it fails.

It needs httpx alone and imports nothing else of Bocian.
"""

from bocian.client.answers import (
    Arm,
    BatchAnswer,
    CustomerExplanation,
    Decision,
    ExecutionAnswer,
    Explanation,
    Kept,
    Predictions,
    PredictionsAnswer,
)
from bocian.client.client import Client
from bocian.client.errors import (
    ClientError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)
from bocian.client.told import Consent, Event

__all__ = [
    "Arm",
    "BatchAnswer",
    "Client",
    "ClientError",
    "ConflictError",
    "Consent",
    "CustomerExplanation",
    "Decision",
    "Event",
    "ExecutionAnswer",
    "Explanation",
    "ForbiddenError",
    "InvalidError",
    "Kept",
    "NotFoundError",
    "Predictions",
    "PredictionsAnswer",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnavailableError",
]
