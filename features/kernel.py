"""The compiled walk over events that every feature is made from.

All jitted functions that call one another stand in this one file: numba's cache does not notice
a change in another file and would keep the old answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.catalogue.declare import MEASURES, NEVER, Aggregate, Op
from features.clock import DAY_US
from features.events import EVENT_TYPES, TYPE_CODE
from features.zones import Zone

_COUNT, _SUM, _MAX, _DAYS = int(Op.COUNT), int(Op.SUM), int(Op.MAX), int(Op.DAYS)
_FIRST_AT, _LAST_AT = int(Op.FIRST_AT), int(Op.LAST_AT)
_GAP_COUNT, _GAP_SUM = int(Op.GAP_COUNT), int(Op.GAP_SUM)
_GAP_SQUARES, _LAST_GAP = int(Op.GAP_SUM_OF_SQUARES), int(Op.LAST_GAP)
_CATEGORY_COUNT, _CATEGORY_TOP = int(Op.CATEGORY_COUNT), int(Op.CATEGORY_TOP)
_CATEGORY_ENTROPY = int(Op.CATEGORY_ENTROPY)


@dataclass(frozen=True)
class Plan:
    """Aggregates laid out for the walk: those of event type t are `by_type[starts[t]:starts[t+1]]`.

    `hours` is a bool of shape (aggregates, 168), `scratch` an aggregate's row among the category
    counters, -1 where it needs none.
    """

    names: tuple[str, ...]
    op: NDArray[np.int64]
    window_us: NDArray[np.int64]
    measure: NDArray[np.int64]
    hours: NDArray[np.bool_]
    scratch: NDArray[np.int64]
    starts: NDArray[np.int64]
    by_type: NDArray[np.int64]


def plan(aggregates: dict[str, Aggregate]) -> Plan:
    """Lay `aggregates` out for `walk`, whose columns keep their order."""
    listed = list(aggregates.values())
    hours = np.ones((len(listed), 168), np.bool_)
    scratch = np.full(len(listed), -1, np.int64)
    for i, a in enumerate(listed):
        if a.hours:
            hours[i] = np.isin(np.arange(168), list(a.hours))
        if a.op in (Op.CATEGORY_COUNT, Op.CATEGORY_TOP, Op.CATEGORY_ENTROPY):
            scratch[i] = scratch.max(initial=-1) + 1
    type_of = np.array([TYPE_CODE[a.type] for a in listed], np.int64)
    return Plan(
        names=tuple(aggregates),
        op=np.array([a.op for a in listed], np.int64),
        window_us=np.array([a.days * DAY_US or np.iinfo(np.int64).max for a in listed], np.int64),
        measure=np.array(
            [MEASURES.index(a.measure) if a.measure else -1 for a in listed], np.int64
        ),
        hours=hours,
        scratch=scratch,
        starts=np.searchsorted(np.sort(type_of), np.arange(len(EVENT_TYPES) + 1)),
        by_type=np.argsort(type_of, kind="stable"),
    )


def walk(
    block: Block, as_of: NDArray[np.int64], plan: Plan, zone: Zone
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every aggregate for every customer at every `as_of`, by both clocks.

    An event counts at `as_of` where `occurred_at < as_of` and `known_at <= as_of`.

    Args:
        block: n customers' events.
        as_of: T instants, microseconds in UTC, in any order.
        plan: A aggregates.
        zone: Whose wall clock tells days and hours.

    Returns:
        Whole numbers of shape (n, T, A) and, for CATEGORY_ENTROPY (nats), floats of the same
        shape; where an aggregate gives the one, its place in the other is 0.
    """
    shape = (len(block), len(as_of), len(plan.op))
    whole, real = np.zeros(shape, np.int64), np.zeros(shape, np.float64)
    _walk(
        block.offsets,
        block.occurred_at,
        block.known_at,
        block.type,
        block.measures,
        block.category,
        len(block.categories),
        zone.local_day(block.occurred_at),
        zone.hour_of_week(block.occurred_at),
        as_of,
        plan.op,
        plan.window_us,
        plan.measure,
        plan.hours,
        plan.scratch,
        plan.starts,
        plan.by_type,
        whole,
        real,
    )
    return whole, real


@nb.njit(cache=True, nogil=True)
def _walk(  # noqa: PLR0912, PLR0915 - one loop is the point of it
    offsets: NDArray[np.int64],
    occurred_at: NDArray[np.int64],
    known_at: NDArray[np.int64],
    type_: NDArray[np.int8],
    measures: NDArray[np.int64],
    category: NDArray[np.int32],
    categories: int,
    local_day: NDArray[np.int64],
    hour_of_week: NDArray[np.int64],
    as_of: NDArray[np.int64],
    op: NDArray[np.int64],
    window_us: NDArray[np.int64],
    measure: NDArray[np.int64],
    hours: NDArray[np.bool_],
    scratch: NDArray[np.int64],
    starts: NDArray[np.int64],
    by_type: NDArray[np.int64],
    whole: NDArray[np.int64],
    real: NDArray[np.float64],
) -> None:
    aggregates = len(op)
    last_day = np.empty(aggregates, np.int64)
    counters = scratch.max() + 1 if aggregates else 0
    counts = np.zeros((counters, categories), np.int64)
    # Categories in the order of their first event: a sum over them rounds alike in any block.
    met = np.empty((counters, categories), np.int64)
    met_length = np.zeros(counters, np.int64)

    for customer in range(len(offsets) - 1):
        for t in range(len(as_of)):
            out = whole[customer, t]
            last_day[:] = NEVER
            for a in range(aggregates):
                if op[a] == _FIRST_AT or op[a] == _LAST_AT:
                    out[a] = NEVER
            for e in range(offsets[customer], offsets[customer + 1]):
                if occurred_at[e] >= as_of[t]:
                    break
                if known_at[e] > as_of[t]:
                    continue
                age = as_of[t] - occurred_at[e]
                for p in range(starts[type_[e]], starts[type_[e] + 1]):
                    a = by_type[p]
                    if age > window_us[a] or not hours[a, hour_of_week[e]]:
                        continue
                    kind = op[a]
                    if kind == _COUNT:
                        out[a] += 1
                    elif kind == _SUM:
                        out[a] += measures[measure[a], e]
                    elif kind == _MAX:
                        out[a] = max(out[a], measures[measure[a], e])
                    elif kind == _LAST_AT:
                        out[a] = occurred_at[e]
                    elif kind == _FIRST_AT:
                        if out[a] == NEVER:
                            out[a] = occurred_at[e]
                    elif scratch[a] >= 0:
                        c, s = category[e], scratch[a]
                        if c >= 0:
                            if counts[s, c] == 0:
                                met[s, met_length[s]] = c
                                met_length[s] += 1
                            counts[s, c] += 1
                    elif local_day[e] > last_day[a]:
                        gap = local_day[e] - last_day[a]
                        first = last_day[a] == NEVER
                        last_day[a] = local_day[e]
                        if kind == _DAYS:
                            out[a] += 1
                        elif not first:
                            if kind == _GAP_COUNT:
                                out[a] += 1
                            elif kind == _GAP_SUM:
                                out[a] += gap
                            elif kind == _GAP_SQUARES:
                                out[a] += gap * gap
                            elif kind == _LAST_GAP:
                                out[a] = gap
            for a in range(aggregates):
                s = scratch[a]
                if s < 0:
                    continue
                total, top = 0, 0
                for i in range(met_length[s]):
                    total += counts[s, met[s, i]]
                    top = max(top, counts[s, met[s, i]])
                if op[a] == _CATEGORY_COUNT:
                    out[a] = met_length[s]
                elif op[a] == _CATEGORY_TOP:
                    out[a] = top
                for i in range(met_length[s]):
                    if op[a] == _CATEGORY_ENTROPY:
                        share = counts[s, met[s, i]] / total
                        real[customer, t, a] -= share * np.log(share)
                    counts[s, met[s, i]] = 0
                met_length[s] = 0
