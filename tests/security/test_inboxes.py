"""What comes to an inbox with bad intent: security cases of its door and of what lies behind it."""

import asyncio
import base64
import dataclasses
import gzip
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from sqlalchemy import Column, Connection, select
from support.people import PUBLIC, People, key_of
from support.servers import Server, listening_socket, running_server, serving
from support.waiting import PATIENCE

from fedblog.activitystreams.reading import read_activity
from fedblog.federation.batch import Batcher, process
from fedblog.federation.facts import Incoming
from fedblog.settings import Settings
from fedblog.storage import tables


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "mallory"):
        people.add(name)
    return await server.publish()


@pytest.fixture
async def others() -> AsyncIterator[People]:
    """People on a third server, of another host."""
    listener = listening_socket("127.0.0.2")
    crowd = People(f"http://127.0.0.2:{listener.getsockname()[1]}")
    async with crowd, serving(crowd, listener):
        yield crowd


def reply(people: People, post: dict[str, Any], name: str = "ann", **how: Any) -> dict[str, Any]:
    note = people.note(name, post["activitypub_id"], "<p>Well said.</p>", **how)
    return people.activity("Create", name, note)


async def followups_end(server: Server) -> None:
    """Return once no follow-up job waits."""

    async def none_waits() -> bool:
        return await stored(server, tables.jobs.c.id) == []

    await server.eventually(none_waits)


async def stored(server: Server, column: Column[Any]) -> list[Any]:
    """The values of a column, of every row."""

    def load(connection: Connection) -> list[Any]:
        return list(connection.execute(select(column)).scalars())

    return await server.site.store.read(load)


# --- who says it ---------------------------------------------------------------------------------


async def test_s1_fetched_reply_whose_author_is_of_another_host_is_refused(
    server: Server, people: People, others: People, post: dict[str, Any]
) -> None:
    others.add("carol")
    forged = people.note("ann", post["activitypub_id"], "<p>Carol never said so.</p>")
    forged["attributedTo"] = others.uri("carol")
    people.publish(urlsplit(forged["id"]).path, forged)
    by_id = people.activity("Create", "ann", forged["id"])
    forwarded = people.activity("Create", "ann", forged)
    assert (await people.post(server.inbox, by_id, by="ann")).status_code == 202
    assert (await people.post(server.inbox, forwarded, by="mallory")).status_code == 202
    await followups_end(server)
    assert ("GET", urlsplit(forged["id"]).path) in [entry[:2] for entry in people.requests]
    assert await server.comments(post) == []


@pytest.mark.parametrize("trick", ["altered context", "graph beside", "included", "reverse"])
async def test_s5_linked_data_signature_proves_nothing(
    server: Server, people: People, post: dict[str, Any], trick: str
) -> None:
    activity = reply(people, post)
    activity["signature"] = {
        "type": "RsaSignature2017",
        "creator": f"{people.uri('ann')}#main-key",
        "created": "2026-01-01T00:00:00Z",
        "signatureValue": base64.b64encode(
            key_of("ann").sign(b"anything", padding.PKCS1v15(), hashes.SHA256())
        ).decode(),
    }
    if trick == "altered context":
        activity["@context"] = [activity["@context"], {"actor": "https://x.example/ns#other"}]
    elif trick == "graph beside":
        activity["@graph"] = [activity | {"actor": people.uri("mallory")}]
    elif trick == "included":
        activity["@included"] = [people.note("ann", post["activitypub_id"], "<p>More</p>")]
    else:
        activity["@reverse"] = {"object": {"id": people.uri("mallory")}}
    # What Ann's own server has at that address is what counts, and it has nothing.
    answer = await people.post(server.inbox, activity, by="mallory")
    assert answer.status_code == 202
    like = people.activity("Like", "ann", post["activitypub_id"], signature=activity["signature"])
    assert (await people.post(server.inbox, like, by="mallory")).status_code == 202
    alone = {"@context": activity["@context"], "@graph": [reply(people, post)]}
    assert (await people.post(server.inbox, alone, by="ann")).status_code == 400
    await followups_end(server)
    assert await server.comments(post) == []
    assert (await server.counts(post))["likes"] == 0


async def test_s10_short_rsa_key_opens_nothing(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    document = people.actor_document("shorty")
    document["publicKey"]["publicKeyPem"] = (
        short.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    people.publish("/users/shorty", document)
    body = json.dumps(reply(people, post, "shorty")).encode()
    headers = people.signed_headers("shorty", server.inbox, body)
    lines = ["(request-target): post /ap/inbox"]
    lines += [f"{name}: {headers[name]}" for name in ("host", "date", "digest")]
    made = short.sign("\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
    before, _, _ = headers["signature"].partition('signature="')
    headers["signature"] = f'{before}signature="{base64.b64encode(made).decode()}"'
    answer = await people.post_raw(server.inbox, body, headers)
    assert answer.status_code == 401
    assert "short" in answer.json()["detail"]
    assert await server.comments(post) == []


def rfc_9421(
    people: People,
    url: str,
    body: bytes,
    *,
    components: tuple[str, ...] = ('"@method"', '"@target-uri"', '"content-digest"'),
    label: str = "sig1",
    signed_label: str = "",
    extra: str = "",
    alg: str = "rsa-v1_5-sha256",
) -> dict[str, str]:
    """Headers of a request signed by RFC 9421, section 2.5, by Ann's key."""
    values = {
        '"@method"': "POST",
        '"@target-uri"': url,
        '"content-digest"': f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:",
    }
    key_id = f"{people.uri('ann')}#main-key"
    created = int(datetime.now(UTC).timestamp())
    parameters = f'({" ".join(components)});created={created};keyid="{key_id}";alg="{alg}"'
    lines = [f"{name}: {values[name.partition(';')[0]]}" for name in components]
    lines.append(f'"@signature-params": {parameters}')
    made = key_of("ann").sign("\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
    return {
        "content-type": "application/activity+json",
        "content-digest": values['"content-digest"'],
        "signature-input": f"{label}={parameters}{extra}",
        "signature": f"{signed_label or label}=:{base64.b64encode(made).decode()}:",
    }


async def test_s11_rfc_9421_that_could_be_read_two_ways_opens_nothing(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    body = json.dumps(reply(people, post)).encode()
    of_method = ('"@method"', '"@target-uri"')
    digest = '"content-digest"'
    variants: list[dict[str, Any]] = [
        {"extra": ', sig2=("@method");created=1;keyid="x"'},
        {"signed_label": "other"},
        {"components": of_method},
        {"components": (*of_method, f"{digest};req")},
        {"components": (*of_method, digest, digest)},
        {"alg": "hmac-sha256"},
    ]
    for how in variants:
        answer = await people.post_raw(
            server.inbox, body, rfc_9421(people, server.inbox, body, **how)
        )
        assert answer.status_code == 401, how
    # Beside a draft-cavage signature that holds, nothing may be made of it either.
    both = people.signed_headers("ann", server.inbox, body)
    both["signature-input"] = rfc_9421(people, server.inbox, body)["signature-input"]
    assert (await people.post_raw(server.inbox, body, both)).status_code == 401
    assert await server.comments(post) == []


# --- how much of it ------------------------------------------------------------------------------


async def test_s17_body_that_never_ends_is_cut_off(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b" " * (1 << 16)

    headers = people.signed_headers("ann", server.inbox, b"")
    try:
        answer = await server.http.post(server.inbox, content=endless(), headers=headers)
    except (httpx.ReadError, httpx.WriteError):
        pass  # closed on us while we still wrote, which may throw the answer away
    else:
        assert answer.status_code == 413
    assert sent < 64 << 20  # one mebibyte, and what fits into the buffers on the way


async def test_s17_body_that_drips_is_given_up_in_time(settings: Settings, sqlite_url: str) -> None:
    settings.data_dir.mkdir()
    bounded = settings.model_copy(update={"database_url": sqlite_url, "inbox_timeout": 0.3})
    async with running_server(bounded) as server:
        host = urlsplit(server.base_url)
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        writer.write(
            b"POST /ap/inbox HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
            b"content-type: application/activity+json\r\n\r\n{"
        )

        async def drip() -> None:
            while True:
                writer.write(b" ")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        try:
            async with asyncio.timeout(PATIENCE):
                status = await reader.readline()
        finally:
            dripping.cancel()
            writer.close()
        assert b" 408 " in status


async def test_s17_packed_body_is_not_unpacked(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    packed = gzip.compress(json.dumps(reply(people, post)).encode())
    headers = people.signed_headers("ann", server.inbox, packed)
    headers["content-encoding"] = "gzip"
    answer = await people.post_raw(server.inbox, packed, headers)
    assert answer.status_code in (400, 415)
    assert await server.comments(post) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: b'{"type":"Create","object":' + b'{"object":' * 10_000 + b"1" + b"}" * 10_001,
        lambda: b'{"type":"Create","tag":[' + b"1," * 300_000 + b"1]}",
        lambda: json.dumps({"type": "Create", "to": [PUBLIC] * 1001}).encode(),
        lambda: json.dumps({"type": "Create", "orderedItems": ["x"] * 100_000}).encode(),
    ],
    ids=["depth", "tags", "recipients", "items"],
)
async def test_s17_json_that_is_dear_to_walk_is_refused_quickly(
    server: Server, people: People, post: dict[str, Any], make: Callable[[], bytes]
) -> None:
    loop = asyncio.get_running_loop()
    body = make()
    headers = people.signed_headers("ann", server.inbox, body)
    begin = loop.time()
    answer = await people.post_raw(server.inbox, body, headers)
    assert answer.status_code == 413
    assert loop.time() - begin < 2


# --- what it may touch ---------------------------------------------------------------------------


async def test_s21_draft_takes_no_reaction_and_looks_like_nothing(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    made = await server.api("POST", "/posts", json={"title": "Secret", "content": "x"})
    draft = made.json()
    missing = f"{server.base_url}/ap/posts/01ARZ3NDEKTSV4RRFFQ69G5FAV"
    answers = []
    for uri in (draft["activitypub_id"], missing):
        for kind in ("Like", "Announce", "EmojiReact"):
            activity = people.activity(kind, "ann", uri, content="🎉")
            answers.append(await people.post(server.inbox, activity, by="ann"))
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}
    await server.api("PATCH", f"/posts/{draft['id']}", json={"status": "published"})
    counts = await server.counts(draft)
    assert (counts["likes"], counts["shares"]) == (0, 0)


async def together(server: Server, people: People, sent: list[tuple[str, dict[str, Any]]]) -> None:
    """Let activities of several people arrive in one batch, whose facts all of them see."""
    site = server.site
    now = datetime.now(UTC)
    items = [
        Incoming(
            read_activity(activity),
            await site.actors.actor(people.uri(name)),
            activity["id"],
            now,
            0,
        )
        for name, activity in sent
    ]
    await site.store.write(process, site.addresses, site.blog_id, items)


async def test_s20_undo_that_comes_beside_it_takes_no_reaction_of_another(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    like = people.activity("Like", "ann", post["activitypub_id"])
    boost = people.activity("Announce", "ann", post["activitypub_id"])
    sent = [("ann", like), ("ann", boost)]
    for item in (like, like["id"], boost, boost["id"]):
        sent.append(("mallory", people.activity("Undo", "mallory", item)))
    await together(server, people, sent)
    counts = await server.counts(post)
    assert (counts["likes"], counts["shares"]) == (1, 1)


async def test_s22_undo_that_comes_beside_it_ends_no_following_of_another(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    undos = [people.activity("Undo", "mallory", item) for item in (follow, follow["id"])]
    await together(server, people, [("ann", follow), *(("mallory", undo) for undo in undos)])
    found = (await server.api("GET", "/followers")).json()["items"]
    assert [item["actor"] for item in found] == [people.uri("ann")]


async def test_s22_nobody_ends_the_following_of_another(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    assert (await people.post(server.inbox, follow, by="ann")).status_code == 202
    inner = {"type": "Follow", "actor": people.uri("ann"), "object": follow["object"]}
    for item in (follow, follow["id"], inner, inner | {"actor": people.uri("mallory")}):
        undo = people.activity("Undo", "mallory", item)
        assert (await people.post(server.inbox, undo, by="mallory")).status_code == 202
    for kind in ("Accept", "Reject"):  # of a Follow that nobody here ever sent
        activity = people.activity(kind, "mallory", follow)
        assert (await people.post(server.inbox, activity, by="mallory")).status_code == 202
    found = (await server.api("GET", "/followers")).json()["items"]
    assert [item["actor"] for item in found] == [people.uri("ann")]


async def test_s30_message_to_the_group_alone_is_shown_nowhere(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    blog = f"{server.base_url}/ap/blog"
    addressed = [
        {"to": [blog], "cc": []},
        {"to": [f"{people.uri('ann')}/followers"], "cc": [blog]},
        {"to": [], "cc": [], "bto": [PUBLIC]},
        {"to": [blog], "cc": [], "type": "ChatMessage"},
    ]
    for recipients in addressed:
        activity = reply(people, post, **recipients) | {"to": recipients["to"]}
        activity["object"]["content"] = "<p>Between us</p>"
        answer = await people.post(server.inbox, activity, by="ann")
        assert answer.status_code == 202
    assert await stored(server, tables.comments.c.uri) == []
    # One that was public is taken back from the public.
    public = reply(people, post)
    assert (await people.post(server.inbox, public, by="ann")).status_code == 202
    assert len(await server.comments(post)) == 1
    closed = public["object"] | {
        "content": "<p>Between us</p>",
        "to": [blog],
        "cc": [],
        # an edit within the second of its original is no edit
        "updated": (datetime.now(UTC) + timedelta(seconds=2)).isoformat(),
    }
    update = people.activity("Update", "ann", closed, to=[blog])
    assert (await people.post(server.inbox, update, by="ann")).status_code == 202

    assert await server.comments(post) == []
    assert (await server.counts(post))["comments"] == 0
    object_path = urlsplit(post["activitypub_id"]).path
    for path in (post["url"], "/", "/feed/", "/feed/atom/", "/feed.json", object_path):
        assert "Between us" not in (await server.anonymous(path)).text
    replies = await server.anonymous(f"{object_path}/replies?page=1")
    assert public["object"]["id"] not in replies.text


async def test_s37_id_of_another_host_is_not_taken_for_what_its_signer_does(
    server: Server, people: People, others: People, post: dict[str, Any]
) -> None:
    others.add("carol")
    squatted = others.new_uri("activities")
    blog = f"{server.base_url}/ap/blog"
    for kind, item in (("Like", post["activitypub_id"]), ("Follow", blog)):
        activity = people.activity(kind, "mallory", item, id=squatted)
        assert (await people.post(server.inbox, activity, by="mallory")).status_code == 202
    assert (await server.counts(post))["likes"] == 0
    assert squatted not in await stored(server, tables.received.c.activity_uri)
    real = others.activity("Like", "carol", post["activitypub_id"], id=squatted)
    assert (await others.post(server.inbox, real, by="carol")).status_code == 202
    assert (await server.counts(post))["likes"] == 1
    assert (await server.api("GET", "/followers")).json()["items"] == []


async def test_s32_blocked_server_neither_posts_nor_reads_nor_counts(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    like = people.activity("Like", "ann", post["activitypub_id"])
    assert (await people.post(server.inbox, like, by="ann")).status_code == 202
    assert (await server.counts(post))["likes"] == 1
    answer = await server.api("POST", "/blocks", json={"domain": "127.0.0.1", "confirm": True})
    assert answer.status_code == 201
    assert (await server.counts(post))["likes"] == 0
    assert (await people.post(server.inbox, reply(people, post), by="ann")).status_code == 403
    # Its key in another's name, and the other way round.
    theirs = reply(people, post) | {"actor": "https://elsewhere.example/users/x"}
    assert (await people.post(server.inbox, theirs, by="ann")).status_code == 403
    for path in (urlsplit(post["activitypub_id"]).path, "/ap/blog", "/ap/blog/outbox"):
        url = server.base_url + path
        headers = people.signed_headers(
            "ann", url, b"", method="get", covered=("(request-target)", "host", "date")
        )
        headers["accept"] = "application/activity+json"
        assert (await server.anonymous(path, **headers)).status_code == 403
    assert await server.comments(post) == []


# --- what the database refuses -------------------------------------------------------------------


async def test_s36_activity_that_the_database_refuses_fails_alone(
    server: Server, people: People, post: dict[str, Any]
) -> None:
    """Poison that no reader found: the neighbours in the same transaction are stored."""
    site = server.site
    assert (await people.post(server.inbox, reply(people, post), by="ann")).status_code == 202
    actor = await site.actors.actor(people.uri("ann"))
    batcher = Batcher(site.store, site.addresses, site.blog_id)
    incoming = []
    for number in range(5):
        document = reply(people, post)
        activity = read_activity(document)
        if number == 2:
            assert activity.object is not None
            broken = dataclasses.replace(activity.object, url="https://a.example/\ud800")
            activity = dataclasses.replace(activity, object=broken)
        incoming.append(Incoming(activity, actor, document["id"], datetime.now(UTC), 0))
    submitted = [asyncio.create_task(batcher.submit(item)) for item in incoming]
    await asyncio.sleep(0)
    running = asyncio.create_task(batcher.run())
    try:
        results = await asyncio.gather(*submitted, return_exceptions=True)
    finally:
        running.cancel()
    kinds = ["stored" if not isinstance(one, Exception) else "failed" for one in results]
    assert kinds == ["stored", "stored", "failed", "stored", "stored"]
    assert len(await server.comments(post)) == 5
