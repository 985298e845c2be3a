"""Spark in several processes gives what this process gives, to the bit."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from processes import bocian, own_copy
from small_shop import NOW, Shop

from bocian import wiring
from bocian.commands import events as log
from bocian.commands.compact import drain
from bocian.commands.spark import METADATA
from features.store import EventStore

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

INSTANTS = ("--as-of", "2024-12-01T00:00:00Z", "--as-of", "2025-03-01T00:00:00Z")
QUICK = tuple(
    word
    for setting in (
        "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1",
        "spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1",
        "spark.sql.shuffle.partitions=4",
    )
    for word in ("--conf", setting)
)
"""Most of a small job is Java's own start."""

NEWS, IN_BOTH = 400, 100


@pytest.fixture(scope="module", autouse=True)
def _spark(require):
    require(importlib.util.find_spec("pyspark"), "pyspark not found: make spark")
    require(shutil.which("java"), "java not found: apt-get install openjdk-17-jre-headless")


@pytest.fixture(scope="module")
def own(shop, tmp_path_factory) -> Shop:
    """The shop with a store of base and delta, and a log that holds more, and some of it again."""
    own = own_copy(shop, tmp_path_factory.mktemp("spark") / "shop")
    news = list(_news())
    half = NEWS // 2
    add(own, news[:half])
    with closing(wiring.ledger(own.settings)) as ledger:
        drain(wiring.event_log(ledger), own.settings.path("store"))
    add(own, news[half - IN_BOTH :])
    assert EventStore(own.settings.path("store")).manifest.deltas
    assert len(wiring.event_store(own.settings).tail) == half
    return own


def _news() -> Iterator[str]:
    """Events of known and of new customers, every fifth of which arrived ten days late."""
    dice = np.random.default_rng(3)
    for i in range(NEWS):
        at = NOW - dt.timedelta(days=float(dice.uniform(11, 200)))
        known = at + dt.timedelta(days=10 if i % 5 == 0 else 0)
        yield json.dumps(
            {
                "source": "till",
                "event_id": f"n{i}",
                "customer_id": f"new{i % 9}" if i % 4 == 0 else f"c{dice.integers(300):03}",
                "occurred_at": at.isoformat(),
                "known_at": known.isoformat(),
                "type": str(dice.choice(["order", "order_line", "session", "message_clicked"])),
                "channel": str(dice.choice(["web", "email"])),
                "value_minor": int(dice.integers(9000)),
                "category": str(dice.choice(["tea", "salt"])),
                "properties": {"machine": bool(i % 7 == 0), "discount_minor": i},
            }
        )


def add(own: Shop, lines: list[str]) -> None:
    """Append to the log."""
    path = own.folder / "news.jsonl"
    path.write_text("\n".join(lines))
    log.add(own.settings, str(path), batch=1000, acknowledge=False, as_json=False)


def written(own: Shop, *words: str) -> tuple[pa.Table, dict[str, object]]:
    """What the command wrote, sorted, and what it said."""
    done = bocian(*words, "--json", "-c", own.config, timeout=280)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    rows = ds.dataset(said["path"]).to_table()
    return rows.sort_by([("customer_id", "ascending"), ("as_of", "ascending")]), said


def assert_equal_bits(one: pa.Table, other: pa.Table) -> None:
    assert one.column_names == other.column_names
    for name in one.column_names:
        left, right = one[name].combine_chunks(), other[name].combine_chunks()
        assert left.type == right.type, name
        if pa.types.is_floating(left.type):
            assert left.null_count == right.null_count == 0, name
            assert left.to_numpy().tobytes() == right.to_numpy().tobytes(), name
        else:
            assert left.equals(right), name


def test_features_by_processes_of_their_own(own):
    """`local-cluster`: a master, two workers and two executors, each a process, talk over TCP."""
    alone, said = written(own, "features", "build", *INSTANTS)
    master = ("--engine", "spark", "--master", "local-cluster[2,1,1024]")
    spark, told = written(own, "features", "build", *INSTANTS, *master, *QUICK)
    assert "new0" in alone["customer_id"].to_pylist()
    assert np.isnan(alone["days_since_last_order"].to_numpy()).any()
    assert_equal_bits(alone, spark)
    assert told == said | {"path": str(said["path"]).removesuffix(".parquet")}


def test_scores_by_the_serving_bundle(own):
    alone, said = written(own, "score")
    spark, told = written(own, "score", "--engine", "spark", *QUICK)
    assert len(alone) > 300
    assert_equal_bits(alone, spark)
    assert told["bundle"] == said["bundle"]
    beside = json.loads((Path(str(told["path"])) / METADATA).read_text())
    assert beside["events_of_log"] == str(NEWS // 2)
    inside = ds.dataset(said["path"]).schema.metadata
    assert {k.encode(): v.encode() for k, v in beside.items()} == inside
