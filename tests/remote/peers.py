"""A small real server that answers what a test tells it to."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Behaviour = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]
ACTIVITY_JSON = "application/activity+json"


@dataclass(frozen=True)
class Asked:
    """A request as it came over the socket; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def answer(
    body: bytes = b"", *, status: int = 200, media_type: str = "text/plain", **headers: str
) -> bytes:
    """A whole HTTP answer; ``content_encoding="gzip"`` becomes a header."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    if media_type:
        lines.append(f"Content-Type: {media_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Peer:
    """A server: *answers* by path (with query) hold bytes to send or a coroutine function."""

    host: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    answers: dict[str, bytes | Behaviour] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    close_after_answer: bool = False
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def holds(self, path: str, document: Any, media_type: str = ACTIVITY_JSON) -> str:
        """Serve *document* as JSON at *path*; gives its URL."""
        self.answers[path] = answer(json.dumps(document).encode(), media_type=media_type)
        return self.url + path

    def count(self, path: str) -> int:
        """How often *path* was asked for."""
        return sum(asked.target == path for asked in self.asked)

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        if context is not None:
            self.scheme = "https"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.strip().split("\r\n")
                method, target, _ = first.split(" ")
                pairs = (line.split(":", 1) for line in lines)
                headers = {name.lower(): value.strip() for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(method, target, headers, body)
                self.asked.append(asked)
                given = self.answers.get(target, answer(status=404))
                if isinstance(given, bytes):
                    writer.write(given)
                    await writer.drain()
                else:
                    await given(asked, writer)
                if self.close_after_answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


StartPeer = Callable[..., Awaitable[Peer]]


@dataclass(frozen=True)
class Tls:
    """A certificate for 127.0.0.1 and localhost, signed by itself."""

    ca_file: Path
    context: ssl.SSLContext
