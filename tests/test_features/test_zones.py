"""Local time by table against the standard library, call by call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.clock import from_us, to_us
from features.zones import OwnZones, Wall, zone

ZONES = (
    "UTC",
    "Europe/Warsaw",
    "America/New_York",
    "Africa/Casablanca",  # summer time pauses in Ramadan
    "Australia/Lord_Howe",  # summer time of half an hour
    "Asia/Kathmandu",  # 5:45 ahead
    "Pacific/Apia",  # skipped 30 December 2011
    "America/Sao_Paulo",  # changed at midnight
)
FIRST = to_us(dt.datetime(1990, 1, 1, tzinfo=dt.UTC))
LAST = to_us(dt.datetime(2045, 1, 1, tzinfo=dt.UTC)) - 1


def on_the_wall(us: int, name: str) -> dt.datetime:
    return from_us(us).astimezone(ZoneInfo(name)).replace(tzinfo=None)


def local_us(wall: Wall, us: np.ndarray, customers: Sequence[str] = ("anyone",)) -> np.ndarray:
    """Wall-clock microseconds; the instants are those of the customers in turn."""
    return wall.offsets(customers).local_us(us, np.arange(len(us)) % len(customers))


@pytest.mark.parametrize("name", ZONES)
@given(instants=st.lists(st.integers(FIRST, LAST), min_size=1, max_size=50))
def test_the_wall_clock_is_that_of_the_standard_library(name, instants):
    wall = [on_the_wall(us, name) for us in instants]
    table, us = zone(name), np.array(instants, np.int64)
    assert local_us(table, us).tolist() == [to_us(w.replace(tzinfo=dt.UTC)) for w in wall]


@pytest.mark.parametrize("name", ZONES)
def test_each_change_of_the_clock_is_placed_to_the_microsecond(name):
    table = zone(name)
    for start in table.starts_us[1:].tolist():
        around = np.array([start - 1, start], np.int64)
        wall = [on_the_wall(us, name) for us in around.tolist()]
        assert wall[1] - wall[0] != dt.timedelta(microseconds=1)
        assert local_us(table, around).tolist() == [to_us(w.replace(tzinfo=dt.UTC)) for w in wall]


def test_before_the_table_its_first_offset_holds():
    long_ago = np.array([to_us(dt.datetime(1950, 7, 1, tzinfo=dt.UTC))], np.int64)
    assert local_us(zone("Europe/Warsaw"), long_ago) - long_ago == 3_600_000_000


@pytest.mark.parametrize("name", ["Europe/Warschau", "", "../etc/passwd"])
def test_a_zone_that_is_none_is_refused_by_name(name):
    with pytest.raises(ValueError, match=r"IANA database such as 'Europe/Warsaw', got: '" + name):
        zone(name)


def test_each_customer_has_a_wall_of_their_own():
    wall = OwnZones(zone("UTC"), {"a": zone("Asia/Kathmandu"), "b": zone("Europe/Warsaw")})
    noon = np.full(3, to_us(dt.datetime(2018, 7, 1, 12, tzinfo=dt.UTC)))
    minutes = (local_us(wall, noon, ("a", "b", "c")) - noon) // 60_000_000
    assert minutes.tolist() == [345, 120, 0]
