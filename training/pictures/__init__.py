"""What a bundle did on the rows that judge it, as files to look at."""

from __future__ import annotations

import numpy as np

from models.bundle import Bundle
from training.churn import churned
from training.config import Horizons
from training.figures import nearest_window
from training.pictures.risk import (
    deciles,
    gains_chart,
    lift_chart,
    reliability_chart,
    shap_chart,
)
from training.pictures.value import amount_deciles, amounts_chart, hours_chart
from training.snapshot import Snapshot

_EXPLAINED = 300
"""Rows that the summary of contributions shows, evenly over all."""


def pictures(
    bundle: Bundle, churn_rows: Snapshot, margin_rows: Snapshot, *, horizons: Horizons
) -> dict[str, str]:
    """SVG and Markdown by file name, `component/picture.svg`.

    Args:
        bundle: The models; the rows have its features.
        churn_rows: Active customers at the date that judges churn.
        margin_rows: Everyone at the date that judges margin.
        horizons: Whose active window the count of orders covers.
    """
    happened, risk = churned(churn_rows), bundle.churn.probability(churn_rows.features)
    counted = nearest_window(churn_rows.names, "orders", horizons.active_days)
    fewest = -churn_rows.column(counted)
    some = np.unique(np.linspace(0, len(churn_rows) - 1, _EXPLAINED).astype(np.int64))
    explained = churn_rows.features[some]
    spent = margin_rows.spend_after.astype(np.float64)
    expected = bundle.clv.expected_spend(margin_rows.features)
    return {
        "churn/reliability.svg": reliability_chart(happened, risk),
        "churn/gains.svg": gains_chart(happened, risk, fewest, f"fewest {counted}"),
        "churn/lift.svg": lift_chart(happened, risk, fewest, f"fewest {counted}"),
        "churn/shap.svg": shap_chart(
            bundle.churn.contributions(explained), explained, churn_rows.names
        ),
        "churn/deciles.md": deciles(happened, risk),
        "clv/tenths.svg": amounts_chart(spent, expected),
        "clv/deciles.md": amount_deciles(spent, expected),
        "send_time/hours.svg": hours_chart(bundle.send_time.population),
    }
