"""Whatever arrives, reading gives a typed value or a ReadingError, and nothing else."""

from collections.abc import Callable
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
