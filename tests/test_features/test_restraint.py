"""What is sensitive chooses nothing without a purpose, and nothing ever what comes from trouble."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from features.catalogue import CATALOGUE
from features.catalogue.declare import Catalogue, Group
from features.restraint import WHY, Restraint, Sensitive, by_words


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("BABY FOODS", "family"), ("diapers", "family"), ("pieluchy dla niemowląt", "family"),
        ("PHARMACEUTICALS", "health"), ("first-aid", "health"), ("Leki i apteka", "health"),
        ("drug_gm", "health"), ("GROCERY", None), ("drugstore cowboy", None), ("medals", None),
        ("BABYLON 5", None), ("", None),
    ],
)  # fmt: skip
def test_categories_are_known_by_whole_words(category, kind):
    assert by_words(category) == kind


def test_what_is_declared_goes_before_words_and_a_purpose_opens_its_kind_alone():
    restraint = Restraint(
        categories={"DRUG GM": "none", "reading glasses": "health"},
        purposes={"family": "the baby club, which members joined"},
    )
    told = ("DRUG GM", "reading glasses", "BABY FOODS", "DRUGS", "tea")
    assert restraint.withholds(told).tolist() == [False, True, False, True, False]
    assert Restraint().withholds(told).tolist() == [True, False, True, True, False]
    assert Restraint().withholds(()).tolist() == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"purposes": {"trouble": "to sell them something"}}, "no purpose lets what comes from"),
        ({"purposes": {"health": "sales"}}, "at least 10 characters"),
        ({"purposes": {"income": "to charge them more"}}, "'health', 'location', 'family'"),
        ({"categories": {"tea": "secret"}}, "none"),
    ],
)
def test_a_wrong_setting_is_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Restraint(**wrong)


def test_models_may_learn_from_a_sensitive_feature_for_a_declared_purpose_alone():
    group = Group("made", "Made for a test")
    for name, kind in (("plain", None), ("ill", Sensitive.HEALTH), ("sad", Sensitive.TROUBLE)):
        feature = replace(CATALOGUE.features["orders_28d"], name=name, sensitive=kind, inputs=())
        group.features[name] = feature
    catalogue = Catalogue((group,))
    assert catalogue.personal().names == ("plain",)
    assert catalogue.personal({Sensitive.HEALTH: "what for"}).names == ("plain", "ill")


def test_no_feature_sounds_sensitive_without_being_marked():
    assert [f.name for f in CATALOGUE if by_words(f.name) and not f.sensitive] == []


def test_every_kind_says_why():
    assert set(WHY) == set(Sensitive)
