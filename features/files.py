"""Files of a business opened as views of one DuckDB connection."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from types import MappingProxyType

import duckdb
import pyarrow as pa

from features.zones import zone

_ENDINGS = (".parquet", ".csv", ".csv.gz")


class SourceError(ValueError):
    """A source cannot be read as `bocian.toml` describes it."""


def resolve(path: str, base: Path) -> list[str]:
    """The files that `path` names, sorted.

    Raises:
        SourceError: There are none, or the package is not installed.
    """
    if path.startswith("package:"):
        name, _, inside = path.removeprefix("package:").partition("/")
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise SourceError(
                f"a file that lies in a package needs the package installed, got: {path!r} "
                f"(no package {name!r}; the demo's comes with the extra 'demo')"
            )
        pattern = str(Path(found.origin).parent / inside)
    else:
        pattern = str(base / path)
    files = sorted(glob(pattern))  # noqa: PTH207 - the pattern may be absolute
    if not files:
        raise SourceError(f"a source's file must exist, got: {path!r} (looked at {pattern})")
    return files


@contextmanager
def open_views(
    connection: duckdb.DuckDBPyConnection,
    files: Mapping[str, str],
    base: Path,
    what: str,
    only: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Iterator[None]:
    """Within the context each of `files` is a view; errors of SQL name `what` was being read.

    `only` lists the files of views that are not read whole.
    """
    try:
        for name, path in files.items():
            found = only.get(name) or resolve(path, base)
            if not found[0].endswith(_ENDINGS):
                raise SourceError(
                    f"a source's file must end in one of {list(_ENDINGS)}, got: {found[0]!r}"
                )
            listed = f"[{', '.join(map(quoted, found))}]"
            source = (
                f"read_parquet({listed})"
                if found[0].endswith(".parquet")
                else _csv_reader(connection, listed)
            )
            connection.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS SELECT * FROM {source}')
        yield
    except (duckdb.Error, pa.ArrowException) as error:
        raise SourceError(f"{what} cannot be read: {str(error).strip()}") from error
    finally:
        for name in files:
            connection.execute(f'DROP VIEW IF EXISTS "{name}"')


def _csv_reader(connection: duckdb.DuckDBPyConnection, listed: str) -> str:
    """SQL that reads CSV files with the types that fit all rows, and loses no digit of an id.

    A column of digits with a leading zero (`007`), or with more digits than a whole number holds,
    is text: as a number two customers could become one.
    """
    sniffed = f"read_csv({listed}, sample_size = -1)"
    columns = connection.execute(f"DESCRIBE SELECT * FROM {sniffed}").fetchall()
    patterns = {"BIGINT": "^0[0-9]+$", "DOUBLE": "^(0[0-9]+|[0-9]{16,})$"}
    numbers = [(name, patterns[kind]) for name, kind, *_ in columns if kind in patterns]
    if not numbers:
        return sniffed
    tests = ", ".join(f"bool_or(regexp_matches(\"{name}\", '{p}'))" for name, p in numbers)
    as_text = f"read_csv({listed}, all_varchar = true)"
    found = connection.execute(f"SELECT {tests} FROM {as_text}").fetchone() or ()
    texts = [name for (name, _), is_text in zip(numbers, found, strict=True) if is_text]
    if not texts:
        return sniffed
    types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in texts)
    return f"read_csv({listed}, sample_size = -1, types = {{{types}}})"


def instant_us(column: str, time_zone: str) -> str:
    """SQL for `column`, a time of any type or text, as microseconds in UTC; NULL if it is none.

    A naive time is read on the wall clock of `time_zone`; one with an offset, `Z` or `UTC` carries
    its own. Text that ends in any other word is no time: DuckDB would pass over a zone's name.
    (DuckDB's own time zones come with an extension that it would have to download.)
    """
    text = f"trim(CAST({column} AS VARCHAR))"
    naive = f"epoch_us(TRY_CAST({column} AS TIMESTAMP))"
    return (
        f"CASE WHEN typeof({column}) = 'TIMESTAMP WITH TIME ZONE' OR regexp_matches("
        f"{text}, ':\\d\\d(\\.\\d+)? ?(Z|UTC|[+-]\\d\\d(:?\\d\\d)?)$') "
        f"THEN epoch_us(TRY_CAST({column} AS TIMESTAMPTZ)) "
        f"WHEN regexp_matches({text}, '[[:alpha:]]$') THEN NULL "
        f"ELSE {naive} - {_offset_us(naive, time_zone)} END"
    )


def _offset_us(local_us: str, time_zone: str) -> str:
    """SQL for the zone's offset at wall-clock `local_us`; an hour that comes twice is the first."""
    table = zone(time_zone)
    if len(table.offsets_us) == 1:
        return str(table.offsets_us[0])
    changes = [
        (start + max(before, after), after)
        for start, before, after in zip(
            table.starts_us[1:], table.offsets_us[:-1], table.offsets_us[1:], strict=True
        )
    ]
    cases = " ".join(f"WHEN {local_us} >= {at} THEN {shift}" for at, shift in reversed(changes))
    return f"(CASE {cases} ELSE {table.offsets_us[0]} END)"


def quoted(text: str) -> str:
    """`text` as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
