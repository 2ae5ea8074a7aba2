"""A request that was sent before is a repeat, however its headers are written the second time."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.people import People
from support.schemes import add_with_multikey, message_headers, proven
from support.servers import Server

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


async def followers(server: Server) -> int:
    return len((await server.api("GET", "/followers")).json()["items"])


async def follow_and_undo(
    server: Server, people: People, scheme: str
) -> tuple[bytes, dict[str, str]]:
    """A Follow that was taken back: its bytes and headers."""
    people.add("ann")
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    body = json.dumps(follow).encode()
    if scheme == "cavage":
        headers = people.signed_headers("ann", server.inbox, body)
    else:
        headers = message_headers(people, "ann", server.inbox, body)
    assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
    assert await followers(server) == 1
    # Without the Follow's id: peers that give every Follow the same id undo like this.
    undone = {"type": "Follow", "actor": people.uri("ann"), "object": follow["object"]}
    undo = people.activity("Undo", "ann", undone)
    assert (await people.post(server.inbox, undo, by="ann")).status_code == 202
    assert await followers(server) == 0
    return body, headers


def turned(signature: str) -> str:
    """The parameters of a Signature header in the opposite order."""
    return ",".join(reversed(re.findall(r'\w+="[^"]*"', signature)))


@pytest.mark.parametrize(
    "write",
    [
        lambda signature: signature,
        lambda signature: signature.replace('",', '" , '),
        lambda signature: signature.replace("headers=", "\theaders="),
        lambda signature: signature.replace("rsa-sha256", "RSA-SHA256"),
        lambda signature: signature.replace('algorithm="rsa-sha256",', ""),
        lambda signature: signature + ',nonce="1"',
        turned,
    ],
    ids=["as it was", "blanks", "tab", "capitals", "no algorithm", "parameter", "order"],
)
async def test_s9_old_follow_is_not_a_new_one_by_another_way_of_writing_it(
    server: Server, people: People, write: Any
) -> None:
    body, headers = await follow_and_undo(server, people, "cavage")
    again = headers | {"signature": write(headers["signature"])}
    answer = await people.post_raw(server.inbox, body, again)
    assert answer.status_code in (202, 401)
    assert await followers(server) == 0


@pytest.mark.parametrize(
    "write",
    [
        lambda headers: headers,
        lambda headers: {name: value.replace("sig1", "other") for name, value in headers.items()},
        lambda headers: headers | {"signature": headers["signature"] + ";more=1"},
        lambda headers: headers | {"signature": f"{headers['signature']} ;a"},
    ],
    ids=["as it was", "label", "parameter", "blanks"],
)
async def test_s9_old_message_is_not_a_new_one_by_another_way_of_writing_it(
    server: Server, people: People, write: Any
) -> None:
    body, headers = await follow_and_undo(server, people, "rfc 9421")
    answer = await people.post_raw(server.inbox, body, write(headers))
    assert answer.status_code in (202, 401)
    assert await followers(server) == 0


async def test_s9_header_that_is_not_covered_does_not_make_an_old_activity_new(
    server: Server, people: People
) -> None:
    """An activity without id is known by its time: the one that is signed."""
    people.add("ann")
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog", id=...)
    body = json.dumps(follow).encode()
    created = str(int(datetime.now(UTC).timestamp()))
    headers = people.signed_headers(
        "ann",
        server.inbox,
        body,
        covered=("(request-target)", "host", "(created)", "digest"),
        algorithm="hs2019",
        overrides={"(created)": created},
    )
    del headers["(created)"]
    headers["signature"] += f",created={created}"
    assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
    assert await followers(server) == 1
    inner = {"type": "Follow", "actor": people.uri("ann"), "object": follow["object"]}
    undo = people.activity("Undo", "ann", inner)
    assert (await people.post(server.inbox, undo, by="ann")).status_code == 202
    for seconds in (1, 30):
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        again = headers | {"date": format_datetime(moment, usegmt=True)}
        assert (await people.post_raw(server.inbox, body, again)).status_code == 202
        assert await followers(server) == 0


async def undo(server: Server, people: People, follow: dict[str, Any]) -> None:
    """Without the Follow's id, which is not remembered then."""
    inner = {"type": "Follow", "actor": follow["actor"], "object": follow["object"]}
    activity = people.activity("Undo", "ann", inner)
    assert (await people.post(server.inbox, activity, by="ann")).status_code == 202
    assert await followers(server) == 0


@pytest.mark.parametrize("first", ["ann", "relay"])
async def test_s9_old_follow_is_not_a_new_one_for_whoever_brings_it_with_its_proof(
    server: Server, people: People, first: str
) -> None:
    for name in ("ann", "relay", "mallory"):
        add_with_multikey(people, name)
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    old = proven(people, follow, by="ann")
    assert (await people.post(server.inbox, old, by=first)).status_code == 202
    assert await followers(server) == 1
    await undo(server, people, follow)
    for seconds in (0, 1, 2):
        body, moment = json.dumps(old).encode(), datetime.now(UTC) + timedelta(seconds=seconds)
        headers = people.signed_headers("mallory", server.inbox, body, date=moment)
        assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
        assert await followers(server) == 0
    new = proven(people, follow, by="ann", created=datetime.now(UTC) + timedelta(seconds=5))
    assert (await people.post(server.inbox, new, by="relay")).status_code == 202
    assert await followers(server) == 1


async def test_s9_old_follow_is_not_a_new_one_by_the_twin_of_its_signature(
    server: Server, people: People
) -> None:
    key, order = ec.generate_private_key(ec.SECP256R1()), P256_ORDER
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    uri = people.uri("ann")
    named = {"id": f"{uri}#ec", "owner": uri, "publicKeyPem": pem}
    people.add("ann", publicKey=[people.actor_document("ann")["publicKey"], named])
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    body = json.dumps(follow).encode()
    headers = message_headers(people, "ann", server.inbox, body, key_id=f"{uri}#ec")
    stated = headers["signature-input"].removeprefix("sig1=")
    lines = [
        '"@method": POST',
        f'"@target-uri": {server.inbox}',
        f'"content-digest": {headers["content-digest"]}',
        f'"@signature-params": {stated}',
    ]
    data = "\n".join(lines).encode()
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))

    async def post(s: int) -> int:
        value = base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()
        answer = await people.post_raw(
            server.inbox, body, headers | {"signature": f"sig1=:{value}:"}
        )
        return answer.status_code

    assert await post(s) == 202
    assert await followers(server) == 1
    await undo(server, people, follow)
    assert await post(order - s) == 202
    assert await followers(server) == 0


async def test_new_follow_after_an_undo_counts(server: Server, people: People) -> None:
    body, _ = await follow_and_undo(server, people, "cavage")
    later = datetime.now(UTC) + timedelta(seconds=5)
    headers = people.signed_headers("ann", server.inbox, body, date=later)
    assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
    assert await followers(server) == 1


async def test_message_without_id_counts_again_at_another_time_and_not_at_the_same(
    server: Server, people: People
) -> None:
    people.add("ann")
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog", id=...)
    body = json.dumps(follow).encode()
    created = int(datetime.now(UTC).timestamp())
    for seconds, number in ((0, 1), (0, 0), (5, 1)):
        headers = message_headers(people, "ann", server.inbox, body, created=created + seconds)
        assert (await people.post_raw(server.inbox, body, headers)).status_code == 202
        assert await followers(server) == number
        inner = {"type": "Follow", "actor": people.uri("ann"), "object": follow["object"]}
        undo = people.activity("Undo", "ann", inner)
        assert (await people.post(server.inbox, undo, by="ann")).status_code == 202


async def test_activities_without_id_of_one_moment_are_told_apart_by_what_is_in_them(
    server: Server, people: People
) -> None:
    people.add("ann")
    posts = [await server.publish() for _ in range(2)]
    for post in posts:
        like = people.activity("Like", "ann", post["activitypub_id"])
        assert (await people.post(server.inbox, like, by="ann")).status_code == 202
    now = datetime.now(UTC)
    for post in posts:
        inner = {"type": "Like", "actor": people.uri("ann"), "object": post["activitypub_id"]}
        undo = people.activity("Undo", "ann", inner, id=...)
        assert (await people.post(server.inbox, undo, by="ann", date=now)).status_code == 202
    assert [(await server.counts(post))["likes"] for post in posts] == [0, 0]
