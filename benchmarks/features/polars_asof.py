"""The figures in Polars with running totals: as-of joins find both ends of each window.

A key of customer and day is in order where the events lie by customer and time, so that an as-of
join is one pass over two sorted columns. The totals hold all events; a customer who has an event
that a date cannot see yet, which is rare, is computed anew for that date.
"""

from __future__ import annotations

from functools import reduce
from typing import Final

import polars as pl
from figures import FIGURES, ORDER_DAYS
from polars_forms import AGES, CATEGORIES, KINDS, days_of, total

from features.clock import DAY_US

col = pl.col
SUMS: Final[dict[str, dict[str, tuple[str, tuple[int, ...]]]]] = {
    "order": {"orders": ("n", ORDER_DAYS), "spend": ("value", ORDER_DAYS),
              "items": ("quantity", (91, 364))},
    "view": {"views": ("n", (7, 28, 91))},
    "message": {"messages": ("n", (28, 91))},
}  # fmt: skip
"""By type of event: what is summed over which windows."""

DIFFERENT_DAYS = {"order": (91, 364), "view": (28,), "message": ()}
GAPS = {"gaps_364d": "days", "gap_sum_364d": "at", "gap_squares_364d": "squares"}
"""By figure: the running total whose difference between the window's first and last it is."""


def running_totals(events: pl.DataFrame, days: list[int]) -> list[pl.DataFrame]:
    """Totals once, and two places in them for each window; the events lie in order."""
    dates = pl.DataFrame({"date": range(len(days)), "today": days})
    customers = pl.DataFrame({"customer": range(int(events["customer"].to_numpy()[-1]) + 1)})
    grid = customers.join(dates, how="cross").select(
        "customer", "today",
        row=col("customer") * len(days) + col("date"),
        key=col("customer") * AGES + col("today"),
    )  # fmt: skip
    midnights = pl.Series([today * DAY_US for today in days])
    shows_at = pl.max_horizontal(col("occurred"), col("known") - 1)
    shown = events.select(
        "customer", "kind", "occurred", "value", "category",
        col("quantity").cast(pl.Int64),
        n=pl.lit(1, pl.Int64),
        day=col("occurred") // DAY_US,
        at=col("customer").cast(pl.Int64) * AGES + col("occurred") // DAY_US,
        first=pl.lit(midnights).search_sorted(shows_at, side="right").cast(pl.Int64),
    )  # fmt: skip
    rows = {name: shown.filter(col("kind") == kind) for name, kind in KINDS.items()}
    of_kinds = [_of_kind(name, rows[name], grid, days) for name in KINDS]
    whole = pl.concat([grid, *of_kinds], how="horizontal", strict=True)
    parts = [_largest(rows["order"], days), *_entropies(rows["view"], days)]
    found = reduce(lambda one, other: one.join(other, on="row", how="left"), parts, whole)
    return [found.select("customer", "today", *FIGURES)]


def sort_then_running_totals(events: pl.DataFrame, days: list[int]) -> list[pl.DataFrame]:
    """Once into the order of customers and time before that."""
    return running_totals(events.sort("customer", "occurred"), days)


def _of_kind(name: str, rows: pl.DataFrame, grid: pl.DataFrame, days: list[int]) -> pl.DataFrame:
    """Sums, different days, gaps and days since the last event of one type, as the grid lies."""
    sums = {f"{n}_{d}d": (c, d) for n, (c, windows) in SUMS[name].items() for d in windows}
    counted = {f"{name}_days_{d}d": ("days", d) for d in DIFFERENT_DAYS[name]}
    concerned = _hidden(rows, days)
    read = _read(name, rows, grid, sums | counted)
    whole = read.join(concerned, on="row", how="anti")
    anew = _anew(rows, concerned, days, sums, counted)
    found = pl.concat([whole, anew.select(whole.columns)], how="vertical_relaxed").sort("row")
    as_of = pl.lit(pl.Series(days)).gather(col("row") % len(days)) * DAY_US
    return found.with_columns(
        ((as_of - col("last")) / DAY_US).alias(f"days_since_{name}")
    ).drop("row", "last")  # fmt: skip


def _read(
    name: str, rows: pl.DataFrame, grid: pl.DataFrame, figures: dict[str, tuple[str, int]]
) -> pl.DataFrame:
    """The figures as if every event could be seen."""
    customer, at = col("customer"), col("at")
    gap = pl.when(customer == customer.shift(1)).then(at - at.shift(1)).otherwise(0)
    totals = rows.select(
        "at", "occurred",
        key=at,
        days=(at != at.shift(1)).fill_null(True).cast(pl.Int64).cum_sum(),
        squares=(gap * gap).cum_sum(),
        **{c: col(c).cum_sum() for c in ("n", "value", "quantity")},
    )  # fmt: skip

    def ends(days: int, columns: set[str], suffix: str, *, first: bool = False) -> pl.DataFrame:
        places = grid.select(key=col("key") - days)
        found = places.join_asof(
            totals.select("key", *columns), on="key", check_sortedness=False,
            strategy="forward" if first else "backward", allow_exact_matches=first,
        )  # fmt: skip
        return found.select(col(c).alias(f"{c}_{suffix}") for c in columns)

    wanted = {c for c, _ in figures.values()} | ({"squares"} if name == "order" else set())
    places = [ends(0, wanted | {"at", "occurred"}, "0")]
    for d in sorted({d for _, d in figures.values()}):
        places.append(ends(d, {c for c, window in figures.values() if window == d}, str(d)))
    if name == "order":
        places.append(ends(364, set(GAPS.values()), "first", first=True))
    some = col("at_first") < col("key")
    gaps = {f: pl.when(some).then(col(f"{c}_0") - col(f"{c}_first")) for f, c in GAPS.items()}
    return pl.concat([grid, *places], how="horizontal", strict=True).select(
        "row",
        *(
            (col(f"{c}_0").fill_null(0) - col(f"{c}_{d}").fill_null(0)).alias(figure)
            for figure, (c, d) in figures.items()
        ),
        **(gaps if name == "order" else {}),
        last=pl.when(col("at_0") // AGES == col("customer")).then("occurred_0"),
    )


def _hidden(rows: pl.DataFrame, days: list[int]) -> pl.DataFrame:
    """The rows of the grid at which an event has occurred that is not known yet."""
    late = rows.filter(col("first") > 0).lazy()
    row = col("customer").cast(pl.Int64) * len(days)
    return pl.concat(
        late.filter((col("day") < today) & (col("first") > date)).select(row=row + date)
        for date, today in enumerate(days)
    ).unique().collect()  # fmt: skip


def _anew(
    rows: pl.DataFrame,
    concerned: pl.DataFrame,
    days: list[int],
    sums: dict[str, tuple[str, int]],
    counted: dict[str, tuple[str, int]],
) -> pl.DataFrame:
    """The same from what can be seen, for the rows concerned."""
    theirs = rows.join(concerned.select(customer=(col("row") // len(days)).cast(pl.Int32)),
                       on="customer", how="semi").lazy()  # fmt: skip
    seen = pl.concat(
        theirs.filter(col("first") <= date).with_columns(
            row=col("customer").cast(pl.Int64) * len(days) + date, age=today - col("day")
        )
        for date, today in enumerate(days)
    ).join(concerned.lazy(), on="row", how="semi")
    longest = max(d for _, d in sums.values())
    by_day = days_of(seen.filter(col("age") <= longest)).group_by("row").agg(
        *((col("age") <= d).sum().alias(figure) for figure, (_, d) in counted.items()),
        gaps_364d=col("gap").count(),
        gap_sum_364d=col("gap").sum(),
        gap_squares_364d=(col("gap") * col("gap")).sum(),
    )  # fmt: skip
    by_row = seen.group_by("row").agg(
        *(total(c, d).alias(figure) for figure, (c, d) in sums.items()), last=col("occurred").max()
    )
    found = concerned.lazy().join(by_row, on="row", how="left").join(by_day, on="row", how="left")
    return found.with_columns(pl.exclude("last").fill_null(0)).collect()


def _largest(orders: pl.DataFrame, days: list[int]) -> pl.DataFrame:
    """A maximum is no difference: one pass over 182 days for each date."""
    row = col("customer").cast(pl.Int64) * len(days)
    return pl.concat(
        orders.lazy()
        .filter((col("first") <= date) & (col("day") >= today - 182))
        .group_by(row=row + date)
        .agg(largest_order_182d=col("value").max())
        for date, today in enumerate(days)
    ).collect()


def _entropies(views: pl.DataFrame, days: list[int]) -> list[pl.DataFrame]:
    """Views by customer and category once; then the lengths of runs, for each window and date."""
    cell = col("customer").cast(pl.Int64) * CATEGORIES + col("category")
    cells = views.drop_nulls("category").select("day", "first", cell=cell).sort("cell")
    n = col("len").cast(pl.Float64)

    def entropy(days_back: int) -> pl.DataFrame:
        runs = [
            cells.filter((col("first") <= date) & (col("day") >= today - days_back))
            .select(col("cell").rle()).unnest("cell").lazy()
            .group_by(row=col("value") // CATEGORIES * len(days) + date)
            .agg((n.sum().log() - (n * n.log()).sum() / n.sum()).alias(f"entropy_{days_back}d"))
            for date, today in enumerate(days)
        ]  # fmt: skip
        return pl.concat(pl.collect_all(runs))

    return [entropy(91), entropy(364)]
