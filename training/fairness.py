"""The audit of a churn model: its inputs from a snapshot, its page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.clock import from_us, iso, to_us
from models.churn import ChurnModel
from training.audits.fairness import audit
from training.audits.page import render
from training.audits.report import Audit
from training.churn import churned
from training.config import Training
from training.figures import Figure
from training.proxies import proxies_of
from training.snapshot import Snapshot

Protected = Mapping[str, Mapping[str, str | None]]
"""For each protected attribute, its value by customer; a customer without one is left out."""


def targeted(probability: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Whom a campaign for the `share` of highest risk would reach."""
    count = round(share * len(probability))
    chosen = np.zeros(len(probability), np.bool_)
    chosen[np.argsort(-probability, kind="stable")[:count]] = True
    return chosen


def audit_churn(
    model: ChurnModel, rows: Snapshot, protected: Protected, training: Training
) -> Audit | None:
    """Compare predictions and targeting by group; None where no attribute is declared."""
    if not protected:
        return None
    return audit_rows(
        churned(rows),
        model.probability(rows.features),
        {
            name: [values.get(customer) for customer in rows.customer_id]
            for name, values in protected.items()
        },
        features=rows.features,
        names=rows.names,
        contributions=model.contributions(rows.features, training.threads),
        raw=model.raw(rows.features),
        customers=rows.customer_id,
        training=training,
    )


def audit_rows(
    y: NDArray[np.float64],
    probability: NDArray[np.float64],
    attributes: Mapping[str, Sequence[str | None]],
    *,
    features: NDArray[np.float64],
    names: Sequence[str],
    contributions: NDArray[np.float64],
    raw: NDArray[np.float64],
    customers: NDArray[Any],
    training: Training,
) -> Audit:
    """Audit any model of one probability: rates, mechanism, proxies and the cost of mitigation.

    Args:
        y: [n], 1 where it happened.
        probability: [n], that it would.
        attributes: by name, [n] of text; None where it is not known.
        features: [n, f], what the model read.
        names: f names.
        contributions: [n, f + 1] to the raw log-odds, the base last.
        raw: [n], the raw log-odds.
        customers: [n], who each row is.
        training: how many are targeted, how small a group may be, replicates and seed.
    """
    audited = audit(
        y,
        probability,
        targeted(probability, training.targeted_share),
        attributes,
        seed=training.seed,
        customers=customers,
        contributions=contributions,
        feature_names=names,
        raw_log_odds=raw,
        min_size=training.minimum_group,
        replicates=training.bootstrap,
    )
    return replace(
        audited,
        proxies=proxies_of(
            features,
            names,
            attributes,
            customers,
            min_size=training.minimum_group,
            replicates=training.bootstrap,
            seed=training.seed,
            threads=training.threads,
        ),
    )


def dated(audited: Audit, *, as_of: dt.datetime, made_at: dt.datetime) -> dict[str, Any]:
    """The audit as plain data for JSON, with the instants that tell it from others."""
    instants = {"as_of": iso(to_us(as_of)), "made_at": iso(to_us(made_at))}
    return {"subject": "predictions", **instants, **audited.to_dict()}


def page(
    audited: Audit,
    *,
    as_of: int,
    made_at: dt.datetime,
    model: ChurnModel,
    figures: Sequence[Figure],
    training: Training,
) -> str:
    """The audit as one HTML page."""
    return render(
        audited,
        title="Who is predicted to leave, and is it fair?",
        model=f"churn within {model.horizon_days} days",
        as_of=from_us(as_of),
        made_at=made_at,
        figures={f.name: f"{f.model:.3f}" for f in figures if f.name.startswith("churn")},
        selection=f"among the {training.targeted_share:.0%} with the highest churn risk",
        outcome=f"churned within {model.horizon_days} days",
    )
