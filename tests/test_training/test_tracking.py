"""Registered bundles, on a real MLflow registry in SQLite."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("mlflow.tracking", reason="the extra 'train' is not installed")

from mlflow.tracking import MlflowClient

from models.bundle import digest, load
from models.component import COMPONENTS
from training.tracking import MODEL, Override, Registry, RegistryError

pytestmark = pytest.mark.slow


def opened(folder, client=MlflowClient) -> Registry:
    return Registry(address(folder), folder / "artifacts", client)


def address(folder) -> str:
    return f"sqlite:///{folder}/made/mlflow.db"


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
    with pytest.raises(RegistryError, match=r"must have served before .* the champion is None"):
        registry.roll_back()


# --- components and what is said of them ------------------------------------------------------


def test_a_bundle_is_versions_of_components_and_what_did_not_change_keeps_its_own(two):
    _, ((first, _), (second, _)) = two
    assert set(first.components) == set(COMPONENTS)
    assert first.components == second.components == dict.fromkeys(COMPONENTS, "1")


def test_a_component_that_changed_has_a_version_of_its_own_and_no_alias(folder, trained, two):
    effects = replace(trained.bundle.effects, sd=trained.bundle.effects.sd * 2)
    third = two[0].register(
        replace(trained, bundle=replace(trained.bundle, effects=effects)), inputs="in3"
    )
    assert third.components == dict.fromkeys(COMPONENTS, "1") | {"effects": "2"}
    client = MlflowClient(address(folder))
    found = client.get_model_version("bocian-effects", "2")
    assert (found.aliases, found.run_id) == ([], third.run_id)
    assert client.get_registered_model("bocian-effects").aliases == {}


def test_a_run_tells_parameters_data_figures_with_intervals_and_pictures(folder, two, trained):
    client = MlflowClient(address(folder))
    run = client.get_run(two[0].get("1").run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["churn.num_leaves"] == str(trained.parameters["churn"]["num_leaves"])
    assert run.data.params["data.rows"] == trained.data["rows"]
    assert run.data.params["data.store_manifest"] == trained.data["store_manifest"]
    auc = trained.figures[0]
    assert run.data.metrics["churn_AUC"] == auc.model
    assert run.data.metrics["churn_AUC_low"] == auc.low
    assert run.data.metrics["churn_AUC_difference_high"] == auc.difference.high
    held = {item.path for item in client.list_artifacts(run.info.run_id, "pictures/churn")}
    assert {f"pictures/{name}" for name in trained.pictures if name.startswith("churn/")} == held
    data = two[0].document(two[0].get("1"), "data")
    assert data["feature_hashes"] == dict(trained.bundle.features)
    assert data["as_of"] == trained.data["as_of"]


def test_each_version_has_a_card(folder, two, trained):
    client = MlflowClient(address(folder))
    cards = {
        name: client.get_model_version(f"bocian-{name}", "1").description for name in COMPONENTS
    }
    for name, card in cards.items():
        assert card.startswith(f"# {name} of the bundle of 2018-01-01T00:00:00Z")
        for heading in ("Limits", "Data"):
            assert f"## {heading}\n" in card, name
        assert trained.data["rows"] in card
    for heading in ("Figures", "Pictures", "Audit", "How it was chosen"):
        assert f"## {heading}\n" in cards["churn"]
    auc = trained.figures[0]
    assert f"| churn AUC | {auc.model:.4g} [{auc.low:.4g}, {auc.high:.4g}] |" in cards["churn"]
    assert "the defaults, without a search" in cards["churn"]
    assert "| call | call_center | -10.0% to 4.0% | 5.0% |" in cards["effects"]
    bundle = client.get_model_version(MODEL, "1").description
    assert "- `bocian-churn` version 1" in bundle


# --- which one serves -------------------------------------------------------------------------


@pytest.fixture
def promoted(trained, tmp_path):
    """A registry in which version 2 serves, and 1 did before."""
    registry = opened(tmp_path)
    registry.register(trained, inputs="in1")
    registry.register(
        replace(trained, bundle=replace(trained.bundle, policy={"epoch": "e2"})), inputs="in2"
    )
    registry.promote("1")
    registry.promote("2")
    return registry


def served(registry) -> tuple[str, str]:
    return registry.champion().number, registry.get("previous").number


def test_rolling_back_goes_to_the_one_before_and_a_second_time_undoes_it(promoted):
    assert promoted.before().number == "1"
    assert promoted.roll_back().aliases == ("champion",)
    assert served(promoted) == ("1", "2")
    promoted.roll_back()
    assert served(promoted) == ("2", "1")


def test_there_is_nothing_to_roll_back_to_when_one_alone_was_promoted(trained, tmp_path):
    registry = opened(tmp_path)
    registry.register(trained, inputs="in1")
    registry.promote("1")
    with pytest.raises(RegistryError, match=r"found none: the champion is 1$"):
        registry.roll_back()
    assert registry.champion().number == "1"


class DiesAfter(MlflowClient):
    """Its process ends after so many moves of an alias."""

    moves = 1

    def set_registered_model_alias(self, name, alias, version):
        if self.moves == 0:
            raise SystemExit
        self.moves -= 1
        super().set_registered_model_alias(name, alias, version)


@pytest.mark.parametrize("moves", [0, 1])
def test_who_dies_while_promoting_leaves_the_champion(moves, promoted, tmp_path):
    dying = opened(tmp_path, type("Dies", (DiesAfter,), {"moves": moves}))
    with pytest.raises(SystemExit):
        dying.promote("1")
    assert promoted.champion().number == "2"
    promoted.promote("1")
    assert served(promoted) == ("1", "2")


@pytest.mark.parametrize(("moves", "serves"), [(0, "2"), (1, "1")])
def test_who_dies_while_rolling_back_leaves_a_champion(moves, serves, promoted, tmp_path):
    dying = opened(tmp_path, type("Dies", (DiesAfter,), {"moves": moves}))
    with pytest.raises(SystemExit):
        dying.roll_back()
    assert promoted.champion().number == serves


def test_an_override_is_kept_with_the_version(promoted):
    assert promoted.get("1").override == {}
    promoted.promote("1", override=Override("Ada", "a known gap"), against=["AUC", "drift"])
    assert promoted.get("champion").override == {
        "reviewer": "Ada", "reason": "a known gap", "against": "AUC; drift",
    }  # fmt: skip


def test_a_registration_that_fails_says_so_and_leaves_no_challenger(trained, tmp_path):
    class Full(MlflowClient):
        def log_artifacts(self, *_):
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        opened(tmp_path, Full).register(trained, inputs="in1")
    assert opened(tmp_path).versions() == []
    client = MlflowClient(address(tmp_path))
    (run,) = client.search_runs([client.get_experiment_by_name("bocian").experiment_id])
    assert run.info.status == "FAILED"
