"""`bocian demo`: the whole job on real data, told as it goes."""

from __future__ import annotations

import json
from collections import Counter
from email import policy as email_policy
from email.parser import BytesParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import orjson

from bocian import wiring
from bocian.commands import audit, features, ingest, send, train
from bocian.commands.decide import show_decision, show_explanation
from bocian.commands.models import promote_version
from bocian.commands.running import running
from bocian.commands.screen import out, table
from bocian.settings import Settings, load
from features.catalogue import CATALOGUE
from serving.engine import DecisionEngine

_SHOWN_CUSTOMERS = 3


def run(folder: Path) -> None:
    """Do everything below `folder`; a second run does only what is not done yet."""
    config = _configure(folder)
    settings = load(config)
    _title("Events", "real order lines of 2,469 households in 2017 (84.51° Complete Journey)")
    ingest.show(ingest.ingest_all(settings, force=False))
    out.print("What the data lack, this demo declares in its bocian.toml:")
    for name, text in settings.assumptions.items():
        out.print(f"  {name}: {text}")

    _title("Features", "what is known of each customer at an instant, and nothing known later")
    for group in CATALOGUE.groups:
        out.print(f"  {group.name:11} {', '.join(group.features)}")
    features.build(settings, [], as_json=False)

    _title("Models", "learned from the labels known by then, judged on later ones")
    registry = wiring.registry(settings)
    result = train.train_all(settings, registry, force=False)
    train.show_figures(registry.figures(result.version))
    if "champion" not in result.version.aliases:
        promote_version(settings, registry, result.version.number)
    out.print(f"bundle {result.version.digest[:12]} is the champion of {settings.mlflow_uri}")

    _title("Audit", "by attributes that the models never saw")
    reports = settings.path("reports")
    audit_page = registry.download(result.version, "audit.html", reports)
    audit.show(json.loads(registry.download(result.version, "audit.json", reports).read_text()))

    with running(settings, config, settings.base / "var" / "service.log") as api:
        _title("Decisions and messages", f"asked of the API at {api}")
        report = send.send_all(settings, api=api, deliver_now=True)
        send.show(report, settings)
        engine = wiring.engine(settings)
        records = _decided(engine, settings)
        _show_best(records)
        for record in _three(records):
            _title(f"Customer {record['customer_id']}", "one of those decisions, and why")
            answered = httpx.get(f"{api}/v1/decisions/{record['decision_id']}/explanation")
            show_decision(record)
            show_explanation(answered.raise_for_status().json(), "en")
        _show_message(settings)
        engine.ledger.close()

    _title("Where to look next", "")
    out.print(f"  the audit as a page      {audit_page}")
    out.print(f"  the messages             {settings.path('outbox')}")
    out.print(f"  the configuration        {config}")
    out.print("  the API and its docs     make serve, then http://127.0.0.1:3000/docs")
    out.print(
        f"  the runs in MLflow       .venv/bin/mlflow ui --backend-store-uri {settings.mlflow_uri}"
    )


def _configure(folder: Path) -> Path:
    """The demo's bocian.toml in `folder`; one that a person has changed stays as it is."""
    config = folder / "bocian.toml"
    if not config.exists():
        folder.mkdir(parents=True, exist_ok=True)
        config.write_text(files("bocian.demo").joinpath("bocian.toml").read_text())
    return config


def _decided(engine: DecisionEngine, settings: Settings) -> list[dict[str, Any]]:
    slot = engine.slot()
    found = (
        engine.ledger.decisions.find(customer, slot.policy_epoch, slot.name)
        for customer in engine.active_customers(settings.horizons.active_days)
    )
    return [orjson.loads(stored.record) for stored in found if stored is not None]


def _show_best(records: list[dict[str, Any]]) -> None:
    best = Counter(record["greedy"]["action_id"] for record in records)
    drawn = table(
        "The best allowed action, before exploration", "action", "customers", "share",
        right=("customers", "share"),
    )  # fmt: skip
    for action, count in best.most_common():
        drawn.add_row(action, f"{count:,}", f"{count / len(records):.1%}")
    out.print(drawn)


def _three(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decisions for three different actions, not explored, the most valuable of each."""
    usual = [r for r in records if not r["explored"] and r["stratum"] == "main"]
    by_action: dict[str, dict[str, Any]] = {}
    for record in usual:
        kept = by_action.setdefault(record["action_id"], record)
        if record["value_minor"] > kept["value_minor"]:
            by_action[record["action_id"]] = record
    ordered = sorted(by_action.values(), key=lambda r: -r["value_minor"])
    contacts = [r for r in ordered if r["channel"] is not None]
    quiet = [r for r in ordered if r["channel"] is None]
    return (contacts[: _SHOWN_CUSTOMERS - 1] + quiet + contacts)[:_SHOWN_CUSTOMERS]


def _show_message(settings: Settings) -> None:
    letters = sorted(settings.path("outbox").glob("*.eml"))
    if not letters:
        return
    _title("One message", str(letters[0]))
    letter = BytesParser(policy=email_policy.default).parsebytes(letters[0].read_bytes())
    for header in ("From", "To", "Subject", "List-Unsubscribe"):
        out.print(f"  {header}: {letter[header]}")
    body = letter.get_body(("plain",))
    if body is not None:
        out.print()
        for line in body.get_content().splitlines():
            out.print(f"  {line}")


def _title(title: str, text: str) -> None:
    out.print()
    out.rule(f"[bold]{title}[/]" + (f"  {text}" if text else ""), align="left")
