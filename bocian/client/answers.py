"""Answers of the API as typed dictionaries; a test holds them equal to its description.

Money is in minor units of the currency, probabilities are in [0, 1], instants are ISO 8601 in UTC.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class ValueParts(TypedDict):
    """What a value is made of; the parts sum to it."""

    effect: float
    timing: float
    delivery_cost: float
    contact_cost: float
    lever: float
    prices: float


class Arm(TypedDict):
    """An action on a channel."""

    action_id: str
    channel: str | None


class Alternative(Arm):
    """An arm that was open and was not chosen."""

    value_minor: float
    value_parts: ValueParts
    hour_block: int | None
    propensity: float


class Suppressed(Arm):
    """An arm that was closed, and why."""

    reasons: list[str]


class Predictions(TypedDict):
    """What is foretold of a customer; None where nothing can be."""

    churn_probability: float | None
    churn_applies: bool
    churn_by_days: dict[str, float | None]
    raw_log_odds: float | None
    expected_margin_minor: float | None
    margin_low_minor: float | None
    margin_high_minor: float | None
    lifecycle_stage: str | None
    best_hour_of_week: int


class Propensity(TypedDict):
    """With what probability the choice was drawn."""

    action: float
    hour: float
    joint: float
    marginal: float


class Versions(TypedDict):
    """What decided."""

    bundle: str
    policy_epoch: str
    catalogue: str


class Explanation(TypedDict):
    """Why a decision came out as it did."""

    decision_id: str | None
    why_action: dict[str, Any]
    risk_rests_on: dict[str, Any]
    what_would_differ: dict[str, Any]
    versions: Versions


class Decision(TypedDict):
    """The next best action of a customer in a slot; `decision_id` is None in a preview."""

    decision_id: str | None
    customer_id: str
    slot: str
    as_of: str
    valid_until: str
    action_id: str
    channel: str | None
    offer: dict[str, Any] | None
    purpose: str | None
    language: str | None
    favourite_category: str | None
    send_at: str | None
    hour_block: int | None
    currency: str
    value_minor: float
    value_parts: ValueParts
    lever: float
    predictions: Predictions
    propensity: Propensity
    explored: bool
    stratum: Literal["main", "holdout", "quiet"]
    greedy: Arm
    alternatives: list[Alternative]
    suppressed: list[Suppressed]
    versions: Versions
    explanation: NotRequired[Explanation]


class BatchAnswer(TypedDict):
    """Decisions in the order of the request, and the customers of whom nothing is known."""

    decisions: list[Decision]
    unknown_customers: list[str]


class Kept(TypedDict):
    """What became of what was told; durable."""

    kept: int
    repeated: int


class ExecutionAnswer(TypedDict):
    """The report as it is kept."""

    decision_id: str
    status: Literal["sent", "blocked", "failed"]
    at: str
    by: str
    reason: str | None


class Horizons(TypedDict):
    """How far the predictions look, in days, and what churn is."""

    churn: Literal["no_order", "cancellation"]
    churn_days: int
    margin_days: int


class ModelVersions(TypedDict):
    """What predicted."""

    bundle: str
    catalogue: str


class PredictionsAnswer(TypedDict):
    """Churn, margin and hours of one customer; `customer_id` is None where features came along."""

    customer_id: str | None
    as_of: str
    currency: str
    horizons: Horizons
    estimand: str
    send_time_basis: str
    predictions: Predictions
    versions: ModelVersions


class CustomerSection(TypedDict):
    """A heading and its sentences."""

    heading: str
    sentences: list[str]


class CustomerExplanation(TypedDict):
    """What the customer has a right to know, by language."""

    decision_id: str
    sections: dict[Literal["en", "pl"], list[CustomerSection]]
