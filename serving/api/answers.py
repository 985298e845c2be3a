"""The shapes of answers, for the API's own description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Money = Annotated[float, Field(description="Minor units of the currency, such as cents.")]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ValueParts(_Answer):
    """What a value is made of; the parts sum to it."""

    effect: Money
    timing: Money
    delivery_cost: Money
    contact_cost: Money
    lever: Annotated[
        float, Field(description="What weights and preferences of the business add; no effect.")
    ]
    prices: Money


class Arm(_Answer):
    """An action on a channel."""

    action_id: str
    channel: str | None


class Alternative(Arm):
    """An arm that was open and was not chosen."""

    value_minor: Money
    value_parts: ValueParts
    hour_block: int | None
    propensity: Probability


class Suppressed(Arm):
    """An arm that was closed, and why."""

    reasons: list[str]


class Predictions(_Answer):
    """What is foretold of a customer; null where nothing can be."""

    churn_probability: Probability | None
    churn_applies: Annotated[
        bool,
        Field(
            description="Whether the customer ordered within the model's active window, or has an "
            "active subscription where churn is its cancellation."
        ),
    ]
    churn_by_days: Annotated[
        dict[str, Probability | None],
        Field(description="The churn probability for each horizon, in days."),
    ]
    raw_log_odds: float | None
    expected_margin_minor: Money | None
    margin_low_minor: Money | None
    margin_high_minor: Money | None
    lifecycle_stage: str | None
    best_hour_of_week: Annotated[int, Field(ge=0, le=167, description="0 is Monday 00:00.")]


class Propensity(_Answer):
    """With what probability the choice was drawn."""

    action: Probability
    hour: Probability
    joint: Probability
    marginal: Annotated[float, Field(ge=0, le=1, description="Over holdout and quiet cohort too.")]


class Versions(_Answer):
    """What decided."""

    bundle: str
    policy_epoch: str
    catalogue: str


class Explanation(BaseModel):
    """Why a decision came out as it did."""

    decision_id: Annotated[str | None, Field(description="Null in a preview.")]
    why_action: dict[str, Any]
    risk_rests_on: Annotated[
        dict[str, Any],
        Field(description="SHAP contributions; with `base_value` they sum to `raw_log_odds`."),
    ]
    what_would_differ: Annotated[
        dict[str, Any],
        Field(description="Changes after which the policy, run on them, decides otherwise."),
    ]
    versions: Versions


class Decision(_Answer):
    """The next best action of a customer in a slot, `no_action` included."""

    decision_id: Annotated[str | None, Field(description="Null in a preview, which is not kept.")]
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
    value_minor: Money
    value_parts: ValueParts
    lever: Annotated[
        float, Field(ge=0, description="How the business weighs it: 1 where it does not.")
    ]
    predictions: Predictions
    propensity: Propensity
    explored: bool
    stratum: Literal["main", "holdout", "quiet"]
    greedy: Arm
    alternatives: list[Alternative]
    suppressed: list[Suppressed]
    versions: Versions
    explanation: Annotated[Explanation | None, Field(description="With `explain` alone.")] = None


class BatchAnswer(_Answer):
    """The decisions in the order of the request, and the customers of whom nothing is known."""

    decisions: list[Decision]
    unknown_customers: list[str]


class Kept(_Answer):
    """What became of what was told; durable. The two sum to what came."""

    kept: Annotated[int, Field(ge=0)]
    repeated: Annotated[int, Field(ge=0, description="Known already; the first one stays.")]


class ExecutionAnswer(_Answer):
    """The report as it is kept."""

    decision_id: str
    status: Literal["sent", "blocked", "failed"]
    at: str
    by: str
    reason: str | None


class Horizons(_Answer):
    """How far the predictions look, in days, and what churn is."""

    churn: Literal["no_order", "cancellation"]
    churn_days: int
    margin_days: int


class ModelVersions(_Answer):
    """What predicted."""

    bundle: str
    catalogue: str


class PredictionsAnswer(_Answer):
    """Churn, margin and hours of one customer."""

    customer_id: Annotated[str | None, Field(description="Null where features came along.")]
    as_of: str
    currency: str
    horizons: Horizons
    estimand: str
    send_time_basis: str
    predictions: Predictions
    versions: ModelVersions


class CustomerSection(_Answer):
    """A heading and its sentences."""

    heading: str
    sentences: list[str]


class CustomerExplanation(_Answer):
    """The explanation that the customer has a right to: no costs, values or other people's data."""

    decision_id: str
    sections: Annotated[
        dict[Literal["en", "pl"], list[CustomerSection]], Field(description="By language.")
    ]


class ProblemDocument(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = None
