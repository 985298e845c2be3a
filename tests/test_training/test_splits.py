"""Dates in order of time: nothing that teaches was unknown when it is judged."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from features.clock import DAY_US, iso
from training.splits import split

TEST = 17_500 * DAY_US


def days_back(date: int) -> int:
    return (TEST - date) // DAY_US


@given(
    reach=st.integers(1, 1500),
    gap=st.integers(1, 120),
    step=st.integers(1, 60),
    dates=st.integers(1, 40),
    history=st.integers(0, 400),
    validation=st.integers(1, 5),
)
def test_what_teaches_lies_a_gap_before_what_judges(reach, gap, step, dates, history, validation):
    first = TEST - reach * DAY_US
    try:
        made = split(
            TEST,
            first_event=first,
            gap_days=gap,
            step_days=step,
            dates=dates,
            history_days=history,
            validation_dates=validation,
        )
    except ValueError:
        assume(False)
    assert 1 <= len(made.validation) <= validation
    assert len(made.dates) <= dates
    assert made.dates == tuple(sorted(set(made.dates), reverse=True))
    assert made.refit == made.dates
    assert all(days_back(d) >= gap for d in made.refit)
    assert all(d - first >= history * DAY_US for d in made.dates)
    assert made.validation == made.dates[: len(made.validation)]
    for judged in made.validation:
        taught = made.known_at(judged)
        assert taught
        assert all(judged - d >= gap * DAY_US for d in taught)
        assert set(taught) == {d for d in made.dates if judged - d >= gap * DAY_US}


def test_a_split_by_hand():
    made = split(
        TEST,
        first_event=TEST - 150 * DAY_US,
        gap_days=28,
        step_days=14,
        dates=20,
        history_days=56,
        validation_dates=2,
    )
    assert [days_back(d) for d in made.dates] == [28, 42, 56, 70, 84]
    assert [days_back(d) for d in made.validation] == [28, 42]
    assert [days_back(d) for d in made.known_at(made.validation[1])] == [70, 84]


@given(gap=st.integers(1, 60), step=st.integers(1, 60), history=st.integers(0, 100))
def test_the_error_asks_for_just_as_much_as_is_needed(gap, step, history):
    stated = {
        "gap_days": gap,
        "step_days": step,
        "history_days": history,
        "validation_dates": 2,
    }
    with pytest.raises(ValueError, match="must reach back") as told:
        split(TEST, first_event=TEST - DAY_US, dates=1, **stated)
    asked = re.search(r"back (\d+) days .* dates be (\d+) at least", str(told.value))
    reach, dates = int(asked[1]), int(asked[2])
    assert split(TEST, first_event=TEST - reach * DAY_US, dates=dates, **stated).validation
    for short, few in ((reach - 1, dates), (reach, dates - 1)):
        with pytest.raises(ValueError, match="must reach back"):
            split(TEST, first_event=TEST - short * DAY_US, dates=few, **stated)


def test_the_error_says_what_came():
    with pytest.raises(
        ValueError,
        match=rf"reach back 112 days before the test date {iso(TEST)} \(history 56, .* "
        rf"the first event is of {iso(TEST - 111 * DAY_US)}, dates: 20",
    ):
        split(
            TEST,
            first_event=TEST - 111 * DAY_US,
            gap_days=28,
            step_days=14,
            dates=20,
            history_days=56,
            validation_dates=2,
        )
