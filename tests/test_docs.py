"""The documentation says what the code does: keys, commands, links, features, and its example."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import typer.main
from pydantic import BaseModel
from typer.core import TyperGroup

from bocian import settings as composed
from bocian.cli import app
from bocian.commands.features import markdown
from bocian.commands.ingest import ingest_all
from bocian.settings import Settings, load
from features import config as sources
from features import restraint
from features.events import CHANNELS, EVENT_TYPES
from serving import config as policy
from serving.api.app import create_app
from serving.policy.reasons import Reason
from training import config as training
from training.simulate import Scenario

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "mlflow").glob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

SECTIONS: dict[str, type[BaseModel]] = {
    "[business]": composed.Business,
    "[clock]": composed.ClockSettings,
    "[[sources]]": sources.Source,
    "[profiles]": sources.Table,
    "[consents]": sources.Table,
    "[protected]": sources.ProtectedTable,
    "[restraint]": restraint.Restraint,
    "[horizons]": training.Horizons,
    "[effects]": training.Effects,
    "[proof]": training.Proof,
    "[training]": training.Training,
    "[audit]": training.AuditLimits,
    "[monitoring]": training.Monitoring,
    "[send_time]": composed.SendTime,
    "[[actions]]": policy.Action,
    "offer": policy.Offer,
    "effect": policy.EffectPrior,
    "[channels.NAME]": policy.ChannelCost,
    "[caps]": policy.Caps,
    "[policy]": policy.Policy,
    "[messages]": policy.Messages,
    "[paths]": composed.Paths,
    "[service]": composed.Service,
}
FREE = {"[budget]", "[assumptions]"}
"""Sections whose keys the business chooses."""


def _sections() -> dict[str, str]:
    parts = re.split(r"^## `(.+)`$", (DOCS / "configuration.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _rows(text: str) -> dict[str, str]:
    """The third cell, the default, by the first, the key."""
    found = re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*) \|", text, flags=re.MULTILINE)
    return dict(found)


def test_every_section_is_on_the_page_and_no_other():
    assert set(_sections()) == set(SECTIONS) | FREE
    stated = {re.sub(r"[\[\]]|\.NAME", "", s) for s in _sections()} - {"offer", "effect"}
    assert stated == set(Settings.model_fields) - {"base"}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_on_the_page_with_its_default(section):
    told = _rows(_sections()[section])
    fields = SECTIONS[section].model_fields
    assert set(told) == set(fields)
    for key, field in fields.items():
        assert (told[key] == "required") == field.is_required(), key
        if isinstance(field.default, bool | int | float | str):
            shown = json.loads(told[key].strip("`"))
            assert shown == field.default, key


def test_the_page_of_features_is_the_catalogue():
    assert (DOCS / "features.md").read_text() == markdown(), (
        "docs/features.md must be what the catalogue says: "
        "bocian features list --markdown > docs/features.md"
    )


def test_the_contract_and_the_reasons_are_told_in_full():
    own_data, api = (DOCS / "your-own-data.md").read_text(), (DOCS / "api.md").read_text()
    assert [t for t in (*EVENT_TYPES, *CHANNELS) if f"`{t}`" not in own_data] == []
    columns = (*sources.REQUIRED_EVENT_COLUMNS, *sources.OPTIONAL_EVENT_COLUMNS)
    assert [c for c in (*columns, *sources.CONSENT_COLUMNS) if f"`{c}`" not in own_data] == []
    assert [r.value for r in Reason if f"`{r.value}`" not in api] == []


def test_every_path_of_the_api_is_told():
    def no_engine() -> None:
        raise AssertionError("the routes alone are wanted")

    told = (DOCS / "api.md").read_text()
    routes = {route.path for route in create_app(no_engine).routes} - {"/"}  # type: ignore[arg-type]
    assert len(routes) >= 8
    assert [path for path in sorted(routes) if path not in told] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target or target.startswith(("#", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve()
        assert found.exists(), f"{page.name} links to {target!r}, which is not there"
        assert found.is_relative_to(ROOT), f"{page.name} links out of the repository: {target!r}"
        if anchor:
            assert anchor in _anchors(found), f"{page.name} links to a missing heading: {target!r}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_exist_with_their_options(page):
    for words in _commands(page.read_text()):
        group, options = typer.main.get_command(app), list[str]()
        for word in words:
            if word.startswith("-"):
                options.append(word.partition("=")[0])
            elif isinstance(group, TyperGroup):
                assert word in group.commands, f"{page.name}: no command {' '.join(words)!r}"
                group = group.commands[word]
        known = {name for parameter in group.params for name in parameter.opts} | {"--help"}
        unknown = set(options) - known
        assert not unknown, f"{page.name}: no option {unknown} of {' '.join(words)!r}"


def _commands(text: str) -> Iterator[list[str]]:
    """The words after `bocian` in consoles and in code within a line; up to what a shell adds."""
    consoles = re.findall(r"^\s*\$ (?:\S*/)?bocian (.+)$", text, flags=re.MULTILINE)
    inline = re.findall(r"`(?:\.venv/bin/)?bocian ([a-z][^`]*)`", text)
    for line in consoles + inline:
        yield shlex.split(re.split(r" [|>&#]", line)[0])


def test_the_reader_of_commands_reads():
    text = "run `bocian train --force`, or\n    $ .venv/bin/bocian features list --json > x\n"
    assert sorted(_commands(text)) == [["features", "list", "--json"], ["train", "--force"]]


def test_the_example_gives_what_the_page_says(tmp_path):
    folder = tmp_path / "example"
    shutil.copytree(DOCS / "example", folder, ignore=shutil.ignore_patterns("var"))
    done = ingest_all(load(folder / "bocian.toml"), force=False)
    told = re.sub(r"\s+", " ", (DOCS / "your-own-data.md").read_text())
    (orders,) = done.counts
    counts = f"orders {orders.read} {orders.kept} {orders.repeated} {orders.quarantined}"
    reasons = ", ".join(f"{reason}: {n}" for reason, n in orders.reasons.items())
    assert f"{counts} {reasons}" in told
    for table in done.people:
        assert f"{table.table} {table.read} {table.kept} {table.refused} " in told
    manifest = done.store.manifest
    assert f"{manifest.events} events of {manifest.customers} customers" in told
    stated = (DOCS / "example" / "bocian.toml").read_text()
    page = (DOCS / "your-own-data.md").read_text()
    for block in re.findall(r"```toml\n(.+?)```", page, flags=re.DOTALL):
        assert block in stated, f"the page must show the example as it is, got: {block[:60]!r}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_pages_stand_alone(page):
    text = page.read_text()
    assert not re.search(r"/(?:root|home|work|Users)/\w", text), "a path of one machine"
    assert not re.search(r"index-url|pypi\.org/simple|PIP_INDEX", text), "a registry's address"


def test_the_example_of_a_scenario_is_one():
    assert Scenario.read(DOCS / "example" / "scenario.toml").customers == 2_000
