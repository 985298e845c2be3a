"""Two bundles of a shop: compared, promoted through the gate or over it, and rolled back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import CLEAN, bocian, own_copy
from small_shop import Shop

from bocian import wiring
from bocian.commands import models, policy_simulate, train
from bocian.commands.promotion import GateError
from bocian.settings import load
from training.tracking import Override

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

REFUSED = 3


@dataclass(frozen=True)
class Two:
    """A shop whose version 1 serves; version 2 has another policy, and the same models."""

    shop: Shop

    @property
    def registry(self):
        return wiring.registry(self.shop.settings)

    @property
    def serving(self) -> str:
        """The version whose bundle the service reads."""
        pointed = wiring.shelf(self.shop.settings).champion().digest
        (number,) = (v.number for v in self.registry.versions() if v.digest == pointed)
        return number

    def monitored(self, **stated) -> None:
        path = self.shop.settings.monitored
        path.write_text(json.dumps(stated))


@pytest.fixture(scope="module")
def made(shop, tmp_path_factory) -> Shop:
    own = own_copy(shop, tmp_path_factory.mktemp("models") / "shop")
    text = own.config.read_text()
    own.config.write_text(text.replace("cool_down_days = 14", "cool_down_days = 15"))
    own = Shop(own.folder, load(own.config))
    result = train.run(own.settings, force=False, promote=False, as_json=False)
    assert (result.version.number, result.version.aliases) == ("2", ("challenger",))
    return own


@pytest.fixture
def two(made, tmp_path) -> Two:
    return Two(own_copy(made, tmp_path / "shop"))


def test_what_did_not_change_is_the_same_component_and_predicts_the_same(two, capsys):
    versions = {v.number: v for v in two.registry.versions()}
    assert versions["1"].components == versions["2"].components
    capsys.readouterr()
    models.compare_versions(two.shop.settings, "2", "1", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert {f["verdict"] for f in found["figures"]} == {"the same"}
    assert found["verdict"] == "version 2 beside version 1: they predict the same."
    models.compare_versions(two.shop.settings, "2", "1", as_json=False)
    assert "they predict the same" in capsys.readouterr().out


def test_promoting_and_rolling_back_move_what_the_service_reads(two):
    settings = two.shop.settings
    assert two.serving == "1"
    models.promote(settings, "challenger", as_json=False)
    assert (two.serving, two.registry.get("previous").number) == ("2", "1")
    assert two.registry.champion().override == {}
    models.roll_back(settings, as_json=False)
    assert (two.serving, two.registry.champion().number) == ("1", "1")
    models.roll_back(settings, as_json=False)
    assert two.serving == "2"


def test_an_alarm_refuses_until_somebody_answers_for_it(two):
    settings, challenger = two.shop.settings, two.registry.get("2")
    two.monitored(
        bundle=challenger.digest, made_at="2025-03-01T00:00:00Z", alarms=["orders_28d moved"]
    )
    with pytest.raises(GateError, match=r"version 2 may not serve: monitoring of .* orders_28d"):
        models.promote_version(settings, two.registry, "2")
    assert two.serving == "1"
    promoted = models.promote_version(
        settings, two.registry, "2", override=Override("Ada", "a new shop")
    )
    assert two.serving == "2"
    assert promoted.override["reviewer"] == "Ada"
    assert "orders_28d moved" in promoted.override["against"]


def test_an_attribute_that_nobody_audited_refuses(two):
    text = two.shop.config.read_text().replace('["age"]', '["age", "language"]')
    two.shop.config.write_text(text)
    with pytest.raises(GateError, match=r"must be audited, missing: \['language'\]"):
        models.promote_version(load(two.shop.config), two.registry, "2")


def test_a_policy_that_the_log_cannot_judge_may_start_with_few(two):
    """Version 2 declares another cool-down, and somebody was decided about by version 1."""
    settings = two.shop.settings
    engine = wiring.engine(settings)
    engine.next_best_action("c001")
    engine.ledger.close()
    rule = "must be proven no worse by the log, got: not evaluable"
    with pytest.raises(GateError, match=rule) as told:
        models.promote_version(settings, two.registry, "2")
    assert "on 2025-03-31T09:30:00Z" in str(told.value)
    assert "`bocian models promote 2 --rollout` lets it decide for at most 10%" in str(told.value)
    with pytest.raises(GateError, match=r"needs quiet_share of at least 0\.9 .* got: 0\.05"):
        models.promote_version(settings, two.registry, "2", rollout=True)
    assert two.serving == "1"
    few = settings.model_copy(
        update={"policy": settings.policy.model_copy(update={"quiet_share": 0.95})}
    )
    promoted = models.promote_version(few, two.registry, "2", rollout=True)
    assert two.serving == "2"
    assert promoted.override["reviewer"] == "rollout"
    assert promoted.override["reason"] == "contacts at most 5% of the customers, drawn by chance"
    assert "not evaluable" in promoted.override["against"]


def test_a_challenger_is_played_beside_the_champion(two, tmp_path):
    """Nobody was contacted yet, so that another cool-down changes nothing."""
    page = tmp_path / "page.html"
    found = policy_simulate.simulate(two.shop.settings, "2", page=page, as_json=False)
    assert found["bundle"] == two.registry.get("2").digest
    assert found["beside_champion"]["changed"] == 0
    assert found["beside_champion"]["contacted"] == found["contacted"]
    assert "The champion would contact" in page.read_text()


def test_a_rollout_answers_for_nothing_else(two):
    settings = two.shop.settings
    two.monitored(bundle=two.registry.get("2").digest, made_at="now", alarms=["moved"])
    with pytest.raises(GateError, match="must be quiet: moved"):
        models.promote_version(settings, two.registry, "2", rollout=True)


def test_the_command_line_refuses_overrides_and_rolls_back(two):
    config = two.shop.config
    two.monitored(bundle=two.registry.get("2").digest, made_at="now", alarms=["moved"])
    refused = bocian("models", "promote", "2", "-c", config)
    assert refused.returncode == REFUSED, refused.stderr
    assert "must be quiet: moved" in " ".join(refused.stderr.split())
    words = ("--override", "Ada", "we know", "--json")
    done = bocian("models", "promote", "2", *words, "-c", config)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["override"]["reason"] == "we know"
    back = bocian("models", "rollback", "--json", "-c", config)
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["number"] == two.serving == "1"


def test_mlflow_runs_the_project(made, tmp_path):
    """As its README says; the configuration lies one folder above the project's."""
    own = own_copy(made, tmp_path / "shop")
    own.config.write_text(own.config.read_text().replace("[training]", "[training]\nseed = 5"))
    shutil.copytree(Path(__file__).parents[2] / "mlflow", own.folder / "mlflow")
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        [scripts / "mlflow", "run", "mlflow", "-e", "train", "--env-manager", "local"],
        cwd=own.folder,
        env=CLEAN
        | {
            "PATH": f"{scripts}:{CLEAN['PATH']}",
            "HOME": str(tmp_path),
            "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/runs.db",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    newest, *_ = wiring.registry(load(own.config)).versions()
    assert (newest.number, newest.aliases) == ("3", ("challenger",))
