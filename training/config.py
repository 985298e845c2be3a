"""What is learned, from which dates, and for how long one may look for better settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Configuration is parsed once and never changes; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Horizons(Frozen):
    """Windows of the labels, in days.

    Churn is no order in `[as_of, as_of + churn_days)` by a customer who ordered in
    `[as_of - active_days, as_of)`. Margin is summed over `[as_of, as_of + margin_days)`. A label
    is known `lag_days` after its window has ended.
    """

    churn_days: Annotated[int, Field(ge=1, le=730)] = 28
    active_days: Annotated[int, Field(ge=1, le=730)] = 56
    margin_days: Annotated[int, Field(ge=1, le=1095)] = 91
    lag_days: Annotated[int, Field(ge=0, le=90)] = 0


class Training(Frozen):
    """How models are fitted.

    `step_days` lies between the `as_of` dates of the training rows, of which there are at most
    `dates`; the first has at least `history_days` of events before it. Tuning tries up to `trials`
    settings for at most `tuning_seconds`; 0 keeps the defaults.
    """

    step_days: Annotated[int, Field(ge=1, le=365)] = 14
    dates: Annotated[int, Field(ge=1, le=200)] = 20
    history_days: Annotated[int, Field(ge=0, le=3650)] = 56
    validation_dates: Annotated[int, Field(ge=1, le=12)] = 6
    trials: Annotated[int, Field(ge=0, le=10_000)] = 10
    tuning_seconds: Annotated[float, Field(ge=0)] = 40.0
    seed: int = 20180101
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    bootstrap: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    targeted_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    minimum_group: Annotated[int, Field(ge=10)] = 50
