"""Sends ready HTTP requests over several kept-alive connections, each waiting for its answer.

A process of its own: ``load.py REQUESTS HOST PORT CONNECTIONS``; the file holds requests, each
after its length in four bytes. Prints JSON: how many, in what time, with which statuses.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop


class Connection(asyncio.Protocol):
    """One connection: sends the next request when the last one was answered."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send_next(self) -> None:
        request = next(self._load.requests, None)
        assert self._transport is not None
        if request is None:
            self._load.leave()
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._load.note(head[9:12], time.perf_counter() - self._sent_at)
        self._buffer = b""
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._load.fail(error)


class Load:
    """The requests left, and what came back."""

    def __init__(self, requests: Iterator[bytes], connections: int) -> None:
        self.requests = requests
        self._active = connections
        self.statuses: Counter[bytes] = Counter()
        self.waits: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def note(self, status: bytes, wait: float) -> None:
        self.statuses[status] += 1
        self.waits.append(wait)

    def leave(self) -> None:
        self._active -= 1
        if not self._active and not self.done.done():
            self.done.set_result(time.perf_counter())

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


async def run(content: bytes, host: str, port: int, connections: int) -> dict[str, object]:
    """Send every request in *content*."""
    requests = []
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "little")
        requests.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    del content
    loop = asyncio.get_running_loop()
    load = Load(iter(requests), connections)
    made = [
        (await loop.create_connection(lambda: Connection(load), host, port))[1]
        for _ in range(connections)
    ]
    gc.freeze()
    gc.disable()
    cpu = time.process_time()
    begun = time.perf_counter()
    for connection in made:
        connection.send_next()
    ended = await load.done
    waits = sorted(load.waits)
    return {
        "requests": len(waits),
        "seconds": ended - begun,
        "rate": len(waits) / (ended - begun),
        "statuses": {status.decode(): count for status, count in load.statuses.items()},
        "p50_ms": waits[len(waits) // 2] * 1000,
        "p99_ms": waits[int(len(waits) * 0.99)] * 1000,
        "cpu_share": (time.process_time() - cpu) / (ended - begun),
    }


if __name__ == "__main__":
    uvloop.install()
    print(
        json.dumps(
            asyncio.run(run(Path(sys.argv[1]).read_bytes(), sys.argv[2], *map(int, sys.argv[3:5])))
        )
    )
