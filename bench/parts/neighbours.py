"""Many small servers in one process: everyone of a Neighbourhood, behind one port of 127.0.0.0/8.

``neighbours.py COUNT HOSTS KEYS PORT``. Serves the actors of every host that is asked, takes every
delivery with 202 and remembers when it came. ``POST /watch/KIND`` begins to count the distinct
inboxes that an activity of that type reached; ``GET /seen`` tells. ``POST /pause/FROM/TO`` has it
think about each delivery for so many ms, evenly spread. It verifies nothing: it must not be the
bottleneck.
"""

import asyncio
import json
import random
import signal
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from parts.people import Neighbourhood, actor_document, keys

_TAKEN = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


class Receipts:
    """What came to which inbox since `watch` was called."""

    def __init__(self) -> None:
        self.think(0, 0)
        self.watch("Accept")

    def watch(self, kind: str) -> None:
        self._marks = (f'"type":"{kind}"'.encode(), f'"type": "{kind}"'.encode())
        self._inboxes: set[bytes] = set()
        self._count = 0
        self._last = 0.0
        self._body = b""
        self._connections = 0

    def think(self, least_ms: int, most_ms: int) -> None:
        """From now on take so long for each delivery."""
        self._pauses = random.Random(4), least_ms / 1000, most_ms / 1000

    @property
    def pause(self) -> float:
        """How long to think about the next delivery, in seconds."""
        dice, least, most = self._pauses
        return dice.uniform(least, most) if most else 0.0

    def connected(self) -> None:
        self._connections += 1

    def note(self, inbox: bytes, body: bytes) -> None:
        if self._marks[0] in body or self._marks[1] in body:
            self._inboxes.add(inbox)
            self._count += 1
            self._last = time.monotonic()
            self._body = body

    def seen(self) -> bytes:
        return json.dumps(
            {
                "inboxes": len(self._inboxes),
                "count": self._count,
                "last": self._last,
                "connections": self._connections,
                "body": self._body.decode("utf-8", "replace"),
            }
        ).encode()


class Neighbour(asyncio.Protocol):
    """One connection."""

    def __init__(self, people: Neighbourhood, pems: list[str], receipts: Receipts) -> None:
        self._people = people
        self._pems = pems
        self._receipts = receipts
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not transport.get_extra_info("sockname")[0].startswith("127."):
            cast(asyncio.Transport, transport).abort()
            return
        self._transport = transport
        self._receipts.connected()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while self._buffer:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end]
            lower = head.lower()
            at = lower.find(b"content-length:")
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head, lower, body)

    def _answer(self, head: bytes, lower: bytes, body: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        assert self._transport is not None
        if method == b"POST":
            pause = 0.0
            if target.startswith(b"/watch/"):
                self._receipts.watch(target[7:].decode())
            elif target.startswith(b"/pause/"):
                self._receipts.think(*map(int, target.split(b"/")[2:]))
            else:
                self._receipts.note(target, body)
                pause = self._receipts.pause
            if pause:
                asyncio.get_running_loop().call_later(pause, self._transport.write, _TAKEN)
            else:
                self._transport.write(_TAKEN)
            return
        if target == b"/seen":
            content, kind = self._receipts.seen(), "application/json"
        else:
            number = int(target.rsplit(b"/", 1)[1].split(b"#")[0])
            host = lower.partition(b"\r\nhost:")[2].partition(b"\r\n")[0].strip().decode()
            actor = f"http://{host}/users/{number}"
            pem = self._pems[number % len(self._pems)]
            content = json.dumps(actor_document(actor, number, pem)).encode()
            kind = "application/activity+json"
        self._transport.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n"
            f"content-length: {len(content)}\r\n\r\n".encode()
            + content
        )


async def main(count: int, hosts: int, key_count: int, port: int) -> None:
    """Serve until terminated."""
    people = Neighbourhood(count, hosts, key_count, port)
    pems = [public for _, public in keys(key_count)]
    receipts = Receipts()
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, stop.set_result, None)
    server = await loop.create_server(
        lambda: Neighbour(people, pems, receipts), "0.0.0.0", port, backlog=4096
    )
    print("ready", flush=True)
    await stop
    server.close()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(*map(int, sys.argv[1:5])))
