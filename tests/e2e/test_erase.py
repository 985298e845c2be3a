"""`bocian erase`: nothing of the person is left in what Bocian keeps, and nothing comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processes import bocian

from bocian import wiring
from bocian.commands.compact import run as compact
from bocian.commands.erase import run as erase
from bocian.commands.events import RefusedLinesError, add
from bocian.commands.features import build
from bocian.commands.ingest import ingest_all
from bocian.settings import Settings, load

ANNA, BARTEK = "anna-4711@shop", "bartek@shop"
CONFIG = """
[clock]
now = 2025-03-03T09:30:00Z

[[sources]]
name = "orders"
files = { orders = "orders.csv" }
columns = { event_id = "id", customer_id = "who", occurred_at = "day", type = "kind", value_minor = "1" }

[profiles]
files = { people = "people.csv" }
query = "SELECT who AS customer_id, 'pl' AS language, 'Europe/Warsaw' AS time_zone, who AS email, NULL AS phone, NULL AS push_token FROM people"

[protected]
files = { people = "people.csv" }
query = "SELECT who AS customer_id, age FROM people"
attributes = ["age"]
"""  # noqa: E501 - an inline table of TOML is one line


def line(number: int, who: str, at: str = "2025-03-01T10:00:00Z") -> str:
    event = {"source": "till", "event_id": str(number), "customer_id": who, "occurred_at": at}
    return json.dumps(event | {"type": "session"}) + "\n"


def send(shop: Settings, *lines: str) -> None:
    path = shop.base / "new.jsonl"
    path.write_text("".join(lines))
    add(shop, str(path), batch=10, acknowledge=False, as_json=False)


@pytest.fixture
def shop(tmp_path: Path) -> Settings:
    """Anna and Bartek are in the base, in a delta, in the quarantine, in the log and elsewhere."""
    (tmp_path / "bocian.toml").write_text(CONFIG)
    rows = [f"{i}{who},{who},2025-01-0{i},{kind}" for who in (ANNA, BARTEK)
            for i, kind in ((1, "order"), (2, "order"), (3, "gift"))]  # fmt: skip
    (tmp_path / "orders.csv").write_text("\n".join(["id,who,day,kind", *rows, ""]))
    (tmp_path / "people.csv").write_text(f"who,age\n{ANNA},61+\n{BARTEK},18-35\n")
    shop = load(tmp_path / "bocian.toml")
    ingest_all(shop, force=False)
    send(shop, line(1, ANNA), line(2, BARTEK))
    compact(shop, as_json=True)
    send(shop, line(3, ANNA), line(4, BARTEK))
    build(shop, [], as_json=True)
    return shop


def tables(folder: Path) -> Iterator[pa.Table]:
    for path in folder.rglob("*.parquet"):
        yield pq.read_table(path)
    for path in folder.rglob("*.arrow"):
        yield pa.ipc.open_file(path).read_all()


def found(shop: Settings, who: str) -> int:
    """In how many tables and files below `var` the person still is."""
    kept = [path.read_bytes() for path in (shop.base / "var").rglob("*") if path.is_file()]
    told = [str(table.to_pydict()) for table in tables(shop.base / "var")]
    return sum(who.encode() in content for content in kept) + sum(who in text for text in told)


def events_of(shop: Settings, who: str) -> int:
    return len(wiring.event_store(shop).customer(who).occurred_at)


def test_nothing_of_a_person_is_left_and_others_stay(shop, capfd):
    assert (events_of(shop, ANNA), events_of(shop, BARTEK)) == (4, 4)
    assert found(shop, ANNA) > 4
    capfd.readouterr()
    erase(shop, [ANNA], as_json=True)
    told = json.loads(capfd.readouterr().out)
    (built,) = (name for name in told["removed"] if name.startswith("file: features-"))
    assert told["removed"] == {
        "store: events": 3,
        "store: quarantine": 1,
        "ledger: events": 1,
        "ledger: profiles": 1,
        "file: protected.parquet": 1,
        built: 1,
    }
    assert any("your own tables" in what for what in told["not_reached"])
    assert (events_of(shop, ANNA), events_of(shop, BARTEK)) == (0, 4)
    assert found(shop, ANNA) == 0
    assert found(shop, BARTEK) > 4
    assert erase(shop, [ANNA], as_json=True) == {}


def test_what_was_erased_does_not_come_back_and_what_is_new_is_theirs(shop):
    erase(shop, [ANNA], as_json=True)
    with pytest.raises(RefusedLinesError, match="got 1 of 2"):
        send(shop, line(3, ANNA), line(5, ANNA, "2025-03-03T09:30:00Z"))
    assert ANNA not in (shop.base / "new.refused.jsonl").read_text()
    (shop.base / "people.csv").write_text(f"who,age\n{BARTEK},18-35\n")
    done = ingest_all(shop, force=True)
    compact(shop, as_json=True)
    assert "the person was erased" in done.counts[0].reasons
    assert (events_of(shop, ANNA), events_of(shop, BARTEK)) == (1, 4)


@pytest.mark.e2e
def test_the_command_asks_first(shop):
    config = shop.base / "bocian.toml"
    assert bocian("erase", ANNA, "-c", config).returncode == 1
    assert events_of(shop, ANNA) == 4
    done = bocian("erase", ANNA, BARTEK, "--yes", "-c", config)
    assert done.returncode == 0
    assert "Not reached:" in done.stdout
    assert events_of(shop, BARTEK) == 0
