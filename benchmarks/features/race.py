"""Bar 1: the kernel beside DuckDB and Polars, at 12 dates and at one, with and without the sort.

Every form runs at a million events first; one that takes more than three times as long there as
the fastest is not run at full size. Of the others, each runs once there, and those within half as
long again as the fastest run three times more. Outputs are held equal each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb_asof
import duckdb_forms
import kernel_runs
import numpy as np
import polars as pl
import polars_asof
import polars_forms
from figures import FIGURES, WINDOWED
from made import END, Made, made
from measure import REPEATS, Bar, median_seconds, reference, tell
from numpy.typing import NDArray

from features.clock import DAY_US

EVENTS, EVENTS_EACH, THREADS = 20_000_000, 50, 2
SCREENED_AT = 1_000_000
IN_THE_RACE, CLOSE = 3.0, 1.5
TODAY = [END // DAY_US - 28 * i for i in reversed(range(12))]
"""The dates, 28 days apart, as days since 1970."""

BARS = {"sorted_12": 20.0, "with_sort_12": 3.0, "sorted_1": 5.0}
"""How many times faster than the fastest peer."""

Tables = Iterable[Any]
Figures = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Form:
    """One peer: `prepare` lays events down in memory, `run` computes the figures of days from
    there: tables with the columns `customer`, `today` and `FIGURES`. Who has nothing may be left
    out, and null stands for 0 or never.
    """

    name: str
    prepare: Callable[[Made], Any]
    run: Callable[[Any, list[int]], Tables]


_duckdb = partial(duckdb_forms.connect, threads=THREADS)
_polars = polars_forms.frame
FORMS = (
    Form("DuckDB, query per date", _duckdb, duckdb_forms.query_per_date),
    Form("DuckDB, days, then query per date", _duckdb, duckdb_forms.days_then_query_per_date),
    Form("DuckDB, cross join", _duckdb, duckdb_forms.cross_join),
    Form("DuckDB, running totals and ASOF", _duckdb, duckdb_asof.running_totals),
    Form("Polars, query per date", _polars, polars_forms.query_per_date),
    Form("Polars, join with dates", _polars, polars_forms.join_with_dates),
)
IN_ORDER_FORMS = (Form("Polars, running totals and as-of", _polars, polars_asof.running_totals),)
SORTING_FORMS = (
    Form("DuckDB, sort, then query per date", _duckdb, duckdb_forms.sort_then_query_per_date),
    Form("Polars, sort, then query per date", _polars, polars_forms.sort_then_query_per_date),
    Form("Polars, sort, then running totals", _polars, polars_asof.sort_then_running_totals),
)


@dataclass(frozen=True)
class Ground:
    """Events to race on; `in_order` says that they lie by customer and time."""

    events: Made
    customers: int
    in_order: bool


def bar_1(scale: float) -> Bar:
    """All three races."""
    full = _shuffled(round(EVENTS * scale))
    small = _shuffled(min(SCREENED_AT, round(EVENTS * scale)))
    ordered_full, ordered_small = _in_order(full), _in_order(small)
    races = {
        "sorted_12": raced(ordered_small, ordered_full, TODAY, (*FORMS, *IN_ORDER_FORMS)),
        "with_sort_12": raced(small, full, TODAY, (*FORMS, *SORTING_FORMS)),
        "sorted_1": raced(ordered_small, ordered_full, TODAY[-1:], (*FORMS, *IN_ORDER_FORMS)),
    }
    value: dict[str, Any] = {name: race["times_faster"] for name, race in races.items()}
    met = all(value[name] >= least for name, least in BARS.items())
    value |= {"races": races, "reference_counts_per_second": round(reference())}
    bar = ", ".join(f"{name} >= {least:g} times" for name, least in BARS.items())
    return Bar(value=value, bar=bar, met=met)


def raced(small: Ground, full: Ground, days: list[int], forms: Sequence[Form]) -> dict[str, Any]:
    """The kernel against the fastest of `forms`; all times in seconds."""
    screened = _seconds(forms, small, days, _kernel(small, days)[1], REPEATS)
    kernel, truth = _kernel(full, days)
    once = _seconds(_near(screened, forms, IN_THE_RACE), full, days, truth, 1)
    medians = _seconds(_near(once, forms, CLOSE), full, days, truth, REPEATS)
    peer = min(medians, key=lambda name: medians[name])
    return {
        "events": len(full.events),
        "dates": len(days),
        "times_faster": round(medians[peer] / kernel, 2),
        "fastest_peer": peer,
        "kernel_median": round(kernel, 4),
        "peer_medians": medians,
        "once": once,
        f"median_at_{len(small.events)}": screened,
    }


def _near(seconds: dict[str, float], forms: Sequence[Form], times: float) -> list[Form]:
    """The forms that took at most so many times as long as the fastest."""
    limit = min(seconds.values()) * times
    return [form for form in forms if seconds.get(form.name, limit + 1) <= limit]


def _seconds(
    forms: Sequence[Form], ground: Ground, days: list[int], truth: Figures, repeats: int
) -> dict[str, float]:
    seconds = {}
    for form in forms:
        laid = form.prepare(ground.events)
        median, tables = median_seconds(partial(form.run, laid, days), repeats)
        seconds[form.name] = round(median, 4)
        tell({form.name: seconds[form.name], "events": len(ground.events), "dates": len(days)})
        _hold_equal(form.name, tables, truth, days)
    return seconds


def _kernel(ground: Ground, days: list[int]) -> tuple[float, Figures]:
    lay = partial(
        kernel_runs.blocks, ground.events, ground.customers, THREADS, in_order=ground.in_order
    )
    laid = lay()
    kernel_runs.figures(laid, days, THREADS)  # compiled, or loaded from the cache
    # Where events do not lie in order yet, sorting and laying them down is part of the time.
    seconds, found = median_seconds(
        lambda: kernel_runs.figures(laid if ground.in_order else lay(), days, THREADS)
    )
    tell({"kernel": round(seconds, 4), "events": len(ground.events), "dates": len(days)})
    return seconds, found


def _hold_equal(name: str, tables: Tables, truth: Figures, days: list[int]) -> None:
    """Whole numbers exactly, the others within a billionth."""
    frames = [t if isinstance(t, pl.DataFrame) else pl.DataFrame(pl.from_arrow(t)) for t in tables]
    places = [
        (frame["customer"].to_numpy(), np.searchsorted(days, frame["today"].to_numpy()))
        for frame in frames
    ]
    for i, figure in enumerate(FIGURES):
        expected = np.concatenate([block[i] for block in truth])
        nothing = 0.0 if figure in WINDOWED else np.nan
        found = np.full_like(expected, nothing)
        for frame, place in zip(frames, places, strict=True):
            found[place] = frame[figure].cast(pl.Float64).fill_null(nothing).to_numpy()
        is_real = figure.startswith(("entropy", "days_since"))
        tolerance = {"rtol": 1e-9, "atol": 1e-12} if is_real else {"rtol": 0, "atol": 0}
        np.testing.assert_allclose(
            found, expected, **tolerance, equal_nan=True, err_msg=f"{name}: {figure}"
        )


def _shuffled(size: int) -> Ground:
    customers = size // EVENTS_EACH
    return Ground(made(size, customers, seed=1), customers, in_order=False)


def _in_order(ground: Ground) -> Ground:
    order = np.lexsort((ground.events.occurred, ground.events.customer))
    return Ground(ground.events.taken(order), ground.customers, in_order=True)
