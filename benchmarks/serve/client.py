"""A client that costs little itself: raw HTTP/1.1 on kept connections, each request timed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import uvloop


@dataclass(frozen=True)
class Load:
    """What a load came to: seconds in all, and of each request its milliseconds."""

    seconds: float
    milliseconds: np.ndarray
    bytes_each: float

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    @property
    def p50(self) -> float:
        return float(np.percentile(self.milliseconds, 50))

    @property
    def p99(self) -> float:
        return float(np.percentile(self.milliseconds, 99))


def post(path: str, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send all `requests`, the next one on a connection as soon as the last is answered.

    Raises:
        RuntimeError: One was not answered by 200.
    """
    return uvloop.run(_load(port, requests, connections))


async def _load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    waiting = iter(requests)
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    started = time.perf_counter()
    done = await asyncio.gather(*(_one(reader, writer, waiting) for reader, writer in opened))
    seconds = time.perf_counter() - started
    for _, writer in opened:
        writer.close()
    times, sizes = zip(*(each for some in done for each in some), strict=True)
    return Load(seconds, np.array(times) * 1000, float(np.mean(sizes)))


async def _one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: Iterator[bytes]
) -> list[tuple[float, int]]:
    done = []
    for request in waiting:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        done.append((time.perf_counter() - started, length))
        if b" 200 " not in head[:16]:
            raise RuntimeError(f"every request must be answered by 200, got: {head!r} {body!r}")
    return done
