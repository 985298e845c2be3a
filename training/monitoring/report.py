"""What monitoring says: frozen values that turn into JSON as they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from training.evaluation.bootstrap import Estimate
from training.evaluation.drift import Drift
from training.evaluation.estimated import Expected
from training.evaluation.probabilities import ReliabilityBin


class Level(StrEnum):
    """How far a distribution has moved; `STEADY` also where chance explains what is seen."""

    STEADY = "steady"
    SHIFTED = "shifted"
    MOVED = "moved"


class Severity(StrEnum):
    """An alarm asks for something to be done; a warning, to be looked at."""

    ALARM = "alarm"
    WARNING = "warning"


class Advice(StrEnum):
    """What a finding asks for."""

    RETRAIN = "retrain"
    REPAIR = "repair"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Watched:
    """A feature or a prediction then and now.

    Attributes:
        name: of the column.
        weight: share of the churn model's gain that splits on it bring, 0 to 1; 0 of a prediction.
        mean_then, mean_now: of the known values; None where nobody has one.
        drift: the distributions.
        q_value: of `drift.p_value`, corrected for all features, or all predictions.
        level: PSI by the thresholds, where the q value is below its own.
    """

    name: str
    weight: float
    mean_then: float | None
    mean_now: float | None
    drift: Drift
    q_value: float
    level: Level


@dataclass(frozen=True, slots=True)
class Realised:
    """Figures on outcomes that were not known in training; intervals by customer.

    Attributes:
        dates: ISO 8601, the latest first; a churn horizon or more apart.
        rows: customers at these dates.
        auc, log_loss, rate: what came; `rate` is the share that churned.
        expected: what would have come if the probabilities were right.
        observed_to_predicted: ratio of sums; above 1 more left than expected.
        calibration_error: `training.evaluation.probabilities.calibration_error`.
        calibration_error_by_chance: 95th percentile if perfectly calibrated.
        calibration_slope: 1 is right; None where the outcomes are separated without error.
        reliability: bins of predicted beside observed shares.
    """

    dates: tuple[str, ...]
    rows: int
    auc: Estimate
    log_loss: Estimate
    rate: Estimate
    expected: Expected
    observed_to_predicted: Estimate
    calibration_error: float
    calibration_error_by_chance: float
    calibration_slope: float | None
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that has changed, in words that stand alone."""

    severity: Severity
    words: str
    advice: Advice


@dataclass(frozen=True, slots=True)
class Changes:
    """What was measured.

    Attributes:
        then, now: ISO 8601: the date that judged the bundle in training, and the present.
        rows_then, rows_now: customers at either, within the active window.
        promised_auc: realised at `then`, as training told; None where it did not.
        features, predictions: the furthest first.
        expected_then, expected_now: figures that the probabilities alone let expect.
        realised: on labels that are known by now; None where they are too few.
    """

    then: str
    now: str
    rows_then: int
    rows_now: int
    promised_auc: Estimate | None
    features: tuple[Watched, ...]
    predictions: tuple[Watched, ...]
    expected_then: Expected
    expected_now: Expected
    realised: Realised | None


@dataclass(frozen=True, slots=True)
class Report:
    """All that monitoring found of the bundle with this digest at `made_at`, ISO 8601."""

    bundle: str
    made_at: str
    changes: Changes
    findings: tuple[Finding, ...]

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms' words; the gate of `bocian models promote` asks that there are none."""
        return tuple(f.words for f in self.findings if f.severity is Severity.ALARM)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why to train again, in words; empty where nothing asks for it."""
        return tuple(
            f.words
            for f in self.findings
            if f.severity is Severity.ALARM and f.advice is Advice.RETRAIN
        )

    @property
    def retrain(self) -> bool:
        """Whether training again is suggested."""
        return bool(self.reasons)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, tuples, numbers and text, ready for JSON."""
        return dataclasses.asdict(self) | {
            "alarms": self.alarms,
            "retrain": self.retrain,
            "reasons": self.reasons,
        }
