"""What a policy would do with everyone today, added up from the rows of `serving.batch`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.catalogue.tenure import LIFECYCLE_STAGES
from serving.policy.exploration import Stratum
from serving.policy.reasons import Reason
from serving.program import Program

_SEGMENTS = (*LIFECYCLE_STAGES, "unknown")
_SUMS = ("effect", "timing", "delivery_cost", "contact_cost")


@dataclass(frozen=True, slots=True)
class Given:
    """An arm and the customers of a lifecycle stage who would get it; sums in minor units.

    `gain` is the expected effect on margin, `delivery_cost` is money, `contact_cost` patience;
    what is expected of it all is `value`: no lever and no price of a resource is in it.
    """

    segment: str
    action_id: str
    channel: str | None
    customers: int
    gain: float
    delivery_cost: float
    contact_cost: float

    @property
    def value(self) -> float:
        """Gain less both costs."""
        return self.gain - self.delivery_cost - self.contact_cost


@dataclass(frozen=True, eq=False)
class Forecast:
    """n customers, each with one arm.

    Attributes:
        arms: k names, `action/channel`, that of `no_action` first.
        customers: Their ids.
        arm: Which arm each would get, shape (n,).
        given: Who gets what; nothing of no customers.
        strata: Customers by part of the experiment.
        explored: How many get another arm or hour than the best one.
        reachable: To how many at least one action is open.
        closed: By reason, for how many customers it closes any arm, and each arm, shape (k + 1,).
        used: Amount of each resource that the arms use.
    """

    arms: tuple[str, ...]
    customers: tuple[str, ...]
    arm: NDArray[np.int64]
    given: tuple[Given, ...]
    strata: Mapping[str, int]
    explored: int
    reachable: int
    closed: Mapping[str, NDArray[np.int64]]
    used: Mapping[str, float]

    @property
    def contacted(self) -> NDArray[np.bool_]:
        """Who would get more than nothing, shape (n,)."""
        return np.asarray(self.arm > 0)


def forecast(rows: Iterable[pa.RecordBatch], program: Program) -> Forecast:
    """Add up decisions.

    Args:
        rows: As `serving.batch.DecisionsNow` makes them, of each customer once.
        program: By whose arms they were made.
    """
    names = tuple(_name(arm.action_id, arm.channel) for arm in program.arms)
    cells, k = len(_SEGMENTS) * len(names), len(names)
    count, sums = np.zeros(cells, np.int64), np.zeros((len(_SUMS), cells))
    closed = np.zeros((len(Reason), k), np.int64)
    strata, explored, reachable = dict.fromkeys(Stratum, 0), 0, 0
    ids: list[str] = []
    arms = []
    for batch in rows:
        arm = _places(_arm_names(batch), names)
        stage = pc.fill_null(_words(batch, "lifecycle_stage"), _SEGMENTS[-1])
        cell = _places(stage, _SEGMENTS) * k + arm
        count += np.bincount(cell, minlength=cells)
        for number, part in enumerate(_SUMS):
            sums[number] += np.bincount(cell, batch[part].to_numpy(), minlength=cells)
        bits = batch["suppressed"].flatten().to_numpy().reshape(-1, k)
        has = (bits[None] >> np.arange(len(Reason), dtype=np.uint32)[:, None, None]) & 1
        has[:, :, 0] = has.any(axis=2)  # no_action is never closed: any arm of the customer
        closed += has.sum(axis=1, dtype=np.int64)
        reachable += int((bits[:, 1:] == 0).any(axis=1).sum())
        for stratum in _words(batch, "stratum").to_pylist():
            strata[Stratum(stratum)] += 1
        explored += int(batch["explored"].to_numpy(zero_copy_only=False).sum())
        ids += batch["customer_id"].to_pylist()
        arms.append(arm)
    chosen = np.concatenate(arms) if arms else np.zeros(0, np.int64)
    used = np.bincount(chosen, minlength=k) @ program.use
    return Forecast(
        arms=names,
        customers=tuple(ids),
        arm=chosen,
        given=tuple(_given(program, count, sums)),
        strata={stratum.value: number for stratum, number in strata.items()},
        explored=explored,
        reachable=reachable,
        closed={r.value: closed[i] for i, r in enumerate(Reason) if closed[i].any()},
        used=dict(zip(program.resources, used.tolist(), strict=True)),
    )


def _given(
    program: Program, count: NDArray[np.int64], sums: NDArray[np.float64]
) -> Iterable[Given]:
    for cell in np.flatnonzero(count):
        segment, arm = divmod(int(cell), len(program.arms))
        effect, timing, delivery, contact = sums[:, cell].tolist()
        found = program.arms[arm]
        yield Given(
            _SEGMENTS[segment],
            found.action_id,
            found.channel,
            int(count[cell]),
            effect + timing,
            0 - delivery,
            0 - contact,
        )


def _name(action_id: str, channel: str | None) -> str:
    return action_id if channel is None else f"{action_id}/{channel}"


def _arm_names(batch: pa.RecordBatch) -> pa.Array:
    action, channel = _words(batch, "action_id"), _words(batch, "channel")
    return pc.if_else(
        pc.is_null(channel), action, pc.binary_join_element_wise(action, channel, "/")
    )


def _words(batch: pa.RecordBatch, column: str) -> pa.Array:
    return batch[column].cast(pa.string())


def _places(words: pa.Array, among: tuple[str, ...]) -> NDArray[np.int64]:
    places = pc.index_in(words, value_set=pa.array(among))
    return np.asarray(places.to_numpy(zero_copy_only=False), np.int64)
