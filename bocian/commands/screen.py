"""What commands share to speak to a person or to a machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

out = Console(highlight=False)
notes = Console(stderr=True, highlight=False)
if not out.is_terminal:
    out.width = 120  # a file or a pipe has no edge


def print_json(content: Any) -> None:
    """One JSON document on standard output, for machines."""
    out.print_json(json.dumps(content), indent=2) if out.is_terminal else print(  # noqa: T201
        json.dumps(content)
    )


class Bars:
    """A bar for each named step; `tell` may be given wherever progress is reported."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def tell(self, step: str, done: int, total: int) -> None:
        """`done` of `total` of this step are done."""
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total)
        self._progress.update(self._tasks[step], completed=done, total=total)


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars on the terminal; nothing where standard error is no terminal."""
    columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=notes, disable=not notes.is_terminal) as p:
        yield Bars(p)


def table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table with these columns; those in `right` hold numbers."""
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left")
    return drawn


def figure(value: float | None, digits: int = 3) -> str:
    """A number as people read it; a hyphen for none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}f}"
