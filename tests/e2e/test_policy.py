"""`bocian policy`: proven on decisions that were made, played forward on those of today."""

from __future__ import annotations

import csv
import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from processes import bocian, own_copy
from small_shop import NOW, SPECIAL, Shop

from bocian import wiring
from bocian.commands import policy_evaluate, policy_simulate
from bocian.commands.policy_gate import capped, unproven
from bocian.commands.policy_log import from_ledger
from bocian.settings import load
from features.clock import DAY_US, fixed_clock, to_us
from features.incoming import Event
from serving.forecast import Forecast
from serving.record import Decided, stored
from training.evaluation.off_policy import Answer
from training.proof.case import ProofError

pytestmark = pytest.mark.e2e

THANKS = "thank_you/email"
BROUGHT = 30_000
"""What each thank-you by e-mail brings the day after, minor units; 30 % of it is margin."""
DAYS = 4
LATER = NOW + dt.timedelta(days=DAYS + 28)


@pytest.fixture(scope="module")
def decided(shop, tmp_path_factory) -> Shop:
    """Four days of decisions of the bundle that serves, later than its fit, and what they brought.

    Most were drawn. The clock stands where all outcomes are known.
    """
    own = own_copy(shop, tmp_path_factory.mktemp("policy") / "shop")
    text = own.config.read_text()
    floors = "[policy]\naction_floor = 0.6\nholdout_share = 0\nquiet_share = 0"
    own.config.write_text(text.replace("[policy]", floors))
    engine, brought = wiring.engine(load(own.config)), []
    who = [c for c in engine.store.customer_ids if c not in SPECIAL]
    for day in range(DAYS):
        then = replace(engine, clock=fixed_clock(NOW + dt.timedelta(days=day)))
        for record in then.preview(who):
            engine.ledger.decisions.put(stored(Decided.of(record), then.slot()))
            if f"{record['action_id']}/{record['channel']}" == THANKS:
                at = to_us(then.clock()) + DAY_US
                name = f"{record['customer_id']}-{at}"
                money = {"value_minor": BROUGHT, "quantity": 1}
                brought.append(
                    Event(record["customer_id"], at, at, "thanks", name, "order", "web", **money)
                )
    wiring.event_log(engine.ledger).append(brought)
    engine.ledger.close()
    return Shop(own.folder, _at(own, LATER))


def _at(own, now):
    """The settings with the clock moved."""
    stated = own.config.read_text().splitlines()
    lines = [f"now = {now.isoformat()}" if x.startswith("now = ") else x for x in stated]
    own.config.write_text("\n".join(lines))
    return load(own.config)


def made(own):
    """How many decisions the ledger holds."""
    ledger = wiring.ledger(own.settings)
    number = len(list(ledger.decisions.drawn()))
    ledger.close()
    return number


def evaluated(settings, which, page, **how):
    asked = {"log": None, "by": None, "most_weight": None, "as_json": False} | how
    return policy_evaluate.evaluate(settings, which, page=page, **asked)


def test_the_policy_that_ran_gains_exactly_nothing_on_itself(decided, tmp_path):
    proof = evaluated(decided.settings, "champion", tmp_path / "page.html", by="lifecycle_stage")
    target, incumbent = proof.lines[:2]
    assert (target.name, incumbent.name) == ("champion", "incumbent")
    assert (target.gain.low, target.gain.value, target.gain.high) == (0, 0, 0)
    assert target.value == incumbent.value
    assert target.value.effective_rows == proof.rows == made(decided)
    assert proof.judgement.answer == Answer.NOT_WORSE
    assert sum(segment.rows for segment in target.segments.values()) == proof.rows
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "highest_risk_first" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_rewards_are_margin_after_the_decision_less_delivery(decided):
    told = from_ledger(decided.settings, later_than=0)
    thanked = told.case.chosen == told.case.arms.index(THANKS)
    nothing = told.case.chosen == 0
    # The next days' decisions of the same customer may bring more within the window.
    assert told.case.rewards[thanked].min() >= 0.3 * BROUGHT - 0.1 - 1e-9
    assert np.isin(told.case.rewards[nothing].round(6) / (0.3 * BROUGHT), range(DAYS + 1)).all()
    assert told.left_out == {}


def test_giving_all_what_works_is_better(decided, tmp_path):
    proof = evaluated(decided.settings, "everyone", tmp_path / "page.html")
    everyone = proof.lines[0]
    assert everyone.gain.low > 0


def test_without_a_mature_outcome_it_says_when_the_first_is_known(decided):
    settings = decided.settings.model_copy(
        update={"clock": decided.settings.clock.model_copy(update={"now": NOW})}
    )
    first = (NOW + dt.timedelta(days=28)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(ProofError, match=f"the first outcome is known on {first}"):
        from_ledger(settings, later_than=0)
    after = to_us(NOW + dt.timedelta(days=10))
    with pytest.raises(ProofError, match=rf"left out: \{{'known to a fit': {made(decided)}\}}"):
        from_ledger(decided.settings, later_than=after)
    with pytest.raises(ProofError, match=r"--by must be a feature of the catalogue .* 'nothing'"):
        from_ledger(decided.settings, later_than=0, by="nothing")


def test_the_gate_lets_no_policy_pass_that_the_log_cannot_judge(decided):
    champion = wiring.shelf(decided.settings).champion()
    assert unproven(decided.settings, champion, champion) == ""
    early = decided.settings.model_copy(
        update={"clock": decided.settings.clock.model_copy(update={"now": NOW})}
    )
    why = unproven(early, champion, champion)
    assert "not evaluable: a policy is evaluated on decisions" in why
    policy = decided.settings.policy
    assert "got: 0" in capped(decided.settings)
    rare = policy.model_copy(update={"quiet_share": 0.9})
    assert capped(decided.settings.model_copy(update={"policy": rare})) == ""


def test_without_a_log_there_is_nothing_to_judge(shop):
    champion = wiring.shelf(shop.settings).champion()
    assert unproven(shop.settings, champion, champion) == ""


def test_today_is_played_and_nothing_recorded(decided, tmp_path, capsys):
    policy = decided.settings.policy.model_copy(update={"action_floor": 0.05})
    settings = decided.settings.model_copy(update={"policy": policy})
    before, page = made(decided), tmp_path / "page.html"
    found = policy_simulate.simulate(settings, None, page=page, as_json=True)
    assert json.loads(capsys.readouterr().out)["contacted"] == found["contacted"]
    customers = wiring.event_store(settings).customer_ids
    assert found["customers"] == len(customers) == sum(found["strata"].values())
    assert sum(one["customers"] for one in found["given"]) == len(customers)
    assert made(decided) == before
    (budget,) = found["budgets"]
    calls = sum(o["customers"] for o in found["given"] if o["action_id"] == "service_call")
    assert (budget["used"], budget["budget"]) == (8 * calls, 40)
    assert budget["price"] > 0
    (age,) = found["fairness"]
    known = sum(group["customers"] for group in age["groups"])
    assert known + age["too_small"] + age["missing"] == len(customers)
    assert {one["reason"] for one in found["closed"]} >= {"no_consent", "not_eligible"}
    assert "beside_champion" not in found
    assert page.read_text().startswith("<!doctype html>")
    policy_simulate.show(found)
    assert "service_call/call_center" in capsys.readouterr().out


def test_moves_from_the_champion_are_counted():
    before = Forecast(
        ("no_action", "a/email"), ("x", "y", "z"), np.array([0, 1, 1]), (), {}, 0, 3, {}, {}
    )
    after = replace(before, arm=np.array([1, 0, 1]))
    told = policy_simulate.moves(before, after)
    assert (told["changed"], told["contacted"]) == (2, 2)
    assert {(m["from"], m["to"], m["customers"]) for m in told["moves"]} == {
        ("no_action", "a/email", 1),
        ("a/email", "no_action", 1),
    }


# A file of one's own.


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """3,000 decisions that were drawn; the better arm is the score's."""
    rng = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp("file")
    (folder / "bocian.toml").write_text('[business]\nname = "A shop"\n')
    with (folder / "log.csv").open("w", newline="") as to:
        rows = csv.writer(to)
        names = "customer_id,action,outcome,propensity:no_action,propensity:a/email,score:a/email"
        rows.writerow([*names.split(","), "age", "region"])
        for i in range(3_000):
            age = float(rng.normal())
            acted = bool(rng.random() < 0.4)
            outcome = 5 + acted * 2 * age + rng.normal()
            closed = i % 10 == 0
            chances = [1.0, None] if closed else [0.6, 0.4]
            action = "a/email" if acted and not closed else "no_action"
            outcome = outcome if not closed else 5 + rng.normal()
            region = ("north", "south")[i % 2]
            rows.writerow([f"c{i}", action, outcome, *chances, 2 * age, age, region])
    header = "customer_id,action,outcome,propensity:no_action,propensity:a\n"
    (folder / "two.csv").write_text(header + "c,a,1,0.5,0.5\nd,no_action,1,0.5,0.5\n")
    late = header.replace("\n", ",decided_at\n") + "c,a,1,0.5,0.5,2025-04-01T00:00:00Z\n"
    (folder / "late.csv").write_text(late)
    return folder


def test_a_file_is_evaluated_by_the_real_command_line(file):
    words = ("policy", "evaluate", "--log", "log.csv", "--policy", "scores", "--by", "region")
    done = bocian(*words, "--json", cwd=file)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    lines = {line["name"]: line for line in told["lines"]}
    assert list(lines) == ["scores", "incumbent", "nobody", "everyone", "random"]
    assert list(told["absent"]) == ["highest_risk_first"]
    # E[max(2 age, 0)] = 2 / sqrt(2 pi), for nine customers in ten.
    truth = 5 + 0.9 * 2 / np.sqrt(2 * np.pi)
    value = lines["scores"]["value"]["doubly_robust"]
    assert value["low"] <= truth <= value["high"]
    assert value["high"] - value["low"] < 0.3
    assert lines["nobody"]["value"]["supported_mass"] == 1
    assert set(lines["scores"]["segments"]) == {"north", "south"}
    assert told["judgement"]["answer"] == "better"
    assert Path(told["page"]).is_relative_to(file)


@pytest.mark.parametrize(
    ("which", "log", "by", "said"),
    [
        ("scores", "log.txt", None, r"--log must end in .csv or .parquet, got: .*log\.txt"),
        ("random", "log.csv", "town", "--by must be a column of .* got: 'town'; its columns: "),
        ("highest_risk_first", "log.csv", None, "a file has it in the column churn_probability"),
        ("random", "bare.csv", None, r"missing: \['propensity:no_action'\]; it has: "),
        ("random", "odd.csv", None, r"must have a propensity in its row, got: 'b' in row 0"),
        ("scores", "two.csv", None, r"needs columns score:ARM of the log's arms .* got: \[\]"),
    ],
)
def test_a_wrong_log_is_named(file, which, log, by, said):
    (file / "bare.csv").write_text("customer_id,action,outcome\nc,no_action,1\n")
    header = "customer_id,action,outcome,propensity:no_action,propensity:a\n"
    (file / "odd.csv").write_text(header + "c,b,1,0.5,0.5\n")
    with pytest.raises(ProofError, match=said):
        evaluated(load(file / "bocian.toml"), which, file / "page.html", log=file / log, by=by)


def test_a_bundle_needs_the_catalogues_features_and_instants(file, decided, tmp_path):
    with pytest.raises(ProofError, match="decides by all features of the catalogue, missing: "):
        evaluated(decided.settings, "champion", tmp_path / "page.html", log=file / "late.csv")
    with pytest.raises(ProofError, match="must have the column decided_at"):
        evaluated(decided.settings, "champion", tmp_path / "page.html", log=file / "two.csv")
