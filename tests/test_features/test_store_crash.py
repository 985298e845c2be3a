"""kill -9 at any moment: the store opens, holds the state before or after, and goes on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from event_rows import NOW, SOURCE, event, write
from stored_rows import row, table

from features.block import Block
from features.ingest import ingest
from features.store import EventStore, StoreError
from features.store.append import Limits, append
from features.store.compact import compact

NEVER = Limits(share=1e9, deltas=10**9)
MOMENTS = int(os.environ.get("BOCIAN_CRASHES", "10"))
EVENTS, MORE = 20_000, 4_000

WORK = {
    "ingest": "again()",
    "append": "append(path, more(), log_position=1, limits=NEVER)",
    "compact": "compact(path)",
}
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store_crash import NEVER, again_in, append, compact, more
path = Path({path!r})
again = lambda: again_in(path.parent)
print("ready", flush=True)
{work}
print("done", flush=True)
"""


def more():
    """What is appended: half of it of customers who are there."""
    return table(row(f"c{i % 400}", f"new{i}", days_ago=i % 50) for i in range(MORE))


def again_in(folder: Path):
    """Everything is read once more, and in many buckets."""
    return ingest([SOURCE], base=folder, now=NOW, store=folder / "store", force=True,
                  bucket_events=2_000)  # fmt: skip


def content(path: Path) -> list[tuple[object, ...]]:
    """All that can be read, whichever files it lies in."""
    store = EventStore(path)
    found: list[Block] = list(store.blocks())
    assert sum(len(block.occurred_at) for block in found) == store.manifest.events
    return sorted(
        (customer, block.occurred_at[rows].tobytes(), block.measures[:, rows].tobytes())
        for block in found
        for customer, rows in zip(
            block.customer_ids,
            (slice(*pair) for pair in zip(block.offsets[:-1], block.offsets[1:], strict=True)),
            strict=True,
        )
    )


def begun(path: Path, work: str) -> subprocess.Popen[bytes]:
    """`work` on the store in a process of its own, all it needs imported."""
    script = SCRIPT.format(tests=str(Path(__file__).parent), path=str(path), work=WORK[work])
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def taken(path: Path, work: str) -> float:
    """Do the whole of `work` as `killed` would; seconds that it takes on this machine."""
    with begun(path, work) as process:
        start = time.perf_counter()
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        return time.perf_counter() - start


def killed(path: Path, work: str, after_s: float) -> bool:
    """Start `work` on the store and kill it; whether it was at it still."""
    with begun(path, work) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        assert process.stdout is not None
        return process.stdout.read() != b"done\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crash")
    write((event(f"c{i % 300}", i % 300 + 1, value=i) for i in range(EVENTS)),
          folder / "made.parquet")  # fmt: skip
    return folder


@pytest.mark.parametrize("work", WORK)
def test_a_killed_writer_leaves_the_state_before_or_after_and_the_next_one_finishes(work, folder):
    path = folder / "store"
    again_in(folder)
    if work == "compact":
        append(path, more(), limits=NEVER)
    before = content(path)
    shutil.copytree(path, folder / "timed" / path.name)
    for source in folder.glob("*.parquet"):
        shutil.copy(source, folder / "timed")
    whole = taken(folder / "timed" / path.name, work)
    shutil.rmtree(folder / "timed")
    draw, hit = random.Random(work), 0
    finish = {"ingest": lambda: again_in(folder), "compact": lambda: compact(path),
              "append": lambda: append(path, more(), log_position=1, limits=NEVER)}  # fmt: skip
    moments = max(3, MOMENTS // len(WORK))
    for moment in range(moments):
        hit += killed(path, work, (moment + draw.random()) / moments * whole)
        now = content(path)
        if work == "append":
            appended = EventStore(path).manifest.log_position == 1
            assert EventStore(path).manifest.events == EVENTS + MORE * appended
            assert (now == before) != appended
        else:
            assert now == before
        if moment % 3 == 2:
            finish[work]()
    finish[work]()
    assert hit
    after = EventStore(path).manifest
    assert after.events == EVENTS + MORE * (work != "ingest")
    left = {file.name for file in path.iterdir()}
    assert left == {"manifest.json", "lock", *(file.name for file in after.files)}


def test_the_first_build_killed_leaves_no_store_and_the_next_one_makes_it(folder, tmp_path):
    for name in ("made.parquet",):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    if killed(tmp_path / "store", "ingest", 0.05):
        with pytest.raises(StoreError, match="found none"):
            EventStore(tmp_path / "store")
    assert again_in(tmp_path).manifest.events == EVENTS
