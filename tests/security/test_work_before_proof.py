"""What nobody vouches for costs the server little; what somebody does is bounded and done aside.

Bodies and heads here are as dear to read as a sender can make them; they come unsigned, signed by a
key that is not the actor's, and by a bad account of an honest server.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.cost import UNIT, least_units_of_loop
from support.people import People
from support.servers import Server, running_server
from support.waiting import PATIENCE

from fedblog.settings import Settings

LONG = 900_000


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "mallory"):
        people.add(name)
    post = await server.publish()
    await people.post(
        server.inbox, people.activity("Like", "ann", post["activitypub_id"]), by="ann"
    )
    return post


def several(note: dict[str, Any], count: int = 5, **changed: Any) -> list[dict[str, Any]]:
    return [note | {"id": f"{note['id']}-{place}"} | changed for place in range(count)]


Change = Callable[[dict[str, Any]], Any]
DEAR: dict[str, Change] = {
    "Markdown": lambda n: several(n, content="![*" * 3_500, mediaType="text/markdown"),
    "pictures": lambda n: several(n, content=("<img " + "a" * 2990 + ">") * 30),
    "open tags": lambda n: n | {"content": "<b><i><p>" * 20_000},
    "entities": lambda n: n | {"content": "&a" * 50_000},
    "attributes": lambda n: n | {"content": "<p " + "a=b " * 25_000 + ">"},
    "a name": lambda n: n | {"name": "é" * (LONG // 2), "summary": "<b>" * 10_000},
    "objects": lambda n: several(n, 700, content="", tag=[{"type": "Hashtag", "name": "#a"}] * 2),
    "emoji": lambda n: n | {"tag": [{"type": "Emoji", "name": ":a:", "icon": "x"}] * 1000},
    "answers": lambda n: n | {"type": "Question", "oneOf": [{"name": "x" * 800}] * 1000},
    "lists": lambda n: n | {"x": [[[]] * 1000] * 340},
    "numbers": lambda n: n | {"x": [[1.5] * 1000] * 140},
    "NUL": lambda n: n | {"x": ["\0" * 100] * 1000},
    "texts": lambda n: n | {"x": ["\\" * 900] * 500},
    "nested activities": lambda n: {"type": "Undo", "object": {"type": "Undo", "object": [n] * 90}},
}


@pytest.mark.parametrize("name", DEAR)
async def test_s17_what_is_not_proven_costs_the_loop_little(
    server: Server, people: People, post: dict[str, Any], name: str
) -> None:
    note = people.note("ann", post["activitypub_id"], "<p>x</p>")
    body = json.dumps(people.activity("Create", "ann", DEAR[name](note))).encode()
    key = f"{people.uri('ann')}#main-key"
    unsigned = {"content-type": "application/activity+json"}
    forged = people.signed_headers("mallory", server.inbox, body, key_id=key)
    statuses = []

    async def send() -> None:
        for headers in (unsigned, forged):
            statuses.append((await people.post_raw(server.inbox, body, headers)).status_code)

    # Sending them, and their digest, costs the test as much as the server.
    assert await least_units_of_loop(send) < 15
    assert statuses[0] == 401
    assert statuses[1] in (400, 401, 413)
    assert await server.comments(post) == []


@pytest.mark.parametrize("name", DEAR)
async def test_s17_what_a_known_person_sends_is_bounded(
    server: Server, people: People, post: dict[str, Any], name: str
) -> None:
    note = people.note("ann", post["activitypub_id"], "<p>x</p>")
    activity = people.activity("Create", "ann", DEAR[name](note))
    begun = time.process_time()
    answer = await people.post(server.inbox, activity, by="ann")
    assert (time.process_time() - begun) / UNIT < 60
    assert answer.status_code in (202, 400, 413)


@pytest.mark.parametrize("written", ["text/markdown", "Text/MarkDown", "text/\\u006darkdown"])
async def test_markdown_is_read_in_another_process_however_its_type_is_written(
    server: Server, people: People, post: dict[str, Any], written: str
) -> None:
    people.add("ann")
    note = people.note("ann", post["activitypub_id"], "*Well*", mediaType="TYPE")
    activity = people.activity("Create", "ann", note)
    body = json.dumps(activity).replace("TYPE", written).encode()
    headers = people.signed_headers("ann", server.inbox, body)
    assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
    assert server.site.texts.pid is not None
    assert "<em>Well</em>" in (await server.comments(post))[0]["content"]


async def test_dear_text_is_read_in_another_process(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    text = "A [link](https://a.example) *by*. " * 250
    kind = {"mediaType": "text/markdown"}
    notes = [people.note("ann", post["activitypub_id"], text, **kind) for _ in range(10)]

    async def send() -> None:
        for note in notes:
            activity = people.activity("Create", "ann", note)
            assert (await people.post(server.inbox, activity, by="ann")).status_code == 202

    assert server.site.texts.pid is None
    await send()
    assert server.site.texts.pid is not None
    comments = await server.comments(post)
    assert [comment["content"].count("by") for comment in comments] == [250] * 10


async def test_reply_longer_than_a_text_may_be_is_refused_and_where_it_is_fetched_left_out(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    note = people.note("ann", post["activitypub_id"], "<p>word</p>" * 10_000)
    answer = await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    assert answer.status_code == 413
    assert "longer than 100000 characters" in answer.json()["detail"]
    people.publish(urlsplit(note["id"]).path, note)
    by_id = people.activity("Create", "ann", note["id"])
    assert (await people.post(server.inbox, by_id, by="ann")).status_code == 202

    async def was_fetched() -> bool:
        return any(entry[:2] == ("GET", urlsplit(note["id"]).path) for entry in people.requests)

    await server.eventually(was_fetched)
    short = people.note("ann", post["activitypub_id"], "<p>Short.</p>")
    assert (
        await people.post(server.inbox, people.activity("Create", "ann", short), by="ann")
    ).status_code == 202
    assert [c["content"] for c in await server.comments(post)] == ["<p>Short.</p>"]


async def test_too_many_long_texts_at_once_are_to_come_again(
    settings: Settings, sqlite_url: str, people: People
) -> None:
    settings.data_dir.mkdir()
    narrow = {"database_url": sqlite_url, "text_waiting": 1, "text_waiting_each": 1}
    async with running_server(settings.model_copy(update=narrow)) as server:
        people.add("ann")
        post = await server.publish()
        texts = [
            people.note("ann", post["activitypub_id"], "![*" * 3300, mediaType="text/markdown")
            for _ in range(12)
        ]
        activities = [people.activity("Create", "ann", note) for note in texts]
        await people.post(server.inbox, people.activity("Like", "ann", texts[0]["id"]), by="ann")
        answers = await asyncio.gather(
            *(people.post(server.inbox, activity, by="ann") for activity in activities)
        )
        refused = [answer for answer in answers if answer.status_code == 503]
        assert refused
        assert int(refused[0].headers["retry-after"]) > 0
        assert {answer.status_code for answer in answers} == {202, 503}
        for activity in activities:
            assert (await people.post(server.inbox, activity, by="ann")).status_code == 202
        assert len(await server.comments(post)) == 12


async def test_unsigned_post_is_refused_before_its_body_has_come(server: Server) -> None:
    place = urlsplit(server.base_url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(
        b"POST /ap/inbox HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n"
        b"content-type: application/activity+json\r\n\r\n{"
    )
    async with asyncio.timeout(PATIENCE):
        assert b" 401 " in await reader.readline()
    writer.close()


HEADS = {
    "blanks": {"signature": 'keyId="x"' + " " * 8000 + "x"},
    "labels": {
        "signature-input": ",".join(f's{n}=("@method");created=1' for n in range(260)),
        "signature": "s0=:AAAA:",
    },
    "digests": {"signature": 'keyId="x",signature="AAAA"', "digest": "SHA-256=A," * 700},
    "a long date": {"signature": 'keyId="x",signature="AAAA"', "date": "1 " * 4000 + "1"},
    "a long type": {"content-type": "application/activity+json;" + "a=b;" * 2000},
}


@pytest.mark.parametrize("name", HEADS)
async def test_s17_head_costs_little_whatever_it_says(server: Server, name: str) -> None:
    async def send() -> None:
        headers = {"content-type": "application/activity+json"} | HEADS[name]
        answer = await server.http.post("/ap/inbox", content=b"{}", headers=headers)
        assert answer.status_code in (401, 431)

    assert await least_units_of_loop(send) < 10


async def test_actor_of_large_parts_costs_the_loop_little(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    pem = "-----BEGIN PUBLIC KEY-----\n" * 300
    names = [f"bomb{number}" for number in range(3)]
    for name in names:
        uri = people.uri(name)
        large = {
            "name": "\u202e" * 100_000,
            "summary": "<b>&" * 30_000,
            "preferredUsername": "x" * 100_000,
            "assertionMethod": [
                {"id": f"{uri}#{place}", "controller": uri, "publicKeyPem": pem}
                for place in range(20)
            ],
            "alsoKnownAs": [f"https://one.example/{place}" for place in range(900)],
        }
        people.publish(urlsplit(uri).path, people.actor_document(name) | large)
    bombs = iter(names)

    async def send() -> None:  # a new one each time: a known actor costs nothing
        name = next(bombs)
        like = people.activity("Like", name, post["activitypub_id"])
        assert (await people.post(server.inbox, like, by=name)).status_code == 202

    assert await least_units_of_loop(send) < 15


async def test_large_activities_that_wait_for_keys_are_bounded_in_bytes(
    settings: Settings, sqlite_url: str, people: People
) -> None:
    settings.data_dir.mkdir()
    narrow = {"database_url": sqlite_url, "unproven_bytes": 50_000}
    asked = asyncio.Event()

    async def says_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            await reader.read()

    silent = await asyncio.start_server(says_nothing, "127.0.0.3", 0)
    key = f"http://127.0.0.3:{silent.sockets[0].getsockname()[1]}/users/zoe#main-key"
    async with running_server(settings.model_copy(update=narrow)) as server:
        people.add("ann")

        async def send(size: int, key_id: str | None) -> int:
            note = people.note("ann", server.base_url, "x" * size)
            activity = people.activity("Create", "ann", note)
            return (await people.post(server.inbox, activity, by="ann", key_id=key_id)).status_code

        waiting = asyncio.create_task(send(30_000, key))
        await asyncio.wait_for(asked.wait(), PATIENCE)
        assert await send(30_000, key.replace("zoe", "zed")) == 503
        assert await send(3000, None) == 202
        assert await send(30_000, None) == 202
        waiting.cancel()
    silent.close()


async def test_key_id_longer_than_any_id_is_asked_for_and_remembered_nowhere(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    for length, times in ((1025, 0), (1024, 1)):
        address = f"{people.base_url}/".ljust(length, "k")
        path = address[len(people.base_url) :]
        like = people.activity("Like", "mallory", post["activitypub_id"])
        answer = await people.post(server.inbox, like, by="mallory", key_id=address)
        assert answer.status_code == 401
        assert [asked for _, asked, _ in people.requests].count(path) == times
        proof = {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "proofPurpose": "assertionMethod",
            "verificationMethod": f"{address[:-1]}x",
            "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "proofValue": "z" + "2" * 80,
        }
        like = people.activity("Like", "ann", post["activitypub_id"]) | {"proof": proof}
        assert (await people.post(server.inbox, like, by="mallory")).status_code == 202
        assert [asked for _, asked, _ in people.requests].count(f"{path[:-1]}x") == times
