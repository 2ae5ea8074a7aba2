"""The whole loop against a server process: out by signed delivery, back as a comment on a page, and
what lives on when the process is killed.

Outgoing signatures are checked here over a signing string built by this file from the text of
draft-cavage-http-signatures-12, section 2.3, with `cryptography`.
"""

import asyncio
import base64
import hashlib
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from support.authors import Author, follow, received
from support.commands import Served
from support.people import PUBLIC, People
from support.servers import listening_socket, serving
from support.waiting import PATIENCE, eventually

SOON, FAR = timedelta(seconds=2), timedelta(hours=1)


@asynccontextmanager
async def served_blog(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Author]:
    served = Served(tmp_path_factory.mktemp("blog"))
    await asyncio.to_thread(served.begin)
    author = Author(served)
    try:
        await author.log_in()
        yield author
    finally:
        await author.http.aclose()
        await asyncio.to_thread(served.__exit__)


def assert_signed(entry: dict[str, Any], actor: dict[str, Any], host: str) -> None:
    """A delivery is signed by *actor*'s published key over all that must be signed."""
    headers, body = entry["headers"], entry["body"]
    fields = dict(re.findall(r'(\w+)="([^"]*)"', headers["signature"]))
    assert fields["keyId"] == actor["publicKey"]["id"]
    assert actor["publicKey"]["owner"] == actor["id"]
    covered = fields["headers"].split(" ")
    assert {"(request-target)", "host", "date", "digest"} <= set(covered)
    assert headers["host"] == host
    assert (
        headers["digest"] == "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    )
    age = datetime.now(UTC) - parsedate_to_datetime(headers["date"])
    assert abs(age) < timedelta(minutes=1)
    lines = [
        f"(request-target): post {entry['path']}"
        if name == "(request-target)"
        else f"{name}: {headers[name]}"
        for name in covered
    ]
    key = load_pem_public_key(actor["publicKey"]["publicKeyPem"].encode())
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    key.verify(
        base64.b64decode(fields["signature"]),
        "\n".join(lines).encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


async def test_article_goes_out_signed_and_its_reply_stands_on_the_page(
    tmp_path_factory: pytest.TempPathFactory, people: People
) -> None:
    async with served_blog(tmp_path_factory) as author:
        base_url = author.served.base_url
        await follow(people, author, "ann")
        async with httpx.AsyncClient(timeout=PATIENCE) as reader:
            asked = await reader.get(
                f"{base_url}/ap/blog", headers={"accept": "application/activity+json"}
            )
            blog = asked.json()
            (accept,) = received(people, "Accept")
            assert_signed(accept, blog, people.base_url.partition("//")[2])

            post = (await author.post("On rivers")).json()
            await eventually(lambda: received(people, "Create"))
            (create,) = received(people, "Create")
            assert_signed(create, blog, people.base_url.partition("//")[2])
            article = create["json"]["object"]
            assert create["path"] == "/inbox"
            assert create["json"]["actor"] == article["attributedTo"] == blog["id"]
            assert article["type"] == "Article"
            assert article["id"] == post["activitypub_id"]
            assert PUBLIC in article["to"] + article["cc"]
            assert "Water finds its way." in article["content"]

            note = people.note("ann", article["id"], "<p>Every river does.</p>")
            reply = people.activity("Create", "ann", note)
            assert (await people.post(f"{base_url}/ap/inbox", reply, by="ann")).status_code == 202
            page = (await reader.get(article["url"])).text
            assert "Every river does." in page
            assert people.base_url.partition("//")[2].partition(":")[0] in page
            assert "One thought on" in page

            changed = note | {
                "content": "<p>Most rivers do.</p>",
                "updated": (datetime.now(UTC) + timedelta(seconds=1)).isoformat(),
            }
            update = people.activity("Update", "ann", changed)
            assert (await people.post(f"{base_url}/ap/inbox", update, by="ann")).status_code == 202
            page = (await reader.get(article["url"])).text
            assert "Every river does." not in page
            assert "Most rivers do." in page


# --- over a restart ------------------------------------------------------------------------------


class Peer:
    """A second server that can be down, or take requests and never answer."""

    def __init__(self, host: str) -> None:
        listener = listening_socket(host)
        self._port = listener.getsockname()[1]
        self._host = host
        self._listener = listener
        self._hangs = False
        self._stack = AsyncExitStack()
        self.waiting = 0
        self.people = People(f"http://{host}:{self._port}")

    async def __aenter__(self) -> "Peer":
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()
        await self.people.__aexit__(None, None, None)

    async def up(self) -> None:
        """Answer."""
        self._hangs = False
        await self._stack.enter_async_context(serving(self, self._listener))

    async def down(self) -> None:
        """Refuse connections."""
        await self._stack.aclose()
        self._listener.close()

    async def up_again(self) -> None:
        """Answer at the same address as before."""
        listener = listening_socket(self._host, self._port)
        self._listener = listener
        await self.up()

    def hang(self) -> None:
        """Take requests, answer none."""
        self._hangs = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._hangs:
            self.waiting += 1
            await asyncio.sleep(3600)
        await self.people(scope, receive, send)


@dataclass
class Story:
    """What happened around a kill -9."""

    author: Author
    steady: People
    down: People
    hanging: People
    first_answer: dict[str, Any] = field(default_factory=dict)
    second_answer: dict[str, Any] = field(default_factory=dict)
    answer_after: dict[str, Any] = field(default_factory=dict)
    before_the_kill: list[str] = field(default_factory=list)
    tries_while_down: list[dict[str, Any]] = field(default_factory=list)
    due: dict[str, datetime] = field(default_factory=dict)


@pytest.fixture(scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    """A blog with followers on three servers: one steady, one that goes down, one that hangs. Its
    process is killed while posts are scheduled and deliveries under way, and started again."""
    async with (
        served_blog(tmp_path_factory) as author,
        Peer("127.0.0.2") as steady,
        Peer("127.0.0.3") as down,
        Peer("127.0.0.4") as hanging,
    ):
        told = Story(author, steady.people, down.people, hanging.people)
        for peer in (steady, down, hanging):
            await follow(peer.people, author, "ann")

        told.first_answer = (await author.post("Once", key="k-1")).json()
        told.second_answer = (await author.post("Once", key="k-1")).json()
        await eventually(lambda: all(received(p.people, "Create") for p in (steady, down, hanging)))

        now = datetime.now(UTC)
        for title, wait in (("In time", SOON), ("While dead", FAR), ("Afterwards", 2 * FAR)):
            told.due[title] = now + wait
            await author.post(title, status="scheduled", publish_at=(now + wait).isoformat())
        await eventually(lambda: received(steady.people, "Create", "In time"))
        told.before_the_kill = [
            e["json"]["object"]["name"] for e in received(steady.people, "Create")
        ]

        await down.down()
        hanging.hang()
        missed = (await author.post("Missed")).json()
        await eventually(lambda: hanging.waiting)

        async def tried() -> list[dict[str, Any]]:
            answer = await author.http.get(f"/api/v1/deliveries?post={missed['id']}")
            return [item for item in answer.json()["items"] if item["attempts"]]

        told.tries_while_down = [
            item
            for item in await eventually(
                lambda: _found(tried, lambda items: any("127.0.0.3" in i["inbox"] for i in items))
            )
            if "127.0.0.3" in item["inbox"]
        ]
        author.served.kill()

        await down.up_again()
        await hanging.down()
        await hanging.up_again()
        told.due["While dead"] = datetime.now(UTC) - SOON
        told.due["Afterwards"] = datetime.now(UTC) + 2 * SOON
        _let_time_pass(author.served, told.due)
        await asyncio.to_thread(author.served.begin)
        told.answer_after = (await author.post("Once", key="k-1")).json()
        yield told


async def _found(
    load: Callable[[], Awaitable[list[Any]]], check: Callable[[list[Any]], bool]
) -> list[Any]:
    items = await load()
    return items if check(items) else []


def _let_time_pass(served: Served, due: dict[str, datetime]) -> None:
    """Deliveries that failed are due, as they are when their minute has passed, and the hours until
    scheduled posts are *due* have passed too."""
    connection = sqlite3.connect(served.folder / "data" / "fedblog.sqlite3")
    with connection:
        connection.execute(
            "UPDATE deliveries SET next_at = '2001-01-01 00:00:00.000000' "
            "WHERE state = 'waiting' AND attempts > 0"
        )
        for title in ("While dead", "Afterwards"):
            stamp = due[title].strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute("UPDATE posts SET publish_at = ? WHERE title = ?", (stamp, title))
    connection.close()


async def test_scheduled_posts_go_out_at_their_time_also_after_a_restart(story: Story) -> None:
    assert story.before_the_kill == ["Once", "In time"]
    for title in ("While dead", "Afterwards"):
        await eventually(lambda title=title: received(story.steady, "Create", title))
    for title in ("In time", "While dead", "Afterwards"):
        (create,) = received(story.steady, "Create", title)
        published = datetime.fromisoformat(create["json"]["object"]["published"])
        assert published >= story.due[title].replace(microsecond=0)


async def test_idempotency_key_publishes_once_also_after_a_restart(story: Story) -> None:
    assert story.first_answer == story.second_answer == story.answer_after
    assert len(await story.author.titled("Once")) == 1
    for people in (story.steady, story.down, story.hanging):
        assert len(received(people, "Create", "Once")) == 1


async def test_delivery_that_failed_arrives_after_a_restart(story: Story) -> None:
    (tried,) = story.tries_while_down
    assert tried["state"] == "waiting"
    assert tried["last_error"]
    assert datetime.fromisoformat(tried["next_attempt_at"]) > datetime.now(UTC)
    await eventually(lambda: received(story.down, "Create", "Missed"))


async def test_delivery_that_was_under_way_at_a_kill_arrives_after_the_restart(
    story: Story,
) -> None:
    await eventually(lambda: received(story.hanging, "Create", "Missed"))
    # Whether the kill came before or after its result was written, it is the same activity.
    assert len({entry["json"]["id"] for entry in received(story.steady, "Create", "Missed")}) == 1
    for title in ("While dead", "Afterwards"):  # and what came after it
        await eventually(lambda title=title: received(story.hanging, "Create", title))
