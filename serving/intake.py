"""What callers tell: events, consents, and what became of a decision. Durable once it returns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from features.clock import Clock, to_us
from features.incoming import Event, RefusedError, of_members
from features.store import StoreError
from features.union import Events
from serving.ledger import Ledger
from serving.ledger.accesses import Visit
from serving.ledger.consents import Consent, record_many, withdrawing
from serving.ledger.decisions import StoredDecision
from serving.ledger.events import Appended, append
from serving.ledger.executions import Execution, report


class RefusedRowsError(ValueError):
    """Some of what was told breaks a rule, so that nothing of it was kept."""

    def __init__(self, refused: Sequence[tuple[int, str]]) -> None:
        """Take the position of each refused row, from 0, and the rule that it breaks."""
        super().__init__(f"every row must keep the contract, got {len(refused)} that do not")
        self.refused = tuple(refused)


class NotToBeCarriedOutError(ValueError):
    """A decision of which nobody else can report that it was carried out."""


@dataclass(frozen=True)
class Intake:
    """All that it needs to judge and keep what it is told.

    `file_sources` are the sources whose events are read from files: they cannot come here as well.
    """

    ledger: Ledger
    events: Events
    clock: Clock
    file_sources: Collection[str] = ()

    def typed(self, stated: Sequence[object]) -> list[Event]:
        """The events that these members state.

        Raises:
            RefusedRowsError: Some are no events of the contract.
        """
        typed, refused, erased = [], [], self._erased()
        now_us = to_us(self.clock())
        for row, members in enumerate(stated):
            try:
                typed.append(
                    of_members(
                        members, now_us=now_us, file_sources=self.file_sources, erased=erased
                    )
                )
            except RefusedError as error:
                refused.append((row, str(error)))
        if refused:
            raise RefusedRowsError(refused)
        return typed

    def add(self, events: Sequence[Event], visit: Visit) -> Appended:
        """Commit events to the log: all, each once however often it is told."""
        about = [event.customer_id for event in events]
        return visit.commit(about, lambda connection: append(connection, events))

    def consent(self, acts: Sequence[Consent], visit: Visit) -> int:
        """Keep acts of consent, all or none; how many were new.

        Once this returns, nothing is on its way to those who withdrew.

        Raises:
            RefusedRowsError: Some are of the future.
        """
        now_us = to_us(self.clock())
        late = [(row, "at is in the future") for row, act in enumerate(acts) if act.at_us > now_us]
        if late:
            raise RefusedRowsError(late)
        about = [act.customer_id for act in acts]
        with self.ledger.turns.of(withdrawing(acts)):
            return visit.commit(about, lambda connection: record_many(connection, acts))

    def executed(self, decision: StoredDecision, execution: Execution, visit: Visit) -> bool:
        """Keep what somebody else did with a decision; False where it is known already.

        Raises:
            NotToBeCarriedOutError: It was to do nothing, or our own outbox has its message.
            RefusedRowsError: It is of the future.
        """
        if decision.channel is None:
            raise NotToBeCarriedOutError("The decision is to do nothing: there is nothing to do.")
        if execution.at_us > to_us(self.clock()):
            raise RefusedRowsError([(0, "at is in the future")])
        about = [decision.customer_id]
        with self.ledger.turns.of(about):
            if self.ledger.outbox.get(decision.decision_id) is not None:
                raise NotToBeCarriedOutError("Bocian's own outbox carries this decision out.")
            return visit.commit(about, lambda connection: report(connection, execution))

    def _erased(self) -> dict[str, int]:
        try:
            manifest = self.events.latest.get().manifest
        except StoreError:
            return {}  # there is none yet
        return {erasure.customer: erasure.at_us for erasure in manifest.erased}
