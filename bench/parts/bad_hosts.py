"""The attackers' servers in one process, behind one port of 127.0.0.0/8.

``bad_hosts.py KEYS PORT``. ``/users/N`` is a person with key N (of KEYS, in turn) and the id that
was asked for; other paths are answered by the modules of ``parts/attacks``. A POST is taken with
202 and counted: ``GET /count`` gives, for each path that was asked or posted to, how often.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from parts.attacks import answers
from parts.attacks.faces import face
from parts.people import actor_document, keys

_LIMIT = 1 << 20


class BadHosts:
    """Answers one connection after the other."""

    def __init__(self, key_count: int) -> None:
        self._pems = [public for _, public in keys(key_count)]
        self._answers = answers()
        self._counts: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        if not writer.get_extra_info("sockname")[0].startswith("127."):
            writer.transport.abort()
            return
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (entry.partition(":") for entry in lines)
                }
                await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = line.split(" ", 2)
                answer = await self._answer(method, headers.get("host", ""), path)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()

    async def _answer(self, method: str, host: str, path: str) -> bytes | None:
        if path == "/count":
            return _document(self._counts)
        self._counts[path] += 1
        if method == "POST":
            return b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
        if path.startswith("/users/") and path[7:].isdigit():
            number = int(path[7:])
            actor = f"http://{host}{path}"
            document = actor_document(actor, number, self._pems[number % len(self._pems)])
            return _document(document | {"icon": {"type": "Image", "url": face(actor)}})
        for prefix, answer in self._answers.items():
            if path.startswith(prefix):
                return await answer(host, path)
        return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


def _document(value: object) -> bytes:
    body = json.dumps(value).encode()
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/activity+json\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    ) + body


async def main(key_count: int, port: int) -> None:
    """Serve until terminated."""
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    hosts = BadHosts(key_count)
    server = await asyncio.start_server(hosts.serve, "0.0.0.0", port, backlog=4096, limit=_LIMIT)
    print("ready", flush=True)
    await stop
    server.close()
    os._exit(0)  # connections that stand open need no end of their own


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
