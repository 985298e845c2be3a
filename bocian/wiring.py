"""Puts the parts together as the settings say; for the command line and for the service.

What needs LightGBM is imported where it is wired: to read events, nobody waits for it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from threading import Timer
from typing import TYPE_CHECKING

from bocian.settings import Settings, SettingsError
from features.catalogue import CATALOGUE
from features.clock import DAY_US, to_us
from features.store import LatestStore
from features.union import CurrentEvents, Events
from features.zones import OwnZones, Wall, zone
from serving.ledger import Ledger, open_ledger
from serving.ledger.events import SqlEventLog
from serving.ledger.place import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp

    from models.effects import DeclaredEffects
    from serving.api.access import Door
    from serving.api.brands import Brand
    from serving.bundles import Shelf
    from serving.engine import DecisionEngine
    from training.labels.quiet import QuietCohorts
    from training.tracking import Registry

log = logging.getLogger("bocian.service")
_DECODE_AFTER_S = 1.0


def event_store(settings: Settings) -> CurrentEvents:
    """All events as of now: those of the store, and those that the log holds."""
    return Events(LatestStore(settings.path("store")), event_log(ledger(settings))).get()


def ledger(settings: Settings) -> Ledger:
    """The ledger, made where it is not there yet."""
    return open_ledger(settings.ledger_url)


def event_log(opened: Ledger) -> SqlEventLog:
    """The log of events, which lies in the ledger."""
    return SqlEventLog(opened.engine)


def wall(settings: Settings) -> Wall:
    """Each customer's own clock, as their profile says; the business's for all others."""
    home = settings.business.time_zone
    own = ledger(settings).profiles.elsewhere(home)
    return OwnZones(zone(home), {customer: zone(name) for customer, name in own.items()})


def shelf(settings: Settings) -> Shelf:
    """The bundles that the service reads."""
    from serving.bundles import Shelf  # noqa: PLC0415

    return Shelf(settings.path("bundles"), CATALOGUE.hashes)


def engine(settings: Settings) -> DecisionEngine:
    """The decision engine."""
    from serving.engine import DecisionEngine  # noqa: PLC0415

    opened = ledger(settings)
    return DecisionEngine(
        events=Events(LatestStore(settings.path("store")), event_log(opened)),
        ledger=opened,
        shelf=shelf(settings),
        caps=settings.caps,
        policy=settings.policy,
        clock=settings.time,
        restraint=settings.restraint,
    )


def door(settings: Settings, opened: Ledger) -> Door:
    """Who is let in to the API."""
    from serving.api.access import KeyHolders, Limiter, ThisMachineOnly  # noqa: PLC0415

    service = settings.service
    if not service.require_keys:
        return ThisMachineOnly()
    limiter = Limiter(service.requests_per_second, bytes_per_second=service.bytes_per_second)
    return KeyHolders(opened.keys, limiter)


def api(businesses: Sequence[Settings]) -> ASGIApp:
    """The API of one business, or of several brands, each with a decision behind it.

    Raises:
        SettingsError: Two brands would write into one ledger.
    """
    from serving import telemetry  # noqa: PLC0415
    from serving.api.brands import Brands, application  # noqa: PLC0415

    brands = [_brand(settings) for settings in businesses]
    names = [settings.service.brand or "" for settings in businesses]
    figures = {n: brand.metrics.families for n, brand in zip(names, brands, strict=True)}
    traces = telemetry.start(os.environ, figures)
    if len(brands) == 1:
        return application(brands[0], traces)
    if len({place(brand.engine.ledger.engine) for brand in brands}) < len(brands):
        raise SettingsError(
            "paths.ledger must be each brand's own where several are served together, got "
            "addresses that lead to one database"
        )
    return Brands(dict(zip(names, brands, strict=True)), traces)


def _brand(settings: Settings) -> Brand:
    """One business as it is served."""
    from serving.api.brands import Brand  # noqa: PLC0415
    from serving.api.metrics import Metrics  # noqa: PLC0415
    from serving.api.standing import Standing  # noqa: PLC0415

    made = engine(settings)
    _decide_once(made)
    _decode_ahead(made)
    metrics = Metrics(Standing(lambda: made, settings.monitored))
    made.ledger.commit.tell(metrics.committed)
    return Brand(
        made,
        door(settings, made.ledger),
        [source.name for source in settings.sources],
        metrics,
        settings.service.log_requests,
    )


def _decide_once(made: DecisionEngine) -> None:
    """So that the first request is as fast as the next."""
    from models.bundle import BundleError  # noqa: PLC0415

    first = made.store.first_customer
    try:
        made.preview([] if first is None else [first])
    except BundleError as error:
        log.warning("alive, and not ready: %s", error)


def _decode_ahead(made: DecisionEngine) -> None:
    """Behind the first answers, from which it would take the processor."""
    decoding = Timer(_DECODE_AFTER_S, made.store.warm)
    decoding.daemon = True
    decoding.start()


def registry(settings: Settings) -> Registry:
    """The MLflow registry."""
    from training.tracking import Registry  # noqa: PLC0415 - four seconds to import

    return Registry(settings.mlflow_uri, settings.base / "var" / "mlflow-artifacts")


def declared_policy(settings: Settings) -> tuple[dict[str, object], DeclaredEffects]:
    """The declared actions as a bundle keeps them, and their priors.

    Raises:
        ProgramError: A rule of an action is wrong.
    """
    from serving.program import declared_effects, policy_document, program  # noqa: PLC0415

    document = policy_document(settings.actions, settings.channels)
    program(document, CATALOGUE.names)
    return document, declared_effects(settings.actions)


def quiet_cohorts(settings: Settings, customers: Sequence[str]) -> QuietCohorts:
    """Who of `customers` the policy kept quiet in each epoch whose labels are known."""
    from serving.cohorts import quiet_cohorts as drawn_again  # noqa: PLC0415
    from serving.slots import exploration, slot_at  # noqa: PLC0415
    from training.labels.quiet import QuietCohorts  # noqa: PLC0415

    days, time_zone = settings.horizons.churn_days, settings.business.time_zone
    epoch = settings.policy.epoch
    slot = slot_at(settings.now, time_zone=time_zone, policy_epoch=epoch, quiet_days=days)
    return QuietCohorts(
        drawn_again(
            ledger(settings).decisions.drawn(),
            customers,
            draw=exploration(settings.policy, slot),
            quiet_days=days,
            time_zone=time_zone,
            over_by=to_us(settings.now) - settings.horizons.lag_days * DAY_US,
        )
    )


def training_inputs(
    settings: Settings, store_digest: str, cohorts: QuietCohorts, decided: str | None
) -> str:
    """A digest of everything that training depends on: the same digest, the same models.

    `decided` is that of the decisions that effects are learned from, where they are.
    """
    stated = settings.model_dump(
        mode="json",
        include={"business", "horizons", "training", "send_time", "actions", "channels"},
    ) | {
        "now": settings.now.isoformat() if settings.clock.now else settings.now.date().isoformat(),
        "store": store_digest,
        "log": event_log(ledger(settings)).position(),
        "catalogue": CATALOGUE.version,
        "quiet_epochs": sorted(cohorts.members),
        "purposes": sorted(settings.restraint.purposes),
        "protected": settings.protected.attributes if settings.protected else (),
    }
    if decided is not None:
        stated["decided"] = decided
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:16]
