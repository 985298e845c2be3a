"""What the benchmark of the feature kernel stands on: its events, its sort, what it calls equal."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.clock import DAY_US
from features.events import TYPE_CODE

BENCHMARKS = Path(__file__).parents[1] / "benchmarks" / "features"


@pytest.fixture(scope="module")
def bench():
    """The benchmark's modules, by name."""
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(BENCHMARKS)
        yield importlib.import_module


def test_made_events_are_as_they_are_said_to_be(bench):
    made = bench("made")
    events = made.made(300_000, 6_000, seed=5)
    assert set(events.customer.tolist()) == set(range(6_000))
    assert events.occurred.min() >= made.END - made.TWO_YEARS
    assert events.occurred.max() < made.END
    lag = events.known - events.occurred
    assert np.mean(lag > 0) == pytest.approx(0.03, abs=0.002)
    assert 29 * DAY_US < lag.max() < 30 * DAY_US
    for name, share in made.SHARES.items():
        assert np.mean(events.kind == TYPE_CODE[name]) == pytest.approx(share, abs=0.005)
    count = np.sort(np.bincount(events.customer))
    assert count[-600:].sum() / count.sum() == pytest.approx(0.5, abs=0.08)


def test_a_seed_makes_the_same_events_and_another_makes_others(bench):
    made = bench("made").made
    one, again, other = made(900, 10, seed=1), made(900, 10, seed=1), made(900, 10, seed=2)
    assert np.array_equal(one.occurred, again.occurred)
    assert not np.array_equal(one.occurred, other.occurred)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), customers=st.integers(1, 6), threads=st.integers(1, 3))
def test_the_sort_is_numpys(bench, seed, customers, threads):
    """Times tie often, and some customers have more events than insertion sort takes."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(0, 400))
    customer = rng.integers(0, customers, size).astype(np.int32)
    occurred = rng.integers(0, 50, size)
    ordering = bench("ordering")
    starts = ordering.starts(customer, customers)
    found = ordering.order(customer, occurred, starts, threads)
    assert np.array_equal(found, np.lexsort((occurred, customer)))
    assert np.array_equal(np.diff(starts), np.bincount(customer, minlength=customers))


def test_each_form_gives_the_kernels_figures_and_a_wrong_one_is_caught(bench):
    """At 20,000 events; the race itself holds outputs equal at its own size."""
    pytest.importorskip("polars", reason="a peer of `make bench-features`, in no other lock")
    race = bench("race")
    shuffled = race._shuffled(20_000)
    in_order = race._in_order(shuffled)
    forms = (*race.FORMS, *race.IN_ORDER_FORMS)
    report = race.raced(in_order, in_order, race.TODAY, forms)
    assert set(report["median_at_20000"]) == {form.name for form in forms}
    assert report["fastest_peer"] in report["peer_medians"]
    race.raced(shuffled, shuffled, race.TODAY[-2:], race.SORTING_FORMS)
    one_day_off = race.Form(
        "a day off",
        race.FORMS[4].prepare,
        lambda frame, days: [
            t.with_columns(today=t["today"] + 1)
            for t in race.FORMS[4].run(frame, [d - 1 for d in days])
        ],
    )
    with pytest.raises(AssertionError, match="a day off"):
        race.raced(in_order, in_order, race.TODAY[-1:], [one_day_off])
