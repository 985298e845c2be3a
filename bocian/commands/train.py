"""`bocian train`: learn, judge, audit, register; and make the first bundle the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from bocian import wiring
from bocian.commands.effects import learned_effects, told_by_ledger
from bocian.commands.screen import bars, figure, out, print_json, table
from bocian.settings import Settings
from features.catalogue import CATALOGUE
from models.effects import Effects
from training.columns import learnable
from training.fairness import Protected
from training.figures import Figure
from training.pipeline import Declared, Trained, train
from training.tuning import Memory

if TYPE_CHECKING:
    from training.tracking import Registry, Version


@dataclass(frozen=True)
class Result:
    """The registered version; `trained` is None where it was up to date already.

    `effects` says in words what was learned of each action, or what was missing; it is empty where
    nobody asked.
    """

    version: Version
    trained: Trained | None
    effects: Mapping[str, str]


def run(
    settings: Settings, *, force: bool, promote: bool, as_json: bool, effects: bool = False
) -> Result:
    """Train, say what came of it, and let it serve where asked or where nothing does yet.

    Raises:
        GateError: It should serve, and something speaks against it.
    """
    registry = wiring.registry(settings)
    result = train_all(settings, registry, force=force, effects=effects)
    champion = registry.champion()
    serves = promote or champion is None
    figures = registry.figures(result.version)
    if as_json:
        print_json(
            {
                "version": result.version.number,
                "digest": result.version.digest,
                "components": result.version.components,
                "fresh": result.trained is not None,
                "rows": result.trained and result.trained.rows,
                "features": result.trained and len(result.trained.bundle.features),
                "figures": [f.to_dict() for f in figures],
                "effects": dict(result.effects),
            }
        )
    else:
        show_figures(figures)
        for name, verdict in result.effects.items():
            out.print(f"effects, {name}: {verdict}")
        fresh = "trained" if result.trained else "up to date (nothing was trained again)"
        out.print(f"bundle {result.version.digest[:12]}, version {result.version.number}: {fresh}")
        if champion is not None and champion.number != result.version.number and not promote:
            out.print(
                f"version {champion.number} goes on serving; compare with `bocian models compare "
                f"{result.version.number} champion`, then `bocian models promote "
                f"{result.version.number}`"
            )
    if serves:
        from bocian.commands.promotion import promote_version  # noqa: PLC0415

        promote_version(settings, registry, result.version.number)
    return result


def train_all(
    settings: Settings, registry: Registry, *, force: bool, effects: bool = False
) -> Result:
    """A registered bundle of the present events and settings, trained anew where need be.

    With `effects`, decisions of the ledger update the declared priors, if they are enough.
    """
    policy, prior = wiring.declared_policy(settings)
    store = wiring.event_store(settings)
    catalogue = learnable(CATALOGUE, store.manifest, settings.restraint.purposes)
    cohorts = wiring.quiet_cohorts(settings, store.customer_ids)
    told, said = told_by_ledger(settings, store, catalogue.names) if effects else (None, {})
    decided = None if told is None else told.digest
    inputs = wiring.training_inputs(settings, store.manifest.digest, cohorts, decided)
    if not force:
        for version in registry.versions():
            if version.inputs == inputs:
                return Result(version, None, said)
    with bars() as progress:
        believed: Effects = prior
        if told is not None:
            believed = learned_effects(settings, told, progress.tell)
            said |= believed.learned.verdicts
        trained = train(
            store,
            now=settings.now,
            catalogue=catalogue,
            wall=wiring.wall(settings),
            horizons=settings.horizons,
            training=settings.training,
            declared=Declared(
                business=settings.business.model_dump(mode="json"),
                policy=policy,
                effects=believed,
                protected=protected_attributes(settings),
                margin_rate=settings.business.margin,
                proxy_trust=settings.send_time.proxy_trust,
            ),
            cohorts=cohorts,
            memory=_memory(settings, registry, inputs),
            progress=progress.tell,
        )
        progress.tell("register", 0, 1)
        version = registry.register(trained, inputs=inputs)
        progress.tell("register", 1, 1)
    return Result(version, trained, said)


def _memory(settings: Settings, registry: Registry, inputs: str) -> Memory:
    """The search of these inputs goes on where it broke off, and tries the champion's settings."""
    from training.tracking import RegistryError  # noqa: PLC0415

    champion = registry.champion()
    try:
        best = registry.document(champion, "parameters")["churn"] if champion else None
    except RegistryError:
        best = None  # registered before runs kept their parameters as a file
    journal = settings.path("store") / "tuning.journal"
    return Memory(journal, f"churn {inputs}", (best,) if best else ())


def protected_attributes(settings: Settings) -> Protected:
    """Each declared attribute's value by customer, as ingested."""
    path = settings.path("store") / "protected" / "protected.parquet"
    if settings.protected is None or not path.exists():
        return {}
    rows = pq.read_table(path).to_pylist()
    return {
        name: {row["customer_id"]: row[name] for row in rows}
        for name in settings.protected.attributes
    }


def show_figures(figures: list[Figure]) -> None:
    """Each figure beside its baseline, with the interval of the difference."""
    drawn = table(
        "Figures on the latest labels, none of which taught the models (95 % intervals)",
        *("figure", "model", "baseline", "difference", "baseline is"),
        right=("model", "baseline", "difference"),
    )
    for f in figures:
        own = f" [{figure(f.low)}, {figure(f.high)}]" if f.low is not None else ""
        gap = ""
        if f.difference is not None:
            d = f.difference
            gap = f"{figure(d.value)} [{figure(d.low)}, {figure(d.high)}]"
        drawn.add_row(
            f.name, figure(f.model) + own, figure(f.baseline), gap, f.baseline_name or f.note
        )
    out.print(drawn)
