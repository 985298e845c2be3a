"""What would have been decided otherwise is true: the engine and a replay are asked."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace

import lightgbm as lgb
import pytest
from wired import engine_of

from features.catalogue import CATALOGUE
from features.clock import to_us
from serving.explain import ExplanationError, explain
from serving.explain.audience import explanation_for
from serving.explain.themes import THEMES, of_feature
from serving.ledger.consents import Consent
from serving.replay import replay


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(shop, tmp_path_factory.mktemp("differ"), action_floor=0.1)
    yield made
    made.ledger.close()


@pytest.fixture(scope="module")
def explained(engine):
    """Pairs of a record and its explanation, of every third."""
    records = engine.preview(engine.store.customer_ids[::3])
    return [(record, explain(record, engine.shelf.champion())) for record in records]


def test_every_feature_has_words_and_no_words_are_left_over():
    assert all(len(of_feature(name)[1]) == 2 for name in CATALOGUE.names)
    used = {
        name for known in CATALOGUE.names for name in (known, re.sub(r"_\d+d$", "_{d}d", known))
    }
    assert {name for theme in THEMES for name in theme.features} <= used
    assert of_feature("orders_28d")[1][1] == "zamówienia z ostatnich 28 dni"


def test_a_feature_without_words_is_named():
    with pytest.raises(KeyError, match=r"must have words .* got: 'shoe_size'"):
        of_feature("shoe_size")


def test_windows_of_one_thing_are_one_reason(explained):
    for _, given in explained:
        risk = given["risk_rests_on"]
        names = [reason["theme"] for reason in risk["reasons"]]
        assert len(set(names)) == len(names)
        total = sum(reason["contribution"] for reason in risk["reasons"])
        assert risk["base_value"] + total == pytest.approx(risk["raw_log_odds"], abs=1e-6)
        by_name = {c["feature"]: c["contribution"] for c in risk["contributions"]}
        orders = sum(v for n, v in by_name.items() if of_feature(n)[0].name == "orders")
        told = next(r["contribution"] for r in risk["reasons"] if r["theme"] == "orders")
        assert told == pytest.approx(orders, abs=1e-12)


def test_every_counterfactual_is_what_the_policy_decides(explained, engine):
    loaded, shown = engine.shelf.champion(), 0
    for record, given in explained:
        for told in given["what_would_differ"]["counterfactuals"]:
            changed = deepcopy(record)
            for change in told["changes"] + told["follows"]:
                assert changed["inputs"]["features"][change["feature"]] == change["from"]
                changed["inputs"]["features"][change["feature"]] = change["to"]
            again = replay(changed, loaded).record()
            assert {k: again[k] for k in ("action_id", "channel")} == {
                k: told["then"][k] for k in ("action_id", "channel")
            }
            assert again["predictions"]["churn_probability"] == told["then"]["churn_probability"]
            assert (again["action_id"], again["channel"]) != (
                record["action_id"],
                record["channel"],
            )
            shown += 1
    assert shown > 30


def test_a_counterfactual_moves_only_what_a_customer_can_change(explained):
    fixed = {name for theme in THEMES if not theme.changes for name in theme.features}
    moved = {
        change["feature"]
        for _, given in explained
        for told in given["what_would_differ"]["counterfactuals"]
        for change in told["changes"]
    }
    assert moved
    assert not moved & fixed


def test_by_chance_means_by_nothing_about_the_customer(explained):
    drawn = [given for record, given in explained if record["greedy"] != {
        "action_id": record["action_id"], "channel": record["channel"]}]  # fmt: skip
    assert drawn
    for given in drawn:
        assert given["what_would_differ"]["counterfactuals"] == []
        assert "Chance decided" in given["what_would_differ"]["sentences"]["en"][0]


def test_consent_that_changed_the_winner_does_so_in_the_engine(explained, engine):
    by_consent = [
        (record, told)
        for record, given in explained
        for told in given["why_action"]["changed_by"]
        if told["constraint"] == "no_consent"
    ]
    assert len(by_consent) > 5
    now = to_us(engine.clock())
    for record, told in by_consent[:5]:
        channels = ("email", "sms", "push", "call_center")
        who = record["customer_id"]
        engine.ledger.consents.record_many(
            [Consent(who, "marketing", c, True, now, "a test", "consent") for c in channels]
        )
        after = engine.preview([who])[0]
        assert after["greedy"] == told["would_be_best"]
        assert after["greedy"] != record["greedy"]


def test_a_price_that_changed_the_winner_is_named(engine, explained):
    call = {"action_id": "service_call", "channel": "call_center"}
    record, given = next((r, g) for r, g in explained if r["greedy"] == call)
    assert "prices" not in [told["constraint"] for told in given["why_action"]["changed_by"]]
    dear = record | {"inputs": record["inputs"] | {"prices": {"call_minutes": 1e6}}}
    told = explain(dear, engine.shelf.champion())["why_action"]["changed_by"]
    assert [t["would_be_best"] for t in told if t["constraint"] == "prices"] == [call]


def test_a_lever_that_changed_the_winner_is_named_and_the_customer_hears_of_it(engine, explained):
    loaded = engine.shelf.champion()
    record, given = next(
        (r, g) for r, g in explained if r["channel"] == "email" and not r["explored"]
    )
    assert "levers" not in [told["constraint"] for told in given["why_action"]["changed_by"]]
    policy = record["inputs"]["policy"] | {"channel_preference": {"email": 0.0}}
    silenced = record | {"inputs": record["inputs"] | {"policy": policy}}
    told = explain(silenced, loaded)["why_action"]
    best = {"action_id": record["action_id"], "channel": "email"}
    assert [t["would_be_best"] for t in told["changed_by"] if t["constraint"] == "levers"] == [best]
    assert any("the levers of the business" in sentence for sentence in told["sentences"]["en"])
    heard = [explanation_for(r, loaded, "customer", "en").page for r in (record, silenced)]
    assert ["because we prefer it so" in page for page in heard] == [False, True]


@pytest.mark.parametrize(
    ("pattern", "by"),
    [
        (r"(?m)^leaf_value=\S+ \S+", "leaf_value=0.5 0.5"),
        (r"(?m)^threshold=\S+", "threshold=-1e30"),
    ],
)
def test_a_model_whose_trees_were_changed_is_refused(engine, explained, pattern, by):
    loaded = engine.shelf.champion()
    text = re.sub(pattern, by, loaded.bundle.churn.booster.model_to_string())
    text = re.sub(r"(?m)^tree_sizes=.*\n", "", text)  # LightGBM aborts over trees of another length
    churn = replace(loaded.bundle.churn, booster=lgb.Booster(model_str=text))
    other = replace(loaded, bundle=replace(loaded.bundle, churn=churn))
    record = next(r for r, _ in explained if r["predictions"]["churn_probability"])
    with pytest.raises(ExplanationError, match=r"must give the recorded log-odds within 1e-06"):
        explain(record, other)


def test_an_old_record_is_explained_as_far_as_it_goes(engine, explained):
    record, given = explained[0]
    old = record | {"inputs": {"features": record["inputs"]["features"], "prices": {}}}
    told = explain(old, engine.shelf.champion())
    assert told["risk_rests_on"] == given["risk_rests_on"]
    assert told["what_would_differ"]["counterfactuals"] == []
    assert "must hold what it rested on" in told["what_would_differ"]["not_tried"]


def test_the_customer_is_told_no_trade_detail(engine, explained):
    loaded = engine.shelf.champion()
    for record, _ in explained:
        told = explanation_for(record, loaded, "customer", "en")
        text = re.sub(r"<style>.*</style>", "", told.page, flags=re.DOTALL)
        for action in ("thank_you", "offer_10", "service_call"):
            assert action not in text
        for word in ("usually", "margin", "delivery", "fatigue", "scarce", "log-odds"):
            assert word not in text
        own = {v for v in record["inputs"]["features"].values() if v is not None}
        amounts = {float(a.replace(",", "")) for a in re.findall(r"([\d,]+\.\d\d) EUR", text)}
        moved = {
            change["to"]
            for each in told.explained["what_would_differ"]["counterfactuals"]
            for change in each["changes"]
        }
        known = {round(v / 100, 2) for v in own | moved}
        assert amounts <= known
        for language in ("en", "pl"):
            assert len(told.content["sections"][language]) == 5


@pytest.mark.parametrize("whom", ["staff", "customer"])
@pytest.mark.parametrize("language", ["en", "pl"])
def test_a_page_needs_nothing_else_and_comes_out_the_same(engine, explained, whom, language):
    record, loaded = explained[1][0] | {"customer_id": "<b>&"}, engine.shelf.champion()
    one = explanation_for(record, loaded, whom, language).page
    assert one == explanation_for(deepcopy(record), loaded, whom, language).page
    assert f'<html lang="{language}">' in one
    assert "<b>" not in one
    assert not re.search(r"<script|https?://|url\(|@import", one)
    headings = re.findall(r'aria-labelledby="(section-\d)"', one)
    assert headings
    assert all(f'id="{heading}"' in one for heading in headings)
    assert one.count("<table>") == one.count('tabindex="0"')
