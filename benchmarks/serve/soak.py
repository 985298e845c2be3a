"""Bar 4: half of the peak for ten minutes, with swaps of the champion and killed workers.

Without `--long`: 40 seconds. Workers are killed in the first half of the time, so that one of them
lives through the other half, in which the slope of the memory is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import uvloop
from client import load, post
from decisions import served
from frame import Bar, tell

from bocian import wiring
from bocian.settings import Settings
from serving.bundles import Shelf

LONG = "BENCH_LONG" in os.environ
SECONDS, SWAPS, KILLS = (600, 50, 20) if LONG else (40, 4, 2)
CONNECTIONS, PEAK = 8, 500
DECODED_S = 10.0  # by then events that stay in memory are there: the peak is that of a warm service
KILL_S = 0.5  # for so long after a kill a broken connection may come to light
BLOCKS = 12
RISE = 0.01
T_95 = 2.228  # Student's t, ten degrees of freedom: a line through twelve blocks


@dataclass
class Seen:
    """What came of a load, by `time.monotonic`."""

    answered: list[tuple[float, float]] = field(default_factory=list)
    broken: list[tuple[float, float]] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    bundles: set[bytes] = field(default_factory=set)
    kills: list[float] = field(default_factory=list)
    memory: list[tuple[float, int, int]] = field(default_factory=list)

    def failed(self) -> int:
        """Requests that failed, but for those in flight at a kill."""
        excused = sum(
            any(began <= kill + KILL_S and kill <= ended for kill in self.kills)
            for began, ended in self.broken
        )
        return len(self.refused) + len(self.broken) - excused


def bar_4(folder: Path) -> Bar:
    """The load goes on at its rate whatever happens."""
    with served(folder) as (settings, port):
        requests = _requests(settings)
        load(port, list(itertools.islice(requests, 100)), 1)
        time.sleep(DECODED_S)
        peak = load(port, list(itertools.islice(requests, PEAK)), CONNECTIONS).per_second
        tell({"peak per second": round(peak)})
        seen = uvloop.run(_soak(port, requests, peak / 2, _bundles(settings)))
    times = np.array([ended - began for began, ended in seen.answered])
    slope, low, high, usual = _slope(seen)
    flat = low <= 0 or slope * 10 <= RISE * usual
    enough = len(seen.kills) == KILLS and len(seen.bundles) == 2
    return Bar(
        value={
            "requests": len(times) + len(seen.broken) + len(seen.refused),
            "per_second": round(len(times) / SECONDS, 1),
            "failed": seen.failed(),
            "in_flight_at_a_kill": len(seen.broken) + len(seen.refused) - seen.failed(),
            "p50_ms": round(1000 * float(np.median(times)), 1),
            "p99_ms": round(1000 * float(np.percentile(times, 99)), 1),
            "memory_mb": round(usual, 1),
            "memory_mb_a_minute": [round(x, 3) for x in (slope, low, high)],
            "kills": len(seen.kills),
            "bundles_that_answered": len(seen.bundles),
        },
        bar=f"{SWAPS} swaps, {KILLS} kills of a worker in {SECONDS} s: nothing failed but what was "
        "in flight at a kill; memory's slope has 0 in its interval, or rises by 1 % in ten minutes "
        "at most",
        met=LONG and enough and seen.failed() == 0 and flat,
    )


def _requests(settings: Settings) -> Iterator[bytes]:
    """For customers in turn: decisions, of which most are stored ones by and by, and previews."""
    ids = list(wiring.event_store(settings).customer_ids)
    np.random.default_rng(4).shuffle(ids)
    for number, who in enumerate(itertools.cycle(ids)):
        body = {"customer_id": who, "preview": number % 2 == 1}
        yield post("/v1/next-best-action", json.dumps(body).encode())


def _bundles(settings: Settings) -> tuple[Shelf, Sequence[str]]:
    """The champion, and a twin of another digest."""
    shelf = wiring.shelf(settings)
    champion = shelf.champion().digest
    draft = shelf.folder / ".twin"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(shelf.folder / champion, draft)
    with (draft / "manifest.json").open("a") as manifest:
        manifest.write("\n")
    twin = shelf.put(draft)
    shutil.rmtree(draft)
    return shelf, (champion, twin)


async def _soak(
    port: int, requests: Iterator[bytes], rate: float, bundles: tuple[Shelf, Sequence[str]]
) -> Seen:
    seen, start = Seen(), time.monotonic()
    due = (start + number / rate for number in range(round(rate * SECONDS)))
    work = [_connection(port, requests, due, seen) for _ in range(4 * CONNECTIONS)]
    await asyncio.gather(*work, _swap(start, *bundles), _kill(start, seen), _weigh(start, seen))
    await asyncio.to_thread(bundles[0].point_to, bundles[1][0])
    return seen


async def _connection(
    port: int, requests: Iterator[bytes], due: Iterator[float], seen: Seen
) -> None:
    """One after another, each when it is due, on a connection that is opened anew if it breaks."""
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for moment in due:
        request = next(requests)
        await asyncio.sleep(moment - time.monotonic())
        began = time.monotonic()
        try:
            if streams is None or streams[0].at_eof():
                streams = await asyncio.open_connection("127.0.0.1", port)
            reader, writer = streams
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            body = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            seen.broken.append((began, time.monotonic()))
            streams = None
            continue
        if b" 200 " not in head[:16]:
            seen.refused.append(head)
            tell(f"{head!r} {body!r}")
            continue
        seen.answered.append((began, time.monotonic()))
        seen.bundles.add(body.split(b'"bundle":"', 1)[1][:32])


async def _swap(start: float, shelf: Shelf, bundles: Sequence[str]) -> None:
    for number in range(1, SWAPS + 1):
        await asyncio.sleep(start + SECONDS * number / (SWAPS + 1) - time.monotonic())
        await asyncio.to_thread(shelf.point_to, bundles[number % 2])


async def _kill(start: float, seen: Seen) -> None:
    """In the first half of the time."""
    for number in range(1, KILLS + 1):
        await asyncio.sleep(start + SECONDS / 2 * number / (KILLS + 1) - time.monotonic())
        while not (worker := await asyncio.to_thread(_worker)):
            await asyncio.sleep(0.2)
        seen.kills.append(time.monotonic())
        worker.kill()


async def _weigh(start: float, seen: Seen) -> None:
    while (now := time.monotonic()) < start + SECONDS:
        if worker := await asyncio.to_thread(_worker):
            with suppress(psutil.NoSuchProcess):  # killed meanwhile
                seen.memory.append((now, worker.pid, worker.memory_info().rss))
        await asyncio.sleep(0.5)


def _worker() -> psutil.Process | None:
    """BentoML's worker, somewhere below this process."""
    for process in psutil.Process().children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue  # it has ended
        if "_bentoml_impl.worker.service" in words:
            return process
    return None


def _slope(seen: Seen) -> tuple[float, float, float, float]:
    """Of the last worker's memory: MB a minute, its 95 % interval, and the usual MB.

    Its first quarter of life is left out, in which it loads and fills its caches; the rest is cut
    into blocks, whose means are regressed on time, for neighbouring samples are much alike.
    """
    last = [(at, held) for at, pid, held in seen.memory if pid == seen.memory[-1][1]]
    at, held = np.array(last[len(last) // 4 :]).T
    x = np.array([each.mean() for each in np.array_split(at, BLOCKS)]) / 60
    y = np.array([each.mean() for each in np.array_split(held, BLOCKS)]) / 2**20
    x -= x.mean()
    slope = float(x @ y / (x @ x))
    left = y - y.mean() - slope * x
    error = float(np.sqrt(left @ left / (BLOCKS - 2) / (x @ x)))
    return slope, slope - T_95 * error, slope + T_95 * error, float(y.mean())
