"""What a simulated world is like, read from TOML: wrong values and unknown keys are refused."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

Driver = Literal[
    "price_sensitivity",
    "complaints",
    "category_entropy",
    "monetary_value",
    "days_since_last_order",
]
DRIVERS: Final[tuple[Driver, ...]] = get_args(Driver)
"""What an action's effect may depend on."""

_STRICT = ConfigDict(extra="forbid")
_Share = Annotated[float, Field(ge=0, lt=1)]
_Positive = Annotated[float, Field(gt=0)]
_NotNegative = Annotated[float, Field(ge=0)]
_Days = Annotated[int, Field(ge=1)]
_Hour = Annotated[int, Field(ge=0, le=23)]
_Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class ScenarioError(ValueError):
    """A scenario holds a value that breaks a rule, or a key that nobody knows."""


@dataclass(frozen=True, config=_STRICT)
class Spend:
    """A customer's mean order is Gamma(`shape`) with this `mean`, in minor units; an order is that
    times a lognormal of mean 1 whose logarithm has the standard deviation `order_noise`.
    """

    shape: _Positive
    mean: _Positive
    order_noise: _NotNegative


@dataclass(frozen=True, config=_STRICT)
class Rhythm:
    """Orders a day and dropout a day, each Gamma between customers with a coefficient of variation;
    `cadence_drift` is the standard deviation of the change of a log rate in a year.
    """

    rate_mean_per_day: _Positive
    rate_cv: _NotNegative
    hazard_mean_per_day: _Positive
    hazard_cv: _NotNegative
    cadence_drift: _NotNegative


@dataclass(frozen=True, config=_STRICT)
class Habit:
    """The share of customers who are busiest around an hour of the day."""

    share: Annotated[float, Field(gt=0, le=1)]
    peak_hour: _Hour


@dataclass(frozen=True, config=_STRICT)
class Hours:
    """Habits, and the AUC with which the first can be told from the others by order hours."""

    habits: Annotated[tuple[Habit, ...], Field(min_length=1)]
    order_hours_tell: Annotated[float, Field(ge=0.5, lt=1)]

    @model_validator(mode="after")
    def _shares_are_whole(self) -> Hours:
        _sum_to_one("habits", [habit.share for habit in self.habits])
        return self


@dataclass(frozen=True, config=_STRICT)
class Action:
    """Something to do, its cost, and what it changes in the margin of the outcome window."""

    id: _Slug
    channel: Literal["email", "sms", "push", "web_push", "call_center", "app", "web"]
    cost: _NotNegative
    effect_mean: float
    effect_sd: _NotNegative
    effect_on: Literal["order_rate", "hazard", "margin"]
    effect_drivers: Annotated[tuple[Driver, ...], Field(min_length=1)]
    outcome_noise_sd: _NotNegative


@dataclass(frozen=True, config=_STRICT)
class Fatigue:
    """Each message takes this share of the next one's force; it is forgotten at e^(−days/…)."""

    per_message: _Share
    recovery_days: _Positive


@dataclass(frozen=True, config=_STRICT)
class Logging:
    """The policy that logged; see `training.simulate.policies`."""

    kind: Literal["uniform", "epsilon_greedy_risk", "risk_first"]
    floor: _Share
    slots: _Days
    holdout: _Share
    quiet_cohort: _Share
    send_hour_mode: _Hour
    send_hour_explored: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, config=_STRICT)
class Groups:
    """A protected attribute. In all groups but the first dropout is `base_rate_ratio` times as
    fast, and each action `allocation_ratio` times as likely.
    """

    shares: Annotated[dict[str, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    base_rate_ratio: _Positive
    allocation_ratio: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _shares_are_whole(self) -> Groups:
        _sum_to_one("shares", list(self.shares.values()))
        return self


@dataclass(frozen=True, config=_STRICT)
class Late:
    """The share of events that become known only `days` after they occurred."""

    share: _Share
    days: _NotNegative


@dataclass(frozen=True, config=_STRICT)
class Scenario:
    """A world; `dataclasses.replace` gives another seed or size, and is checked as well."""

    customers: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    history_days: _Days
    horizon_days: _Days
    outcome_days: _Days
    risk_effect_correlation: Annotated[float, Field(ge=-1, le=1)]
    spend: Spend
    rhythm: Rhythm
    hours: Hours
    actions: Annotated[tuple[Action, ...], Field(min_length=1)]
    fatigue: Fatigue
    logging: Logging
    groups: Groups
    late: Late

    @model_validator(mode="after")
    def _parts_fit(self) -> Scenario:
        ids = [action.id for action in self.actions]
        if again := sorted({i for i in ids if ids.count(i) > 1} | ({"no_action"} & set(ids))):
            raise ValueError(f"actions must have ids of their own, not 'no_action', got: {again}")
        if self.first_slot_day < 1:
            raise ValueError(
                f"history_days must be more than slots x outcome_days = "
                f"{self.logging.slots * self.outcome_days}, got: {self.history_days}"
            )
        if self.logging.floor * (len(ids) + 1) > 1:
            raise ValueError(
                f"logging.floor must be at most 1 / {len(ids) + 1}, a share for each action and "
                f"for none, got: {self.logging.floor}"
            )
        return self

    @property
    def first_slot_day(self) -> int:
        """The day of the first decision, counted from the beginning of the history."""
        return self.history_days - self.logging.slots * self.outcome_days

    @property
    def arms(self) -> tuple[str, ...]:
        """What may be chosen: `no_action`, then the actions."""
        return ("no_action", *(action.id for action in self.actions))

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """The scenario in a TOML file.

        Raises:
            ScenarioError: The file is no TOML or no scenario; each wrong key is named.
        """
        try:
            return cls.from_dict(tomllib.loads(path.read_text()))
        except (tomllib.TOMLDecodeError, ScenarioError) as error:
            raise ScenarioError(f"{path.name}: {error}") from error

    @classmethod
    def from_dict(cls, stated: dict[str, Any]) -> Scenario:
        """The scenario that these keys state.

        Raises:
            ScenarioError: Naming each wrong key, the rule, and the value that came.
        """
        try:
            return _SCENARIO.validate_python(stated)
        except ValidationError as error:
            lines = [_in_words(dict(problem)) for problem in error.errors(include_url=False)]
            raise ScenarioError("; ".join(lines)) from error


_SCENARIO: Final = TypeAdapter(Scenario)


def _sum_to_one(name: str, shares: list[float]) -> None:
    if abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"the shares of {name} must sum to 1, got: {shares}")


def _in_words(problem: dict[str, Any]) -> str:
    key, value = ".".join(map(str, problem["loc"])) or "scenario", problem["input"]
    if problem["type"] == "unexpected_keyword_argument":
        known = _keys(problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0)[0]
        return f"{key} is no key of a scenario, got: {value!r}; the nearest is {near!r}"
    shown = "" if isinstance(value, dict) or is_dataclass(value) else f", got: {value!r}"
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}{shown}"


def _keys(place: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand at a place, such as ("actions", 0)."""
    sections: dict[str, Any] = get_type_hints(Scenario)
    sections |= {"actions": Action, "habits": Habit}
    names = [part for part in place if isinstance(part, str)]
    return [field.name for field in fields(sections[names[-1]] if names else Scenario)]
