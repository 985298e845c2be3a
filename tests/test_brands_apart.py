"""Brands are served together only where nothing but the address is common to them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bocian.brands import load_all
from bocian.commands.serve import command, environment
from bocian.settings import SettingsError, load

TEXT = """
[service]
brand = "{brand}"
require_keys = true

[policy]
secret = "the secret of {brand}"
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a brand's configuration into its own folder; `more` is added to it."""
    for name in [name for name in os.environ if name.startswith("BOCIAN_")]:
        monkeypatch.delenv(name)

    def write(brand: str, more: str = "", text: str = TEXT) -> Path:
        config = tmp_path / brand / "bocian.toml"
        config.parent.mkdir()
        config.write_text(text.format(brand=brand) + more)
        return config

    return write


def test_two_strangers_are_loaded(written):
    north, south = written("north"), written("south")
    loaded = load_all([north, south])
    assert [one.service.brand for one in loaded] == ["north", "south"]
    assert "--port" in command(loaded[0])
    stated = environment(north, south)["BOCIAN_CONFIG"]
    assert stated.split(os.pathsep) == [str(north), str(south)]


def test_one_alone_needs_neither_name_nor_keys(written):
    (only,) = load_all([written("shop", text="")])
    assert only.service.brand is None
    assert not only.service.require_keys


def _shared(tmp_path, key):
    return f'\n[paths]\n{key} = "{tmp_path}/common"\n'


@pytest.mark.parametrize(
    "key",
    ["store", "features", "scores", "bundles", "reports", "outbox", "ledger", "mlflow"],
)
def test_nothing_in_which_data_lie_may_be_common(written, tmp_path, key):
    configs = [written(name, _shared(tmp_path, key)) for name in ("north", "south")]
    with pytest.raises(SettingsError, match=rf"paths\.{key} must be each brand's own .*/common"):
        load_all(configs)


def test_a_link_to_anothers_folder_is_anothers_folder(written, tmp_path):
    north, south = written("north"), written("south")
    (north.parent / "var" / "store").mkdir(parents=True)
    (south.parent / "var").symlink_to(north.parent / "var")
    with pytest.raises(SettingsError, match=r"paths\.store must be each brand's own"):
        load_all([north, south])


def test_a_brand_twice_is_refused(written):
    north = written("north")
    with pytest.raises(SettingsError, match=r"service\.brand must be each brand's own .*: north"):
        load_all([north, north])


def test_a_common_secret_is_refused_and_not_shown(written):
    text = TEXT.replace('{brand}"\n', 'common"\n').replace('"common"', '"{brand}"', 1)
    with pytest.raises(SettingsError, match=r"policy\.secret must be each brand's own") as refused:
        load_all([written("north", text=text), written("south", text=text)])
    assert "the secret" not in str(refused.value)


def test_without_keys_only_one_brand_can_be_served(written):
    keyless = written("south", text=TEXT.replace("require_keys = true", ""))
    with pytest.raises(SettingsError, match=r"south/bocian\.toml must say require_keys = true"):
        load_all([written("north"), keyless])


def test_a_brand_without_a_name_is_refused(written):
    nameless = written("south", text="[service]\nrequire_keys = true\n")
    with pytest.raises(SettingsError, match=r"south/bocian\.toml must name its brand"):
        load_all([written("north"), nameless])


def test_two_addresses_are_refused(written):
    elsewhere = written("south", text=TEXT.replace("[service]", "[service]\nport = 3001"))
    with pytest.raises(SettingsError, match=r"service\.port .*got: \['3000', '3001'\]"):
        load_all([written("north"), elsewhere])


@pytest.mark.parametrize("brand", ["North", "north_west", "1st", "", "n" * 32, "north-west"])
def test_a_brands_name_is_of_letters_and_digits(written, brand):
    with pytest.raises(SettingsError, match=r"service\.brand: String should match pattern"):
        load(written("b", text=f'[service]\nbrand = "{brand}"\n'))


def test_the_environment_speaks_to_all_or_to_one_brand(written, monkeypatch):
    monkeypatch.setenv("BOCIAN_BRAND_SOUTH__POLICY__SECRET", "from outside")
    monkeypatch.setenv("BOCIAN_SERVICE__PORT", "4000")
    north, south = load_all([written("north"), written("south")])
    assert north.policy.secret.get_secret_value() == "the secret of north"
    assert south.policy.secret.get_secret_value() == "from outside"
    assert {north.service.port, south.service.port} == {4000}
    monkeypatch.setenv("BOCIAN_BRAND_SOUTH__SERVICE__PORT", "4001")
    assert load(Path(south.base) / "bocian.toml").service.port == 4001
