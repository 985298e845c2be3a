"""`bocian decide --all`: everyone's next best action as a table, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds

from bocian import wiring
from bocian.commands.batch import Written, name_of, write
from bocian.commands.screen import notes, out, print_json, table
from bocian.commands.workers import in_processes
from bocian.settings import Settings
from features.block import Block
from features.union import CurrentEvents
from serving.batch import DecisionsNow

PRICED_ON = 100_000
"""Customers on whom prices are solved at most: their demand is everyone's to within a per cent."""

FEW = 50_000
"""Customers for whom this process decides alone: others would take longer to start."""


@dataclass(frozen=True)
class Chosen:
    """Customers who would get an action, and its value for them, without levers, in minor units."""

    action_id: str
    customers: int
    value_minor: float


def run(settings: Settings, target: Path | None, *, as_json: bool) -> Written:
    """Decide for everyone, record nothing, and say who would get what.

    Resources cost what they do in this slot already; where it is not priced yet, what they would
    if everybody were decided for within the budget.
    """
    engine = wiring.engine(settings)
    weighing, events = engine.weighing(), engine.store
    decisions = DecisionsNow(
        weighing,
        engine.ledger,
        prices=engine.ledger.prices.latest(weighing.priced_as),
        threads=settings.training.threads,
    )
    usual = settings.path("scores") / name_of("decisions", [weighing.now_us])
    everyone = events.customer_count
    alone = decisions.threads == 1 or everyone <= FEW
    with nullcontext(decisions) if alone else in_processes(settings, decisions) as crew:
        work = crew
        if settings.budget and not decisions.prices:
            with notes.status("pricing what is scarce"):
                some = sample(events, PRICED_ON)
                prices, _ = crew.priced_for(some, everyone, settings.budget)
            decisions, work = decisions.at(prices), crew.at(prices)
        written = write(
            events,
            work,
            target.with_suffix("") if target else usual,
            step="decide",
            about=decisions.metadata | {"bundle": weighing.loaded.digest},
            on=None,
            over=work.over,
        )
    chosen = summary(written.path)
    if as_json:
        print_json(
            {
                "path": str(written.path),
                "rows": written.rows,
                "prices": decisions.prices,
                "chosen": [asdict(action) for action in chosen],
            }
        )
    else:
        show(chosen, written, settings.business.currency)
    return written


def sample(events: CurrentEvents, customers: int) -> Iterator[Block]:
    """Whole blocks of at least so many customers, or of all.

    The store keeps customers by a hash of their ids, so that the first ones are like the others.
    """
    for block in events.blocks():
        yield block
        customers -= len(block)
        if customers <= 0:
            return


def summary(path: Path) -> list[Chosen]:
    """The decisions at `path` by action, the most frequent first."""
    value = pc.field("value_minor") - pc.field("lever")
    chosen = {"action_id": pc.field("action_id"), "value_minor": value}
    columns = ds.dataset(path).to_table(columns=chosen)
    by_action = columns.unify_dictionaries().group_by("action_id")
    rows = by_action.aggregate([([], "count_all"), ("value_minor", "sum")]).to_pylist()
    found = [Chosen(r["action_id"], r["count_all"], r["value_minor_sum"]) for r in rows]
    return sorted(found, key=lambda action: (-action.customers, action.action_id))


def show(chosen: list[Chosen], written: Written, currency: str) -> None:
    """The summary as a table."""
    numbers = ("customers", "share", "expected value")
    title = f"Decisions if they were made now (money in minor units of {currency})"
    drawn = table(title, "action", *numbers, right=numbers)
    for action in chosen:
        share = action.customers / max(written.rows, 1)
        drawn.add_row(
            action.action_id,
            f"{action.customers:,}",
            f"{share:.1%}",
            f"{action.value_minor:,.0f}",
        )
    out.print(drawn)
    out.print(f"nothing is recorded; written to {written.path}")
