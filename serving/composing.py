"""The records of decisions, put together from columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from math import isnan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.clock import iso, to_us
from models.predict import Predictions
from serving.bundles import Loaded
from serving.customers import Described
from serving.policy.choices import Choices
from serving.policy.problem import Arm
from serving.policy.reasons import codes
from serving.policy.values import Parts
from serving.record import INPUTS
from serving.situation import Situation
from serving.weighing import Weighing

_HOURS: Final = tuple(map(str, range(168)))
_PARTS: Final = tuple(field.name for field in fields(Parts))
_CAPS_THAT_WEIGH: Final = frozenset({"quiet_from", "quiet_until", "fatigue_per_message"})
"""The others close arms, and what is closed is recorded with its reasons."""


def compose(
    decisions: Sequence[str | None],
    *,
    weighing: Weighing,
    customers: Described,
    faced: Situation,
    choices: Choices,
) -> list[dict[str, Any]]:
    """The records of n customers' decisions, whose ids are `decisions`.

    `value_parts` sum to `value_minor`. `inputs` hold exactly what decided: with the bundle that
    the record names the decision can be explained and taken again (`serving.replay`), and what
    another policy would have done can be told (`serving.hindsight`).
    """
    loaded, slot, around, problem = (
        weighing.loaded,
        weighing.slot,
        faced.circumstances,
        faced.problem,
    )
    # Whole columns become Python's numbers at once: one by one that takes longer than deciding.
    arm, block = choices.arm.tolist(), choices.hour_block.tolist()
    names = [_arm(each) for each in problem.arms]
    program = loaded.program
    now, currency = _utc(weighing.now), loaded.bundle.business["currency"]
    of_chosen = zip(*(column.tolist() for column in _columns(choices.chosen_parts)), strict=True)
    parts = [dict(zip(_PARTS, row, strict=True)) for row in of_chosen]
    lever = problem.lever.tolist()
    predictions = _predictions(customers.predictions, customers.stages.tolist())
    by_arm, by_hour = choices.action_propensity.tolist(), choices.hour_propensity.tolist()
    joint, marginal = choices.propensity.tolist(), choices.marginal_propensity.tolist()
    explored, best = choices.explored.tolist(), choices.best_arm.tolist()
    alternatives = _alternatives(names, arm, choices)
    suppressed = choices.suppressed.tolist()
    features, hours = _vectors(customers.features), _hours(customers.hour_counts)
    prices = dict(zip(problem.resources, problem.prices.tolist(), strict=True))
    contacts, action_draw = around.contacts.tolist(), choices.action_draw.tolist()
    hour_draw = _numbers(choices.hour_draw)
    caps = weighing.caps.model_dump(mode="json", include=set(_CAPS_THAT_WEIGH))
    policy = weighing.policy.model_dump(mode="json", exclude={"epoch", "secret"})
    versions = {
        "bundle": loaded.digest,
        "policy_epoch": slot.policy_epoch,
        "catalogue": CATALOGUE.version,
    }
    records = []
    for i, decision in enumerate(decisions):
        k, hour, times = arm[i], block[i], around.times[i]
        valid_until = max(slot.ends_at, times.ends[hour]) if hour >= 0 else slot.ends_at
        action_id = names[k]["action_id"]
        records.append(
            {
                "decision_id": decision,
                "customer_id": customers.ids[i],
                "slot": slot.name,
                "as_of": now,
                "valid_until": _utc(valid_until),
                **names[k],
                "offer": program.offers[action_id] if k else None,
                "purpose": program.actions[action_id].purpose.value if k else None,
                "language": customers.languages[i],
                "favourite_category": customers.favourite_category[i],
                "send_at": _utc(times.starts[hour]) if hour >= 0 else None,
                "hour_block": hour if hour >= 0 else None,
                "currency": currency,
                "value_minor": sum(parts[i].values()),
                "value_parts": parts[i],
                "lever": lever[i][k],
                "predictions": predictions[i],
                "propensity": {
                    "action": by_arm[i][k],
                    "hour": by_hour[i][hour] if hour >= 0 else 1.0,
                    "joint": joint[i],
                    "marginal": marginal[i],
                },
                "explored": explored[i],
                "stratum": choices.stratum[i].value,
                "greedy": names[best[i]],
                "alternatives": alternatives[i],
                "suppressed": [
                    name | {"reasons": _codes(bits)}
                    for name, bits in zip(names, suppressed[i], strict=True)
                    if bits
                ],
                "versions": versions,
                INPUTS: {
                    "features": features[i],
                    "prices": prices,
                    "hour_counts": hours[i],
                    "time_zone": around.zones[i],
                    "contacts": contacts[i],
                    "caps": caps,
                    "policy": policy,
                    "draws": {"action": action_draw[i], "hour": hour_draw[i]},
                },
            }
        )
    return records


def _alternatives(
    names: Sequence[dict[str, Any]], chosen: Sequence[int], choices: Choices
) -> list[list[dict[str, Any]]]:
    """For each customer the feasible arms that were not chosen, the most valuable first."""
    parts = [column.tolist() for column in _columns(choices.arm_parts)]
    feasible, value = choices.feasible.tolist(), choices.value.tolist()
    hours, shares = choices.best_hour.tolist(), choices.action_propensity.tolist()
    found = []
    for i, k_chosen in enumerate(chosen):
        worth, hour, share = value[i], hours[i], shares[i]
        others = [k for k, is_open in enumerate(feasible[i]) if is_open and k != k_chosen]
        others.sort(key=worth.__getitem__, reverse=True)  # equals stay as declared
        by_arm = list(zip(*(part[i] for part in parts), strict=True))
        found.append(
            [
                {
                    **names[k],
                    "value_minor": sum(by_arm[k]),
                    "value_parts": dict(zip(_PARTS, by_arm[k], strict=True)),
                    "hour_block": hour[k] if k else None,
                    "propensity": share[k],
                }
                for k in others
            ]
        )
    return found


def _columns(parts: Parts) -> list[NDArray[np.float64]]:
    """In the order in which they are declared."""
    return [getattr(parts, name) for name in _PARTS]


def _predictions(found: Predictions, stages: Sequence[str | None]) -> list[dict[str, Any]]:
    days = [str(days) for days in found.churn_by_days]
    columns = (
        _numbers(found.churn_probability),
        found.churn_applies.tolist(),
        zip(*map(_numbers, found.churn_by_days.values()), strict=True),
        _numbers(found.raw_log_odds),
        _numbers(found.expected_margin),
        _numbers(found.margin_low),
        _numbers(found.margin_high),
        stages,
        found.hours.argmax(axis=1).tolist(),
    )
    return [
        {
            "churn_probability": churn,
            "churn_applies": applies,
            "churn_by_days": dict(zip(days, by_days, strict=True)),
            "raw_log_odds": raw,
            "expected_margin_minor": margin,
            "margin_low_minor": low,
            "margin_high_minor": high,
            "lifecycle_stage": stage,
            "best_hour_of_week": hour,
        }
        for churn, applies, by_days, raw, margin, low, high, stage, hour in zip(
            *columns, strict=True
        )
    ]


def predictions_answer(
    customer_id: str | None,
    found: Predictions,
    stage: str | None,
    now: dt.datetime,
    loaded: Loaded,
) -> dict[str, Any]:
    """The predictions of one customer, the first of `found`, as the API gives them."""
    return {
        "customer_id": customer_id,
        "as_of": _utc(now),
        "currency": loaded.bundle.business["currency"],
        "horizons": {
            "churn": loaded.bundle.churn.means,
            "churn_days": loaded.bundle.churn.horizon_days,
            "margin_days": loaded.bundle.clv.horizon_days,
        },
        "estimand": loaded.bundle.churn.estimand,
        "send_time_basis": loaded.bundle.send_time.basis,
        "predictions": _predictions(found, [stage])[0],
        "versions": {"bundle": loaded.digest, "catalogue": CATALOGUE.version},
    }


def _arm(arm: Arm) -> dict[str, Any]:
    return {"action_id": arm.action_id, "channel": arm.channel}


def _vectors(features: NDArray[np.float64]) -> list[dict[str, float | None]]:
    """Each row by name, None where not a number."""
    names, rows = CATALOGUE.names, features.tolist()
    for row, column in np.argwhere(np.isnan(features)).tolist():
        rows[row][column] = None
    return [dict(zip(names, row, strict=True)) for row in rows]


def _hours(counts: NDArray[np.int64]) -> list[dict[str, int]]:
    """Of each row those hours of the week that have any, by number."""
    found: list[dict[str, int]] = [{} for _ in counts]
    rows, hours = counts.nonzero()
    for row, hour, count in zip(
        rows.tolist(), hours.tolist(), counts[rows, hours].tolist(), strict=True
    ):
        found[row][_HOURS[hour]] = count
    return found


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    """As a list, None where not a number."""
    return [None if isnan(value) else value for value in values.tolist()]


@lru_cache(maxsize=4096)
def _codes(bits: int) -> list[str]:
    return [reason.value for reason in codes(bits)]


@lru_cache(maxsize=4096)
def _utc(instant: dt.datetime) -> str:
    return iso(to_us(instant))
