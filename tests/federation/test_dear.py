"""What is read in another process says what it would say here, over every document there is."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from support.outcomes import CORPUS, corpus
from support.waiting import PATIENCE

from fedblog.activitystreams import values
from fedblog.activitystreams.json import part_of
from fedblog.activitystreams.reading import (
    ACTOR_MEMBERS,
    OBJECT_MEMBERS,
    Activity,
    Object,
    ReadingError,
    is_public,
    read_activity,
    read_actor,
    read_key,
    read_object,
)
from fedblog.activitystreams.vocabulary import ACTIVITY_TYPES, ACTOR_TYPES
from fedblog.aside import calls
from fedblog.aside.calls import call
from fedblog.aside.process import Process
from fedblog.aside.room import Room
from fedblog.federation import dear, words
from fedblog.federation.words import Limits, TextTooLongError, Words

FILES = corpus()
LIMITS = Limits()
BOUNDS = {"max_depth": 32, "max_items": 1000, "max_nodes": 20_000, "most_bytes": 1 << 20}
ANN = "https://one.example/ann"

needs_corpus = pytest.mark.skipif(not FILES, reason="the corpus is not beside the checkout")


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    process = Process(calls.MODULE, seconds=PATIENCE, most_bytes=4 << 20)
    opened = Room("test", process, waiting=8, waiting_each=8)
    yield opened
    await opened.close()


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in FILES:
        document = json.loads(file.read_bytes())
        if isinstance(document, dict):
            yield str(file.relative_to(CORPUS)), document


def activities() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, document in documents():
        if values.type_of(document) in ACTIVITY_TYPES:
            yield name, document
        else:
            for kind in ("Create", "Announce", "QuoteRequest"):
                about = "instrument" if kind == "QuoteRequest" else "object"
                yield name, {"type": kind, "actor": ANN, about: document}


def handled(found: Activity | None) -> Any:
    """What the handlers look at of an activity."""
    if found is None:
        return None
    names = "id type actor object_id object_ids object_type target emoji published updated"
    return [
        *(getattr(found, name) for name in (*names.split(), "instrument_id")),
        *(handled(inner) for inner in (found.inner, found.instrument_activity)),
        *(handled_object(item) for item in (found.object, found.instrument)),
        is_public(found),
    ]


def handled_object(item: Object | None) -> Any:
    if item is None:
        return None
    names = "id type in_reply_to attributed_to author is_vote quotes published updated language url"
    is_poll = item.poll is not None
    return [*(getattr(item, name) for name in names.split()), is_public(item), is_poll]


@needs_corpus
async def test_activities_and_words_are_those_that_would_be_made_here(room: Room) -> None:
    compared = 0
    for name, document in activities():
        try:
            here = read_activity(document)
            expected = words.of_activity(here, LIMITS)
        except (ReadingError, TextTooLongError) as error:
            kind = ReadingError if isinstance(error, ReadingError) else TextTooLongError
            with pytest.raises(kind):
                await asked(room, document, kind)
            continue
        there, made = await asked(room, document, ReadingError)
        assert made == expected, name
        assert handled(there) == handled(here), name
        compared += 1
    assert compared > 500


async def asked(room: Room, document: Any, kind: type[Exception]) -> tuple[Activity, Words]:
    body = json.dumps(document).encode()
    return await call(room, "a", dear.activity, body, LIMITS.named, raises=(kind,))


@needs_corpus
async def test_fetched_objects_are_those_that_would_be_read_here(room: Room) -> None:
    compared = 0
    for name, document in documents():
        try:
            here = read_object(document)
            expected = Words(words.of_object(here, LIMITS))
        except (ReadingError, TextTooLongError):
            continue
        body = json.dumps(document).encode()
        there, made = await call(room, "a", dear.item, body, LIMITS.named)
        assert made == expected, name
        assert handled_object(there) == handled_object(here), name
        compared += 1
    assert compared > 50


@needs_corpus
def test_part_of_a_large_document_holds_all_that_is_read() -> None:
    for name, document in documents():
        body = json.dumps(document).encode()
        of_actor = part_of(body, names=ACTOR_MEMBERS, longest=20_000, **BOUNDS)
        of_object = part_of(body, names=OBJECT_MEMBERS, longest=100_001, **BOUNDS)
        kind = values.type_of(document)
        assert values.type_of(of_actor) == values.type_of(of_object) == kind, name
        if kind in ACTOR_TYPES:
            assert outcome(read_actor, of_actor) == outcome(read_actor, document), name
        else:
            assert outcome(read_object, of_object) == outcome(read_object, document), name
        assert outcome(read_key, of_actor) == outcome(read_key, document), name


def outcome(read: Any, document: dict[str, Any]) -> Any:
    try:
        return read(document)
    except ReadingError as error:
        return repr(error)


def test_process_loads_little_before_its_first_text() -> None:
    source = "import sys, fedblog.aside.called, fedblog.federation.dear; print(*sys.modules)"
    words = [sys.executable, "-P", "-c", source]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "asyncio", "cryptography", "markdown_it", "sqlalchemy"} & set(loaded)


def test_what_comes_back_is_small_whatever_was_sent() -> None:
    """All that is long stands in the words, once."""
    long = "x" * 90_000
    item = {
        "id": f"{ANN}/1",
        "type": "Note",
        "attributedTo": ANN,
        "inReplyTo": "https://blog.example/ap/posts/1",
        **dict.fromkeys(("content", "summary", "name", "formerType"), long),
        "mediaType": long,
        "attachment": [{"type": "Image", "url": "https://one.example/1", "name": "n" * 900}] * 900,
        "tag": [
            {
                "type": kind,
                "name": "x" * 50,
                "href": "https://one.example/1",
                "icon": "https://x.example/1",
            }
            for kind in ("Mention", "Hashtag", "Emoji")
        ]
        * 300,
        "oneOf": [{"name": "y" * 500}] * 100,
    }
    activity = {"type": "Create", "actor": ANN, "object": item, "content": long, "proof": [long]}
    found, _ = dear.activity(json.dumps(activity).encode(), **LIMITS.named)
    assert len(repr(found)) < 10_000
    assert found.object is not None
    assert not found.object.is_vote
