"""ActivityPub documents are believed only from their own address."""

import json
from typing import Any

import pytest
from remote.peers import ACTIVITY_JSON, Peer, StartPeer, answer

from fedblog.activitystreams.reading import OBJECT_MEMBERS
from fedblog.remote import documents
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import (
    RemoteError,
    TooLargeError,
    WrongDocumentError,
    WrongMediaTypeError,
)
from fedblog.settings import Settings

PART = documents.Part(OBJECT_MEMBERS, 100_001)
PROFILE = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


async def test_document_at_its_own_address_is_believed(
    client: RemoteClient, settings: Settings, peer: Peer
) -> None:
    note = {"id": f"{peer.url}/notes/1", "type": "Note"}
    url = peer.holds("/notes/1", note)
    assert await documents.fetch(client, url, settings=settings, part=PART) == (note["id"], note)
    assert await documents.fetch(client, f"{url}#part", settings=settings, part=PART) == (
        note["id"],
        note,
    )
    accept = peer.asked[0].headers["accept"]
    assert accept == f"{ACTIVITY_JSON}, {PROFILE}"


async def test_human_address_leads_to_the_document_by_its_id(
    client: RemoteClient, settings: Settings, peer: Peer
) -> None:
    note = {"id": f"{peer.url}/notes/1", "type": "Note", "content": "true"}
    peer.holds("/notes/1", note)
    url = peer.holds("/@alice/1", {**note, "content": "as the page tells it"})
    assert await documents.fetch(client, url, settings=settings, part=PART) == (note["id"], note)
    assert len(peer.asked) == 2


async def test_document_that_moved_within_its_host_is_believed(
    client: RemoteClient, settings: Settings, peer: Peer
) -> None:
    note = {"id": f"{peer.url}/old", "type": "Note"}
    peer.answers["/old"] = answer(b"", status=301, Location="/new")
    peer.holds("/new", note)
    fetched = await documents.fetch(client, f"{peer.url}/old", settings=settings, part=PART)
    assert fetched == (note["id"], note)


async def test_s1_document_of_another_host_is_fetched_from_there(
    client: RemoteClient, settings: Settings, start_peer: StartPeer
) -> None:
    good, evil = await start_peer(), await start_peer("127.0.6.6")
    note = {"id": f"{good.url}/notes/1", "type": "Note", "content": "true"}
    good.holds("/notes/1", note)
    url = evil.holds("/forged", {**note, "content": "forged"})
    assert await documents.fetch(client, url, settings=settings, part=PART) == (note["id"], note)


@pytest.mark.parametrize("status", [404, 410])
async def test_s1_document_that_its_own_host_does_not_have_is_refused(
    client: RemoteClient, settings: Settings, start_peer: StartPeer, status: int
) -> None:
    """Which says nothing of the address that was asked."""
    good, evil = await start_peer(), await start_peer("127.0.6.6")
    good.answers["/notes/1"] = answer(b"", status=status)
    url = evil.holds("/forged", {"id": f"{good.url}/notes/1", "type": "Note"})
    with pytest.raises(WrongDocumentError, match=f"answered {status}"):
        await documents.fetch(client, url, settings=settings, part=PART)


async def test_s1_redirect_does_not_let_another_host_speak(
    client: RemoteClient, settings: Settings, start_peer: StartPeer
) -> None:
    good, evil = await start_peer(), await start_peer("127.0.6.6")
    good.answers["/notes/1"] = answer(b"", status=302, Location=f"{evil.url}/forged")
    evil.holds("/forged", {"id": f"{good.url}/notes/1", "type": "Note"})
    with pytest.raises(WrongDocumentError):
        await documents.fetch(client, f"{good.url}/notes/1", settings=settings, part=PART)
    assert len(good.asked) == 2


async def test_s1_ids_that_lead_from_one_to_the_next_are_followed_once(
    client: RemoteClient, settings: Settings, peer: Peer
) -> None:
    for number in range(5):
        peer.holds(f"/{number}", {"id": f"{peer.url}/{number + 1}", "type": "Note"})
    with pytest.raises(WrongDocumentError):
        await documents.fetch(client, f"{peer.url}/0", settings=settings, part=PART)
    assert len(peer.asked) == 2


@pytest.mark.parametrize("document_id", [None, "", 5, ["x"], {}, "urn:uuid:1", "not a url", "\n"])
async def test_s1_document_without_a_usable_id_is_refused(
    client: RemoteClient, settings: Settings, peer: Peer, document_id: Any
) -> None:
    url = peer.holds("/x", {"id": document_id, "type": "Note"})
    with pytest.raises(WrongDocumentError):
        await documents.fetch(client, url, settings=settings, part=PART)


@pytest.mark.parametrize(
    ("media_type", "taken"),
    [
        ("application/activity+json", True),
        ("Application/Activity+JSON; charset=utf-8", True),
        (PROFILE, True),
        (
            'application/ld+json;charset=utf-8;profile="https://www.w3.org/ns/activitystreams '
            'https://w3id.org/security"',
            True,
        ),
        ("application/ld+json; profile=https://www.w3.org/ns/activitystreams", True),
        ("application/ld+json", False),
        ('application/ld+json; profile="https://example.org/"', False),
        ('application/ld+json; x="profile=https://www.w3.org/ns/activitystreams"', False),
        ("application/json", False),
        ("text/plain", False),
        ("text/plain; application/activity+json", False),
        ("text/html; charset=utf-8", False),
        ("image/png", False),
        ("application/octet-stream", False),
        ("application/activity+jsonx", False),
        ("", False),
    ],
)
async def test_s2_media_type_must_be_that_of_activitystreams(
    client: RemoteClient, settings: Settings, peer: Peer, media_type: str, taken: bool
) -> None:
    url = peer.holds("/x", {"id": f"{peer.url}/x", "type": "Note"}, media_type)
    if taken:
        await documents.fetch(client, url, settings=settings, part=PART)
    else:
        with pytest.raises(WrongMediaTypeError):
            await documents.fetch(client, url, settings=settings, part=PART)


async def test_s2_upload_behind_a_human_address_is_refused(
    client: RemoteClient, settings: Settings, peer: Peer
) -> None:
    peer.holds("/uploads/forged.txt", {"id": f"{peer.url}/notes/1", "type": "Note"}, "text/plain")
    url = peer.holds("/@a", {"id": f"{peer.url}/uploads/forged.txt", "type": "Note"})
    with pytest.raises(WrongMediaTypeError):
        await documents.fetch(client, url, settings=settings, part=PART)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", WrongDocumentError),
        (b"{", WrongDocumentError),
        (b"[]", WrongDocumentError),
        (b'{"id": NaN}', WrongDocumentError),
        (b'{"id": "a", "id": "b"}', WrongDocumentError),
        (b'{"id": "\\u0000"}', WrongDocumentError),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, TooLargeError),
        (b'{"to": [' + b",".join([b"1"] * 20_000) + b"]}", TooLargeError),
    ],
)
async def test_s17_body_that_is_no_sane_json_is_refused(
    client: RemoteClient, settings: Settings, peer: Peer, body: bytes, error: type[RemoteError]
) -> None:
    peer.answers["/x"] = answer(body, media_type=ACTIVITY_JSON)
    with pytest.raises(error):
        await documents.fetch(client, f"{peer.url}/x", settings=settings, part=PART)


async def test_large_honest_document_is_read(
    client: RemoteClient, settings: Settings, peer: Peer
) -> None:
    document = {
        "id": f"{peer.url}/x",
        "type": "Note",
        "to": [f"https://a.example/{n}" for n in range(900)],
    }
    assert len(json.dumps(document)) < settings.fetch_max_bytes
    url = peer.holds("/x", document)
    assert (await documents.fetch(client, url, settings=settings, part=PART))[1] == document
