"""A decision as it is answered and kept: canonical JSON, the same bytes each time."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from features.clock import to_us
from serving.ledger.decisions import StoredDecision
from serving.slots import Slot

INPUTS: Final = "inputs"
"""The last member of a record: what its answer leaves out."""


def decision_id(secret: bytes, customer_id: str, slot: Slot) -> str:
    """One id for customer, policy epoch and slot, that nobody without the secret can guess."""
    # As JSON: joined by any character, two other triples could read alike.
    text = b"decision:" + orjson.dumps([customer_id, slot.policy_epoch, slot.name])
    return "d" + hmac.new(secret, text, hashlib.sha256).hexdigest()[:31]


@dataclass(frozen=True)
class Decided:
    """A decision with its record as it is kept: canonical JSON, inputs included."""

    record: dict[str, Any]
    content: bytes

    @classmethod
    def of(cls, record: dict[str, Any]) -> Decided:
        """One that was just made."""
        return cls(record, to_bytes(record))

    @property
    def answer(self) -> bytes:
        """What the API gives unless more is asked for: all that comes before the inputs.

        Within a text of JSON a quotation mark has a backslash before it: these are no text's.
        """
        return self.content[: self.content.index(b',"inputs":{')] + b"}"


def decided_before(row: StoredDecision) -> Decided:
    """One that the ledger holds."""
    return Decided(orjson.loads(row.record), row.record.encode())


def to_bytes(record: dict[str, Any]) -> bytes:
    """Canonical JSON of a record."""
    return orjson.dumps(record)


def answer(record: dict[str, Any]) -> dict[str, Any]:
    """The record without its inputs: what the API gives unless more is asked for."""
    return {name: value for name, value in record.items() if name != INPUTS}


def stored(decided: Decided, slot: Slot) -> StoredDecision:
    """The decision as a row of the ledger."""
    record = decided.record
    return StoredDecision(
        decision_id=record["decision_id"],
        customer_id=record["customer_id"],
        policy_epoch=slot.policy_epoch,
        slot=slot.name,
        decided_at_us=_us(record["as_of"]),
        action_id=record["action_id"],
        channel=record["channel"],
        send_at_us=_us(record["send_at"]) if record["send_at"] else None,
        valid_until_us=_us(record["valid_until"]),
        propensity=record["propensity"]["joint"],
        marginal_propensity=record["propensity"]["marginal"],
        explored=record["explored"],
        stratum=record["stratum"],
        bundle_digest=record["versions"]["bundle"],
        record=decided.content.decode(),
    )


@lru_cache(maxsize=4096)
def _us(text: str) -> int:
    return to_us(dt.datetime.fromisoformat(text))
