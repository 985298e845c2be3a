"""What a policy would have done with decisions that another one made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.clock import to_us
from models.predict import predict
from serving.bundles import Loaded
from serving.config import Caps, Policy
from serving.logged import name_of
from serving.policy.exploration import Exploration
from serving.policy.policy import decide
from serving.policy.problem import Problem
from serving.policy.reasons import Reason, mask
from serving.situation import eligible, levers, open_hours

_AT_ONCE = 5_000
_HOURS = 168
_OWN_RULE = {Reason.NOT_ELIGIBLE.value}
_STAGE = CATALOGUE.names.index("lifecycle_stage")
_SINCE = CATALOGUE.names.index("days_since_last_order")


class Faced(NamedTuple):
    """One decision of the main stratum, with all that it was made from.

    `at_us` is in microseconds, UTC; `arm` is `no_action` or `action/channel`, as chosen;
    `propensity` holds P(arm), whatever the hour, of each arm that was possible; `closed` the arms
    that were closed for another reason than the action's own rule. `features` are the catalogue's,
    in order; `timing`, of shape (8,), and `pressure` as `serving.situation` has them; `preference`
    by channel and `prices` by resource. `cost` is what delivery costs, minor units, and `risk` the
    churn probability as it was foretold, NaN where nothing was.
    """

    customer_id: str
    at_us: int
    arm: str
    propensity: Mapping[str, float]
    closed: frozenset[str]
    features: NDArray[np.float64]
    timing: NDArray[np.float64]
    pressure: float
    preference: Mapping[str, float]
    prices: Mapping[str, float]
    cost: float
    risk: float


def faced(records: Iterable[str]) -> Iterator[Faced | None]:
    """Read records of decisions; None for one that another version of the catalogue made.

    Args:
        records: Canonical JSON, as `serving.record.to_bytes` writes it.
    """
    for text in records:
        record: dict[str, Any] = orjson.loads(text)
        inputs = record["inputs"]
        if record["versions"]["catalogue"] != CATALOGUE.version or "timing" not in inputs:
            yield None
            continue
        known = inputs["features"]
        yield Faced(
            record["customer_id"],
            to_us(dt.datetime.fromisoformat(record["as_of"])),
            name_of(record),
            {name_of(record): record["propensity"]["action"]}
            | {name_of(other): other["propensity"] for other in record["alternatives"]},
            frozenset(
                name_of(arm) for arm in record["suppressed"] if {*arm["reasons"]} - _OWN_RULE
            ),
            np.array([_number(known[name]) for name in CATALOGUE.names]),
            np.array(inputs["timing"]),
            inputs["contact_pressure"],
            inputs["channel_preference"],
            inputs["prices"],
            -record["value_parts"]["delivery_cost"],
            _number(record["predictions"]["churn_probability"]),
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
        Hours, contacts, closed arms and prices are those of the record.
        """
        chosen = np.empty((len(decisions), len(self.arms)))
        for prices, rows in _by_prices(decisions):
            for first in range(0, len(rows), _AT_ONCE):
                part = rows[first : first + _AT_ONCE]
                problem = self._problem([decisions[i] for i in part], prices)
                chosen[part] = decide(problem, self._chance).action_propensity
        return chosen

    @property
    def _chance(self) -> Exploration:
        """Floors alone matter for probabilities; nobody is drawn."""
        return Exploration(
            secret=b"none is drawn",
            policy_epoch="",
            slot="",
            quiet_epoch="",
            action_floor=self.policy.action_floor,
            hour_floor=self.policy.hour_floor,
            holdout_share=0.0,
            quiet_share=0.0,
        )

    def _problem(self, decisions: Sequence[Faced], prices: Mapping[str, float]) -> Problem:
        program, n = self.loaded.program, len(decisions)
        features = np.stack([d.features for d in decisions])
        known = features[:, self.loaded.columns]
        nothing = np.zeros((n, _HOURS), np.int64)  # hours are those of the record
        predictions = predict(self.loaded.bundle, known, features[:, _SINCE], nothing)
        effect = np.zeros((n, len(program.arms)))
        effect[:, 1:] = self.loaded.bundle.effects.effect(
            features[:, _STAGE], predictions.churn_probability, predictions.expected_margin, known
        )
        timing = np.array([d.timing for d in decisions])
        return Problem(
            customer_ids=tuple(map(str, range(n))),
            arms=program.arms,
            effect=np.nan_to_num(effect),
            timing=np.repeat(timing[:, None, :], len(program.arms), axis=1),
            delivery_cost=program.delivery_cost,
            contact_cost=program.contact_cost * np.array([d.pressure for d in decisions])[:, None],
            lever=levers(program, self.policy, self._preference(decisions), n),
            use=program.use,
            resources=program.resources,
            prices=np.array([prices.get(name, 0.0) for name in program.resources], np.float64),
            suppressed=self._suppressed(decisions, eligible(features, predictions, program)),
            hour_feasible=open_hours(program, self.caps, n),
            minimum_value=self.policy.minimum_value_minor,
        )

    def _preference(self, decisions: Sequence[Faced]) -> dict[str, NDArray[np.float64]]:
        if not self.policy.learned_preference:
            return {}
        channels = {channel for d in decisions for channel in d.preference}
        return {c: np.array([d.preference.get(c, 1.0) for d in decisions]) for c in channels}

    def _suppressed(
        self, decisions: Sequence[Faced], rules: Mapping[str, NDArray[np.bool_]]
    ) -> NDArray[np.uint32]:
        bits = np.zeros((len(decisions), len(self.arms)), np.uint32)
        for k, (arm, name) in enumerate(zip(self.loaded.program.arms, self.arms, strict=True)):
            if k:
                closed = [name in d.closed for d in decisions]
                bits[~rules[arm.action_id] | closed, k] = mask(Reason.NOT_ELIGIBLE)
        return bits


def _by_prices(decisions: Sequence[Faced]) -> list[tuple[Mapping[str, float], list[int]]]:
    """Rows that faced the same prices."""
    rows: dict[tuple[tuple[str, float], ...], list[int]] = {}
    for i, decision in enumerate(decisions):
        rows.setdefault(tuple(sorted(decision.prices.items())), []).append(i)
    return [(dict(prices), found) for prices, found in rows.items()]


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
