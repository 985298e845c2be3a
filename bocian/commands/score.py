"""`bocian score`: what the serving bundle predicts of everyone, as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import acero

from bocian import wiring
from bocian.commands.batch import Written, instant, name_of, write
from bocian.commands.screen import figure, out, print_json, table
from bocian.commands.spark import Spark
from bocian.settings import Settings
from features.catalogue.tenure import LIFECYCLE_STAGES
from features.clock import to_us
from models.score import ScoresAt


@dataclass(frozen=True)
class Stage:
    """Customers of one lifecycle stage. `active` are those for whom churn is defined, of whom
    `churn_probability` is the mean; money is the sum in minor units. None where there is nobody.
    """

    lifecycle_stage: str
    customers: int
    active: int
    churn_probability: float | None
    expected_margin: float | None
    margin_at_risk: float | None


def run(
    settings: Settings, as_of: str | None, *, on: Spark | None = None, as_json: bool = False
) -> Written:
    """Score everyone, and say where the scores are and what they come to."""
    at = to_us(settings.now) if as_of is None else instant(as_of)
    champion = wiring.shelf(settings).champion()
    written = write(
        wiring.event_store(settings),
        ScoresAt(champion.bundle, at, wiring.wall(settings)),
        settings.path("scores") / name_of("scores", [at]),
        step="score",
        about={"bundle": champion.digest},
        on=on,
    )
    stages = summary(written.path)
    if as_json:
        print_json(
            {
                "path": str(written.path),
                "rows": written.rows,
                "bundle": champion.digest,
                "stages": [asdict(stage) for stage in stages],
            }
        )
    else:
        show(stages, settings.business.currency)
        out.print(f"{written.rows:,} customers scored by bundle {champion.digest[:12]}")
        out.print(f"written to {written.path}")
    return written


def summary(path: Path) -> list[Stage]:
    """The scores at `path` by lifecycle stage, without holding all of them in memory."""
    nothing = pa.scalar(None, pa.float64())

    def known(name: str) -> pc.Expression:
        return pc.if_else(pc.is_nan(pc.field(name)), nothing, pc.field(name))

    columns = {
        "lifecycle_stage": pc.field("lifecycle_stage"),
        "churn": pc.if_else(pc.field("churn_applies"), pc.field("churn_probability"), nothing),
        "margin": known("expected_margin"),
        "at_risk": known("margin_at_risk"),
    }
    sums = [
        ([], "hash_count_all", None, "customers"),
        ("churn", "hash_count", None, "active"),
        ("churn", "hash_mean", None, "churn_probability"),
        ("margin", "hash_sum", None, "expected_margin"),
        ("at_risk", "hash_sum", None, "margin_at_risk"),
    ]
    steps = [
        acero.Declaration("scan", acero.ScanNodeOptions(ds.dataset(path))),
        acero.Declaration("project", acero.ProjectNodeOptions([*columns.values()], [*columns])),
        acero.Declaration("aggregate", acero.AggregateNodeOptions(sums, ["lifecycle_stage"])),
    ]
    rows = acero.Declaration.from_sequence(steps).to_table().to_pylist()
    order = [*LIFECYCLE_STAGES, None]
    return [
        Stage(**row | {"lifecycle_stage": row["lifecycle_stage"] or "unknown"})
        for row in sorted(rows, key=lambda row: order.index(row["lifecycle_stage"]))
    ]


def show(stages: list[Stage], currency: str) -> None:
    """The summary as a table."""
    numbers = ("customers", "churn", "expected margin", "of it at risk")
    drawn = table(f"Scores (money in minor units of {currency})", "stage", *numbers, right=numbers)
    for s in stages:
        drawn.add_row(
            s.lifecycle_stage,
            f"{s.customers:,}",
            figure(s.churn_probability),
            figure(s.expected_margin),
            figure(s.margin_at_risk),
        )
    out.print(drawn)
