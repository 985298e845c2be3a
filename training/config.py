"""What is learned, from which dates, and for how long one may look for better settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class Frozen(BaseModel):
    """Configuration is parsed once and never changes; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Days = Annotated[int, Field(ge=1, le=730)]


def _different(days: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(days)) < len(days):
        raise ValueError(f"horizons must differ, got: {list(days)}")
    return days


class Horizons(Frozen):
    """What churn is, and windows of the labels, in days.

    `churn` is "no_order" in `[as_of, as_of + churn_days)` by a customer who ordered in
    `[as_of - active_days, as_of)`, or, with subscriptions, the "cancellation" of one that is active
    at `as_of` within `churn_days`. It is predicted for `further_churn_days` as well; decisions rest
    on `churn_days`. Margin is summed over `[as_of, as_of + margin_days)`. A label is known
    `lag_days` after its window has ended.
    """

    churn: Literal["no_order", "cancellation"] = "no_order"
    churn_days: Days = 28
    further_churn_days: Annotated[tuple[Days, ...], AfterValidator(_different)] = ()
    active_days: Days = 56
    margin_days: Annotated[int, Field(ge=1, le=1095)] = 91
    lag_days: Annotated[int, Field(ge=0, le=90)] = 0

    @property
    def all_churn_days(self) -> tuple[int, ...]:
        """The horizon that decisions rest on, then the further ones."""
        return (self.churn_days, *(d for d in self.further_churn_days if d != self.churn_days))


class Outcomes(Frozen):
    """What came of a decision: margin, a share of net spend, over `days` from then on.

    It is known `lag_days` after the window has ended.
    """

    days: Days = 28
    lag_days: Annotated[int, Field(ge=0, le=90)] = 0
    margin_rate: Annotated[float, Field(gt=0, le=1)]

    @property
    def known_after_days(self) -> int:
        """From the decision on."""
        return self.days + self.lag_days


class Effects(Frozen):
    """What effects are measured by: margin in `[decision, decision + outcome_days)`."""

    outcome_days: Days = 28


class Proof(Frozen):
    """What a new policy is held to by the log before it may serve.

    It may lose `tolerated_loss` of what the policy that ran earned a decision. Where the log cannot
    judge it, `rollout_share` of the customers is what a rollout is offered for.
    """

    tolerated_loss: Annotated[float, Field(ge=0, lt=1)] = 0.01
    rollout_share: Annotated[float, Field(gt=0, le=0.5)] = 0.1


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


LimitRatio = Annotated[float, Field(ge=0, lt=1)]


class AuditLimits(Frozen):
    """Beyond which a difference that an audit found stops a release.

    Ratios are those of a group's rate to the rate of all others: of being targeted
    (`selection_ratio`), of being targeted among those who leave (`tpr_ratio`) and among those who
    stay (`fpr_ratio`). Churn observed over predicted may be from `observed_ratio` to its inverse.
    Each attribute must be known of a share `known_share` of the customers. 0 sets no limit.
    """

    selection_ratio: LimitRatio = 0.0
    tpr_ratio: LimitRatio = 0.8
    fpr_ratio: LimitRatio = 0.0
    observed_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.8
    known_share: Annotated[float, Field(ge=0, le=1)] = 0.0


class Monitoring(Frozen):
    """From where on a change since training is told, and from where on it is an alarm.

    A feature or a prediction has shifted from a PSI of `shifted`, and moved from one of `moved`,
    where chance does not explain it: at most a share `false_discovery` of those named is false.
    Alarms are: moved features with a weight of `moved_share` in the churn model; features with one
    of `broken_share` that became constant, or unknown for `missing_rise` more of the customers;
    predictions that moved; an AUC `auc_drop` lower, expected or realised; a calibration error above
    `calibration_error`; churn observed over predicted outside `observed_ratio` to its inverse.

    Figures are realised on at most `dates` dates, a horizon apart, and need `least_rows` rows.
    """

    shifted: Annotated[float, Field(gt=0)] = 0.1
    moved: Annotated[float, Field(gt=0)] = 0.25
    false_discovery: Annotated[float, Field(gt=0, lt=1)] = 0.05
    moved_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    broken_share: Annotated[float, Field(gt=0, le=1)] = 0.01
    missing_rise: Annotated[float, Field(gt=0, le=1)] = 0.1
    auc_drop: Annotated[float, Field(gt=0, le=0.5)] = 0.03
    calibration_error: Annotated[float, Field(gt=0, le=1)] = 0.03
    observed_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.8
    dates: Annotated[int, Field(ge=1, le=26)] = 3
    least_rows: Annotated[int, Field(ge=50)] = 200

    @model_validator(mode="after")
    def _in_order(self) -> Monitoring:
        if self.shifted > self.moved:
            raise ValueError(
                f"shifted must not be above moved, got: shifted={self.shifted}, moved={self.moved}"
            )
        return self
