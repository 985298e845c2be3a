"""The next best action of a customer: look up, weigh, choose, record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from features.block import Block, joined
from features.catalogue import CATALOGUE
from features.clock import Clock, to_us
from features.engine import compute
from features.incoming import Event
from features.restraint import Restraint
from features.union import CurrentEvents, Events
from features.zones import zone
from serving.bundles import Shelf
from serving.config import Caps, Policy
from serving.customers import NO_PURPOSE, Customers, UnknownCustomerError, known_of, look_up
from serving.foretelling import FeaturesError, of_events, of_features
from serving.ledger import Ledger
from serving.ledger.accesses import Visit
from serving.ledger.decisions import put_many
from serving.policy.prices import Prices
from serving.record import compose, decision_id, predictions_answer, stored
from serving.slots import Slot
from serving.stages import stage
from serving.weighing import Weighing, weighing_at

_SINCE_LAST_ORDER = CATALOGUE.keep("days_since_last_order")

__all__ = ["DecisionEngine", "FeaturesError", "UnknownCustomerError"]


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
        records = self.next_best_actions([customer_id], self._unseen)
        if not records:
            raise UnknownCustomerError(customer_id)
        return records[0]

    def next_best_actions(self, customer_ids: Sequence[str], visit: Visit) -> list[dict[str, Any]]:
        """The same for those of `customer_ids` of whom anything is known, each asked for once.

        What is decided anew is committed at once, with the visit's entries in the audit trail.
        """
        weighing = self.weighing()
        slot = weighing.slot
        found = self.ledger.decisions.find_many(customer_ids, slot.policy_epoch, slot.name)
        blocks = self._known([who for who in customer_ids if who not in found])
        records = self._decide(blocks, weighing)
        rows = [stored(record, slot) for record in records]
        new = [row.customer_id for row in rows]
        kept = visit.commit([*found, *new], lambda connection: put_many(connection, rows))
        # Another request may have been first with a decision of the same slot.
        ours = zip(new, records, rows, kept, strict=True)
        made = {who: record for who, record, row, stays in ours if stays is row}
        found |= dict(zip(new, kept, strict=True))
        return [
            made.get(who) or orjson.loads(found[who].record) for who in customer_ids if who in found
        ]

    def preview(self, customer_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What would be decided now for each, with nothing recorded: whole records."""
        return self._decide(self.store.customers(customer_ids), self.weighing())

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

    @stage("look_up")
    def _known(self, customer_ids: Sequence[str]) -> list[Block]:
        """The events of those who have an event or a profile."""
        blocks = self.store.customers(customer_ids)
        silent = [block.customer_ids[0] for block in blocks if not len(block.occurred_at)]
        if not silent:
            return blocks
        unknown = set(silent) - self.ledger.profiles.get_many(silent).keys()
        return [block for block in blocks if block.customer_ids[0] not in unknown]

    def _decide(self, blocks: Sequence[Block], weighing: Weighing) -> list[dict[str, Any]]:
        if not blocks:
            return []
        customers = known_of(
            [joined(blocks)],
            now_us=weighing.now_us,
            ledger=self.ledger,
            loaded=weighing.loaded,
            restraint=self.restraint,
        )
        faced, choices = weighing(customers, self.ledger.prices.latest(weighing.priced_as))
        return [
            compose(
                row,
                decision=decision_id(self._secret, customer_id, weighing.slot),
                weighing=weighing,
                customers=customers,
                faced=faced,
                choices=choices,
            )
            for row, customer_id in enumerate(customers.ids)
        ]

    @property
    def _unseen(self) -> Visit:
        """Of whoever decides here without an API."""
        return Visit(self.ledger.commit, "local", "decide", to_us(self.clock()))

    @property
    def _secret(self) -> bytes:
        return self.policy.secret.get_secret_value().encode()
