"""What must hold before a bundle may serve."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from training.audits.limits import breaches
from training.compare import Compared
from training.config import AuditLimits
from training.figures import Figure

CALIBRATION_ERROR: Final = 0.03
"""An error up to this is small enough for a decision, even where chance does not explain it."""

_HELD_AGAINST_CHAMPION: Final = ("churn AUC", "churn log-loss", "spend RMSE")


@dataclass(frozen=True)
class Monitored:
    """What monitoring last found of a bundle: alarms in words, none where all is well.

    It is the part of a `training.monitoring.report.Report` that the gate asks for. `bundle` is the
    digest, `made_at` ISO 8601.
    """

    bundle: str
    made_at: str
    alarms: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Monitored | None:
        """The result in the JSON file at `path`; None where nobody has monitored yet.

        Raises:
            ValueError: The file is not such a result.
        """
        try:
            stated = json.loads(path.read_text())
            return cls(stated["bundle"], stated["made_at"], tuple(stated["alarms"]))
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"a result of monitoring must hold bundle, made_at and alarms, got: {path} "
                f"with {type(error).__name__}: {error}"
            ) from error


@dataclass(frozen=True)
class Evidence:
    """All that speaks for a bundle or against it.

    Attributes:
        digest: The bundle's.
        figures: Its own, from training.
        audit: Its audit as plain data; None where there was none.
        protected: Attributes that the business declares, each of which must be in the audit.
        limits: Beyond which a finding of the audit speaks against it.
        features: What is wrong with its features, in words; empty where nothing is.
        champion: How it compares with the bundle that serves, on the same rows; empty where none
            does, or where that one cannot be judged any more.
        monitored: The last result of monitoring, of whichever bundle.
        policy: Why the log does not prove its policy no worse than the champion's, in words; empty
            where it does, where both are the same, or where there is no log.
    """

    digest: str
    figures: Sequence[Figure]
    audit: Mapping[str, Any] | None = None
    protected: Collection[str] = ()
    limits: AuditLimits = field(default_factory=AuditLimits)
    features: str = ""
    champion: Sequence[Compared] = ()
    monitored: Monitored | None = None
    policy: str = ""


def refusals(evidence: Evidence) -> list[str]:
    """Why this bundle may not serve, in words, each naming the rule; empty where nothing is."""
    reasons = [
        *_quality(evidence.figures),
        *_beside_champion(evidence.champion),
        *_calibration(evidence.figures),
        *_audit(evidence.audit, evidence.protected, evidence.limits),
    ]
    if evidence.features:
        reasons.append(evidence.features)
    if evidence.policy:
        reasons.append(evidence.policy)
    found = evidence.monitored
    if found is not None and found.bundle == evidence.digest:
        reasons += [f"monitoring of {found.made_at} must be quiet: {a}" for a in found.alarms]
    return reasons


def _quality(figures: Sequence[Figure]) -> Iterator[str]:
    auc = _named(figures, "churn AUC")
    if auc is None or auc.difference is None:
        yield "its churn AUC was not compared with counting orders"
    elif auc.difference.low <= 0:
        yield (
            f"its churn AUC must be above that of {auc.baseline_name} with an interval above 0, "
            f"got: {auc.difference.value:+.4f} [{auc.difference.low:+.4f}, "
            f"{auc.difference.high:+.4f}]"
        )
    rmse = _named(figures, "spend RMSE")
    if rmse is not None and rmse.difference is not None and rmse.difference.low > 0:
        yield (
            f"its {rmse.name} must not be above that of {rmse.baseline_name}, "
            f"got: {rmse.difference.value:+,.0f} [{rmse.difference.low:+,.0f}, "
            f"{rmse.difference.high:+,.0f}]"
        )


def _beside_champion(compared: Sequence[Compared]) -> Iterator[str]:
    for one in compared:
        if one.verdict == "worse" and one.figure.name.startswith(_HELD_AGAINST_CHAMPION):
            yield f"it must not be worse than the champion on the same rows: {one.in_words}"


def _calibration(figures: Sequence[Figure]) -> Iterator[str]:
    error = _named(figures, "churn calibration error")
    if error is None:
        return
    allowed = max(CALIBRATION_ERROR, error.baseline or 0.0)
    if error.model > allowed:
        yield (
            f"its churn calibration error must be at most {allowed:.3f} (the larger of "
            f"{CALIBRATION_ERROR} and what chance explains), got: {error.model:.3f}"
        )


def _audit(
    audit: Mapping[str, Any] | None, protected: Collection[str], limits: AuditLimits
) -> Iterator[str]:
    attributes = audit["attributes"] if audit else ()
    if missing := sorted({*protected} - {a["name"] for a in attributes}):
        yield f"every declared attribute must be audited, missing: {missing}"
    if audit:
        yield from breaches(audit, limits)


def _named(figures: Sequence[Figure], start: str) -> Figure | None:
    return next((f for f in figures if f.name.startswith(start)), None)
