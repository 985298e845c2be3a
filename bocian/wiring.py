"""Puts the parts together as the settings say; for the command line and for the service."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from bocian.settings import Settings
from features.catalogue import CATALOGUE
from features.store import EventStore, LatestStore
from models.effects import DeclaredEffects
from serving.bundles import Shelf
from serving.engine import DecisionEngine
from serving.ledger import Ledger, open_ledger
from serving.program import declared_effects, policy_document, program

if TYPE_CHECKING:
    from training.tracking import Registry


def event_store(settings: Settings) -> EventStore:
    """The events that `bocian ingest` wrote."""
    return EventStore(settings.path("store"))


def ledger(settings: Settings) -> Ledger:
    """The ledger, made where it is not there yet."""
    if settings.ledger_url.startswith("sqlite:///"):
        (settings.base / settings.paths.ledger).parent.mkdir(parents=True, exist_ok=True)
    return open_ledger(settings.ledger_url)


def shelf(settings: Settings) -> Shelf:
    """The bundles that the service reads."""
    return Shelf(settings.path("bundles"), CATALOGUE.hashes)


def engine(settings: Settings) -> DecisionEngine:
    """The decision engine."""
    return DecisionEngine(
        latest=LatestStore(settings.path("store")),
        ledger=ledger(settings),
        shelf=shelf(settings),
        caps=settings.caps,
        policy=settings.policy,
        clock=settings.time,
    )


def registry(settings: Settings) -> Registry:
    """The MLflow registry."""
    from training.tracking import Registry  # noqa: PLC0415 - four seconds to import

    return Registry(settings.mlflow_uri, settings.base / "var" / "mlflow-artifacts")


def declared_policy(settings: Settings) -> tuple[dict[str, object], DeclaredEffects]:
    """The declared actions as a bundle keeps them, and their priors.

    Raises:
        ProgramError: A rule of an action is wrong.
    """
    document = policy_document(settings.actions, settings.channels)
    program(document, CATALOGUE.names)
    return document, declared_effects(settings.actions)


def training_inputs(settings: Settings, store_digest: str) -> str:
    """A digest of everything that training depends on: the same digest, the same models."""
    stated = settings.model_dump(
        mode="json",
        include={"business", "horizons", "training", "send_time", "actions", "channels"},
    ) | {
        "now": settings.now.isoformat() if settings.clock.now else settings.now.date().isoformat(),
        "store": store_digest,
        "catalogue": CATALOGUE.version,
        "protected": settings.protected.attributes if settings.protected else (),
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:16]
