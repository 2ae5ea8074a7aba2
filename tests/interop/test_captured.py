"""Recorded conversations with a server made with Fedify, replayed without node.

What Fedify sent is given to fedblog again, at the recorded moments, while a small server on the
recorded address gives out what Fedify gave out. What fedblog sent, and Fedify took, is made again
from the recorded keys and moments: signatures and proofs must come out the same, byte for byte.
`record.py` makes the recordings anew.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine
from interop.recording import CAPTURED, Exchange, Recording
from sqlalchemy import Connection
from support.servers import Server, listening_socket, serving
from support.waiting import PATIENCE

from fedblog.activitystreams.vocabulary import PUBLIC
from fedblog.app import running
from fedblog.domain.blog import Author, Blog
from fedblog.domain.post import Byline, CommentPolicy, Post, PostStatus
from fedblog.federation import deliver
from fedblog.remote import schemes
from fedblog.settings import Settings
from fedblog.signatures import keys as signature_keys
from fedblog.signatures import proofs
from fedblog.signatures.errors import InvalidSignatureError
from fedblog.signatures.keys import SigningKey
from fedblog.storage import authors, blogs, keys, posts
from fedblog.storage import server as server_rows
from fedblog.storage.store import Store

RECORDINGS = sorted(CAPTURED.glob("*.json"))


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    path: Path = request.param
    return Recording.load(path)


class Remembering:
    """Fedify as it was: an ASGI application that gives the recorded answers."""

    def __init__(self, recording: Recording) -> None:
        self.posted: list[dict[str, Any]] = []
        self._answers = {
            exchange.target: exchange
            for exchange in recording.exchanges
            if exchange.to == "fedify" and exchange.method == "GET" and exchange.status == 200
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, kind, answer = 404, "text/plain", ""
        if scope["method"] == "POST":
            self.posted.append(json.loads(body))
            status = 202
        elif (known := self._answers.get(scope["path"])) is not None:
            status, answer = 200, known.answer_body
            kind = next(value for name, value in known.answer_headers if name == "content-type")
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encode()})


async def found_as_recorded(settings: Settings, recording: Recording) -> None:
    """Put the recorded blog, its keys and the post that was talked about into the database."""
    at = datetime.fromisoformat(recording.post["published_at"])
    [byline] = recording.post["authors"]
    blog = Blog(1, "blog", "Our group blog", "", "Our group blog", "", "en", "UTC", at, at)
    owner = Author(
        byline["id"], 1, byline["handle"], byline["name"], "", "", "", None, "owner", at, at
    )
    post = Post(
        id=recording.post["id"],
        blog_id=1,
        version=1,
        status=PostStatus.PUBLISHED,
        title=recording.post["title"],
        slug=recording.post["slug"],
        path=recording.post["url"].removeprefix(recording.fedblog),
        content_source=recording.post["content"],
        content_format=recording.post["content_format"],
        content_html=recording.post["content_html"],
        summary=None,
        excerpt=recording.post["excerpt"],
        language="en",
        voice=recording.post["voice"],
        comments=CommentPolicy.OPEN,
        featured_media=None,
        tags=(),
        categories=(),
        bylines=(Byline(owner.name, owner.id, owner.handle),),
        created_at=at,
        updated_at=at,
        published_at=at,
    )

    def unit(connection: Connection) -> None:
        blogs.insert_blog(connection, blog)
        authors.insert_author(connection, owner)
        keys.insert_keys(connection, 1, [keys.StoredKey(*key) for key in recording.keys], at)
        server_rows.put(connection, "base_url", recording.fedblog)
        server_rows.put(connection, "handle", "blog")
        server_rows.put(connection, "handle_host", recording.fedblog.removeprefix("http://"))
        posts.insert_post(connection, post, posts.Terms())

    store = await Store.open(settings.database, listen=False)
    await store.write(unit)
    await store.close()


async def _listening(address: str) -> Any:
    """A socket on the recorded address; another run that replays just now is waited for."""
    host, _, port = address.removeprefix("http://").partition(":")
    for _ in range(300):
        try:
            return listening_socket(host, int(port))
        except OSError:
            await asyncio.sleep(0.1)
    raise AssertionError(f"{address} is taken by another program")


class Replay:
    """A fedblog as it was recorded, and the server it talked with."""

    def __init__(self, server: Server, peer: Remembering) -> None:
        self.server, self.peer = server, peer

    async def ask(self, exchange: Exchange, *, body: str | None = None) -> httpx.Response:
        """Send a recorded request as it came, with another *body* where one is given."""
        return await self.server.http.request(
            exchange.method,
            exchange.target,
            headers=list(exchange.headers),
            content=(exchange.body if body is None else body).encode(),
        )


@asynccontextmanager
async def replaying(recording: Recording, settings: Settings) -> AsyncIterator[Replay]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings = settings.model_copy(update={"base_url": recording.fedblog})
    await found_as_recorded(settings, recording)
    peer = Remembering(recording)
    async with (
        serving(peer, await _listening(recording.fedify)),
        running(settings) as (site, app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=recording.fedblog, timeout=PATIENCE
        ) as http,
    ):
        yield Replay(Server(site, recording.fedblog, http), peer)


async def shown(replay: Replay, recording: Recording) -> dict[str, Any]:
    """What fedblog shows, in the words of record.py."""
    server = replay.server
    followers = (await server.api("GET", "/followers")).json()["items"]
    return {
        "followers": [item["actor"] for item in followers],
        "counts": await server.counts(recording.post),
        "comments": [
            {
                "activitypub_id": comment["activitypub_id"],
                "content": comment["content"],
                "author": comment["author"]["name"],
                "in_reply_to": comment["in_reply_to"],
            }
            for comment in await server.comments(recording.post)
            if comment["activitypub_id"].startswith(recording.fedify)
        ],
    }


def to_fedblog(recording: Recording, method: str) -> list[Exchange]:
    return [e for e in recording.exchanges if (e.to, e.method) == ("fedblog", method)]


async def test_recorded_conversation_has_the_same_outcome(
    recording: Recording, settings: Settings, database_url: str
):
    settings = settings.model_copy(update={"database_url": database_url})
    with time_machine.travel(recording.exchanges[0].at) as clock:
        async with replaying(recording, settings) as replay:
            for step in recording.steps:
                for exchange in step.exchanges:
                    if exchange.to != "fedblog":
                        continue
                    clock.move_to(exchange.at)
                    answer = await replay.ask(exchange)
                    assert answer.status_code == exchange.status, (step.name, answer.text)
                    if exchange.method == "GET":
                        then, now = json.loads(exchange.answer_body), answer.json()
                        assert (now["id"], now["type"]) == (then["id"], then["type"])
                        assert now["publicKey"] == then["publicKey"]
                        assert now["assertionMethod"] == then["assertionMethod"]

                async def as_recorded(expected: Any = step.shows) -> bool:
                    return await shown(replay, recording) == expected

                await replay.server.eventually(as_recorded)
            accepts = [a for a in replay.peer.posted if a["type"] == "Accept"]
            assert [a["object"]["type"] for a in accepts] == ["Follow"]


async def test_recorded_requests_are_refused_when_changed_or_late(
    recording: Recording, settings: Settings, sqlite_url: str
):
    settings = settings.model_copy(update={"database_url": sqlite_url})
    follow = to_fedblog(recording, "POST")[0]
    changed = follow.body.replace("Follow", "Block ")
    assert changed != follow.body
    with time_machine.travel(follow.at) as clock:
        async with replaying(recording, settings) as replay:
            assert (await replay.ask(follow, body=changed)).status_code in (400, 401)
            clock.move_to(follow.at + timedelta(days=2))
            assert (await replay.ask(follow)).status_code == 401
            clock.move_to(follow.at)
            assert (await replay.ask(follow)).status_code == 202


def test_requests_that_fedify_took_are_signed_the_same_today(recording: Recording):
    sent = [e for e in recording.exchanges if (e.to, e.method, e.status) == ("fedify", "POST", 202)]
    assert {json.loads(e.body)["type"] for e in sent} >= {"Accept", "Create"}
    for exchange in sent:
        key_id = json.loads(exchange.body)["actor"] + "#main-key"
        key = SigningKey(key_id, signature_keys.load_private(recording.private_key(key_id)))
        url = f"{recording.fedify}{exchange.target}"
        scheme = schemes.RFC9421 if exchange.header("signature-input") else schemes.CAVAGE
        assert scheme == (schemes.CAVAGE if exchange.header("digest") else schemes.RFC9421)
        parcel = deliver.Parcel.of("blog", exchange.body.encode())
        made = deliver.sign(url, parcel, key, exchange.header("date"), scheme).headers
        for name, value in made.items():
            assert exchange.header(name.lower()) == value, name


def test_proofs_that_fedify_verified_are_made_the_same_today(recording: Recording):
    sent = [e for e in recording.exchanges if (e.to, e.method) == ("fedify", "POST")]
    documents = [json.loads(exchange.body) for exchange in sent]
    public = [d for d in documents if PUBLIC in d.get("to", []) + d.get("cc", [])]
    assert public
    for document in public:
        key_id = proofs.verification_method(document)
        created = proofs.created_at(document)
        assert key_id is not None, document["type"]
        assert created is not None
        key = SigningKey(key_id, signature_keys.load_private(recording.private_key(key_id)))
        without = {name: value for name, value in document.items() if name != "proof"}
        assert proofs.add(without, key, created) == document


def test_proofs_of_fedify_hold_beside_its_linked_data_signatures(recording: Recording):
    ann = next(
        json.loads(e.answer_body)
        for e in recording.exchanges
        if e.to == "fedify" and e.target == "/people/ann" and e.status == 200
    )
    multikeys = {item["id"]: item["publicKeyMultibase"] for item in ann["assertionMethod"]}
    sent = [json.loads(e.body) for e in to_fedblog(recording, "POST")]
    assert all("signature" in document for document in sent)
    for document in sent:
        method = proofs.verification_method(document)
        assert method is not None
        _, pem = signature_keys.pem_from_multibase(multikeys[method])
        now = proofs.created_at(document)
        proofs.verify(document, signature_keys.load_public(pem), now=now)
        for name in ("actor", "object"):
            changed = document | {name: "https://elsewhere.example/"}
            with pytest.raises(InvalidSignatureError):
                proofs.verify(changed, signature_keys.load_public(pem), now=now)
