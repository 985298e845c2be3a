"""What must hold before a bundle may serve."""

from __future__ import annotations

from collections.abc import Sequence

from training.figures import Figure


def refusals(figures: Sequence[Figure]) -> list[str]:
    """Why these figures speak against serving, in words; empty where nothing does."""
    reasons = []
    auc = next((f for f in figures if f.name == "churn AUC"), None)
    if auc is None or auc.difference is None:
        reasons.append("its churn AUC was not compared with counting orders")
    elif auc.difference.low <= 0:
        reasons.append(
            f"its churn AUC must be above that of {auc.baseline_name} with an interval above 0, "
            f"got: {auc.difference.value:+.4f} [{auc.difference.low:+.4f}, "
            f"{auc.difference.high:+.4f}]"
        )
    return reasons
