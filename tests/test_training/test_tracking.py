"""Registered bundles, on a real MLflow registry in SQLite."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("mlflow.tracking", reason="the extra 'train' is not installed")

from models.bundle import digest, load
from training.tracking import Registry, RegistryError

pytestmark = pytest.mark.slow


def opened(folder) -> Registry:
    return Registry(f"sqlite:///{folder}/made/mlflow.db", folder / "artifacts")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def two(folder, trained):
    """A registry with two versions, of which the first and then the second was promoted."""
    registry = opened(folder)
    first = registry.register(trained, inputs="in1")
    states = [(first, registry.champion())]
    registry.promote(first.number)
    other = replace(trained, bundle=replace(trained.bundle, policy={"epoch": "e2"}))
    second = registry.register(other, inputs="in2")
    states.append((second, registry.champion()))
    registry.promote(second.number)
    return registry, states


def test_a_new_version_waits_as_challenger(two):
    _, ((first, nobody), (second, still_first)) = two
    assert nobody is None
    assert (first.number, first.aliases) == ("1", ("challenger",))
    assert (second.number, second.aliases) == ("2", ("challenger",))
    assert still_first.number == "1"


def test_promoting_keeps_the_one_before_as_previous_and_goes_both_ways(two):
    registry, _ = two
    assert registry.champion().number == registry.get("champion").number == "2"
    assert registry.get("previous").number == "1"
    again = registry.promote("2")
    assert set(again.aliases) == {"challenger", "champion"}
    assert registry.get("previous").number == "1"
    assert registry.promote("1").aliases == ("champion",)
    assert (registry.champion().number, registry.get("previous").number) == ("1", "2")
    registry.promote("2")


def test_versions_are_listed_newest_first_with_what_is_known_of_them(two, trained):
    registry, _ = two
    second, first = registry.versions()
    assert (second.number, first.number) == ("2", "1")
    assert (first.inputs, second.inputs) == ("in1", "in2")
    assert first.made_at == trained.bundle.made_at
    assert first.digest != second.digest
    assert first.figures == {f.name: pytest.approx(f.model, abs=1e-6) for f in trained.figures}


def test_another_process_finds_the_same(two, folder):
    assert opened(folder).versions() == two[0].versions()


def test_a_download_is_the_bundle_that_was_registered(two, trained, tmp_path):
    registry, _ = two
    version = registry.get("1")
    path = registry.download(version, "bundle", tmp_path / "fetched")
    assert digest(path) == version.digest
    assert load(path).features == dict(trained.bundle.features)
    stated = json.loads(registry.download(version, "figures.json", tmp_path).read_text())
    assert [f["name"] for f in stated["figures"]] == [f.name for f in trained.figures]


def test_what_is_not_there_is_refused_by_name(two, tmp_path):
    registry, _ = two
    for which in ("99", "favourite"):
        with pytest.raises(RegistryError, match=rf"registered number or alias, got: '{which}'"):
            registry.get(which)
    with pytest.raises(RegistryError, match=r"version 1 must have an artifact 'audit\.html'"):
        registry.download(registry.get("1"), "audit.html", tmp_path)
    with pytest.raises(RegistryError, match=r"registered number or alias, got: '99'"):
        registry.promote("99")
    assert (registry.champion().number, registry.get("previous").number) == ("2", "1")


def test_an_empty_registry_has_no_champion(tmp_path):
    registry = opened(tmp_path)
    assert registry.champion() is None
    assert registry.versions() == []
