"""Records of decisions as rows of an experiment, and effects in words."""

from __future__ import annotations

import math

import pytest
from wired import engine_of

from features.catalogue import CATALOGUE
from features.clock import to_us
from serving.explain.wording import sentences_of_action
from serving.given import given
from serving.ledger import Ledger
from serving.logged import logged
from serving.record import to_bytes

FEATURES = ("frequency", "days_since_last_order")


@pytest.fixture(scope="module")
def recorded(shop, tmp_path_factory):
    engine = engine_of(shop, tmp_path_factory.mktemp("logged"), action_floor=0.3)
    records = engine.preview(engine.store.customer_ids[:60])
    yield engine, records
    engine.ledger.close()


def test_a_record_says_what_was_drawn_and_from_what(recorded):
    engine, records = recorded
    texts = [to_bytes(r).decode() for r in records]
    rows = list(logged(texts, features=FEATURES, catalogue=CATALOGUE.version))
    assert len({row.arm for row in rows}) > 2
    for row, record in zip(rows, records, strict=True):
        assert (row.customer_id, row.at_us) == (record["customer_id"], to_us(engine.clock()))
        assert row.propensity[row.arm] == record["propensity"]["action"]
        assert math.fsum(row.propensity.values()) == pytest.approx(1, abs=1e-12)
        closed = {f"{s['action_id']}/{s['channel']}" for s in record["suppressed"]}
        assert not closed & set(row.propensity)
        assert row.features.tolist() == [record["inputs"]["features"][n] for n in FEATURES]
        foretold = record["predictions"]
        assert row.at_risk == (foretold["churn_probability"] * foretold["expected_margin_minor"])


def test_features_of_another_catalogue_are_not_read(recorded):
    _, records = recorded
    (row,) = logged([to_bytes(records[0]).decode()], features=("gone",), catalogue="another")
    assert row.features is None


def test_records_come_by_part_of_the_experiment(ledger: Ledger, a_decision):
    for name, stratum in (("d1", "main"), ("d2", "holdout"), ("d3", "main")):
        ledger.decisions.put(a_decision(name, slot=name, stratum=stratum, record=f'"{name}"'))
    assert sorted(ledger.decisions.records("main")) == ['"d1"', '"d3"']
    assert list(ledger.decisions.records("quiet")) == []


@pytest.mark.parametrize(
    ("personal", "english", "polish"),
    [
        (
            False,
            "No personal reason: the effect was measured on 1,234 decisions (drawn with logged "
            "chances) as 1.50 EUR ± 0.25 EUR, the same for everyone; the measurement weighs 80%, "
            "the declared 5.0% of the margin at risk the rest.",
            "Bez powodu osobistego: efekt zmierzono na podstawie 1\u00a0234 decyzji (losowanych z "
            "zapisanymi szansami): 1,50 EUR ± 0,25 EUR, tyle samo dla każdego; waga pomiaru "
            "to 80%, resztę daje deklaracja: 5,0% zagrożonej marży.",
        ),
        (
            True,
            "For this customer: the effect was measured on 1,234 decisions (drawn with logged "
            "chances) as 1.50 EUR ± 0.25 EUR, for customers like this one; the measurement weighs "
            "80%, the declared 5.0% of the margin at risk the rest.",
            "Dla tego klienta: efekt zmierzono na podstawie 1\u00a0234 decyzji (losowanych z "
            "zapisanymi szansami): 1,50 EUR ± 0,25 EUR, dla klientów takich jak ten; waga pomiaru "
            "to 80%, resztę daje deklaracja: 5,0% zagrożonej marży.",
        ),
    ],
)
def test_a_measured_effect_in_words(recorded, personal, english, polish):
    record = next(r for r in recorded[1] if r["action_id"] != "no_action")
    told = {
        "basis": "propensities logged", "decisions": 1234, "personal": personal,
        "effect": 150.0, "sd": 25.0, "weight": 0.8,
    }  # fmt: skip
    basis = {"share_of_margin_at_risk": 0.05, "lifecycle_stage": "loyal", "measurement": told}
    basis["rests_on"] = None
    words = sentences_of_action(
        record, {"effect_basis": basis, "versus_runner_up": None, "changed_by": []}
    )
    assert english in words["en"]
    assert polish in words["pl"]


def test_decisions_come_by_the_time_at_which_they_were_made(ledger: Ledger, a_decision):
    for name, at in (("d1", 5), ("d2", 7), ("d3", 9)):
        ledger.decisions.put(a_decision(name, slot=name, decided_at_us=at, record=f'"{name}"'))
    assert sorted(ledger.decisions.made(5, 9)) == ['"d1"', '"d2"']


def test_a_record_says_what_was_given(recorded):
    engine, records = recorded
    rows = list(given(to_bytes(r).decode() for r in records))
    actions = engine.shelf.champion().program.actions
    for row, record in zip(rows, records, strict=True):
        action = actions.get(record["action_id"])
        assert (row.decision_id, row.customer_id) == (record["decision_id"], record["customer_id"])
        assert (row.channel is None) == (action is None)
        assert row.purpose == (action and action.purpose)
        offer = action and action.offer
        assert row.offer == (offer and offer.kind)
        assert row.percent_off == (offer.percent if offer and offer.percent else 0)
        assert row.value_minor == record["value_minor"]
        risk = record["predictions"]["churn_probability"]
        assert math.isnan(row.churn_probability) if risk is None else row.churn_probability == risk
    assert {row.offer for row in rows} >= {None, "percent_off"}
