"""Delivering what the outbox holds, after one more look at whether it still may go out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from serving.config import Action, Caps
from serving.ledger import Ledger
from serving.ledger.contacts import Contact
from serving.ledger.instants import to_us
from serving.ledger.message import Message, MessageStatus
from serving.orchestrator.checks import (
    NotExecuted,
    contacts_that_count,
    forbidden,
    too_much_contact,
)
from serving.orchestrator.report import SendReport
from serving.orchestrator.senders import DeliveryError, Sender

_BATCH = 50


@dataclass(frozen=True)
class Delivery:
    """The parts that delivering needs.

    `actions` tell how long each cools down; for one that is declared no longer the cap alone holds.
    """

    ledger: Ledger
    sender: Sender
    clock: Callable[[], dt.datetime]
    actions: Mapping[str, Action]
    caps: Caps

    def of_due(self, report: SendReport, *, early: bool = False) -> None:
        """Deliver all messages that are due, also those of earlier runs; count into `report`.

        With `early`, messages planned for later are due as well. If the process dies after a
        delivery and before it is recorded, the message is delivered again, under the same key.
        """
        outbox = self.ledger.outbox
        while batch := outbox.claim(to_us(self.clock()), _BATCH, early=early):
            open_keys = {message.key for message in batch}
            try:
                for message in batch:
                    with self.ledger.turns.of([message.customer_id]):
                        self._deliver(message, report)
                    open_keys.remove(message.key)
            except BaseException:
                outbox.release(open_keys)
                raise

    def _deliver(self, message: Message, report: SendReport) -> None:
        outbox, now_us = self.ledger.outbox, to_us(self.clock())
        current = outbox.get(message.key)
        if current is None or current.status != MessageStatus.QUEUED:
            return  # while this one waited for its turn, another sender's lease on it began
        if reason := self._reason_against(message, now_us):
            outbox.withhold(message.key, reason, now_us)
            report.withheld[reason.value] += 1
            return
        try:
            provider_id = self.sender.deliver(message)
        except DeliveryError as error:
            outbox.mark_failed(message.key, str(error), now_us, final=error.final)
            report.undelivered += 1
            report.note(message.customer_id, error)
            return
        outbox.mark_sent(message.key, provider_id, to_us(self.clock()))
        report.sent += 1

    def _reason_against(self, message: Message, now_us: int) -> NotExecuted | None:
        reason = forbidden(
            self.ledger,
            decision_id=message.decision_id,
            customer_id=message.customer_id,
            purpose=message.purpose,
            channel=message.channel,
            now_us=now_us,
        )
        if reason is not None:
            return reason
        who, what = message.customer_id, message.action_id
        action = self.actions.get(what)
        days = action.cool_down_days if action else 0
        contacts = contacts_that_count(self.ledger, who, days, self.caps, now_us)
        itself = Contact(who, what, message.channel, message.send_at_us)
        if itself in contacts:
            contacts.remove(itself)
        return too_much_contact(contacts, what, days, self.caps, now_us)
