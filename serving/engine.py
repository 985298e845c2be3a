"""The next best action of a customer: look up, weigh, choose, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from features.block import Block
from features.catalogue import CATALOGUE
from features.clock import Clock, to_us
from features.engine import compute
from features.incoming import Event
from features.restraint import Restraint
from features.union import CurrentEvents, Events
from features.zones import zone
from serving.bundles import Shelf
from serving.composing import compose, predictions_answer
from serving.config import Caps, Policy
from serving.customers import NO_PURPOSE, Customers, UnknownCustomerError, known_of, look_up
from serving.foretelling import FeaturesError, of_events, of_features
from serving.ledger import Ledger
from serving.ledger.accesses import Visit
from serving.ledger.decisions import in_slot, put_many
from serving.ledger.events import LogWithin
from serving.ledger.facts import Facts, facts_of
from serving.ledger.prices import latest
from serving.ledger.sql import reading
from serving.policy.prices import Prices
from serving.record import Decided, decided_before, decision_id, stored
from serving.slots import Slot
from serving.stages import stage
from serving.weighing import Weighing, weighing_at

_SINCE_LAST_ORDER = CATALOGUE.keep("days_since_last_order")

__all__ = ["DecisionEngine", "FeaturesError", "UnknownCustomerError"]


def _nothing_more(_connection: Connection, _decided: Sequence[Decided]) -> None:
    """Nobody keeps anything beside the decisions."""


@dataclass(frozen=True)
class Asked:
    """One call that asks for decisions about customers, each named once.

    `keep` is given what was decided within the transaction that keeps it.
    """

    customer_ids: Sequence[str]
    visit: Visit
    keep: Callable[[Connection, Sequence[Decided]], None] = _nothing_more


@dataclass(frozen=True)
class DecisionEngine:
    """All that a decision needs, given from outside."""

    events: Events
    ledger: Ledger
    shelf: Shelf
    caps: Caps
    policy: Policy
    clock: Clock
    restraint: Restraint = NO_PURPOSE

    @property
    def store(self) -> CurrentEvents:
        """The events as they are now: a committed one is seen at once."""
        return self.events.get()

    def next_best_action(self, customer_id: str) -> dict[str, Any]:
        """The decision of the current slot: the stored one, or else a new one, recorded.

        Returns:
            The whole record, inputs included.

        Raises:
            UnknownCustomerError: Nothing is known of the customer.
        """
        (decided,) = self.next_best_actions([Asked([customer_id], self._unseen)])
        if not decided:
            raise UnknownCustomerError(customer_id)
        return decided[0].record

    def next_best_actions(self, asked: Sequence[Asked]) -> list[list[Decided]]:
        """The same for all who ask at once: for each, of those of whom anything is known.

        The ledger is asked, and what is decided anew is kept, in one transaction, with the visits'
        entries in the audit trail: nothing that was committed before is left out.
        """
        everyone = list(dict.fromkeys(who for one in asked for who in one.customer_ids))

        def work(connection: Connection) -> list[list[Decided]]:
            # Its instant is after the transaction's beginning: what came before is not of later.
            found = self._of_slot(connection, everyone, self.weighing())
            each = [[found[who] for who in one.customer_ids if who in found] for one in asked]
            for one, decided in zip(asked, each, strict=True):
                one.visit.note(connection, [who for who in one.customer_ids if who in found])
                one.keep(connection, decided)
            return each

        return self.ledger.commit(work)

    def preview(self, customer_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What would be decided now for each, with nothing recorded: whole records.

        Raises:
            UnknownCustomerError: Nothing is known of one of them.
        """
        weighing = self.weighing()
        with reading(self.ledger.engine) as connection:
            block, facts = self._looked_up(connection, customer_ids, weighing)
            prices = latest(connection, weighing.priced_as)
        return self._weighed(block, facts, prices, weighing)

    def predictions(self, customer_id: str) -> dict[str, Any]:
        """Churn, margin and hours of one customer now.

        Raises:
            UnknownCustomerError: Nothing is known of the customer.
        """
        weighing = self.weighing()
        customers = self._look_up([customer_id], weighing)
        return predictions_answer(
            customer_id, customers.predictions, customers.stages[0], weighing.now, weighing.loaded
        )

    def predictions_of_events(self, events: Sequence[Event]) -> dict[str, Any]:
        """The same from the caller's own events of one customer; nothing is kept."""
        weighing = self.weighing()
        found, stage = of_events(events, weighing.now_us, weighing.loaded)
        return predictions_answer(
            events[0].customer_id, found, stage, weighing.now, weighing.loaded
        )

    def predictions_of_features(self, features: Mapping[str, float | None]) -> dict[str, Any]:
        """The same from the caller's own features; nothing is kept.

        Raises:
            FeaturesError: A feature that the bundle needs is missing, or one is unknown.
        """
        weighing = self.weighing()
        found, stage = of_features(features, weighing.loaded)
        return predictions_answer(None, found, stage, weighing.now, weighing.loaded)

    def active_customers(self, within_days: int) -> list[str]:
        """Who ordered within the last `within_days`, sorted."""
        now = np.array([to_us(self.clock())], np.int64)
        found: list[str] = []
        for block in self.store.blocks():
            since = compute(block, now, _SINCE_LAST_ORDER, zone("UTC"))[:, 0, 0]
            found += [block.customer_ids[i] for i in np.flatnonzero(since <= within_days)]
        return found

    def price_slot(self, customer_ids: Sequence[str], budget: Mapping[str, float]) -> Prices | None:
        """Price resources so that deciding for `customer_ids` in this slot keeps the `budget`.

        A slot is priced once: a later batch of the same slot finds the resources partly used, and
        what is already decided does not change. None where it has been priced before.

        Raises:
            ValueError: Exploration alone would use more than a budget.
        """
        weighing = self.weighing()
        if self.ledger.prices.latest(weighing.priced_as):
            return None
        customers = self._look_up(customer_ids, weighing)
        _, choices = weighing(customers, prices={})
        by_name, solved = weighing.prices(choices.value, choices.feasible, budget)
        if by_name:
            self.ledger.prices.put(weighing.priced_as, by_name, weighing.now_us)
        return solved

    def slot(self) -> Slot:
        """The decision slot that it is now."""
        return self.weighing().slot

    def weighing(self) -> Weighing:
        """What decisions of this moment rest on."""
        return weighing_at(self.clock, self.shelf, self.caps, self.policy)

    def _look_up(self, customer_ids: Sequence[str], weighing: Weighing) -> Customers:
        return look_up(
            customer_ids,
            now_us=weighing.now_us,
            store=self.store,
            ledger=self.ledger,
            loaded=weighing.loaded,
            restraint=self.restraint,
        )

    def _of_slot(
        self, connection: Connection, customer_ids: Sequence[str], weighing: Weighing
    ) -> dict[str, Decided]:
        """The decisions of this slot, those that were missing made and put into the ledger."""
        slot = weighing.slot
        stored_before = in_slot(connection, customer_ids, slot.policy_epoch, slot.name)
        found = {who: decided_before(row) for who, row in stored_before.items()}
        new = [who for who in customer_ids if who not in found]
        if not new:
            return found
        block, facts = self._looked_up(connection, new, weighing)
        if unknown := _strangers(block, facts):
            known = [who for who in new if who not in unknown]
            block, facts = self._looked_up(connection, known, weighing)
        prices = latest(connection, weighing.priced_as)
        made = [Decided.of(record) for record in self._weighed(block, facts, prices, weighing)]
        rows = [stored(one, slot) for one in made]
        for one, row, kept in zip(made, rows, put_many(connection, rows), strict=True):
            # Where writers do not take turns, another one may have been first.
            found[row.customer_id] = one if kept is row else decided_before(kept)
        return found

    @stage("look_up")
    def _looked_up(
        self, connection: Connection, customer_ids: Sequence[str], weighing: Weighing
    ) -> tuple[Block, Facts]:
        """All that is known of customers, as the transaction sees it."""
        events = CurrentEvents(self.events.latest, LogWithin(connection))
        purposes = weighing.loaded.program.purposes
        return (
            events.customers(customer_ids),
            facts_of(connection, customer_ids, purposes, weighing.now_us),
        )

    def _weighed(
        self,
        block: Block,
        facts: Facts,
        prices: Mapping[str, float],
        weighing: Weighing,
    ) -> list[dict[str, Any]]:
        """The records of decisions about all customers in `block`."""
        if not len(block):
            return []
        customers = known_of(
            block,
            now_us=weighing.now_us,
            facts=facts,
            loaded=weighing.loaded,
            restraint=self.restraint,
        )
        faced, choices = weighing(customers, prices)
        return compose(
            [decision_id(self._secret, who, weighing.slot) for who in customers.ids],
            weighing=weighing,
            customers=customers,
            faced=faced,
            choices=choices,
        )

    @property
    def _unseen(self) -> Visit:
        """Of whoever decides here without an API."""
        return Visit(self.ledger.commit, "local", "decide", to_us(self.clock()))

    @property
    def _secret(self) -> bytes:
        return self.policy.secret.get_secret_value().encode()


def _strangers(block: Block, facts: Facts) -> set[str]:
    """Who has neither an event nor a profile."""
    silent = np.flatnonzero(block.offsets[1:] == block.offsets[:-1]).tolist()
    return {block.customer_ids[i] for i in silent} - facts.profiles.keys()
