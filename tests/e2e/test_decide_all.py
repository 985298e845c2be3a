"""`bocian decide --all`: a table of everyone, from this process or from others, and no record."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from bocian import wiring
from bocian.cli import app
from bocian.commands import decide_all
from bocian.commands.workers import in_processes
from serving.batch import DecisionsNow


def test_everyone_is_decided_for_within_the_budget_and_nothing_is_recorded(shop, tmp_path, capsys):
    engine = wiring.engine(shop.settings)
    before = len(list(engine.ledger.decisions.drawn()))
    written = decide_all.run(shop.settings, tmp_path / "all.parquet", as_json=True)
    told = json.loads(capsys.readouterr().out)
    table = pq.read_table(written.path)
    assert written.path == tmp_path / "all.parquet"
    assert table["customer_id"].to_pylist() == list(engine.store.customer_ids)
    assert sum(action["customers"] for action in told["chosen"]) == told["rows"] == len(table)
    value = sum(action["value_minor"] for action in told["chosen"])
    assert value == pytest.approx(sum(table["value_minor"].to_pylist()))
    assert set(told["prices"]) == set(shop.settings.budget)
    assert json.loads(table.schema.metadata[b"prices"]) == told["prices"]
    assert len(list(engine.ledger.decisions.drawn())) == before
    engine.ledger.close()


@pytest.mark.slow
def test_other_processes_decide_alike(shop):
    engine = wiring.engine(shop.settings)
    here = DecisionsNow(engine.weighing(), engine.ledger, {"call_minutes": 3.0}, threads=1)
    block = next(engine.store.blocks())
    with in_processes(shop.settings, replace(here, threads=2)) as work:
        assert work.schema == here.schema
        rows = [row for batch in work(block) for row in batch.to_pylist()]
    assert rows == [row for batch in here(block) for row in batch.to_pylist()]
    engine.ledger.close()


@pytest.mark.parametrize("words", [["decide"], ["decide", "--all", "c001"]])
def test_either_customers_or_all(words):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "either customers' ids or --all" in " ".join(result.output.replace("│", " ").split())
