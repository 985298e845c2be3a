"""All contacts of all customers of a decision as columns: what caps, cool-downs, fatigue count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.ledger.contacts import Contact


@dataclass(frozen=True, eq=False)
class Contacted:
    """The contacts of n customers, shape (m,) each: few beside the customers.

    `row` is the customer's, `at_us` the instant in microseconds since 1970 in UTC.
    """

    customers: int
    row: NDArray[np.int64]
    at_us: NDArray[np.int64]
    action_id: NDArray[np.object_]

    @classmethod
    def of(cls, contacts: Sequence[Contact], row: Mapping[str, int]) -> Contacted:
        """The columns of `contacts` with the customers whose rows are given by id."""
        return cls(
            customers=len(row),
            row=np.array([row[contact.customer_id] for contact in contacts], np.int64),
            at_us=np.array([contact.at_us for contact in contacts], np.int64),
            action_id=np.array([contact.action_id for contact in contacts], object),
        )

    def since(self, us: int) -> NDArray[np.int64]:
        """How many each customer had in `(us, ∞)`, shape (n,)."""
        return np.bincount(self.row[self.at_us > us], minlength=self.customers)

    def after(self, instants: Mapping[str, int]) -> NDArray[np.bool_]:
        """Whether each had a contact with an action after its instant, shape (n, instants).

        `instants` are microseconds since 1970 in UTC by action.
        """
        found = np.zeros((self.customers, len(instants)), np.bool_)
        place = {action_id: i for i, action_id in enumerate(instants)}
        told = zip(self.row.tolist(), self.at_us.tolist(), self.action_id.tolist(), strict=True)
        for row, at_us, action_id in told:
            if at_us > instants.get(action_id, at_us):
                found[row, place[action_id]] = True
        return found
