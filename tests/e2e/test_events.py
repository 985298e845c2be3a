"""`bocian events add`: lines in, events in the log, and nothing lost without a word."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from processes import bocian

from bocian import wiring
from bocian.commands.events import RefusedLinesError, add
from bocian.settings import Settings, SettingsError, load

CONFIG = """
[clock]
now = 2025-03-03T09:30:00Z

[[sources]]
name = "orders"
files = { orders = "orders.csv" }
columns = { event_id = "id", customer_id = "who", occurred_at = "happened_at", type = "'order'" }
"""


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    (tmp_path / "bocian.toml").write_text(CONFIG)
    return load(tmp_path / "bocian.toml")


def line(number: int, **changes: Any) -> str:
    event = {
        "source": "till",
        "event_id": f"e{number}",
        "customer_id": f"c{number}",
        "occurred_at": "2025-03-01T10:00:00Z",
        "type": "session",
    }
    return json.dumps(event | changes) + "\n"


def logged(shop: Settings) -> list[str]:
    with closing(wiring.ledger(shop)) as ledger:
        return wiring.event_log(ledger).tail(0).events["event_id"].to_pylist()


def in_words(shop: Settings, path: Path, **options: Any) -> Any:
    return add(shop, str(path), **{"batch": 2, "acknowledge": False, "as_json": False} | options)


def test_lines_are_committed_and_said_batch_by_batch(shop, tmp_path, capfd):
    path = tmp_path / "new.jsonl"
    path.write_text("".join(line(i) for i in range(5)))
    done = in_words(shop, path, acknowledge=True, as_json=True)
    assert (done.read, done.kept, done.repeated, done.refused) == (5, 5, 0, 0)
    *batches, end = map(json.loads, capfd.readouterr().out.splitlines())
    assert [b["read"] for b in batches] == [2, 4, 5]
    assert [b["position"] - batches[0]["position"] for b in batches] == [0, 2, 3]
    assert end == {"read": 5, "kept": 5, "repeated": 0, "refused": 0, "reasons": {}}
    assert logged(shop) == ["e0", "e1", "e2", "e3", "e4"]
    assert not (tmp_path / "new.refused.jsonl").exists()


def test_what_is_refused_lies_beside_the_file_and_the_rest_is_kept(shop, tmp_path, capfd):
    path = tmp_path / "new.jsonl"
    wrong = line(2, type="gift")
    path.write_text(line(1) + wrong + "\n" + line(1) + "{broken\n" + line(3, source="orders"))
    with pytest.raises(RefusedLinesError, match=r"got 3 of 5 that are not: .*new\.refused\.jsonl"):
        in_words(shop, path)
    assert logged(shop) == ["e1"]
    refused = [json.loads(text) for text in (tmp_path / "new.refused.jsonl").open()]
    assert refused == [
        {"line": 2, "reason": "type is not one of the contract's", "came": wrong.rstrip()},
        {"line": 5, "reason": "the line is not JSON", "came": "{broken"},
        {"line": 6, "reason": "source is one that is read from files",
         "came": line(3, source="orders").rstrip()},
    ]  # fmt: skip
    assert re.search(r"5 +│ +1 +│ +1 +│ +3 +│ type is not", capfd.readouterr().out)
    path.write_text(line(4))
    in_words(shop, path)
    assert not (tmp_path / "new.refused.jsonl").exists()


def test_an_event_is_known_from_when_it_arrived(shop, tmp_path):
    path = tmp_path / "new.jsonl"
    path.write_text(line(1) + line(2, known_at="2025-03-02T00:00:00+01:00"))
    in_words(shop, path)
    with closing(wiring.ledger(shop)) as ledger:
        known = wiring.event_log(ledger).tail(0).events["known_at"].to_pylist()
    assert [k.isoformat() for k in known] == [
        "2025-03-03T09:30:00+00:00",
        "2025-03-01T23:00:00+00:00",
    ]


def test_a_file_that_is_not_there_is_named(shop, tmp_path):
    with pytest.raises(SettingsError, match=r"must exist, or be - .* got: .*nowhere\.jsonl"):
        in_words(shop, tmp_path / "nowhere.jsonl")


@given(
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["session", "gift", "visit"]))),
    st.integers(1, 4),
)
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_counts_reconcile_however_lines_are_batched(shop, tmp_path, lines, batch):
    path = tmp_path / "drawn.jsonl"
    path.write_text("".join(line(number, type=kind) for number, kind in lines))
    before = set(logged(shop))
    wrong = sum(kind != "session" for _, kind in lines)
    fresh = {f"e{number}" for number, kind in lines if kind == "session"} - before
    if wrong:
        with pytest.raises(RefusedLinesError, match=f"got {wrong} of {len(lines)} "):
            in_words(shop, path, batch=batch)
    else:
        done = in_words(shop, path, batch=batch)
        counts = done.read, done.kept, done.repeated, done.refused
        assert counts == (len(lines), len(fresh), len(lines) - len(fresh), 0)
    assert set(logged(shop)) == before | fresh


@pytest.mark.e2e
def test_a_pipe_is_read_and_a_refusal_is_wrong_input(shop, tmp_path):
    config = tmp_path / "bocian.toml"
    done = subprocess.run(
        [Path(sys.executable).with_name("bocian"), "events", "add", "-", "-c", config],
        input=line(1) + line(2, type="gift"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "stdin.refused.jsonl tells which and why" in done.stderr
    assert logged(shop) == ["e1"]
    assert bocian("events", "add", "nowhere", "-c", config).returncode == 2
