"""`bocian clv`: lifetime value from a log of transactions alone, without events or settings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

import pyarrow as pa

from bocian.commands.files import must_be_writable, write
from bocian.commands.screen import bars, out, print_json
from models.clv import INTERVAL_LEVEL
from models.lifetime import EXPERTS
from training.clv.reading import log_from
from training.clv.transactions import FittedLog, fit_log
from training.tables import read

_EPOCH: Final = dt.date(1970, 1, 1)


def run(
    file: Path,
    to: Path,
    *,
    horizon_days: int,
    customer: str,
    day: str,
    margin: str,
    last_day: dt.date | None,
    as_json: bool,
    threads: int = 2,
) -> Path:
    """Learn from a file of purchases and write what each customer is expected to do.

    Args:
        file: One purchase a row, CSV or Parquet.
        to: The file to write: one customer a row.
        horizon_days: How far to look, from the day after the last.
        customer: The column that names the customer.
        day: The column with the date.
        margin: The column with what was earned, in any unit, which the answer is in, too.
        last_day: The last day that was observed; that of the last purchase unless given. What
            comes later teaches nothing.
        as_json: One JSON document instead of a line for people.
        threads: Of the trees.

    Raises:
        TableError: The file is not such a table, or `to` has another ending.
        ValueError: The log is too short to learn from.
    """
    must_be_writable(to)
    log = log_from(read(file), customer=customer, day=day, margin=margin)
    end = int(log.day.max()) if last_day is None else (last_day - _EPOCH).days
    with bars() as progress:
        progress.tell("learning", 0, 1)
        fitted = fit_log(log, end, horizon_days, threads=threads)
        progress.tell("learning", 1, 1)
    expected = expectations(fitted, horizon_days, customer)
    write(expected, to)
    total = {name: sum(expected[name].to_pylist()) for name in ("transactions", "margin")}
    until = (_EPOCH + dt.timedelta(days=end)).isoformat()
    if as_json:
        print_json({
            "path": str(to),
            "customers": expected.num_rows,
            "last_day": until,
            "horizon_days": horizon_days,
            "interval_level": INTERVAL_LEVEL,
            "expected": total,
            "weights": {
                "transactions": dict(zip(EXPERTS, fitted.hybrid.transactions, strict=True)),
                "margin": dict(zip(EXPERTS, fitted.hybrid.margin, strict=True)),
            },
        })  # fmt: skip
    else:
        out.print(
            f"{expected.num_rows:,} customers are expected to buy on {total['transactions']:,.0f} "
            f"days within {horizon_days} days after {until}, for a margin of "
            f"{total['margin']:,.0f}. Each one is in {to}, with {INTERVAL_LEVEL:.0%} intervals.",
            markup=False,
        )
    return to


def expectations(fitted: FittedLog, horizon_days: int, customer: str) -> pa.Table:
    """One customer a row, by name."""
    value, hybrid = fitted.value(horizon_days), fitted.hybrid
    transactions = hybrid.transactions_interval(value, INTERVAL_LEVEL)
    margin = hybrid.margin_interval(value, INTERVAL_LEVEL)
    return pa.table({
        customer: fitted.names.tolist(),
        "probability_of_order": value.probability_of_order,
        "transactions": value.transactions,
        "transactions_low": transactions[0],
        "transactions_high": transactions[1],
        "margin": value.margin,
        "margin_low": margin[0],
        "margin_high": margin[1],
        "days_to_next_order": value.days_to_next_order,
    })  # fmt: skip
