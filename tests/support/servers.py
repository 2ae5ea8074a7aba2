"""Fixtures that open a site or run a real server.

``site``    An open Site on the test's database, no loops, no sockets.
``server``  The same served on a real socket of 127.0.0.1 with all its loops, as `fedblog serve`
            does: ``server.site``, ``server.base_url``, ``server.http`` (an httpx.AsyncClient).
``people``  A second server with people who sign for real; see support/people.py.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import Connection
from support.people import People
from support.waiting import PATIENCE, eventually

from fedblog.app import open_site, running
from fedblog.domain.addresses import Addresses
from fedblog.domain.blog import Author, Blog
from fedblog.domain.ids import new_id
from fedblog.publishing.site import Site
from fedblog.publishing.tokens import issue
from fedblog.serving import KEEP_ALIVE_SECONDS, protocol
from fedblog.settings import Settings
from fedblog.signatures import keys as signature_keys
from fedblog.storage import authors, blogs, keys
from fedblog.storage import server as server_rows
from fedblog.storage.store import Store


@dataclass
class Server:
    """A server under test."""

    site: Site
    base_url: str
    http: httpx.AsyncClient

    async def token(self) -> str:
        """A token of the owner."""
        return (await issue(self.site.store, "Owner")).token

    async def api(self, method: str, path: str, **keywords: Any) -> httpx.Response:
        """Call the API as the owner; *path* below /api/v1."""
        if "Authorization" not in self.http.headers:
            self.http.headers["Authorization"] = f"Bearer {await self.token()}"
        return await self.http.request(method, f"/api/v1{path}", **keywords)

    async def publish(self, title: str = "On rivers", **fields: Any) -> dict[str, Any]:
        """Publish a post through the API; gives the API's answer."""
        body = {"title": title, "content": "Water finds its way.", "status": "published"} | fields
        answer = await self.api("POST", "/posts", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def comments(self, post: dict[str, Any]) -> list[dict[str, Any]]:
        """The comments of a post as the API lists them."""
        answer = await self.api("GET", f"/posts/{post['id']}/comments")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    async def counts(self, post: dict[str, Any]) -> dict[str, int]:
        """The counts of a post."""
        return (await self.api("GET", f"/posts/{post['id']}")).json()["counts"]

    async def anonymous(self, path: str, **headers: str) -> httpx.Response:
        """GET *path* as a reader."""
        async with httpx.AsyncClient(
            base_url=self.base_url, timeout=PATIENCE, verify=False
        ) as reader:
            return await reader.get(path, headers=headers)

    @property
    def inbox(self) -> str:
        """The shared inbox."""
        return f"{self.base_url}/ap/inbox"

    async def eventually(self, check: Callable[[], Awaitable[Any]]) -> Any:
        """What *check* gives once it is truthy; AssertionError if it never is."""
        return await eventually(check, pause=0.02)


def listening_socket(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A socket that listens on a port, a free one if none is given."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(256)
    return listener


@cache
def key_pairs() -> list[tuple[str, str, str, str]]:
    """(fragment, kind, private PEM, public PEM): one pair of each kind for all actors of a run,
    because making them takes its time."""
    rsa, ed25519 = signature_keys.generate_rsa(), signature_keys.generate_ed25519()
    return [("main-key", "rsa", *rsa), ("ed25519-key", "ed25519", *ed25519)]


async def found(settings: Settings) -> None:
    """Put the blog and the owner of a first start into an empty database."""
    now = datetime.now(UTC)
    addresses = Addresses(settings.base_url, "blog", settings.handle_host)
    blog = Blog(1, "blog", "Our group blog", "", "Our group blog", "", "en", "UTC", now, now)
    owner = Author(new_id(), 1, "owner", "Owner", "", "", "", None, "owner", now, now)
    pairs = [
        keys.StoredKey(who, *pair)
        for who in ("blog", "readers", "instance", owner.id)
        for pair in key_pairs()
    ]

    def unit(connection: Connection) -> None:
        if blogs.first(connection) is not None:
            return
        blogs.insert_blog(connection, blog)
        authors.insert_author(connection, owner)
        keys.insert_keys(connection, blog.id, pairs, now)
        server_rows.put(connection, "base_url", addresses.base_url)
        server_rows.put(connection, "handle", addresses.handle)
        server_rows.put(connection, "handle_host", addresses.handle_host)

    store = await Store.open(settings.database, listen=False)
    await store.write(unit)
    await store.close()


class _Uvicorn(uvicorn.Server):
    """Stops when it is told to, not at its next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)  # sets the Date header
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # uvicorn's own pauses for a tenth of a second, which hundreds of tests need not.
        for listening in self.servers:
            listening.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()


@asynccontextmanager
async def serving(app: Any, listener: socket.socket, **how: Any) -> AsyncIterator[None]:
    """Serve an ASGI application on *listener* in this event loop; *how* is for uvicorn."""
    given = {"access_log": False, "timeout_keep_alive": KEEP_ALIVE_SECONDS} | how
    config = uvicorn.Config(app, lifespan="off", log_level="warning", **given)
    uvicorn_server = _Uvicorn(config)
    task = asyncio.create_task(uvicorn_server.serve(sockets=[listener]))
    while not uvicorn_server.started:
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        uvicorn_server.should_exit = True
        uvicorn_server.force_exit = True
        uvicorn_server.stop.set()
        await task


@asynccontextmanager
async def running_server(settings: Settings) -> AsyncIterator[Server]:
    """A server for *settings*, whose base URL becomes the socket's own."""
    listener = listening_socket()
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = settings.model_copy(update={"base_url": base_url})
    await found(settings)
    async with (
        running(settings) as (site, app),
        serving(app, listener, **protocol(settings)),
        httpx.AsyncClient(base_url=base_url, timeout=PATIENCE, verify=False) as http,
    ):
        yield Server(site, base_url, http)


@pytest.fixture
async def site(settings: Settings, database_url: str) -> AsyncIterator[Site]:
    """An open Site without loops."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings = settings.model_copy(update={"database_url": database_url})
    await found(settings)
    async with open_site(settings) as opened:
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
    crowd = People(f"http://127.0.0.1:{listener.getsockname()[1]}")
    async with crowd, serving(crowd, listener):
        yield crowd
