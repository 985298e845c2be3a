"""What the ledger tells of actions: the part of `bocian train` that `--effects` adds."""

from __future__ import annotations

from collections.abc import Sequence

from bocian import wiring
from bocian.settings import Settings
from features.catalogue import CATALOGUE
from features.clock import to_us
from features.union import CurrentEvents
from models.effects import UpdatedEffects
from serving.logged import logged
from serving.program import declared_effects, policy_document, program
from training.config import Outcomes
from training.effects import Decided, Decision, EffectsError, decided, updated
from training.effects.fit import Progress


def told_by_ledger(
    settings: Settings, store: CurrentEvents, features: Sequence[str]
) -> tuple[Decided | None, dict[str, str]]:
    """The trial that the ledger holds, and what is to be said of it; None where it is too small.

    The holdout measures the programme and teaches nothing; quiet cohorts teach churn. Neither had
    a chance of any action.
    """
    records = wiring.ledger(settings).decisions.records("main")
    rows = logged(records, features=features, catalogue=CATALOGUE.version)
    try:
        told = decided(
            (Decision(*row) for row in rows),
            store,
            arms=declared_effects(settings.actions).names,
            now=to_us(settings.now),
            outcomes=Outcomes(
                days=settings.effects.outcome_days,
                lag_days=settings.horizons.lag_days,
                margin_rate=settings.business.margin,
            ),
        )
    except EffectsError as error:
        return None, {"declared as before": str(error)}
    words = [f"{count} left out: {reason}" for reason, count in told.left_out.items()]
    return told, {"learned from": ", ".join([f"{len(told.trial)} decisions", *words])}


def learned_effects(settings: Settings, told: Decided, progress: Progress) -> UpdatedEffects:
    """The declared effects, updated; acting by customer must pay at what arms cost.

    That is the action, its delivery, and a first message's cost in patience.
    """
    prior = declared_effects(settings.actions)
    parsed = program(policy_document(settings.actions, settings.channels), CATALOGUE.names)
    cost = (parsed.delivery_cost + parsed.contact_cost)[1:].tolist()
    return updated(
        prior,
        told,
        cost=dict(zip(prior.names, cost, strict=True)),
        seed=settings.training.seed,
        threads=settings.training.threads,
        progress=lambda step, done, total: progress(f"effects: {step}", done, total),
    )
