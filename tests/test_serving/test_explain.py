"""Explanations add up, name what they rest on, and refuse a bundle that does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from small_shop import NEWCOMER
from wired import engine_of

from models.churn import ChurnModel
from serving.explain import ExplanationError, explain
from serving.explain.telling import arm_in_words


@pytest.fixture(scope="module")
def explained(shop, tmp_path_factory):
    """Pairs of a record and its explanation, for everyone, half of whom are held out."""
    engine = engine_of(shop, tmp_path_factory.mktemp("e"), holdout_share=0.3, action_floor=0.3)
    records = engine.preview((*engine.store.customer_ids, NEWCOMER))
    loaded = engine.shelf.champion()
    yield [(record, explain(record, loaded)) for record in records]
    engine.ledger.close()


@pytest.fixture(scope="module")
def loaded(shop, tmp_path_factory):
    return engine_of(shop, tmp_path_factory.mktemp("l")).shelf.champion()


def test_contributions_and_base_value_sum_to_the_recorded_log_odds(explained):
    assert len(explained) > 250
    for record, given in explained:
        risk = given["risk_rests_on"]
        total = risk["base_value"] + sum(c["contribution"] for c in risk["contributions"])
        assert total == pytest.approx(record["predictions"]["raw_log_odds"], abs=1e-6)
        assert risk["raw_log_odds"] == record["predictions"]["raw_log_odds"]


def test_the_calibration_leads_from_log_odds_to_the_probability(explained):
    for record, given in explained:
        risk = given["risk_rests_on"]
        score = risk["calibration"]["slope"] * risk["raw_log_odds"]
        probability = 1 / (1 + np.exp(-(score + risk["calibration"]["intercept"])))
        if record["predictions"]["churn_probability"] is not None:
            assert risk["churn_probability"] == pytest.approx(probability, rel=1e-12)


def test_the_strongest_contribution_comes_first_with_the_recorded_value(explained):
    for record, given in explained:
        reasons = given["risk_rests_on"]["contributions"]
        sizes = [abs(reason["contribution"]) for reason in reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert all(r["value"] == record["inputs"]["features"][r["feature"]] for r in reasons)


def test_the_difference_to_the_runner_up_is_taken_apart(explained):
    compared = [given["why_action"]["versus_runner_up"] for _, given in explained]
    compared = [versus for versus in compared if versus is not None]
    assert len(compared) > 100
    for versus in compared:
        parts = versus["difference_by_part"].values()
        assert sum(parts) == pytest.approx(versus["difference_minor"], abs=1e-9)


def test_a_declared_prior_is_no_personal_reason(explained):
    contacts = [(r, g) for r, g in explained if r["action_id"] != "no_action"]
    assert len(contacts) > 50
    for record, given in contacts:
        basis, words = given["why_action"]["effect_basis"], given["why_action"]["sentences"]
        assert basis["kind"] == "declared_prior"
        assert basis["personal"] is False
        assert any("No personal reason" in sentence for sentence in words["en"])
        assert any("Bez powodu osobistego" in sentence for sentence in words["pl"])
        foretold = record["predictions"]
        at_risk = foretold["churn_probability"] * foretold["expected_margin_minor"]
        effect = basis["share_of_margin_at_risk"] * at_risk
        assert record["value_parts"]["effect"] == pytest.approx(effect, rel=1e-12)


def test_every_explanation_speaks_both_languages(explained):
    openings = set()
    for _, given in explained:
        for part in ("why_action", "risk_rests_on"):
            words = given[part]["sentences"]
            assert len(words["en"]) == len(words["pl"]) > 0 or part == "risk_rests_on"
            assert not set(words["en"]) & set(words["pl"])
            openings.add(words["en"][0].split(".")[0].split(" is worth")[0])
    assert "Nothing is predicted: the customer has not ordered yet" in openings
    assert "Nothing is sent: the customer is in the holdout" in openings


def test_an_explored_choice_names_the_best(explained):
    explored = [(r, g) for r, g in explained if r["explored"]]
    assert explored
    for record, given in explored:
        words = given["why_action"]["sentences"]["en"]
        best = arm_in_words(record["greedy"], "en")
        assert f"Drawn for exploration; the most valuable choice was {best}." in words


@dataclass(frozen=True)
class _Shifted:
    """A churn model whose score is not the sum of its contributions."""

    model: ChurnModel
    by: float

    def contributions(self, features):
        return self.model.contributions(features)

    def raw(self, features):
        return self.model.raw(features) + self.by


@pytest.mark.parametrize("by", [2e-6, -1.0])
def test_a_model_that_does_not_add_up_is_refused(explained, loaded, by):
    shifted = replace(loaded.bundle, churn=_Shifted(loaded.bundle.churn, by))
    with pytest.raises(ExplanationError, match=r"must sum to the raw log-odds within 1e-06, got"):
        explain(explained[0][0], replace(loaded, bundle=shifted))
