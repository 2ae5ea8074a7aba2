"""Reads one page again and again, at a steady pace, while something else goes on.

A wait is counted from the moment a request was due, whether or not the one before was answered.
"""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

RATE = 60.0
CONNECTIONS = 8


class Readers:
    """Reads *path* from 127.0.0.1:*port*, 60 times a second, as long as it is entered."""

    def __init__(self, port: int, host: str, path: str) -> None:
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\n\r\n".encode()
        self._waits: list[tuple[float, float]] = []
        self._error: BaseException | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def waits(self, begin: float, end: float) -> list[float]:
        """The waits, in ms and in order of length, of what was due from *begin* to *end*
        (of time.monotonic)."""
        return sorted(wait * 1000 for due, wait in self._waits if begin <= due <= end)

    def _run(self) -> None:
        try:
            asyncio.run(self._read())
        except BaseException as error:
            self._error = error

    async def _read(self) -> None:
        due: asyncio.Queue[float | None] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._ask(due))
            moment = time.monotonic()
            while not self._ends.is_set():
                moment += 1 / RATE
                await asyncio.sleep(max(0.0, moment - time.monotonic()))
                due.put_nowait(moment)
            for _ in range(CONNECTIONS):
                due.put_nowait(None)

    async def _ask(self, due: asyncio.Queue[float | None]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while (moment := await due.get()) is not None:
            writer.write(self._request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            if not head.startswith(b"http/1.1 200"):
                raise RuntimeError(f"a page was answered with {head[:30]!r}")
            self._waits.append((moment, time.monotonic() - moment))
        writer.close()


def percentile(waits: list[float], part: float) -> float:
    """The wait that *part* of the ordered *waits* do not exceed; 0 where there are none."""
    return waits[min(int(len(waits) * part), len(waits) - 1)] if waits else 0.0
