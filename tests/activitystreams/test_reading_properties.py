"""Whatever arrives, reading gives a typed value or a ReadingError, and nothing else."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitystreams import values
from fedblog.activitystreams.errors import ReadingError
from fedblog.activitystreams.reading import (
    is_public,
    read_activity,
    read_actor,
    read_collection,
    read_key,
    read_object,
)
from fedblog.activitystreams.vocabulary import ACTIVITY_TYPES, ACTOR_TYPES, REPLY_TYPES

NAMES = """
    id type @type @id @context actor object target to cc audience content contentMap name nameMap
    summary summaryMap mediaType attributedTo inReplyTo tag attachment url href icon image inbox
    outbox endpoints sharedInbox publicKey publicKeyPem publicKeyMultibase assertionMethod owner
    controller published updated sensitive language identifier replies likes shares totalItems
    items orderedItems first next partOf oneOf anyOf votersCount endTime closed formerType quote
    quoteUrl _misskey_quote _misskey_reaction movedTo alsoKnownAs preferredUsername webfinger
    width height context conversation @value @language proof
""".split()  # noqa: SIM905
TYPES = [
    *sorted(ACTIVITY_TYPES | ACTOR_TYPES | REPLY_TYPES),
    "Tombstone", "Collection", "OrderedCollectionPage", "Hashtag", "Mention", "Emoji", "Link",
    "Document", "Image", "Multikey", "as:Note", "https://www.w3.org/ns/activitystreams#Like",
]  # fmt: skip
TEXTS = [
    "", " ", "https://a.example/1", "http://a.example", "https://", "https://u@a.example/",
    "x" * 3000, "as:Public", "Public", "https://www.w3.org/ns/activitystreams#Public",
    "javascript:alert(1)", "https:/a/b",
    "2026-11-20T10:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "en", "und",
    "text/html", "text/markdown", "text/plain", "application/ld+json", "z6Mk", "\u202e", "\u2028",
    "-----BEGIN PUBLIC KEY-----",
]  # fmt: skip

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.sampled_from(TEXTS)
    | st.sampled_from(TYPES)
    | st.text(max_size=20)
)
names = st.sampled_from(NAMES) | st.text(max_size=4)
nested = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
    max_leaves=25,
)
documents = st.builds(
    lambda type_, rest: {**rest, "type": type_},
    st.sampled_from(TYPES) | nested,
    st.dictionaries(names, nested, max_size=12),
) | st.dictionaries(names, nested, max_size=12)

READERS: list[Callable[[dict[str, Any]], Any]] = [
    read_activity,
    read_object,
    read_actor,
    read_key,
    read_collection,
]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@given(document=documents)
def test_arbitrary_json_is_read_or_refused_by_name(
    reader: Callable[[dict[str, Any]], Any], document: dict[str, Any]
) -> None:
    try:
        found = reader(document)
    except ReadingError:
        return
    assert found == reader(document)


@given(
    documents.map(
        lambda document: {
            **document,
            "type": "Create",
            "actor": "https://a.example/u",
            "object": {**document, "type": "Note", "id": "https://a.example/1"},
        }
    )
)
def test_a_note_of_arbitrary_parts_is_always_read(document: dict[str, Any]) -> None:
    activity = read_activity(document)
    item = activity.object
    assert item is not None
    assert isinstance(is_public(item), bool)
    for text in (item.content, item.name, item.summary, item.url, item.former_type):
        assert type(text) is str
    for address in (item.url, *(part.url for part in item.attachments)):
        assert address == "" or address.lower().startswith(("https://", "http://"))
    for mention in item.mentions:
        assert mention.href.startswith(("https://", "http://", "HTTP"))


@given(nested)
def test_times_and_addresses_are_read_or_left_out(value: Any) -> None:
    moment = values.moment(value)
    assert moment is None or 1970 <= moment.year < 2100
    address = values.web_address(value)
    assert address == "" or address.lower().startswith(("https://", "http://"))
    assert all(type(uri) is str and uri for uri in values.uris(value))


LINK = {"type": "Link", "href": "https://a.example/p.png", "mediaType": "image/png"}
PICTURE = {
    "type": "Image",
    "mediaType": "image/png",
    "url": [LINK],
    "href": "https://a.example/q.png",
    "name": "A river",
    "width": 10,
    "height": 10,
}
TAGS = [
    {"type": "Mention", "href": "https://b.example/u", "name": "@u@b.example"},
    {"type": "Hashtag", "href": "https://a.example/t", "name": "#t"},
    {"type": "Emoji", "id": "https://a.example/e", "name": ":e:", "icon": PICTURE},
    {"type": "Link", "href": "https://a.example/2", "mediaType": "application/activity+json"},
]
WHOLE_NOTE = {
    "@context": ["https://www.w3.org/ns/activitystreams", {"@language": "en"}],
    "id": "https://a.example/1",
    "type": ["Note"],
    "attributedTo": ["https://a.example/u", {"id": "https://a.example/u"}],
    "inReplyTo": ["https://b.example/1"],
    "to": ["as:Public"],
    "cc": ["https://a.example/u/followers"],
    "audience": ["https://b.example/g"],
    "content": ["<p>Hm :e:</p>"],
    "contentMap": {"en": "<p>Hm :e:</p>"},
    "name": "N",
    "summary": "S",
    "mediaType": "text/html",
    "url": [LINK, "https://a.example/1.html"],
    "attachment": [PICTURE, LINK],
    "image": [PICTURE],
    "icon": [PICTURE],
    "tag": TAGS,
    "replies": {"type": "Collection", "first": {"type": "CollectionPage", "items": ["x"]}},
    "likes": {"type": "Collection", "totalItems": 1, "items": ["https://b.example/l"]},
    "oneOf": [{"type": "Note", "name": "yes", "replies": {"totalItems": 1}}],
    "votersCount": 1,
    "endTime": "2026-11-20T10:00:00Z",
    "published": "2026-11-20T10:00:00Z",
    "quote": ["https://a.example/2"],
    "proof": [{"type": "DataIntegrityProof", "proofValue": "z1"}],
}
WHOLE_ACTIVITY = {
    "@context": "https://www.w3.org/ns/activitystreams",
    "id": "https://a.example/a/1",
    "type": ["Create"],
    "actor": [{"id": "https://a.example/u"}],
    "object": [{"type": "Note", "id": "https://a.example/1", "attachment": [PICTURE]}],
    "instrument": [{"type": "Note", "id": "https://a.example/1"}],
    "target": ["https://b.example/2"],
    "to": ["as:Public"],
    "cc": [],
    "tag": TAGS,
    "content": [":e:"],
    "proof": [{"type": "DataIntegrityProof"}],
}
KEY = {
    "id": "https://a.example/u#main-key",
    "type": ["Multikey"],
    "owner": ["https://a.example/u"],
    "controller": ["https://a.example/u"],
    "publicKeyPem": "-----BEGIN PUBLIC KEY-----",
    "publicKeyMultibase": "z6Mk",
}
WHOLE_ACTOR = {
    "id": "https://a.example/u",
    "type": ["Person"],
    "preferredUsername": ["u"],
    "name": ["U"],
    "summary": ["S"],
    "inbox": ["https://a.example/u/inbox"],
    "outbox": ["https://a.example/u/outbox"],
    "endpoints": [{"sharedInbox": ["https://a.example/inbox"]}],
    "icon": [PICTURE],
    "image": [PICTURE],
    "url": [LINK],
    "tag": TAGS,
    "publicKey": [KEY],
    "assertionMethod": [KEY],
    "alsoKnownAs": ["https://b.example/u"],
    "movedTo": ["https://b.example/u"],
    "published": "2026-11-20T10:00:00Z",
    "attachment": [PICTURE],
}
WHOLE_COLLECTION = {
    "id": "https://a.example/c",
    "type": ["OrderedCollection"],
    "totalItems": 1,
    "first": [{"type": ["CollectionPage"], "items": ["https://a.example/1"], "next": ["x"]}],
    "items": [{"id": "https://a.example/1"}],
    "orderedItems": [{"id": "https://a.example/1"}],
    "next": ["https://a.example/c2"],
    "partOf": ["https://a.example/c"],
}
EMPTY: list[Any] = [[], [[]], [None], [{}], {}, "", [""], None, 0, True, 1.5, [[], LINK], ["x" * 9]]


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within *value*."""
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, item in inner:
        yield (*above, name)
        yield from places(item, (*above, name))


def with_value(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of *document* with *value* at *place*."""
    if not place:
        return value
    copied = dict(document) if isinstance(document, dict) else list(document)
    copied[place[0]] = with_value(document[place[0]], place[1:], value)
    return copied


def without_each_sibling(document: Any, place: tuple[Any, ...]) -> Iterator[Any]:
    """Copies of *document* that each lack one of the properties beside *place*."""
    around = document
    for name in place[:-1]:
        around = around[name]
    if isinstance(around, dict):
        for name in around.keys() - {place[-1]}:
            left = {key: value for key, value in around.items() if key != name}
            yield with_value(document, place[:-1], left)


@pytest.mark.parametrize(
    ("reader", "document"),
    [
        (read_object, WHOLE_NOTE),
        (read_activity, WHOLE_ACTIVITY),
        (read_actor, WHOLE_ACTOR),
        (read_key, KEY),
        (read_collection, WHOLE_COLLECTION),
    ],
    ids=["note", "activity", "actor", "key", "collection"],
)
def test_every_value_may_be_empty_or_of_another_kind(reader: Any, document: Any) -> None:
    reader(document)
    broken = []
    for place in places(document):
        for value in EMPTY:
            changed = with_value(document, place, value)
            for lacking in [changed, *without_each_sibling(changed, place)]:
                try:
                    reader(lacking)
                except ReadingError:
                    continue
                except Exception as error:
                    broken.append((place, value, repr(error)))
    assert not broken


def test_media_type_is_that_of_the_link_whose_address_is_taken() -> None:
    for url, found in (
        ([], ("https://a.example/q.png", "image/png")),
        ([{"href": "nothing", "mediaType": "video/mp4"}, LINK], (LINK["href"], "image/png")),
        (LINK, (LINK["href"], "image/png")),
        ([{}, "https://a.example/z.webp"], ("https://a.example/z.webp", "image/webp")),
    ):
        picture = {"type": "Image", "url": url, "href": "https://a.example/q.png"}
        (taken,) = read_object(WHOLE_NOTE | {"attachment": [picture]}).attachments
        assert (taken.url, taken.media_type) == found
