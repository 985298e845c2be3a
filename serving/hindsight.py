"""What a policy would have done with decisions that another one made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from serving.bundles import Loaded
from serving.config import Caps, Policy
from serving.logged import name_of
from serving.policy.exploration import Stratum
from serving.policy.policy import decide
from serving.recorded import DrawnBefore, Recorded, as_faced, holds_all, recorded
from serving.situation import situation

_AT_ONCE = 5_000


@dataclass(frozen=True)
class Faced:
    """One decision of the main stratum, with all that it was made from.

    `customer` is as the decision faced them; `arm` is `no_action` or `action/channel`, as chosen;
    `propensity` holds P(arm), whatever the hour, of each arm that was possible; `prices` are by
    resource. `cost` is what delivery costs, minor units, and `risk` the churn probability as it
    was foretold, NaN where nothing was.
    """

    customer: Recorded
    arm: str
    propensity: Mapping[str, float]
    prices: Mapping[str, float]
    cost: float
    risk: float


def faced(records: Iterable[str]) -> Iterator[Faced | None]:
    """Read records of decisions; None for one of another catalogue, or that holds too little.

    Args:
        records: Canonical JSON, as `serving.record.to_bytes` writes it.
    """
    for text in records:
        record: dict[str, Any] = orjson.loads(text)
        if record["versions"]["catalogue"] != CATALOGUE.version or not holds_all(record):
            yield None
            continue
        yield Faced(
            customer=recorded(record),
            arm=name_of(record),
            propensity={name_of(record): record["propensity"]["action"]}
            | {name_of(other): other["propensity"] for other in record["alternatives"]},
            prices=record["inputs"]["prices"],
            cost=-record["value_parts"]["delivery_cost"],
            risk=_number(record["predictions"]["churn_probability"]),
        )


@dataclass(frozen=True)
class Hindsight:
    """A policy: models and actions, contact rules, floors and levers."""

    loaded: Loaded
    caps: Caps
    policy: Policy

    @property
    def arms(self) -> tuple[str, ...]:
        """`no_action`, then `action/channel`, as the bundle declares them."""
        return ("no_action", *self.loaded.bundle.effects.declared.names)

    def __call__(self, decisions: Sequence[Faced]) -> NDArray[np.float64]:
        """P(arm | x) in the main stratum, whatever the hour, shape (n, arms).

        Of an arm that the record does not name it is taken that nothing but its rule closes it.
        What was known of the customer, contacts, closed arms and prices are those of the record.
        """
        chosen = np.empty((len(decisions), len(self.arms)))
        for prices, rows in _by_prices(decisions):
            for first in range(0, len(rows), _AT_ONCE):
                part = rows[first : first + _AT_ONCE]
                customers, around = as_faced(
                    [decisions[i].customer for i in part], list(map(str, part)), self.loaded
                )
                asked = situation(
                    customers,
                    around,
                    loaded=self.loaded,
                    caps=self.caps,
                    policy=self.policy,
                    prices=prices,
                )
                chosen[part] = decide(asked.problem, self._chance).action_propensity
        return chosen

    @property
    def _chance(self) -> DrawnBefore:
        """Floors alone matter for probabilities; nobody is drawn."""
        return DrawnBefore(
            fell_in=Stratum.MAIN,
            action=0.0,
            hour=None,
            action_floor=self.policy.action_floor,
            hour_floor=self.policy.hour_floor,
            main_share=1.0,
        )


def _by_prices(decisions: Sequence[Faced]) -> list[tuple[Mapping[str, float], list[int]]]:
    """Rows that faced the same prices."""
    rows: dict[tuple[tuple[str, float], ...], list[int]] = {}
    for i, decision in enumerate(decisions):
        rows.setdefault(tuple(sorted(decision.prices.items())), []).append(i)
    return [(dict(prices), found) for prices, found in rows.items()]


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
