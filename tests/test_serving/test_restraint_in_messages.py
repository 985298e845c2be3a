"""A category that is withheld is named in no message."""

from __future__ import annotations

from dataclasses import replace

import pytest
from wired import engine_of

from features.restraint import Restraint


@pytest.fixture(scope="module")
def engine(shop, tmp_path_factory):
    made = engine_of(shop, tmp_path_factory.mktemp("restraint"))
    yield made
    made.ledger.close()


def favourites(engine):
    records = engine.preview(engine.store.customer_ids[:80])
    return [record["favourite_category"] for record in records]


def test_the_next_best_category_takes_its_place(engine):
    before = favourites(engine)
    tea = replace(engine, restraint=Restraint(categories={"tea": "health"}))
    after = favourites(tea)
    assert "tea" in before
    assert "tea" not in after
    for was, now in zip(before, after, strict=True):
        assert now == was or was == "tea"


def test_a_purpose_opens_it_again(engine):
    declared = Restraint(categories={"tea": "health"}, purposes={"health": "the tea club's letter"})
    assert favourites(replace(engine, restraint=declared)) == favourites(engine)
