"""What the peers run, as a page of Markdown: `python benchmarks/features --show`."""

from __future__ import annotations

from inspect import getsource

import duckdb_asof
import duckdb_forms
import polars_asof
import polars_forms

ALL_DATES = {"key": "customer, today", "today": "today", "dates": "CROSS JOIN dates"}


def peers() -> str:
    """Each form's SQL as it runs (`today` stands for a date's number), and the Polars code."""
    prepared = duckdb_forms.PREPARED.format(days="$days", first_date="first date after shown")
    one_date = {"key": "customer", "today": "today", "dates": ""}
    sql = {
        "DuckDB, query per date": duckdb_forms.PER_DATE.format(**one_date, table="events"),
        "DuckDB, what the next three begin with": prepared,
        "DuckDB, days, then query per date": duckdb_forms.FROM_PREPARED.format(**one_date),
        "DuckDB, cross join": duckdb_forms.FROM_PREPARED.format(**ALL_DATES),
        "DuckDB, running totals and ASOF": ";\n".join(duckdb_asof.statements()),
    }
    code = {
        "Polars, query per date and join with dates": getsource(polars_forms),
        "Polars, running totals and as-of": getsource(polars_asof),
    }
    pages = [f"## {name}\n\n```sql\n{text.strip()}\n```" for name, text in sql.items()]
    pages += [f"## {name}\n\n```python\n{text.strip()}\n```" for name, text in code.items()]
    return "\n\n".join(["# The peers of the feature kernel", *pages])
