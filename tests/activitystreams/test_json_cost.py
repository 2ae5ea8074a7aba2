"""Strict JSON costs little whatever stands in it: what is too much is refused before parsing."""

import pytest
from support.cost import units_of

from fedblog.activitystreams.errors import ReadingError, TooLargeJsonError
from fedblog.activitystreams.json import parse
from fedblog.activitystreams.reading import read_activity, read_actor, read_envelope

MEBIBYTE = 1 << 20


def read(body: bytes) -> object:
    return parse(body, max_depth=32, max_items=1000, max_nodes=20_000)


def filled(part: bytes, size: int = MEBIBYTE) -> bytes:
    return (part * (size // len(part) + 1))[: size - size % len(part)]


def listed(part: bytes, count: int) -> bytes:
    return b"[" + b",".join([part] * count) + b"]"


BODIES = {
    "nested lists": b'{"a":' + listed(listed(b"[]", 1000), 340) + b"}",
    "numbers": b'{"a":' + listed(listed(b"1", 1000), 500) + b"}",
    "long numbers": b'{"a":' + b"9" * 1_000_000 + b"}",
    "a long fraction": b'{"a":0.' + b"0" * 1_000_000 + b"1}",
    "empty objects": b'{"a":' + listed(listed(b"{}", 1000), 340) + b"}",
    "NUL escapes": b'{"a":"' + filled(b"\\u0000") + b'"}',
    "escaped NUL escapes": b'{"a":"' + filled(b"\\\\u0000") + b'"}',
    "NUL in many texts": b'{"a":' + listed(b'"\\u0000"', 900) + b"}",
    "backslashes": b'{"a":"' + filled(b"\\\\") + b'"}',
    "escaped quotes": b'{"a":"' + filled(b'\\"') + b'"}',
    "surrogates": b'{"a":"' + filled(b"\\ud83d\\ude00") + b'"}',
    "lone surrogates": b'{"a":"' + filled(b"\\ud83d") + b'"}',
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
    "one key again": b"{" + b",".join([b'"a":1'] * 150_000) + b"}",
    "deep arrays": b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "deep objects": b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
    "unclosed": filled(b'{"a":['),
    "blanks": b'{"a":' + b" " * MEBIBYTE + b"1}",
    "commas": b'{"a":"' + b"," * 15_000 + b'"}' + b" " * MEBIBYTE,
}


@pytest.mark.parametrize("name", BODIES)
def test_s17_json_costs_little_whatever_it_holds(name: str) -> None:
    assert units_of(read, BODIES[name]) < 7


@pytest.mark.parametrize("name", ["nested lists", "numbers", "empty objects", "many keys"])
def test_s17_more_values_than_a_document_may_have_are_too_large(name: str) -> None:
    with pytest.raises(TooLargeJsonError):
        read(BODIES[name])


def test_as_many_values_as_a_document_may_have_are_read() -> None:
    body = b'{"a":' + listed(listed(b"1", 999), 19) + b"}"
    assert isinstance(read(body), dict)
    with pytest.raises(TooLargeJsonError):
        read(b'{"a":' + listed(listed(b"1", 1000), 21) + b"}")


LONG = "x" * 900_000
TAG = {"type": "Hashtag", "name": "#a"}
DOCUMENTS = {
    "objects with tags": {"object": [{"type": "Note", "tag": [TAG] * 5} for _ in range(900)]},
    "a long type": {"type": LONG},
    "a type of colons": {"type": [":" * 900_000]},
    "types": {"type": ["as:Nothing"] * 1000},
    "a long actor": {"actor": LONG},
    "a long id": {"id": "é" * 450_000, "object": {"id": LONG, "type": "Note"}},
    "actors": {"actor": [{"id": "not an id"}] * 900},
    "audiences": {"to": ["https://one.example/a"] * 1000, "cc": [LONG]},
    "mentions": {"tag": [{"type": "Mention", "href": "https://one.example/1"}] * 900},
    "emoji": {"tag": [{"type": "Emoji", "name": LONG[:900], "icon": ["x"] * 9}] * 900},
    "an emoji": {"type": "EmojiReact", "content": "😀" * 220_000},
    "hashtags": {"object": {"type": "Note", "tag": [{"type": "Hashtag", "name": "#" * 900}] * 900}},
    "attachments": {"object": {"type": "Note", "attachment": [{"url": [LONG[:800]]}] * 900}},
    "urls": {"object": {"type": "Note", "url": [{"href": LONG[:900]}] * 900}},
    "options": {"object": {"type": "Question", "oneOf": [{"name": LONG[:900]}] * 900}},
    "a long language": {"object": {"type": "Note", "language": "_" * 900_000}},
    "languages": {
        "object": {"type": "Note", "contentMap": {f"a{n}": LONG[:900] for n in range(900)}}
    },
    "a long media type": {"object": {"type": "Note", "mediaType": LONG, "content": "x"}},
    "quotes": {
        "object": {"type": "Note", "tag": [{"type": "Link", "mediaType": LONG[:900]}] * 900}
    },
    "nested activities": {
        "object": [{"type": "Undo", "object": [{"type": "Like", "object": "a"}] * 30}] * 30
    },
    "a long date": {"published": "2" * 900_000, "updated": "9" * 900_000},
    "replies": {
        "object": {"type": "Note", "replies": {"type": "Collection", "items": [LONG[:900]] * 900}}
    },
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_reading_costs_little_whatever_a_document_holds(name: str) -> None:
    document = {"type": "Create", "actor": "https://one.example/a", "object": "x"} | DOCUMENTS[name]
    assert units_of(read_envelope, document) < 0.5
    assert units_of(read_activity, document) < 5


KEY = {"id": "https://one.example/a#1", "owner": "https://one.example/a"}
ACTORS = {
    "a long name": {"name": LONG, "preferredUsername": LONG, "summary": LONG},
    "keys": {"publicKey": [KEY | {"publicKeyPem": "-----BEGIN PUBLIC KEY-----\n" * 300}] * 900},
    "multibase keys": {"assertionMethod": [KEY | {"publicKeyMultibase": "z" * 1500}] * 600},
    "lines": {"publicKey": KEY | {"publicKeyPem": "\n" * 8000}},
    "aliases": {"alsoKnownAs": [LONG[:900]] * 900},
    "pictures": {"icon": [{"url": [LONG[:900]]}] * 900, "image": [LONG[:900]] * 900},
}


@pytest.mark.parametrize("name", ACTORS)
def test_reading_an_actor_costs_little_whatever_it_holds(name: str) -> None:
    document = {"type": "Person", "id": "https://one.example/a"} | ACTORS[name]
    assert units_of(read_actor, document) < 12


def test_envelope_says_what_the_activity_says() -> None:
    document = {
        "type": "EmojiReaction",
        "id": "https://one.example/1",
        "actor": "https://one.example/a",
        "object": [{"id": "https://two.example/2", "type": "Note"}, "https://two.example/3"],
    }
    envelope, activity = read_envelope(document), read_activity(document)
    assert (envelope.id, envelope.type, envelope.actor, envelope.object_id) == (
        activity.id,
        activity.type,
        activity.actor,
        activity.object_id,
    )
    for broken in ({}, {"type": "Note", "actor": "https://one.example/a"}, {"type": "Like"}):
        with pytest.raises(ReadingError):
            read_envelope(broken)
