"""Answers every POST with 202 at once: what the load generator can reach against nothing.

``trivial_sink.py PORT``.
"""

import asyncio
import signal
import sys
from typing import cast

import uvloop

_TAKEN = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._missing = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            end = data.index(b"\r\n\r\n") + 4
            at = data.index(b"Content-Length:") + 15
            self._missing = int(data[at : data.index(b"\r\n", at)]) + end
        self._missing -= len(data)
        if not self._missing and self._transport is not None:
            self._transport.write(_TAKEN)


async def main(port: int) -> None:
    """Serve until terminated."""
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    await loop.create_server(Sink, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    await stop


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(int(sys.argv[1])))
