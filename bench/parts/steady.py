"""Sends requests at a steady pace, whether they are answered or not.

A process of its own: ``steady.py PLAN``. The plan is JSON: ``host``, ``port``, ``seconds`` and
``streams``, each with ``name``, ``file`` (requests, each after its length in four bytes, sent in
turn), ``first`` (where in the file to begin), ``rate`` a second, ``connections``, ``sources`` (the
addresses they come from, in turn; none: any) and ``pauses``: a stream that pauses sends in every
second second only. A wait is counted from the moment a request
was due. Prints JSON: for each stream the number due, statuses and waits in ms, apart for what was
due in the seconds when such streams pause ("idle") and when they send ("loaded"); "none" is what
was not answered.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvloop

_PATIENCE = 15.0
# What was begun while a stream sent may still be under way in its pause: that long is left out.
_SETTLES = 0.4


class Stream:
    """One kind of request, at a pace of its own over kept-alive connections."""

    def __init__(self, plan: dict[str, Any], host: str, port: int) -> None:
        self.name: str = plan["name"]
        self._requests = split(Path(plan["file"]).read_bytes())
        self._first: int = plan["first"]
        self._rate: float = plan["rate"]
        self._connections: int = plan["connections"]
        self._pauses: bool = plan["pauses"]
        self._sources: list[str] = plan["sources"]
        self._address = host, port
        self._due: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        self.statuses: Counter[str] = Counter()
        self.waits: list[tuple[float, float]] = []
        self.count = 0
        self._begin = 0.0

    async def run(self, begin: float, seconds: float) -> None:
        """Send for *seconds* from *begin*, then wait for the last answers."""
        self._begin = begin
        workers = [asyncio.create_task(self._work(place)) for place in range(self._connections)]
        moments = [number / self._rate for number in range(int(self._rate * seconds))]
        if self._pauses:
            moments = [moment for moment in moments if int(moment) % 2]
        self.count = len(moments)
        for number, moment in enumerate(moments):
            due = begin + moment
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            request = self._requests[(self._first + number) % len(self._requests)]
            self._due.put_nowait((due, request))
        for _ in workers:
            self._due.put_nowait(None)
        _, late = await asyncio.wait(workers, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if missing := self.count - self.statuses.total():
            self.statuses["none"] += missing

    async def _work(self, place: int) -> None:
        source = (self._sources[place % len(self._sources)], 0) if self._sources else None
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        while (item := await self._due.get()) is not None:
            due, request = item
            status = "none"
            try:
                if writer is None or writer.is_closing() or (reader and reader.at_eof()):
                    reader, writer = await asyncio.open_connection(
                        *self._address, local_addr=source
                    )
                assert reader is not None
                writer.write(request)
                status, ends = await _answer(reader)
                if ends:
                    writer.close()
            except (OSError, asyncio.IncompleteReadError):
                if writer is not None:
                    writer.close()
            self.statuses[status] += 1
            self.waits.append((due - self._begin, time.perf_counter() - due))
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def result(self) -> dict[str, Any]:
        """What came of it."""
        idle = [wait for at, wait in self.waits if int(at) % 2 == 0 and at % 1 >= _SETTLES]
        loaded = [wait for at, wait in self.waits if int(at) % 2]
        return {
            "count": self.count,
            "statuses": dict(self.statuses),
            "idle": _spread(idle),
            "loaded": _spread(loaded),
        }


def _spread(waits: list[float]) -> dict[str, float]:
    ordered = sorted(waits) or [0.0]
    return {
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p95_ms": ordered[int(len(ordered) * 0.95)] * 1000,
        "longest_ms": ordered[-1] * 1000,
    }


def split(content: bytes) -> list[bytes]:
    """The requests in *content*."""
    found = []
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "little")
        found.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    return found


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bool]:
    """The status of the next answer, and whether the connection ends with it."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    at = head.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(head[at + 15 :].split(b"\r\n", 1)[0]))
    status = head[9:12].decode()
    # The body of what is too large was never sent whole: nothing can follow it.
    return status, at < 0 or b"connection: close" in head or status == "413"


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Run every stream of *plan* at once."""
    streams = [Stream(one, plan["host"], plan["port"]) for one in plan["streams"]]
    begin = time.perf_counter() + 0.1
    await asyncio.gather(*(stream.run(begin, plan["seconds"]) for stream in streams))
    return {stream.name: stream.result() for stream in streams}


if __name__ == "__main__":
    uvloop.install()
    print(json.dumps(asyncio.run(run(json.loads(Path(sys.argv[1]).read_text())))))
