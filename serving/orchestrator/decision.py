"""The part of a decision that a message needs, parsed once at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, model_validator

from serving.config import NO_ACTION, Channel, Offer
from serving.orchestrator.errors import OrchestratorError


class DecisionError(OrchestratorError):
    """There is no usable decision for a customer.

    `title` and `detail` are those of the service's problem document (RFC 9457) where it sent one.
    """

    def __init__(self, title: str, detail: str) -> None:
        super().__init__(f"{title}: {detail}")
        self.title = title
        self.detail = detail


class Decision(BaseModel):
    """One answer of the service; fields that messages do not need are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    decision_id: str
    customer_id: str
    action_id: str
    channel: Channel | None
    offer: Offer | None
    send_at: AwareDatetime | None
    valid_until: AwareDatetime
    favourite_category: str | None = None

    @model_validator(mode="after")
    def _a_contact_has_a_channel(self) -> Decision:
        if (self.action_id == NO_ACTION) != (self.channel is None):
            raise ValueError("channel must be null exactly for 'no_action'")
        return self


def parse_decision(customer_id: str, answer: Mapping[str, Any]) -> Decision:
    """The decision in the service's `answer` about `customer_id`.

    Raises:
        DecisionError: when a field is missing or wrong, or when the answer is about another
            customer. The text names fields and rules, and repeats no personal data.
    """
    try:
        decision = Decision.model_validate(answer)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'decision'}: {one['msg']}"
            for one in error.errors(include_input=False, include_context=False)
        )
        raise DecisionError("Answer of the service is not a decision", wrong) from None
    if decision.customer_id != customer_id:
        raise DecisionError(
            "Answer is about another customer",
            f"customer_id must be the one asked for, got: {decision.customer_id!r}",
        )
    return decision
