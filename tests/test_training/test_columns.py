"""Which features models learn from."""

from __future__ import annotations

import pytest

from features.catalogue import CATALOGUE
from features.clock import DAY_US
from features.store.files import File
from features.store.manifest import Manifest, Part
from training.columns import learnable


def history(days: int, types: dict[str, int]) -> Manifest:
    """The manifest of events that lie so many days apart."""
    file = File("none", "")
    part = Part(file, file, sum(types.values()), 1, 0, days * DAY_US, types, {"made": 1})
    return Manifest(buckets=1, base=(part,), keys=())


def test_only_what_the_business_has_events_of_is_learned_from():
    names = learnable(CATALOGUE, history(400, {"order": 5, "complaint": 1})).names
    assert "orders_28d" in names
    assert not {"messages_28d", "sessions_28d", "complaints_364d", "month"} & set(names)


@pytest.mark.parametrize(("days", "learned"), [(729, False), (730, True)])
def test_the_month_is_learned_from_once_it_came_twice(days, learned):
    assert ("month" in learnable(CATALOGUE, history(days, {"order": 5})).names) is learned


def test_without_orders_there_is_nothing_to_learn():
    with pytest.raises(
        ValueError, match=r"events of type 'order', the store holds: \{'session': 3\}"
    ):
        learnable(CATALOGUE, history(400, {"session": 3}))
    with pytest.raises(ValueError, match="the store holds: none"):
        learnable(CATALOGUE, history(400, {}))
