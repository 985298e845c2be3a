"""A scenario is parsed once: what is wrong is named, with its rule and the value that came."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulate_world import WORLD, world

from training.simulate import Scenario, ScenarioError


def test_every_key_is_read(tmp_path):
    (tmp_path / "world.toml").write_text(WORLD)
    read = Scenario.read(tmp_path / "world.toml")
    assert read == world()
    assert read.arms == ("no_action", "discount", "call")
    assert read.first_slot_day == 400 - 3 * 60
    assert read.hours.habits[1].peak_hour == 12
    assert read.actions[1].effect_drivers == ("complaints", "monetary_value", "category_entropy")
    assert read.groups.shares == {"a": 0.6, "b": 0.4}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("customers =", "custmers =", r"custmers is no key .* got: 40000; .* 'customers'"),
        ("rate_cv =", "rat_cv =", r"rhythm\.rat_cv is no key .* nearest is 'rate_cv'"),
        ("cost = 15", "costs = 15", r"actions\.0\.costs is no key .* nearest is 'cost'"),
        ("peak_hour = 12", "peak = 12", r"hours\.habits\.1\.peak is no key .* 'peak_hour'"),
        ("peak_hour = 12", "peak_hour = 24", r"peak_hour: .* less than or equal to 23, got: 24"),
        (
            "share = 0.5",
            "share = 0.4",
            r"shares of habits must sum to 1, got: \[0\.4, 0\.3, 0\.2\]",
        ),
        ("a = 0.6", "a = 0.5", r"shares of shares must sum to 1, got: \[0\.5, 0\.4\]"),
        ('"margin"', '"profit"', r"effect_on: .*'order_rate', 'hazard' or 'margin', got: 'profit'"),
        ('"complaints"', '"age"', r"effect_drivers\.0: .*'price_sensitivity'.* got: 'age'"),
        ('id = "call"', 'id = "no_action"', r"ids of their own.* got: \['no_action'\]"),
        ('id = "call"', 'id = "discount"', r"ids of their own.* got: \['discount'\]"),
        ("history_days = 400", "history_days = 180", r"more than slots x .* = 180, got: 180"),
        ("floor = 0.1", "floor = 0.4", r"floor must be at most 1 / 3, .* got: 0\.4"),
        ("seed = 5", "seed = -1", r"seed: .* greater than or equal to 0, got: -1"),
        ("seed = 5", "", r"seed: Field required"),
        ("[late]", "[late", r"world\.toml: Expected"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, named):
    (tmp_path / "world.toml").write_text(WORLD.replace(old, new, 1))
    with pytest.raises(ScenarioError, match=named):
        Scenario.read(tmp_path / "world.toml")


def test_another_seed_and_size_are_checked_too():
    assert replace(world(), seed=9, customers=10).customers == 10
    with pytest.raises(ValueError, match=r"customers\s+Input should be greater than or equal to 1"):
        replace(world(), customers=0)
