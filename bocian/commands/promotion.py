"""Which bundle serves: a version is let through the gate, or the one before is put back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bocian import wiring
from bocian.commands.policy_gate import capped, first, offer, same_policy, unproven
from bocian.commands.screen import notes, out, print_json
from bocian.settings import Settings
from features.catalogue import CATALOGUE
from features.clock import to_us
from models.bundle import Bundle, BundleError, load
from serving.ledger.overrides import Overridden
from training.compare import Compared, compare
from training.gate import Evidence, Monitored, refusals

if TYPE_CHECKING:
    from serving.bundles import Loaded
    from training.tracking import Override, Registry, Version


class GateError(ValueError):
    """A version may not serve, for the reasons given."""


def promote(
    settings: Settings,
    which: str,
    *,
    override: tuple[str, str] | None = None,
    rollout: bool = False,
    as_json: bool,
) -> None:
    """Let a version serve, if nothing speaks against it or somebody answers for it."""
    from training.tracking import Override  # noqa: PLC0415 - imports mlflow

    registry = wiring.registry(settings)
    answered = Override(*override) if override else None
    version = promote_version(settings, registry, which, override=answered, rollout=rollout)
    _tell(version, as_json=as_json)


def roll_back(settings: Settings, *, as_json: bool) -> None:
    """Let the bundle serve that did before the champion; no gate is asked."""
    registry = wiring.registry(settings)
    _shelve(settings, registry, registry.before())
    version = registry.roll_back()
    _serve_champion(settings)
    _tell(version, as_json=as_json)


def promote_version(
    settings: Settings,
    registry: Registry,
    which: str,
    *,
    override: Override | None = None,
    rollout: bool = False,
) -> Version:
    """Ask the gate, put the version's bundle on the shelf, move the alias, point the service to it.

    Args:
        settings: Of the business.
        registry: Where the version is registered.
        which: A version's number or alias.
        override: Who answers for it where the gate refuses.
        rollout: Let a policy that the log cannot judge start with few customers, whom it can then.

    Raises:
        GateError: Something speaks against it, and nobody answers for it; or a rollout would reach
            more customers than it may.
        BundleError: It does not fit this code, which nobody can answer for.
    """
    version = registry.get(which)
    evidence = _evidence(settings, registry, version)
    reasons = refusals(evidence)
    if rollout and reasons == [evidence.policy]:
        override = _rollout(settings)
    if reasons and override is None:
        offered = [offer(settings, version.number)] if evidence.policy else []
        raise GateError(f"version {version.number} may not serve: " + "; ".join(reasons + offered))
    _shelve(settings, registry, version)
    if registry.champion() is None and (word := first(settings)):
        notes.print(word)
    if reasons and override is not None:
        wiring.ledger(settings).overrides.put(
            Overridden(
                version.digest,
                override.reviewer,
                override.reason,
                "; ".join(reasons),
                to_us(settings.now),
            )
        )
    promoted = registry.promote(
        version.number, override=override if reasons else None, against=reasons
    )
    _serve_champion(settings)
    return promoted


def _rollout(settings: Settings) -> Override:
    """The capped rollout, which answers for a policy that the log cannot judge."""
    from training.tracking import Override  # noqa: PLC0415

    if too_wide := capped(settings):
        raise GateError(too_wide)
    share = 1 - settings.policy.quiet_share
    return Override("rollout", f"contacts at most {share:.0%} of the customers, drawn by chance")


def _unproven(settings: Settings, registry: Registry, version: Version) -> str:
    """Nothing where its policy is the champion's, or where there is none to compare it with."""
    champion = registry.champion()
    if champion is None or champion.number == version.number:
        return ""
    new = _shelve(settings, registry, version)
    try:
        old = _shelve(settings, registry, champion)
    except BundleError:  # which has been said where their predictions were compared
        return ""
    same = version.components["effects"] == champion.components["effects"]
    return "" if same and same_policy(new, old) else unproven(settings, new, old)


def _evidence(settings: Settings, registry: Registry, version: Version) -> Evidence:
    from training.tracking import RegistryError  # noqa: PLC0415

    bundle = bundle_of(registry, version)
    try:
        audit = registry.document(version, "audit")
    except RegistryError:
        audit = None
    try:
        bundle.columns(CATALOGUE.hashes)
        features, beside = "", _beside_champion(settings, registry, version, bundle)
        policy = _unproven(settings, registry, version)
    except BundleError as error:
        features, beside, policy = str(error), [], ""
    return Evidence(
        digest=version.digest,
        figures=registry.figures(version),
        audit=audit,
        protected=settings.protected.attributes if settings.protected else (),
        limits=settings.audit,
        features=features,
        champion=beside,
        monitored=Monitored.read(settings.monitored),
        policy=policy,
    )


def _beside_champion(
    settings: Settings, registry: Registry, version: Version, bundle: Bundle
) -> list[Compared]:
    """How the version compares with the champion; nothing where there is none to compare with."""
    champion = registry.champion()
    if champion is None or champion.number == version.number:
        return []
    serving = bundle_of(registry, champion)
    try:
        serving.columns(CATALOGUE.hashes)
    except BundleError as error:
        notes.print(f"not held against the champion, which cannot be judged any more: {error}")
        return []
    return compare_bundles(settings, bundle, serving)


def compare_bundles(settings: Settings, one: Bundle, other: Bundle) -> list[Compared]:
    """Both on the same rows of the present events."""
    return compare(
        one,
        other,
        store=wiring.event_store(settings),
        now=settings.now,
        catalogue=CATALOGUE.keep(*{**one.features, **other.features}),
        wall=wiring.wall(settings),
        horizons=settings.horizons,
        training=settings.training,
    )


def bundle_of(registry: Registry, version: Version) -> Bundle:
    """The version's models."""
    with tempfile.TemporaryDirectory() as folder:
        return load(registry.download(version, "bundle", Path(folder)))


def loaded_of(settings: Settings, which: str) -> Loaded:
    """A version, by its number or alias, as it would serve.

    Raises:
        BundleError: It does not fit this code.
    """
    registry = wiring.registry(settings)
    return _shelve(settings, registry, registry.get(which))


def _shelve(settings: Settings, registry: Registry, version: Version) -> Loaded:
    """Copy the bundle to where the service reads, and load it there once, as a trial."""
    shelf = wiring.shelf(settings)
    with tempfile.TemporaryDirectory() as folder:
        return shelf.get(shelf.put(registry.download(version, "bundle", Path(folder))))


def _serve_champion(settings: Settings) -> None:
    from serving.watcher import sync  # noqa: PLC0415 - imports mlflow
    from training.tracking import CHAMPION, MODEL  # noqa: PLC0415

    sync(settings.mlflow_uri, MODEL, CHAMPION, wiring.shelf(settings))


def _tell(version: Version, *, as_json: bool) -> None:
    if as_json:
        print_json(vars(version))
    else:
        out.print(f"version {version.number} ({version.digest[:12]}) serves now")
