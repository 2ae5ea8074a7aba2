"""Clients that hold connections, send slowly or hang up, at a whole server."""

import asyncio
import logging

import pytest
from support.servers import Server
from support.waiting import PATIENCE


async def opened(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    port = int(server.base_url.rpartition(":")[2])
    return await asyncio.open_connection("127.0.0.1", port)


def answering() -> bool:
    """Whether the server is at some request."""
    return any("run_asgi" in repr(task.get_coro()) for task in asyncio.all_tasks())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/posts", "application/json"),
        ("/api/v1/media", "multipart/form-data; boundary=x"),
        ("/ap/inbox", "application/activity+json"),
        ("/interact", "application/x-www-form-urlencoded"),
    ],
)
async def test_client_that_hangs_up_in_the_middle_of_a_body_is_no_fault_of_ours(
    server: Server, caplog: pytest.LogCaptureFixture, path: str, kind: str
) -> None:
    token = await server.token()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n"
        f"Authorization: Bearer {token}\r\nOrigin: {server.base_url}\r\n\r\n--x\r\n"
    )
    for _ in range(2):
        _, writer = await opened(server)
        writer.write(head.encode())
        await writer.drain()
        async with asyncio.timeout(PATIENCE):
            while not answering():
                await asyncio.sleep(0.005)
            writer.close()
            while answering():
                await asyncio.sleep(0.005)
    assert (await server.anonymous("/")).status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_server_answers_while_others_hold_connections(server: Server) -> None:
    held = [await opened(server) for _ in range(150)]
    for number, (_, writer) in enumerate(held):
        writer.write([b"", b"GET / HTTP/1.1\r\nHost:", b"POST /ap/inbox HTTP/1.1\r\n"][number % 3])
    assert (await server.anonymous("/")).status_code == 200
    for _, writer in held:
        writer.close()


async def test_head_over_the_bounds_is_refused_by_the_whole_server(server: Server) -> None:
    reader, writer = await opened(server)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n")
    assert b" 431 " in await reader.readline()
    writer.close()
