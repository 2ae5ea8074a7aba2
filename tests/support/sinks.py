"""Inboxes on real sockets that misbehave on demand, and a Site without a web server to send to
them.

``sink``       A Sink listening on 127.0.0.1.
``open_site``  ``await open_site()``: a Site on the test's database, as a new process would have
               it; the first one founds the blog. Closed at the end.
"""

import asyncio
import base64
import contextlib
import functools
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from sqlalchemy import Connection, func, insert, select, update

from fedblog.domain.addresses import Addresses
from fedblog.domain.ids import new_id
from fedblog.publishing import outbox
from fedblog.publishing.keyring import KeyRing
from fedblog.publishing.site import Site
from fedblog.remote.actors import ActorDirectory
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings
from fedblog.storage import inboxes as inbox_rows
from fedblog.storage.changes import Change, record
from fedblog.storage.store import Store
from fedblog.storage.tables import blogs, deliveries, followers, inboxes, keys

NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
CLOSE = "close"
HANG = "hang"


@functools.cache
def blog_key() -> rsa.RSAPrivateKey:
    """The blog's RSA key, made once for the run."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Received:
    """A request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def check_signature(self, key_id: str) -> None:
        """Check Signature and Digest by the text of draft-cavage; raises where they do not hold."""
        parameters = dict(
            part.rstrip('"').split('="', 1) for part in self.headers["signature"].split('",')
        )
        assert parameters["keyId"] == key_id
        assert parameters["headers"] == "(request-target) host date digest"
        digest = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
        assert self.headers["digest"] == f"SHA-256={digest}"
        lines = [
            f"(request-target): {self.method.lower()} {self.target}",
            *(f"{name}: {self.headers[name]}" for name in ("host", "date", "digest")),
        ]
        blog_key().public_key().verify(
            base64.b64decode(parameters["signature"]),
            "\n".join(lines).encode(),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )

    def check_message_signature(self, key_id: str, base_url: str) -> None:
        """Check Signature-Input and Content-Digest by the text of RFC 9421 and RFC 9530; raises
        where they do not hold."""
        label, _, parameters = self.headers["signature-input"].partition("=")
        covered = (
            '("@method" "@target-uri" "content-digest")'
            if self.body
            else ('("@method" "@target-uri")')
        )
        head, created, named = parameters.split(";")
        assert (head, named) == (covered, f'keyid="{key_id}"')
        assert abs(int(created.removeprefix("created=")) - datetime.now(UTC).timestamp()) < 60
        lines = [f'"@method": {self.method}', f'"@target-uri": {base_url}{self.target}']
        if self.body:
            digest = base64.b64encode(hashlib.sha256(self.body).digest()).decode()
            assert self.headers["content-digest"] == f"sha-256=:{digest}:"
            lines.append(f'"content-digest": sha-256=:{digest}:')
        lines.append(f'"@signature-params": {parameters}')
        encoded = self.headers["signature"].removeprefix(f"{label}=:").removesuffix(":")
        blog_key().public_key().verify(
            base64.b64decode(encoded),
            "\n".join(lines).encode(),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )


@dataclass
class Sink:
    """A server that takes POSTs. *script* says by target what it does, one entry a request: a
    status, (status, headers), CLOSE or HANG; afterwards, and without a script, it answers what
    *judge* says of the request, or 202."""

    base_url: str = ""
    received: list[Received] = field(default_factory=list)
    script: dict[str, deque[Any]] = field(default_factory=dict)
    judge: Callable[[Received], int] | None = None
    delay: float = 0.0
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    active: int = 0
    most_active: int = 0

    def plan(self, target: str, *steps: Any) -> str:
        """Do *steps* at *target*; gives the inbox's URL."""
        self.script[target] = deque(steps)
        return self.base_url + target

    def hang_up(self) -> None:
        """Close the connections of requests that hang."""
        self.ending.set()

    def at(self, target: str) -> list[Received]:
        """What came to *target*."""
        return [request for request in self.received if request.target == target]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        # Cancelled at the end of the test, which asyncio's streams would log as an error.
        ending = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*ending):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Received(method, target, headers, body)
        self.received.append(request)
        steps = self.script.get(target)
        judged = self.judge(request) if self.judge else 202
        step: Any = steps.popleft() if steps else judged
        if step == CLOSE:
            return False
        if step == HANG:
            await self.ending.wait()
            return False
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        await asyncio.sleep(self.delay)
        self.active -= 1
        status, extra = step if isinstance(step, tuple) else (step, {})
        answer = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n"
        answer += "".join(f"{name}: {value}\r\n" for name, value in extra.items())
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """A Sink on a free port of 127.0.0.1."""
    made = Sink()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


def found(connection: Connection) -> None:
    if connection.execute(select(func.count()).select_from(blogs)).scalar():
        return
    connection.execute(
        insert(blogs).values(
            id=1,
            handle="blog",
            title="Act Today",
            tagline="",
            group_name="Guestspeaker",
            about="",
            language="en",
            time_zone="UTC",
            created_at=NOW,
            updated_at=NOW,
        )
    )
    connection.execute(
        insert(keys).values(
            id=new_id(),
            blog_id=1,
            owner="blog",
            fragment="main-key",
            kind="rsa",
            private_pem=blog_key()
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode(),
            public_pem=blog_key()
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode(),
            created_at=NOW,
        )
    )


OpenSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def open_site(
    settings: Settings, open_store: Callable[..., Awaitable[Store]]
) -> AsyncIterator[OpenSite]:
    """Opens Sites on the test's database."""
    clients: list[RemoteClient] = []

    async def open_one(**changes: Any) -> Site:
        own = settings.model_copy(update=changes)
        store = await open_store()
        await store.write(found)
        addresses = Addresses("https://blog.example")
        client = RemoteClient(own, user_agent="fedblog test")
        clients.append(client)
        return Site(
            settings=own,
            store=store,
            addresses=addresses,
            blog_id=1,
            client=client,
            actors=ActorDirectory(own, store, client, addresses),
            keys=await KeyRing.load(store, addresses, 1),
        )

    yield open_one
    for client in clients:
        await client.close()


# --- units --------------------------------------------------------------------------------------


def add_followers(connection: Connection, urls: Sequence[str], owner: str = "blog") -> None:
    """One follower of *owner* for each of *urls*, which are their inboxes."""
    ids = inbox_rows.ensure(connection, set(urls))
    connection.execute(
        insert(followers),
        [
            {
                "blog_id": 1,
                "owner": owner,
                "actor_uri": f"https://{inbox_rows.host_of(url)}/users/{owner}-{number}",
                "inbox_id": ids[url],
                "created_at": NOW,
            }
            for number, url in enumerate(urls)
        ],
    )


def send_activity(
    connection: Connection,
    *,
    inboxes: Sequence[str] = (),
    followers_of: Sequence[str] = (),
    owner: str = "blog",
    type: str = "Create",
    now: datetime | None = None,
) -> str:
    """Record an activity to these recipients; gives its id."""
    activity_id = new_id()
    outgoing = outbox.Outgoing(
        owner=owner,
        type=type,
        document={"id": f"https://blog.example/ap/activities/{activity_id}", "type": type},
        activity_id=activity_id,
        is_public=True,
    )
    recipients = outbox.Recipients(tuple(followers_of), tuple(inboxes))
    outbox.record(connection, 1, outgoing, recipients, now or datetime.now(UTC))
    return activity_id


def hurry(connection: Connection) -> int:
    """Make every delivery that waits for its next try due now; gives how many wait."""
    record(connection, Change("deliveries"))
    return connection.execute(
        update(deliveries)
        .where(deliveries.c.state == "waiting")
        .values(next_at=datetime.now(UTC) - timedelta(seconds=1))
    ).rowcount


def states(connection: Connection) -> dict[str, Any]:
    """The deliveries' rows by the path of their inbox."""
    rows = connection.execute(
        select(deliveries, inboxes.c.url).join(inboxes, inboxes.c.id == deliveries.c.inbox_id)
    )
    return {"/" + row.url.split("/", 3)[3]: row for row in rows}


# --- running loops ---------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def running(loop: Any) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a job's loop for the time of the block, then cancel it as a shutdown does."""
    task = asyncio.create_task(loop.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
