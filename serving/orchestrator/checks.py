"""Whether a message may still go out at this moment; each refusal has a reason code.

The policy checked all this when it decided. Between decision and message a customer may have
withdrawn consent, moved, or heard from the business by another way. Whoever asks here and acts on
the answer has the customer's turn meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from serving.config import Caps
from serving.ledger import Ledger
from serving.ledger.contacts import Contact
from serving.ledger.instants import DAY_US


class NotExecuted(StrEnum):
    """Why a decision did not become a message."""

    UNKNOWN_ADDRESS = "unknown_address"
    NO_CONSENT = "no_consent"
    EXPIRED = "expired"
    FREQUENCY_CAP = "frequency_cap"
    COOL_DOWN = "cool_down"


def forbidden(
    ledger: Ledger, *, decision_id: str, customer_id: str, purpose: str, channel: str, now_us: int
) -> NotExecuted | None:
    """What forbids the message whatever was sent before: no consent, or a decision out of date.

    A decision may be carried out until its `valid_until` inclusive.
    """
    if not ledger.consents.allowed(customer_id, purpose, channel, now_us):
        return NotExecuted.NO_CONSENT
    decision = ledger.decisions.get(decision_id)
    if decision is None or now_us > decision.valid_until_us:
        return NotExecuted.EXPIRED
    return None


def contacts_that_count(
    ledger: Ledger, customer_id: str, cool_down_days: int, caps: Caps, now_us: int
) -> list[Contact]:
    """A customer's contacts within the longer of the cap's window and the cool-down."""
    since_us = now_us - max(caps.window_days, cool_down_days) * DAY_US
    return list(ledger.contacts.since([customer_id], since_us))


def too_much_contact(
    contacts: Collection[Contact], action_id: str, cool_down_days: int, caps: Caps, now_us: int
) -> NotExecuted | None:
    """Whether one more contact would break the frequency cap or its action's cool-down.

    Windows are `(now − days, now]`, and whatever is queued for later counts as well.
    """
    window_start_us = now_us - caps.window_days * DAY_US
    if sum(contact.at_us > window_start_us for contact in contacts) >= caps.messages:
        return NotExecuted.FREQUENCY_CAP
    cool_since_us = now_us - cool_down_days * DAY_US
    same = (contact for contact in contacts if contact.action_id == action_id)
    if cool_down_days and any(contact.at_us > cool_since_us for contact in same):
        return NotExecuted.COOL_DOWN
    return None
