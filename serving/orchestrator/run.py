"""One run of the orchestrator: ask, check again, render, queue; then deliver what is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from serving.config import Action, Caps, Channel, Messages
from serving.ledger import Ledger
from serving.ledger.executions import Execution, Status, append
from serving.ledger.instants import to_us
from serving.orchestrator.checks import (
    NotExecuted,
    contacts_that_count,
    forbidden,
    too_much_contact,
)
from serving.orchestrator.compose import compose
from serving.orchestrator.decision import Decision, DecisionError, parse_decision
from serving.orchestrator.deliver import Delivery
from serving.orchestrator.errors import OrchestratorError
from serving.orchestrator.render import Renderer
from serving.orchestrator.report import SendReport
from serving.orchestrator.senders import Sender


class AsksForDecisions(Protocol):
    """Whoever can say what to do next for a customer."""

    def next_best_action(self, customer_id: str) -> Mapping[str, Any]:
        """The service's answer; raises DecisionError where there is none."""
        ...


def _no_progress(_done: int) -> None:
    """For callers who do not watch."""


@dataclass(frozen=True)
class Orchestrator:
    """The parts that a run needs. `clock` gives the current instant, with a time zone."""

    client: AsksForDecisions
    ledger: Ledger
    renderer: Renderer
    sender: Sender
    clock: Callable[[], dt.datetime]
    actions: Mapping[str, Action]
    caps: Caps
    messages: Messages

    def send(
        self,
        customers: Iterable[str],
        *,
        deliver_now: bool = False,
        progress: Callable[[int], None] = _no_progress,
    ) -> SendReport:
        """Decide for each of `customers`, queue the messages, and deliver all that are due.

        What fails for one customer is counted and named in the report, and stops no other one.
        Running again repeats no message: a decision is queued once, and a message sent once.

        Args:
            customers: whom to ask for.
            deliver_now: deliver without waiting for the planned hour, which stays in the header
                `X-Bocian-Send-At`.
            progress: called with the number of customers done, after each.
        """
        report = SendReport()
        for customer_id in customers:
            report.asked += 1
            try:
                self._queue(customer_id, report)
            except OrchestratorError as error:
                report.failed += 1
                report.note(customer_id, error)
            progress(report.asked)
        delivery = Delivery(self.ledger, self.sender, self.clock, self.actions, self.caps)
        delivery.of_due(report, early=deliver_now)
        return report

    def _queue(self, customer_id: str, report: SendReport) -> None:
        decision = parse_decision(customer_id, self.client.next_best_action(customer_id))
        report.decided += 1
        report.by_action[decision.action_id] += 1
        if decision.channel is None:
            return
        action = self._action(decision)
        with self.ledger.turns.of([decision.customer_id]):
            self._queue_in_turn(decision, decision.channel, action, report)

    def _queue_in_turn(
        self, decision: Decision, channel: Channel, action: Action, report: SendReport
    ) -> None:
        done = self.ledger.executions.current([decision.decision_id]).get(decision.decision_id)
        if done is not None and done.reason is None:
            report.already += 1
            return
        if done is not None:
            report.not_executed[str(done.reason)] += 1
            return
        self._queue_new(decision, channel, action, report)

    def _queue_new(
        self, decision: Decision, channel: Channel, action: Action, report: SendReport
    ) -> None:
        now = self.clock()
        profile = self.ledger.profiles.get(decision.customer_id)
        address = None if profile is None else profile.address(channel)
        if profile is None or address is None:
            self._block(decision, NotExecuted.UNKNOWN_ADDRESS, now, report)
            return
        if reason := self._reason_against(decision, channel, action, now):
            self._block(decision, reason, now, report)
            return
        message = compose(
            decision,
            channel,
            address,
            action=action,
            profile=profile,
            renderer=self.renderer,
            messages=self.messages,
            now=now,
        )
        with self.ledger.writing() as connection:
            new = self.ledger.outbox.enqueue(connection, message)
        report.queued += new
        report.already += not new

    def _reason_against(
        self, decision: Decision, channel: Channel, action: Action, now: dt.datetime
    ) -> NotExecuted | None:
        now_us = to_us(now)
        reason = forbidden(
            self.ledger,
            decision_id=decision.decision_id,
            customer_id=decision.customer_id,
            purpose=action.purpose,
            channel=channel,
            now_us=now_us,
        )
        if reason is not None:
            return reason
        days = action.cool_down_days
        contacts = contacts_that_count(self.ledger, decision.customer_id, days, self.caps, now_us)
        return too_much_contact(contacts, action.id, days, self.caps, now_us)

    def _block(
        self, decision: Decision, reason: NotExecuted, now: dt.datetime, report: SendReport
    ) -> None:
        with self.ledger.writing() as connection:
            append(
                connection,
                Execution(
                    decision.decision_id,
                    decision.customer_id,
                    Status.NOT_EXECUTED,
                    to_us(now),
                    reason.value,
                ),
            )
        report.not_executed[reason.value] += 1

    def _action(self, decision: Decision) -> Action:
        action = self.actions.get(decision.action_id)
        if action is None:
            raise DecisionError(
                "Action is not declared here",
                f"action_id must be one of {sorted(self.actions)}, got: {decision.action_id!r}",
            )
        if self.ledger.decisions.get(decision.decision_id) is None:
            raise DecisionError(
                "Decision is not in this ledger",
                "the service and the orchestrator must use one database, "
                f"got: decision_id={decision.decision_id!r}",
            )
        return action
