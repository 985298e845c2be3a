"""`kill -9` at random moments of ingest, `events add` and compaction, with all of them at work.

After each: the store opens, store and log together hold exactly a prefix of what was sent, with
everything that was acknowledged, once, and the next run goes on from there. BOCIAN_CRASHES says
how many moments, BOCIAN_CRASH_SEED which.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from crashing import Running
from numpy.typing import NDArray

from bocian import wiring
from bocian.settings import Settings, load
from features.clock import from_us, to_us

CRASHES = int(os.environ.get("BOCIAN_CRASHES", "10"))
SEED = int(os.environ.get("BOCIAN_CRASH_SEED", "20250303"))
LONGEST_S = 0.8
BATCH = 10
SENT_A_RUN = 4000
ROWS_A_FILE = 300
PEOPLE = 97
LOGGED_FROM = to_us(dt.datetime(2025, 2, 1, tzinfo=dt.UTC))
FILED_FROM = to_us(dt.datetime(2024, 2, 1, tzinfo=dt.UTC))
"""Event number i of the log, or of the files, occurred i microseconds after these."""

CONFIG = """
[clock]
now = 2025-03-03T09:30:00Z

[[sources]]
name = "orders"
files = { orders = "orders-*.csv" }
columns = { event_id = "id", customer_id = "who", occurred_at = "happened_at", type = "'session'" }
"""


@dataclass
class Shop:
    """A business whose processes die; `committed` events of the log and `files` are safe."""

    folder: Path
    committed: int = 0
    files: int = 0

    @property
    def settings(self) -> Settings:
        return load(self.config)

    @property
    def config(self) -> Path:
        return self.folder / "bocian.toml"

    def write_file(self) -> None:
        """One more file for ingest, unless the last one still waits."""
        path = self.folder / f"orders-{self.files:03}.csv"
        if path.exists():
            return
        numbers = range(self.files * ROWS_A_FILE, (self.files + 1) * ROWS_A_FILE)
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "who", "happened_at"])
            rows.writerows([f"o{i}", f"c{i % PEOPLE}", from_us(FILED_FROM + i)] for i in numbers)

    def adding(self, first: int) -> Running:
        """`events add` of the events from number `first` on."""
        path = self.folder / "new.jsonl"
        with path.open("w") as file:
            for i in range(first, first + SENT_A_RUN):
                event = {
                    "source": "till",
                    "event_id": f"t{i}",
                    "customer_id": f"c{i % PEOPLE}",
                    "occurred_at": from_us(LOGGED_FROM + i).isoformat(),
                    "type": "session",
                }
                file.write(json.dumps(event) + "\n")
        return self.run("events", "add", str(path), "--batch", str(BATCH), "--acknowledge")

    def run(self, *words: str, again: bool = False) -> Running:
        output = self.folder / f"{words[0]}.out"
        return Running([*words, "--config", str(self.config)], output, again=again)

    def acknowledged(self, first: int) -> int:
        """Up to which number events were acknowledged by the last `adding(first)`."""
        lines = (self.folder / "events.out").read_text().splitlines()
        return first + max([json.loads(li)["read"] for li in lines if li.endswith("}")], default=0)

    def seen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the events of the log and of the files that a reader sees, sorted."""
        current = wiring.event_store(self.settings)
        blocks = list(current.blocks(events=1000))
        sizes = Counter(dict(zip(
            (c for b in blocks for c in b.customer_ids),
            (int(n) for b in blocks for n in np.diff(b.offsets)), strict=True,
        )))  # fmt: skip
        for customer in ("c0", "c1", "nobody"):
            assert len(current.customer(customer).occurred_at) == sizes[customer]
        at = np.sort(np.concatenate([b.occurred_at for b in blocks]))
        return at[at >= LOGGED_FROM] - LOGGED_FROM, at[at < LOGGED_FROM] - FILED_FROM

    def check(self, first: int) -> None:
        """What is seen is a prefix of what was sent, with all that was acknowledged."""
        logged, filed = self.seen()
        acknowledged = self.acknowledged(first)
        np.testing.assert_array_equal(logged, np.arange(len(logged)))
        least = max(self.committed, acknowledged)
        assert least <= len(logged) <= max(self.committed, acknowledged + BATCH)
        assert len(logged) % BATCH == 0, "a batch is there as a whole, or not at all"
        np.testing.assert_array_equal(filed, np.arange(len(filed)))
        assert len(filed) in (self.files * ROWS_A_FILE, (self.files + 1) * ROWS_A_FILE)
        self.committed, self.files = len(logged), len(filed) // ROWS_A_FILE


@pytest.mark.e2e
@pytest.mark.slow
def test_a_prefix_of_what_was_acknowledged_survives_every_crash(tmp_path):
    (tmp_path / "bocian.toml").write_text(CONFIG)
    shop = Shop(tmp_path)
    shop.write_file()
    started = time.perf_counter()
    assert shop.run("ingest").wait() == 0
    shop.files = 1
    # On a busy machine all takes longer, and a crash must still fall into the work.
    longest = max(LONGEST_S, 2 * (time.perf_counter() - started))
    died = Counter[str]()
    for number in range(CRASHES):
        dice = np.random.default_rng([SEED, number])
        moment = dice.uniform(0, longest)
        other = ("compact", "ingest")[int(dice.integers(2))]
        if other == "ingest":
            shop.write_file()
        # Whoever is in doubt sends again what was acknowledged last.
        first = max(0, shop.committed - 2 * BATCH)
        writers = [shop.adding(first), shop.run(other, again=True)]
        time.sleep(moment)
        for writer in writers:
            writer.kill()
        died[other] += 1
        try:
            shop.check(first)
        except Exception as error:
            error.add_note(
                f"BOCIAN_CRASH_SEED={SEED}, crash {number}: {other} and events add after {moment} s"
            )
            raise
    assert shop.committed > 0
    assert shop.run("ingest").wait() == 0
    assert shop.run("compact").wait() == 0
    first = shop.committed
    assert shop.adding(first).wait() == 0
    assert shop.run("compact").wait() == 0
    logged, filed = shop.seen()
    np.testing.assert_array_equal(logged, np.arange(first + SENT_A_RUN))
    assert len(filed) % ROWS_A_FILE == 0
    assert len(filed) // ROWS_A_FILE == len(list(tmp_path.glob("orders-*.csv")))
