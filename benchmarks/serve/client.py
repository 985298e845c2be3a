"""A client that costs little itself: raw HTTP/1.1 on kept connections, each request timed."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Load:
    """What a load came to.

    `busy` are the seconds of the client's own processor, `milliseconds` each request's time.
    """

    seconds: float
    busy: float
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


def decide(customer_id: str, **more: bool) -> bytes:
    """A request for one decision."""
    body = {"customer_id": customer_id} | more
    return post("/v1/next-best-action", json.dumps(body).encode())


def decide_batch(customer_ids: Sequence[str]) -> bytes:
    """A request for many."""
    body = json.dumps({"customer_ids": list(customer_ids)}).encode()
    return post("/v1/next-best-action:batch", body)


@dataclass
class _Connection:
    """One that is kept; `answer` is what has come of the answer to its last request."""

    socket: socket.socket
    sent_at: float = 0.0
    answer: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes) -> None:
        self.answer.clear()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def whole(self) -> int | None:
        """Take in what has come: the bytes of the body once all of it is there.

        Raises:
            RuntimeError: It is not 200.
        """
        self.answer += self.socket.recv(1 << 20)
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self.answer[:end]).lower()
        length = int(head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        if len(self.answer) < end + 4 + length:
            return None
        if b" 200 " not in head[:16]:
            told = bytes(self.answer)
            raise RuntimeError(f"every request must be answered by 200, got: {told!r}")
        return length


def load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send all `requests`, the next one on a connection as soon as the last is answered.

    Raises:
        RuntimeError: One was not answered by 200.
    """
    waiting = iter(requests)
    opened = [
        _Connection(socket.create_connection(("127.0.0.1", port)))
        for _ in range(min(connections, len(requests)))
    ]
    milliseconds, sizes = [], []
    with selectors.DefaultSelector() as ready:
        started, busy = time.perf_counter(), time.process_time()
        for connection in opened:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(next(waiting))
        while len(sizes) < len(requests):
            for key, _ in ready.select():
                size = key.data.whole()
                if size is None:
                    continue
                milliseconds.append(1000 * (time.perf_counter() - key.data.sent_at))
                sizes.append(size)
                if (request := next(waiting, None)) is not None:
                    key.data.send(request)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
    for connection in opened:
        connection.socket.close()
    return Load(seconds, busy, np.array(milliseconds), float(np.mean(sizes)))
