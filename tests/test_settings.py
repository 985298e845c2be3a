"""`bocian.toml` is parsed once: what is wrong is named with its rule and the value that came."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

import bocian.demo
from bocian.settings import SettingsError, load
from features.clock import fixed_clock, system_clock

SHOP = """
[[sources]]
name = "shop"
files = { rows = "rows.csv" }
columns = { event_id = "id", customer_id = "who", occurred_at = "at", type = "'order'" }
"""
ACTION = """
[[actions]]
id = "call"
description = "A call"
channels = ["call_center"]
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    """The machine's own environment must not change what a test reads."""
    for name in ("BOCIAN_POLICY__SECRET", "BOCIAN_CLOCK__NOW", "BOCIAN_SERVICE__PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def configured(tmp_path):
    """Settings from a text."""

    def from_text(text):
        (tmp_path / "bocian.toml").write_text(text)
        return load(tmp_path / "bocian.toml")

    return from_text


def test_an_empty_file_has_defaults(configured, tmp_path):
    settings = configured("")
    assert (settings.business.currency, settings.sources, settings.protected) == ("EUR", (), None)
    assert settings.base == tmp_path
    assert settings.time is system_clock


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[business]\nmargin = 1.5", r"business\.margin: .*less than or equal to 1, got: 1\.5"),
        ('[business]\ncurrency = "euro"', r"business\.currency: .*pattern.*, got: 'euro'"),
        ('[business]\ntime_zone = "Mars"', r"business\.time_zone: .*IANA database.*got: 'Mars'"),
        ('[business]\nlanguages = ["de"]', r"business\.languages\.0: .*'pl' or 'en', got: 'de'"),
        ("[horizons]\nchurn_days = 0", r"horizons\.churn_days: .*greater than.*, got: 0"),
        ("[training]\ndates = 'many'", r"training\.dates: .*valid integer.*, got: 'many'"),
        ("[monitoring]\nmoved = 0.05", r"monitoring: .*shifted=0\.1, moved=0\.05"),
        ("[send_time]\nproxy_trust = -1", r"send_time\.proxy_trust: .*, got: -1"),
        ("[service]\nport = 70000", r"service\.port: .*65535, got: 70000"),
        ("[budget]\ncalls = -5", r"budget: a budget must not be negative, got: calls=-5"),
        ("[business]\nmargn = 0.2", r"business\.margn: Extra inputs are not permitted, got: 0\.2"),
        ("colour = 'red'", r"colour: Extra inputs are not permitted, got: 'red'"),
        ("[channels.pigeon]", r"channels\.pigeon\.\[key\]: .*got: 'pigeon'"),
        (SHOP + SHOP, r"sources: sources must have different names, got twice: \['shop'\]"),
        (ACTION + ACTION, r"actions: actions must have different ids, got twice: \['call'\]"),
        (SHOP.replace("who", "").replace("customer_id", "client"), r"missing: \['customer_id'\]"),
        (ACTION.replace("call_center", "smoke"), r"actions\.0\.channels\.0: .*got: 'smoke'"),
        (ACTION.replace('"call"', '"no_action"'), r"actions\.0: id must not be 'no_action'"),
        ("[clock]\nnow = 2018-01-01T05:00:00", r"clock\.now: .*timezone.*got: datetime\.datetime"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_key_and_rule(text, named, configured):
    with pytest.raises(SettingsError, match=named):
        configured(text)


def test_all_wrong_values_are_told_at_once(configured):
    with pytest.raises(SettingsError, match=r"has 2 wrong value\(s\):\n  business.*\n  service"):
        configured("[business]\nmargin = 2\n[service]\nport = 0")


def test_a_file_that_is_missing_or_no_toml_is_named(tmp_path, configured):
    with pytest.raises(SettingsError, match=r"must lie at .*none\.toml, found none: `bocian init`"):
        load(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match=r"bocian\.toml is not TOML: "):
        configured("[business")


def test_the_folder_is_not_for_the_file_to_say(configured):
    with pytest.raises(SettingsError, match=r"must not hold base.* got: '/elsewhere'"):
        configured("base = '/elsewhere'")


def test_the_environment_comes_before_the_file_and_leaves_the_rest(configured, monkeypatch):
    monkeypatch.setenv("BOCIAN_POLICY__SECRET", "from outside")
    monkeypatch.setenv("BOCIAN_SERVICE__PORT", "8080")
    settings = configured("[policy]\nsecret = 'from the file'\nepoch = 'autumn'")
    assert settings.policy.secret.get_secret_value() == "from outside"
    assert (settings.policy.epoch, settings.service.port) == ("autumn", 8080)


def test_a_wrong_value_of_the_environment_is_refused_too(configured, monkeypatch):
    monkeypatch.setenv("BOCIAN_SERVICE__PORT", "no port")
    with pytest.raises(SettingsError, match=r"service\.port: .*, got: 'no port'"):
        configured("")


def test_a_secret_is_not_shown(configured):
    assert "hush" not in repr(configured("[policy]\nsecret = 'hush'"))


def test_the_clock_stops_where_the_file_says(configured):
    settings = configured("[clock]\nnow = 2018-01-01T06:00:00+01:00")
    assert settings.now == settings.time() == dt.datetime(2018, 1, 1, 5, tzinfo=dt.UTC)
    assert settings.now.tzinfo is dt.UTC


def test_a_clock_without_a_zone_cannot_be_built():
    with pytest.raises(ValueError, match=r"now must carry a time zone.*got: 2018-01-01 00:00:00"):
        fixed_clock(dt.datetime(2018, 1, 1))


def test_paths_start_from_the_files_folder(configured, tmp_path):
    settings = configured(
        "[paths]\nstore = 'events'\nbundles = '/srv/bundles'\n"
        "ledger = 'postgresql+psycopg://host/shop'"
    )
    assert settings.path("store") == tmp_path / "events"
    assert settings.path("bundles") == Path("/srv/bundles")
    assert settings.ledger_url == "postgresql+psycopg://host/shop"
    assert settings.mlflow_uri == f"sqlite:///{tmp_path}/var/mlflow.db"


def test_the_demo_loads():
    settings = load(Path(bocian.demo.__file__).parent / "bocian.toml")
    assert settings.business.name == "Bocian Market"
    assert {source.name for source in settings.sources} >= {"baskets", "basket_lines"}
    assert settings.protected is not None
    assert settings.protected.attributes == ("age", "income", "household")
    assert settings.now == dt.datetime(2018, 1, 1, 5, tzinfo=dt.UTC)
    for action in settings.actions:
        assert set(action.channels) <= set(settings.channels)
