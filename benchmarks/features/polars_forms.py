"""The figures in Polars: a lazy query per date, and a join with dates.

As in `duckdb_forms`, `as_of` is a midnight in UTC. A customer at a date is one whole number,
`row`, and `age` says how many days ago an event was, 1 being yesterday: a key of one column sorts
and groups faster than one of two.
"""

from __future__ import annotations

from functools import reduce

import polars as pl
from figures import FIGURES, ORDER_DAYS
from made import Made

from features.clock import DAY_US
from features.events import TYPE_CODE

ORDER, VIEW, SENT = (TYPE_CODE[name] for name in ("order", "product_view", "message_sent"))
KINDS = {"order": ORDER, "view": VIEW, "message": SENT}
AGES, CATEGORIES = 1 << 15, 1 << 6  # more than there are, to pack an age or category into a key
col = pl.col


def frame(events: Made) -> pl.DataFrame:
    """The events in memory, in their order."""
    columns = {name: getattr(events, name) for name in Made.__dataclass_fields__}
    return pl.DataFrame(columns).with_columns(pl.when(col("category") >= 0).then("category"))


def query_per_date(events: pl.DataFrame, days: list[int]) -> list[pl.DataFrame]:
    """One lazy query a date over the events themselves."""
    return [_at(events.lazy(), today).collect(engine="streaming") for today in days]


def sort_then_query_per_date(events: pl.DataFrame, days: list[int]) -> list[pl.DataFrame]:
    """Once into the order of customers and time, then one lazy query a date."""
    return query_per_date(events.sort("customer", "occurred"), days)


def _at(events: pl.LazyFrame, today: int) -> pl.LazyFrame:
    as_of = today * DAY_US
    seen = events.filter((col("occurred") < as_of) & (col("known") <= as_of))

    def of(kind: int, days: int) -> pl.LazyFrame:
        rows = seen.filter((col("kind") == kind) & (col("occurred") >= as_of - days * DAY_US))
        return rows.with_columns(
            row=col("customer").cast(pl.Int64),
            age=(today - col("occurred") // DAY_US).cast(pl.Int16),
            n=pl.lit(1, pl.Int32),
            largest=col("value"),
        )

    lasts = {name: seen.filter(col("kind") == kind) for name, kind in KINDS.items()}
    figures = _figures(
        orders=of(ORDER, 364),
        views=of(VIEW, 364),
        messages=of(SENT, 91),
        lasts={n: f.with_columns(row=col("customer").cast(pl.Int64)) for n, f in lasts.items()},
    )
    return figures.select(
        col("row").alias("customer"), pl.lit(today).alias("today"), *_finished(pl.lit(as_of))
    )


def join_with_dates(events: pl.DataFrame, days: list[int]) -> list[pl.DataFrame]:
    """Once to days for all dates; those joined with the dates, and grouped by both."""
    midnights = pl.Series([today * DAY_US for today in days])
    # An event shows from the first date on at which it has occurred and is known.
    shows_at = pl.max_horizontal(col("occurred"), col("known") - 1)
    shown = events.lazy().with_columns(
        day=(col("occurred") // DAY_US).cast(pl.Int32),
        first=pl.lit(midnights).search_sorted(shows_at, side="right").cast(pl.Int64),
    )

    def at_dates(rows: pl.DataFrame, days_back: int) -> pl.LazyFrame:
        # Said as a filter for each date: Polars' cross join took thirty times as long.
        return pl.concat(
            rows.lazy()
            .filter((col("first") <= date) & (col("day") >= today - days_back))
            .with_columns(
                row=col("customer").cast(pl.Int64) * len(days) + date,
                age=(today - col("day")).cast(pl.Int16),
            )
            for date, today in enumerate(days)
        )

    one = pl.lit(1, pl.Int32).alias("n")
    orders, views, messages, *lasts = pl.collect_all(
        [
            shown.filter(col("kind") == ORDER)
            .group_by("customer", "day", "first")
            .agg(pl.len().alias("n"), col("value", "quantity").sum(),
                 col("value").max().alias("largest")),
            shown.filter(col("kind") == VIEW).select("customer", "category", "day", "first", one),
            shown.filter(col("kind") == SENT).select("customer", "day", "first", one),
            *(
                shown.filter(col("kind") == kind).group_by("customer", "first")
                .agg(col("occurred", "day").max())
                for kind in KINDS.values()
            ),
        ],
        engine="streaming",
    )  # fmt: skip
    figures = _figures(
        orders=at_dates(orders, 364),
        views=at_dates(views, 364),
        messages=at_dates(messages, 91),
        lasts={n: at_dates(rows, AGES) for n, rows in zip(KINDS, lasts, strict=True)},
    )
    date = col("row") % len(days)
    as_of = pl.lit(midnights).gather(date)
    found = figures.select(
        (col("row") // len(days)).alias("customer"),
        (as_of // DAY_US).alias("today"),
        *_finished(as_of),
    )
    return [found.collect(engine="streaming")]


def _figures(
    *,
    orders: pl.LazyFrame,
    views: pl.LazyFrame,
    messages: pl.LazyFrame,
    lasts: dict[str, pl.LazyFrame],
) -> pl.LazyFrame:
    """What `_finished` reads, for each `row`, from frames of what counts there (orders and views
    in 364 days, messages in 91, `lasts` in all time).
    """
    recent = views.filter(col("age") <= 91)
    view_figures = recent.group_by("row").agg(
        *(total("n", d).alias(f"views_{d}d") for d in (7, 28)), views_91d=col("n").sum()
    )
    view_days = days_of(views.filter(col("age") <= 28)).group_by("row").agg(view_days_28d=pl.len())
    message_figures = messages.group_by("row").agg(
        messages_28d=total("n", 28), messages_91d=col("n").sum()
    )
    ever = [
        rows.group_by("row").agg(col("occurred").max().alias(f"last_{name}"))
        for name, rows in lasts.items()
    ]
    parts = [
        *ever, _orders(orders), rhythm(orders), view_figures, view_days, entropies(views),
        message_figures,
    ]  # fmt: skip
    return reduce(lambda found, part: found.join(part, on="row", how="full", coalesce=True), parts)


def _finished(as_of: pl.Expr) -> list[pl.Expr]:
    since = [((as_of - col(f"last_{n}")) / DAY_US).alias(f"days_since_{n}") for n in KINDS]
    return [*(col(name) for name in FIGURES if not name.startswith("days_since")), *since]


def total(column: str, days: int) -> pl.Expr:
    return (col(column) * (col("age") <= days)).sum()


def _orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    return orders.group_by("row").agg(
        *(total("n", d).alias(f"orders_{d}d") for d in ORDER_DAYS[:-1]),
        *(total("value", d).alias(f"spend_{d}d") for d in ORDER_DAYS[:-1]),
        orders_364d=col("n").sum(),
        spend_364d=col("value").sum(),
        items_91d=total("quantity", 91),
        items_364d=col("quantity").sum(),
        largest_order_182d=(col("largest") * (col("age") <= 182)).max(),
    )


def days_of(events: pl.LazyFrame) -> pl.LazyFrame:
    """Each day once, latest first; `gap` is the distance to the next later one of the row."""
    keys = events.select(k=col("row") * AGES + col("age")).sort("k")
    once = keys.filter((col("k") != col("k").shift(1)).fill_null(True))
    row = col("k") // AGES
    return once.select(
        row=row,
        age=col("k") % AGES,
        gap=pl.when(row == row.shift(1)).then(col("k") - col("k").shift(1)),
    )


def rhythm(orders: pl.LazyFrame) -> pl.LazyFrame:
    return days_of(orders).group_by("row").agg(
        order_days_91d=(col("age") <= 91).sum(),
        order_days_364d=pl.len(),
        gaps_364d=col("gap").count(),
        gap_sum_364d=col("gap").sum(),
        gap_squares_364d=(col("gap") * col("gap")).sum(),
    )  # fmt: skip


def entropies(views: pl.LazyFrame) -> pl.LazyFrame:
    """The natural logarithm of N, less sum(n ln n) / N over categories with n views of N."""
    cells = (
        views.filter(col("category").is_not_null())
        .select(cell=col("row") * CATEGORIES + col("category"), recent=col("age") <= 91)
        .group_by("cell")
        .agg(n364=pl.len(), n91=col("recent").sum())
    )

    def entropy(n: str) -> pl.Expr:
        logs = pl.max_horizontal(col(n), pl.lit(1, pl.UInt32)).cast(pl.Float64).log()
        return col(n).sum().cast(pl.Float64).log() - (col(n) * logs).sum() / col(n).sum()

    by_row = cells.group_by(row=col("cell") // CATEGORIES)
    found = by_row.agg(entropy_91d=entropy("n91"), entropy_364d=entropy("n364"))
    return found.with_columns(pl.when(col("entropy_91d").is_finite()).then("entropy_91d"))
