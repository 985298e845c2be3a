"""From what was measured to what it means: a finding has a size, and is more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from training.config import Monitoring
from training.evaluation.bootstrap import Estimate
from training.evaluation.drift import Drift
from training.evaluation.estimated import Expected
from training.monitoring.report import (
    Advice,
    Changes,
    Finding,
    Level,
    Realised,
    Severity,
    Watched,
)

_SILENT: Final = 0.99
"""A feature of which so many customers have one value (or bin) tells nothing any more ..."""

_SPOKE: Final = 0.9
"""... and it did tell something where fewer than this had."""

_NAMED: Final = 5


def findings(changes: Changes, rules: Monitoring) -> tuple[Finding, ...]:
    """What the changes mean, alarms first."""
    found = (
        *_features(changes.features, rules),
        *_predictions(changes.predictions),
        *_harder(changes.expected_then, changes.expected_now, rules),
        *_realised(changes.realised, changes.promised_auc, rules),
    )
    return tuple(sorted(found, key=lambda f: f.severity is not Severity.ALARM))


def _features(features: Sequence[Watched], rules: Monitoring) -> Iterator[Finding]:
    """Each feature in one finding at most: what is gone or silent has not just moved."""
    changed = [f for f in features if f.q_value <= rules.false_discovery]
    gone = [f for f in changed if _went_missing(f.drift, rules.missing_rise)]
    silent = [f for f in changed if f not in gone and _fell_silent(f.drift)]
    moved = [f for f in changed if f.level is Level.MOVED and f not in (*gone, *silent)]
    for named, what, least, advice in (
        (gone, "became unknown for many more customers", rules.broken_share, Advice.REPAIR),
        (silent, "became nearly constant", rules.broken_share, Advice.REPAIR),
        (moved, f"moved (PSI of {rules.moved:g} or more)", rules.moved_share, Advice.RETRAIN),
    ):
        weight = sum(f.weight for f in named)
        alarm = weight >= least
        if named:
            yield Finding(
                Severity.ALARM if alarm else Severity.WARNING,
                f"{_counted(named)} {what}, with a weight of {weight:.1%} in the churn model: "
                f"{_names(named)}",
                advice if alarm else Advice.LOOK,
            )


def _went_missing(drift: Drift, rise: float) -> bool:
    return drift.missing_now - drift.missing_then >= rise


def _fell_silent(drift: Drift) -> bool:
    most = max(drift.now)
    return most >= _SILENT and drift.then[drift.now.index(most)] < _SPOKE


def _predictions(predictions: Sequence[Watched]) -> Iterator[Finding]:
    for one in predictions:
        if one.level is not Level.STEADY:
            alarm = one.level is Level.MOVED
            yield Finding(
                Severity.ALARM if alarm else Severity.WARNING,
                f"{one.name} {one.level.value}: PSI {one.drift.psi:.2f}, mean "
                f"{_amount(one.mean_then)} then and {_amount(one.mean_now)} now",
                Advice.RETRAIN if alarm else Advice.LOOK,
            )


def _harder(then: Expected, now: Expected, rules: Monitoring) -> Iterator[Finding]:
    if then.auc.value - now.auc.value >= rules.auc_drop and now.auc.high < then.auc.value:
        yield Finding(
            Severity.ALARM,
            f"the churn AUC to expect of today's customers is {_span(now.auc)}, then it was "
            f"{then.auc.value:.3f}: the model tells them apart less well",
            Advice.RETRAIN,
        )


def _realised(
    came: Realised | None, promised: Estimate | None, rules: Monitoring
) -> Iterator[Finding]:
    if came is None:
        return
    allowed = max(rules.calibration_error, came.calibration_error_by_chance)
    if came.calibration_error > allowed:
        yield Finding(
            Severity.ALARM,
            f"the churn probabilities no longer mean what they say: calibration error "
            f"{came.calibration_error:.3f}, allowed {allowed:.3f} (the larger of "
            f"{rules.calibration_error:g} and what chance explains)",
            Advice.RETRAIN,
        )
    ratio, least = came.observed_to_predicted, rules.observed_ratio
    if ratio.high < least or ratio.low > 1 / least:
        yield Finding(
            Severity.ALARM,
            f"{ratio.value:.2f} times as many left as predicted [{ratio.low:.2f}, "
            f"{ratio.high:.2f}], allowed {least:g} to {1 / least:g}",
            Advice.RETRAIN,
        )
    if (
        promised is not None
        and _fell(promised, came.auc)
        and (promised.value - came.auc.value >= rules.auc_drop)
    ):
        yield Finding(
            Severity.ALARM,
            f"the churn AUC came to {_span(came.auc)}, training promised {_span(promised)}",
            Advice.RETRAIN,
        )


def _fell(before: Estimate, after: Estimate) -> bool:
    """Whether the 95 % interval of `before - after`, taken as independent, lies above 0."""
    reach = math.hypot(before.value - before.low, after.high - after.value)
    return before.value - after.value > reach


def _counted(features: Sequence[Watched]) -> str:
    return "1 feature" if len(features) == 1 else f"{len(features)} features"


def _names(features: Sequence[Watched]) -> str:
    """Those on which the model rests most, and how many there are more."""
    heaviest = sorted(features, key=lambda f: -f.weight)
    more = len(features) - _NAMED
    told = ", ".join(f.name for f in heaviest[:_NAMED])
    return f"{told} and {more} more" if more > 0 else told


def _amount(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"


def _span(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
