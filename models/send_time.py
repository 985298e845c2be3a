"""At which hour of their own week a customer is likely to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOURS_PER_BLOCK = 3
BLOCKS = 24 // HOURS_PER_BLOCK
LOWEST, HIGHEST = 0.5, 2.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Habits:
    """Kinds of people by when they order: a mixture of k distributions over the hours of the day.

    `share` of shape (k,) sums to 1, as does each row of `chance`, of shape (k, 24).
    """

    share: Floats
    chance: Floats

    def told(self, counts: NDArray[np.int64]) -> Floats:
        """P(habit | own orders), shape (n, k), for `counts` by hour of the week, shape (n, 168)."""
        by_hour = counts.reshape(-1, 7, 24).sum(axis=1)
        weight = _rows_by(by_hour, self._logs[0]) + self._logs[1]
        weight = np.exp(weight - weight.max(axis=1, keepdims=True))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    @cached_property
    def _logs(self) -> tuple[Floats, Floats]:
        return np.log(self.chance), np.log(self.share)


@dataclass(frozen=True)
class Engagement:
    """P(engages | own orders, channel, hour of the local week of sending), learned from sends.

    Its log-odds are channel + weekday + Σₖ P(habit k | own orders) · hour[k]. People who order at
    like hours are alike; who has no orders yet is what all are together.

    Attributes:
        habits: k of them.
        hour: Log-odds by habit and hour of the day, shape (k, 24).
        weekday: What is added on each day, Monday first, shape (7,).
        channel: What is added on each channel; nothing on one that the log does not hold.
        known: The blocks of hours that the log can tell of, bool of shape (8,).
    """

    habits: Habits
    hour: Floats
    weekday: Floats
    channel: Mapping[str, float]
    known: NDArray[np.bool_]

    def chance(self, counts: NDArray[np.int64], channel: str | None = None) -> Floats:
        """P(engages) in each hour of the local week, shape (n, 168).

        In hours that are not `known` it is the mean over those that are.
        """
        return self._on(channel, self._by_week(counts))

    def preference(self, counts: NDArray[np.int64]) -> dict[str, Floats]:
        """P(engages) on each channel over its mean over the channels, at hours alike; (n,) each."""
        by_week = self._by_week(counts)
        mean = {channel: self._on(channel, by_week).mean(axis=1) for channel in self.channel}
        usual = np.mean(list(mean.values()), axis=0)
        return {channel: chance / usual for channel, chance in mean.items()}

    def _by_week(self, counts: NDArray[np.int64]) -> Floats:
        """Log-odds in each hour of the local week, apart from the channel's, shape (n, 168)."""
        by_hour = _rows_by(self.habits.told(counts), self.hour.T)
        return (by_hour[:, None, :] + self.weekday[:, None]).reshape(-1, 168)

    def _on(self, channel: str | None, by_week: Floats) -> Floats:
        chance = 1 / (1 + np.exp(-by_week - self.channel.get(channel or "", 0.0)))
        # Contiguous rows are summed in one order, however many there are.
        mean = np.ascontiguousarray(chance[:, self._hours]).mean(axis=1, keepdims=True)
        return np.where(self._hours, chance, mean)

    @cached_property
    def _hours(self) -> NDArray[np.bool_]:
        """The hours of the week in blocks that are `known`, shape (168,)."""
        return np.tile(self.known.repeat(HOURS_PER_BLOCK), 7)


@dataclass(frozen=True)
class SendTimeModel:
    """A distribution over the 168 hours of the local week for each customer.

    With `engagement` it is P(engages) in each hour, as a share of the week's. Without, it is the
    hours of orders: the customer's own count as much as they are many; `strength` hours of
    everyone's habits (`population`, which sums to 1) are added to them. Of an own hour the share
    `same_hour` is spread over that hour of all seven days.

    `basis` says what the hours were learned from, or why they are unknown. Where that is only a
    proxy for engagement, it moves the value of a message by the share `trust` of what it would if
    it were the real thing: by nothing where the log of messages shows no effect or cannot tell.
    """

    population: Floats
    strength: float
    same_hour: float
    basis: str
    trust: float
    engagement: Engagement | None = None

    def distribution(self, counts: NDArray[np.int64]) -> Floats:
        """Each hour's share of the local week, rows of 1, for own `counts` of orders, (n, 168)."""
        if self.engagement is not None:
            chance = self.engagement.chance(counts)
            return np.asarray(chance / chance.sum(axis=1, keepdims=True))
        by_day = counts.reshape(-1, 7, 24)
        spread = self.same_hour * (by_day.sum(axis=1, keepdims=True) / 7)
        own = ((1 - self.same_hour) * by_day + spread).reshape(-1, 168)
        total = counts.sum(axis=1, keepdims=True) + self.strength
        return np.asarray((own + self._everyone) / total)

    def multiplier(
        self, distribution: Floats, weekday: int, reference: NDArray[np.bool_]
    ) -> Floats:
        """How much more a message is worth in each block of three hours than at a usual hour.

        Args:
            distribution: Shape (n, 168).
            weekday: Of the day of sending, 0 for Monday.
            reference: The hours of the day, bool of shape (24,), at which effects are taken to
                have been learned: the mean over them has the multiplier 1.

        Returns:
            Shape (n, 8), within [0.5, 2]; 1 in blocks that the log of messages cannot tell of.
        """
        day = distribution.reshape(-1, 7, 24)[:, weekday]
        blocks = day.reshape(-1, BLOCKS, HOURS_PER_BLOCK).sum(axis=2) / HOURS_PER_BLOCK
        # Contiguous rows are summed in one order, however many there are.
        at = np.ascontiguousarray(day[:, reference])
        usual = at.sum(axis=1, keepdims=True) / at.shape[1]
        moved = 1 + self.trust * (blocks / usual - 1)
        moved = np.minimum(np.maximum(moved, LOWEST), HIGHEST)
        return moved if self.engagement is None else np.where(self.engagement.known, moved, 1.0)

    @cached_property
    def _everyone(self) -> Floats:
        return self.strength * self.population


def _rows_by(rows: NDArray[Any], others: Floats) -> Floats:
    """`rows @ others.T`, of (n, k) and (m, k); a row's bits do not hang on how many rows there are.

    BLAS adds up in another order for one row than for many; contiguous rows are summed in one.
    """
    products = np.multiply(rows[:, None, :], others, order="C")
    return np.asarray(products.sum(axis=2))


def stated(model: SendTimeModel) -> dict[str, Any]:
    """The model as members of JSON."""
    return asdict(model, dict_factory=_listed)


def from_stated(members: Mapping[str, Any]) -> SendTimeModel:
    """The model that `stated` wrote.

    Raises:
        KeyError, TypeError: A member is missing or unknown.
    """
    told = members["engagement"]
    engagement = None
    if told is not None:
        arrays = {name: np.array(told[name]) for name in ("hour", "weekday", "known")}
        habits = Habits(**{name: np.array(array) for name, array in told["habits"].items()})
        engagement = Engagement(**told | arrays | {"habits": habits})
    arrays = {"population": np.array(members["population"])}
    return SendTimeModel(**dict(members) | arrays | {"engagement": engagement})


def _listed(members: list[tuple[str, Any]]) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in members}
