"""The command line as a real process: quick, helpful, and with the exit codes it promises."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from processes import CLEAN, bocian, own_copy
from small_shop import write_shop
from typer.testing import CliRunner

from bocian import wiring
from bocian.cli import app
from bocian.settings import load
from features.catalogue import CATALOGUE
from features.engine import compute
from training.gate import Monitored

pytestmark = pytest.mark.e2e

HEAVY = {"bentoml", "duckdb", "lightgbm", "mlflow", "numba", "numpy", "pandas", "pyarrow",
         "rich", "shap", "sklearn", "sqlalchemy"}  # fmt: skip
WRONG_INPUT, REFUSED = 2, 3


@pytest.fixture(scope="module")
def own(shop, tmp_path_factory):
    return own_copy(shop, tmp_path_factory.mktemp("cli") / "shop")


def given(done):
    """The JSON document that a command printed."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_takes_less_than_half_a_second_of_the_processor():
    def cpu_seconds():
        child = subprocess.Popen(
            [Path(sys.executable).with_name("bocian"), "--help"],
            env=CLEAN,
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return used.ru_utime + used.ru_stime

    assert statistics.median(cpu_seconds() for _ in range(5)) <= 0.5


def _imported_by(statements):
    told = "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {statements}; {told}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"'(\w+)'", done.stderr))


def test_help_imports_nothing_heavy():
    loaded = _imported_by("from bocian.cli import app; app(['--help'], standalone_mode=False)")
    assert {"bocian", "typer"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_what_starts_the_service_imports_nothing_that_serves():
    loaded = _imported_by("import bocian.commands.serve")
    assert {"numpy", "pydantic", "rich", "serving"} <= loaded  # the settings need them
    assert loaded.isdisjoint((HEAVY | {"starlette"}) - {"numpy", "rich"})


def _commands(group, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = tuple(_commands(typer.main.get_command(app)))


def test_all_commands_are_there():
    assert {" ".join(words) for words in COMMANDS} == {
        "init", "ingest", "features list", "features build", "train", "audit", "models list",
        "models compare", "models promote", "models rollback", "serve", "decide", "explain", "send",
        "demo", "score",
        "events add", "compact", "erase", "simulate", "monitor", "clv", "report holdout", "loop",
        "policy evaluate", "policy simulate", "keys create", "keys list", "keys revoke",
    }  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_commands_help_shows_an_example_of_it(words):
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0
    assert f"Example: bocian {' '.join(words)}" in shown.output


def test_init_writes_a_file_that_loads_and_never_overwrites(tmp_path):
    first = bocian("init", cwd=tmp_path)
    assert first.returncode == 0
    assert "say in [[sources]] where" in first.stdout
    config = tmp_path / "bocian.toml"
    secret = load(config).policy.secret.get_secret_value()
    assert len(secret) >= 32
    _, effects = wiring.declared_policy(load(config))
    assert len(effects.arms) == 3
    config.write_text("mine")
    again = bocian("init", cwd=tmp_path)
    assert again.returncode == WRONG_INPUT
    assert "must not overwrite one, found: bocian.toml" in again.stderr
    assert config.read_text() == "mine"


def test_what_the_template_leaves_commented_out_loads_too(tmp_path):
    bocian("init", cwd=tmp_path)
    config = tmp_path / "bocian.toml"
    uncommented = re.sub(r"(?m)^# (?=\[|\w+ = )", "", config.read_text())
    config.write_text(uncommented)
    settings = load(config)
    assert settings.budget == {"vouchers": 100}
    assert settings.protected.attributes == ("age_band",)
    assert settings.now.year == 2025


def test_without_a_configuration_the_error_names_the_path(tmp_path):
    done = bocian("ingest", "-c", "nowhere/bocian.toml", cwd=tmp_path)
    assert done.returncode == WRONG_INPUT
    assert "must lie at nowhere/bocian.toml, found none: `bocian init` writes one" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_value_is_named_with_its_rule(tmp_path):
    (tmp_path / "bocian.toml").write_text("[business]\nmargin = 3\n")
    done = bocian("train", cwd=tmp_path)
    assert done.returncode == WRONG_INPUT
    assert "business.margin: Input should be less than or equal to 1, got: 3" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("decide", "nobody"), "must have an event or a profile, got: 'nobody'"),
        (("explain", "d0"), "a decision must be in the ledger .*found none: 'd0'"),
        (("explain", "d0", "--language", "de"), "'de' is not one of 'en', 'pl'"),
        (("models", "promote", "77"), "must be a registered number or alias, got: '77'"),
        (("features", "build", "--as-of", "2025-01-01"), "must carry its zone"),
        (("send", "--api", "http://127.0.0.1:9"), "a service must answer at http://127.0.0.1:9"),
    ],
    ids=["decide", "explain", "language", "promote", "build", "send"],
)
def test_wrong_input_is_told_in_one_message(own, words, said):
    done = bocian(*words, "-c", own.config)
    assert done.returncode == WRONG_INPUT, done.stderr
    assert re.search(said, " ".join(done.stderr.split()))
    assert "Traceback" not in done.stderr


def test_features_list_names_every_feature():
    listed = given(bocian("features", "list", "--json"))
    assert sorted(f["name"] for f in listed["features"]) == sorted(CATALOGUE.names)
    assert listed["version"] == CATALOGUE.version


def test_features_build_writes_what_the_engine_computes(own):
    dates = ("2024-12-01T00:00:00Z", "2025-02-01T06:00:00+01:00")
    words = [word for date in dates for word in ("--as-of", date)]
    built = given(bocian("features", "build", *words, "--json", "-c", own.config))
    table = pq.read_table(built["path"])
    store = wiring.event_store(own.settings)
    assert built["rows"] == len(table) == 2 * len(store.customer_ids)
    instants = np.unique(np.asarray(table["as_of"].cast("int64")))
    wall = wiring.wall(own.settings)
    expected = [compute(block, instants, CATALOGUE, wall) for block in store.blocks()]
    stacked = np.concatenate(expected).reshape(len(table), len(CATALOGUE))
    for i, name in enumerate(CATALOGUE.names):
        np.testing.assert_array_equal(table[name].to_numpy(), stacked[:, i])
    assert table["customer_id"].to_pylist() == np.repeat(store.customer_ids, 2).tolist()


def test_decide_and_explain(own):
    first, second = given(bocian("decide", "c001", "complainer", "--json", "-c", own.config))
    assert (first["customer_id"], second["action_id"]) == ("c001", "no_action")
    assert sum(first["value_parts"].values()) == first["value_minor"]
    explained = given(bocian("explain", first["decision_id"], "--json", "-c", own.config))
    risk = explained["risk_rests_on"]
    total = risk["base_value"] + sum(r["contribution"] for r in risk["contributions"])
    assert total == pytest.approx(first["predictions"]["raw_log_odds"], abs=1e-6)
    told = bocian("explain", first["decision_id"], "--language", "pl", "-c", own.config)
    assert "Ryzyko odejścia" in told.stdout
    page = own.folder / "pages" / "why.html"
    words = ("--html", str(page), "--for", "customer", "--json", "-c", own.config)
    sections = given(bocian("explain", first["decision_id"], *words))["sections"]
    assert sections["en"][0]["heading"] == "What was decided"
    assert page.read_text().startswith("<!doctype html>")


def test_audit_writes_a_page(own):
    audited = given(bocian("audit", "--json", "-c", own.config))
    assert [a["name"] for a in audited["audit"]["attributes"]] == ["age"]
    assert Path(audited["page"]).read_text().startswith("<!doctype html>")


def test_monitor_writes_what_the_gate_reads_and_fails_only_where_asked(own, tmp_path):
    text, page = own.config.read_text(), tmp_path / "page.html"
    strict = "[monitoring]\nshifted = 1e-9\nmoved = 1e-9\nmoved_share = 1e-9\n"
    own.config.write_text(text + strict + "false_discovery = 0.999\n")
    try:
        found = given(bocian("monitor", "--json", "--page", page, "-c", own.config))
        failed = bocian("monitor", "--fail-on-drift", "-c", own.config)
    finally:
        own.config.write_text(text)
    assert found["changes"]["realised"] is None  # it was trained at this very moment
    assert page.read_text().startswith("<!doctype html>")
    left = Monitored.read(own.settings.monitored)
    champion = wiring.registry(own.settings).champion()
    assert left == Monitored(champion.digest, found["made_at"], tuple(found["alarms"]))
    assert failed.returncode == REFUSED, failed.stderr
    assert "alarm: " in failed.stdout
    assert "what to do: " in failed.stdout
    # The gate must not meet these alarms in other tests.
    (own.settings.monitored).unlink()


@pytest.fixture(scope="module")
def random_shop(shop, tmp_path_factory):
    """The shop, where orders now come at random: ingested twice and trained again."""
    own = own_copy(shop, tmp_path_factory.mktemp("random") / "shop")
    write_shop(own.folder, predictable=False)
    runs = [given(bocian("ingest", "--json", "-c", own.config)) for _ in range(2)]
    told = bocian("ingest", "-c", own.config)
    trained = given(bocian("train", "--json", "-c", own.config))
    return {"config": own.config, "ingested": runs, "told": told.stdout, "trained": trained}


def test_ingest_reconciles_and_a_second_one_is_up_to_date(random_shop):
    first, second = random_shop["ingested"]
    for source in first["sources"]:
        assert source["read"] == source["kept"] + source["repeated"] + source["quarantined"]
    for table in first["people"]:
        assert table["read"] == table["kept"] + table["refused"]
    assert (first["fresh"], second["fresh"]) == (True, False)
    assert first["digest"] == second["digest"]
    assert "up to date" in random_shop["told"]


def test_training_registers_a_challenger_that_does_not_serve_yet(random_shop):
    assert random_shop["trained"]["fresh"] is True
    listed = given(bocian("models", "list", "--json", "-c", random_shop["config"]))
    assert [(v["number"], v["aliases"]) for v in listed] == [
        ("2", ["challenger"]),
        ("1", ["champion"]),
    ]
    again = given(bocian("train", "--json", "-c", random_shop["config"]))
    assert (again["fresh"], again["version"]) == (False, "2")


@pytest.mark.slow
def test_a_model_no_better_than_counting_is_refused(random_shop):
    done = bocian("models", "promote", "challenger", "-c", random_shop["config"])
    assert done.returncode == REFUSED, done.stderr
    assert "version 2 may not serve: its churn AUC must be above" in " ".join(done.stderr.split())
    assert given(bocian("models", "promote", "1", "--json", "-c", random_shop["config"]))


def test_two_versions_are_compared_on_the_same_rows(random_shop):
    compared = given(bocian("models", "compare", "2", "1", "--json", "-c", random_shop["config"]))
    assert compared["verdict"].startswith("version 2 beside version 1: ")
    assert len(compared["figures"]) >= 6
    for figure in compared["figures"]:
        difference = figure["difference"]
        gap = figure["model"] - figure["baseline"]
        assert difference["value"] == pytest.approx(gap, abs=1e-9)
        assert difference["low"] <= difference["value"] <= difference["high"]
