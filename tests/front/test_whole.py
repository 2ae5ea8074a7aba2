"""Answers in one piece: on the wire the same as those that uvicorn writes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.servers import listening_socket, serving

from fedblog.endpoints.whole import EXTENSION, WholeAnswer
from fedblog.front.bounds import Bounds
from fedblog.front.protocol import Front

HEADERS = [(b"content-type", b"text/plain"), (b"x-is", b"here"), (b"content-length", b"5")]
SHORT = WholeAnswer(200, HEADERS, b"hello")
LONG = WholeAnswer(200, [(b"content-length", b"300000")], b"x" * 300_000)
UNCHANGED = WholeAnswer(304, [(b"etag", b'"a"')])


class App:
    """Gives *SHORT* at most addresses, whole or (`/plain`) in the ordinary way."""

    def __init__(self) -> None:
        self.extensions: list[bool] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.extensions.append(EXTENSION in scope.get("extensions", {}))
        if scope["path"] == "/plain":
            scope = {**scope, "extensions": {}}
        message = {"more_body": scope["method"] == "POST"}
        while message.get("more_body"):
            message = await receive()
        answer = {"/long": LONG, "/unchanged": UNCHANGED}.get(scope["path"], SHORT)
        await answer.send(scope, send)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[App, asyncio.StreamReader, asyncio.StreamWriter]]:
    app, listener = App(), listening_socket()
    async with serving(app, listener, http=Front(Bounds()), ws="none", server_header=False):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.getsockname()[1], limit=1 << 20
        )
        yield app, reader, writer
        writer.close()


async def read(reader: asyncio.StreamReader, *, has_body: bool = True) -> tuple[list[bytes], bytes]:
    """The lines of the next head, the date's without its value, and the body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if line]
    length = next((int(x.split(b":")[1]) for x in lines if x.startswith(b"content-length")), 0)
    lines = [line if not line.startswith(b"date: ") else b"date" for line in lines]
    return lines, await reader.readexactly(length if has_body else 0)


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *lines, "", ""]).encode()


@pytest.mark.parametrize("path", ["/whole", "/plain"])
async def test_whole_answer_is_what_uvicorn_would_write(path: str) -> None:
    async with connected() as (app, reader, writer):
        for _ in range(2):  # on one connection
            writer.write(get(path))
            lines, body = await read(reader)
            assert lines[0] == b"HTTP/1.1 200 OK"
            assert sorted(lines[1:]) == sorted(
                [b"date", b"content-type: text/plain", b"x-is: here", b"content-length: 5"]
            )
            assert body == b"hello"
        assert app.extensions == [True, True]


@pytest.mark.parametrize("path", ["/whole", "/plain"])
async def test_head_gets_no_body_and_the_connection_goes_on(path: str) -> None:
    async with connected() as (_, reader, writer):
        writer.write(get(path, method="HEAD") + get(path))
        lines, _ = await read(reader, has_body=False)
        assert b"content-length: 5" in lines
        assert (await read(reader))[1] == b"hello"


async def test_connection_ends_where_the_peer_wants_it() -> None:
    for request in (get("/whole", "Connection: close"), get("/whole", version="1.0")):
        async with connected() as (_, reader, writer):
            writer.write(request)
            lines, body = await read(reader)
            assert b"connection: close" in lines
            assert body == b"hello"
            assert await reader.read() == b""


async def test_requests_that_come_together_are_answered_in_order() -> None:
    async with connected() as (_, reader, writer):
        writer.write(get("/long") + get("/unchanged") + get("/plain") + get("/whole"))
        assert len((await read(reader))[1]) == 300_000
        assert set((await read(reader))[0]) == {
            *(b"HTTP/1.1 304 Not Modified", b"date", b'etag: "a"'),
        }
        for _ in range(2):
            assert (await read(reader))[1] == b"hello"


async def test_peer_that_does_not_read_gets_everything_once_it_does() -> None:
    async with connected() as (_, reader, writer):
        for _ in range(8):
            writer.write(get("/long"))
        await asyncio.sleep(0.05)
        for _ in range(8):
            assert (await read(reader))[1] == b"x" * 300_000


async def test_expected_continue_is_not_sent_after_the_answer() -> None:
    async with connected() as (_, reader, writer):
        writer.write(get("/whole", "Expect: 100-continue", "Content-Length: 2") + b"ab")
        lines, body = await read(reader)
        assert (lines[0], body) == (b"HTTP/1.1 200 OK", b"hello")


async def test_connection_ends_where_a_body_was_never_asked_for() -> None:
    async with connected() as (_, reader, writer):
        writer.write(get("/whole", "Expect: 100-continue", "Content-Length: 2"))
        lines, body = await read(reader)
        assert body == b"hello"
        assert b"connection: close" in lines
        writer.write(get("/whole"))
        assert await reader.read() == b""


@pytest.mark.parametrize(
    ("name", "value"),
    [(b"x-a", b"b\r\nset-cookie: c"), (b"x-a", b"\x00"), (b"x a", b"b"), (b"", b"b")],
)
def test_what_would_be_more_than_one_header_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match="no header"):
        WholeAnswer(200, [(name, value)])


async def test_without_the_extension_the_ordinary_messages_are_sent() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await SHORT.send({"type": "http", "method": "GET"}, send)
    await SHORT.send({"type": "http", "method": "HEAD"}, send)
    assert [message["type"] for message in sent] == [
        *("http.response.start", "http.response.body"),
        *("http.response.start", "http.response.body"),
    ]
    assert [sent[1]["body"], sent[3]["body"]] == [b"hello", b""]
