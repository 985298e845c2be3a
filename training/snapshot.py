"""Rows to learn from: every customer's features and labels at several `as_of` dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from features.block import Block
from features.catalogue.declare import Catalogue
from features.engine import compute
from features.reader import EventReader
from features.zones import Wall
from training.config import Horizons
from training.labels.orders import order_days_after, orders_after
from training.labels.subscriptions import cancelled_after


@dataclass(frozen=True)
class Snapshot:
    """One row for each customer who has ordered before, at each `as_of`.

    `features` is of shape (rows, f); times are microseconds in UTC. What followed: `churned`, a
    column for each of `Horizons.all_churn_days`; `order_days_after` (days with an order) and
    `spend_after` (minor units) within the margin horizon. They are meaningless where the horizon
    reaches past `known_by`.
    """

    customer_id: NDArray[np.object_]
    as_of: NDArray[np.int64]
    features: NDArray[np.float64]
    names: tuple[str, ...]
    churned: NDArray[np.bool_]
    order_days_after: NDArray[np.int64]
    spend_after: NDArray[np.int64]

    def __len__(self) -> int:
        """How many rows."""
        return len(self.as_of)

    def column(self, name: str) -> NDArray[np.float64]:
        """One feature of all rows."""
        return self.features[:, self.names.index(name)]

    def rows(self, keep: NDArray[np.bool_]) -> Snapshot:
        """Only the rows where `keep` is true."""
        arrays = {f.name: getattr(self, f.name)[keep] for f in fields(self) if f.name != "names"}
        return replace(self, **arrays)

    def at(self, dates: Sequence[int]) -> Snapshot:
        """Only the rows of these `as_of` dates."""
        return self.rows(np.isin(self.as_of, np.array(dates, np.int64)))


def snapshot(
    store: EventReader,
    dates: Sequence[int],
    *,
    catalogue: Catalogue,
    wall: Wall,
    horizons: Horizons,
    known_by: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Snapshot:
    """Features of everyone at each of `dates`, with what they ordered afterwards.

    Args:
        store: Events; read block by block.
        dates: Instants in microseconds in UTC.
        catalogue: Which features.
        wall: Whose clock tells days and hours.
        horizons: How far the labels look.
        known_by: Labels count only orders known by this instant.
        progress: Told customers done and in all after each block.
    """
    instants = np.array(sorted(dates), np.int64)
    parts: list[Snapshot] = []
    done, total = 0, len(store.customer_ids)
    for block in store.blocks():
        parts.append(_of_block(block, instants, catalogue, wall, horizons, known_by))
        done += len(block)
        progress(done, total)
    if not parts:
        raise ValueError(f"a store must hold events to learn from, got none at {store.path}")
    arrays = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts])
        for f in fields(Snapshot)
        if f.name != "names"
    }
    return Snapshot(names=catalogue.names, **arrays)


def _of_block(
    block: Block,
    instants: NDArray[np.int64],
    catalogue: Catalogue,
    wall: Wall,
    horizons: Horizons,
    known_by: int,
) -> Snapshot:
    matrix = compute(block, instants, catalogue, wall)
    _, spend = orders_after(block, instants, horizons.margin_days, known_by)
    shape = matrix.shape[:2]
    ids = np.array(block.customer_ids, dtype=object)
    every = Snapshot(
        customer_id=np.broadcast_to(ids[:, None], shape).ravel(),
        as_of=np.broadcast_to(instants, shape).ravel(),
        features=matrix.reshape(-1, matrix.shape[2]),
        names=catalogue.names,
        churned=_churned(block, instants, horizons, known_by).reshape(matrix[..., 0].size, -1),
        order_days_after=order_days_after(block, instants, horizons.margin_days, known_by).ravel(),
        spend_after=spend.ravel(),
    )
    return every.rows(~np.isnan(every.column("tenure_days")))


def _churned(
    block: Block, instants: NDArray[np.int64], horizons: Horizons, known_by: int
) -> NDArray[np.bool_]:
    """Of shape (n, T, horizons)."""
    if horizons.churn == "cancellation":
        labels = [cancelled_after(block, instants, d, known_by) for d in horizons.all_churn_days]
    else:
        labels = [
            orders_after(block, instants, days, known_by)[0] == 0
            for days in horizons.all_churn_days
        ]
    return np.stack(labels, axis=-1)
