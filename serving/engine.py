"""The next best action of a customer: look up, weigh, choose, record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from features.catalogue import CATALOGUE
from features.clock import Clock, to_us
from features.engine import compute
from features.union import CurrentEvents, Events
from features.zones import zone
from serving.bundles import Loaded, Shelf
from serving.config import Caps, Policy
from serving.customers import Customers, UnknownCustomerError, look_up
from serving.ledger import Ledger
from serving.policy.choices import Choices
from serving.policy.policy import decide
from serving.policy.prices import Prices, dual_prices
from serving.record import compose, decision_id, predictions_answer, stored
from serving.situation import Situation, situation
from serving.slots import Slot, exploration, slot_at

_SINCE_LAST_ORDER = CATALOGUE.keep("days_since_last_order")

__all__ = ["DecisionEngine", "UnknownCustomerError"]


@dataclass(frozen=True)
class DecisionEngine:
    """All that a decision needs, given from outside."""

    events: Events
    ledger: Ledger
    shelf: Shelf
    caps: Caps
    policy: Policy
    clock: Clock

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
        loaded, slot = self._present()
        before = self.ledger.decisions.find(customer_id, slot.policy_epoch, slot.name)
        if before is None:
            record = self._decide([customer_id], loaded, slot)[0]
            before = self.ledger.decisions.put(stored(record, slot))
        found: dict[str, Any] = orjson.loads(before.record)
        return found

    def preview(self, customer_ids: Sequence[str]) -> list[dict[str, Any]]:
        """What would be decided now for each, with nothing recorded: whole records."""
        loaded, slot = self._present()
        return self._decide(customer_ids, loaded, slot)

    def predictions(self, customer_id: str) -> dict[str, Any]:
        """Churn, margin and hours of one customer now."""
        loaded, _ = self._present()
        return predictions_answer(self._look_up([customer_id], loaded), self.clock(), loaded)

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
        loaded, slot = self._present()
        if self.ledger.prices.latest(_priced(slot)):
            return None
        _, faced, choices = self._weigh(customer_ids, loaded, slot, prices={})
        resources = faced.problem.resources
        limited = [i for i, name in enumerate(resources) if name in budget]
        solved = dual_prices(
            choices.value,
            faced.problem.use[:, limited],
            np.array([budget[resources[i]] for i in limited], np.float64),
            choices.feasible,
            action_floor=self.policy.action_floor,
        )
        by_name = {resources[i]: float(p) for i, p in zip(limited, solved.prices, strict=True)}
        if by_name:
            self.ledger.prices.put(_priced(slot), by_name, to_us(self.clock()))
        return solved

    def slot(self) -> Slot:
        """The decision slot that it is now."""
        return self._present()[1]

    def _present(self) -> tuple[Loaded, Slot]:
        loaded = self.shelf.champion()
        return loaded, slot_at(
            self.clock(),
            time_zone=loaded.bundle.business["time_zone"],
            policy_epoch=self.policy.epoch,
            quiet_days=loaded.bundle.churn.horizon_days,
        )

    def _look_up(self, customer_ids: Sequence[str], loaded: Loaded) -> Customers:
        return look_up(
            customer_ids,
            now_us=to_us(self.clock()),
            store=self.store,
            ledger=self.ledger,
            loaded=loaded,
        )

    def _weigh(
        self, customer_ids: Sequence[str], loaded: Loaded, slot: Slot, prices: Mapping[str, float]
    ) -> tuple[Customers, Situation, Choices]:
        customers = self._look_up(customer_ids, loaded)
        faced = situation(
            customers,
            now=self.clock(),
            loaded=loaded,
            caps=self.caps,
            policy=self.policy,
            prices=prices,
        )
        return customers, faced, decide(faced.problem, exploration(self.policy, slot))

    def _decide(
        self, customer_ids: Sequence[str], loaded: Loaded, slot: Slot
    ) -> list[dict[str, Any]]:
        prices = self.ledger.prices.latest(_priced(slot))
        customers, faced, choices = self._weigh(customer_ids, loaded, slot, prices)
        return [
            compose(
                row,
                decision=decision_id(self._secret, customer_id, slot),
                now=self.clock(),
                slot=slot,
                customers=customers,
                faced=faced,
                choices=choices,
                loaded=loaded,
            )
            for row, customer_id in enumerate(customers.ids)
        ]

    @property
    def _secret(self) -> bytes:
        return self.policy.secret.get_secret_value().encode()


def _priced(slot: Slot) -> str:
    """The key under which a slot's prices are kept."""
    return f"{slot.policy_epoch}:{slot.name}"
