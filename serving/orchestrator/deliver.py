"""Delivering what the outbox holds, after one more look at whether it still may go out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from serving.ledger import Ledger
from serving.ledger.instants import to_us
from serving.ledger.message import Message
from serving.orchestrator.checks import forbidden
from serving.orchestrator.report import SendReport
from serving.orchestrator.senders import DeliveryError, Sender

_BATCH = 50


def deliver_due(
    ledger: Ledger,
    sender: Sender,
    clock: Callable[[], dt.datetime],
    report: SendReport,
    *,
    early: bool = False,
) -> None:
    """Deliver all messages that are due, those of earlier runs included, and count into `report`.

    With `early`, messages planned for later are due as well. If the process dies after a delivery
    and before it is recorded, the message is delivered again, under the same key.
    """
    while batch := ledger.outbox.claim(to_us(clock()), _BATCH, early=early):
        open_keys = {message.key for message in batch}
        try:
            for message in batch:
                _deliver(ledger, sender, clock, report, message)
                open_keys.remove(message.key)
        except BaseException:
            ledger.outbox.release(open_keys)
            raise


def _deliver(
    ledger: Ledger,
    sender: Sender,
    clock: Callable[[], dt.datetime],
    report: SendReport,
    message: Message,
) -> None:
    now_us = to_us(clock())
    reason = forbidden(
        ledger,
        decision_id=message.decision_id,
        customer_id=message.customer_id,
        purpose=message.purpose,
        channel=message.channel,
        now_us=now_us,
    )
    if reason is not None:
        ledger.outbox.withhold(message.key, reason, now_us)
        report.withheld[reason.value] += 1
        return
    try:
        provider_id = sender.deliver(message)
    except DeliveryError as error:
        ledger.outbox.mark_failed(message.key, str(error), now_us, final=error.final)
        report.undelivered += 1
        report.note(message.customer_id, error)
        return
    ledger.outbox.mark_sent(message.key, provider_id, to_us(clock()))
    report.sent += 1
