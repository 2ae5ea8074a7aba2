"""Fixtures that open a site or run a real server.

``site``    An open Site on the test's database (both engines in turn), no loops, no sockets.
``server``  The same served on a real socket of 127.0.0.1 with all its loops, as `fedblog serve`
            does: ``server.site``, ``server.base_url``, ``server.http`` (an httpx.AsyncClient).
``people``  A second server with people who sign for real; see support/people.py.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from support.people import People

from fedblog.settings import Settings

if TYPE_CHECKING:
    from fedblog.publishing.site import Site


@dataclass
class Server:
    """A server under test."""

    site: "Site"
    base_url: str
    http: httpx.AsyncClient

    async def eventually(
        self, check: Callable[[], Awaitable[Any]], *, seconds: float = 10.0
    ) -> Any:
        """What *check* gives once it is truthy; AssertionError if it never is."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = await check()
            if found:
                return found
            assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {found}"
            await asyncio.sleep(0.02)


def listening_socket(host: str = "127.0.0.1") -> socket.socket:
    """A socket that listens on a free port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, 0))
    listener.listen(256)
    return listener


@asynccontextmanager
async def serving(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application on *listener* in this event loop."""
    config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
    uvicorn_server = uvicorn.Server(config)
    task = asyncio.create_task(uvicorn_server.serve(sockets=[listener]))
    while not uvicorn_server.started:
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        uvicorn_server.should_exit = True
        uvicorn_server.force_exit = True
        await task


@asynccontextmanager
async def running_server(settings: Settings) -> AsyncIterator[Server]:
    """A server for *settings*, whose base URL becomes the socket's own."""
    from fedblog.app import running

    listener = listening_socket()
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings.model_copy(update={"base_url": base_url})
    async with (
        running(settings) as (site, app),
        serving(app, listener),
        httpx.AsyncClient(base_url=base_url, timeout=10) as http,
    ):
        yield Server(site, base_url, http)


@pytest.fixture
async def site(settings: Settings, database_url: str) -> AsyncIterator["Site"]:
    """An open Site without loops."""
    from fedblog.app import open_site

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with open_site(settings.model_copy(update={"database_url": database_url})) as opened:
        yield opened


@pytest.fixture
async def server(settings: Settings, database_url: str) -> AsyncIterator[Server]:
    """A real server with its loops."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with running_server(
        settings.model_copy(update={"database_url": database_url})
    ) as started:
        yield started


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """A second server with people on it."""
    listener = listening_socket()
    async with People(f"http://127.0.0.1:{listener.getsockname()[1]}") as crowd:
        async with serving(crowd, listener):
            yield crowd
