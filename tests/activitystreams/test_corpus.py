"""Every document of the corpus beside the checkout: read, or refused by name (else skipped)."""

from pathlib import Path

import pytest
from support.outcomes import corpus

from fedblog.activitystreams import json, values
from fedblog.activitystreams.errors import MalformedJsonError, ReadingError, TooLargeJsonError
from fedblog.activitystreams.reading import (
    is_public,
    read_activity,
    read_actor,
    read_collection,
    read_key,
    read_object,
)
from fedblog.activitystreams.vocabulary import (
    ACTIVITY_TYPES,
    ACTOR_TYPES,
    COLLECTION_TYPES,
    REPLY_TYPES,
)

FILES = corpus()

pytestmark = pytest.mark.skipif(not FILES, reason="no corpus beside this checkout")

MADE_UP = {
    "hostile",
    "w3c-spec",
    "fediverse-pasture",
    "mastodon-spec",
    "go-ap",
    "fedify",
    "granary",
}


def document_of(path: Path) -> dict:
    return json.parse(path.read_bytes(), max_depth=32, max_items=1000, max_nodes=20_000)


def read(document: dict) -> object:
    type_ = values.type_of(document)
    if type_ in ACTIVITY_TYPES:
        return read_activity(document)
    if type_ in ACTOR_TYPES:
        return read_actor(document)
    if type_ in COLLECTION_TYPES:
        return read_collection(document)
    return read_object(document)


def is_activitypub(path: Path) -> bool:
    return not path.name.startswith(("webfinger-", "nodeinfo-"))


def test_every_document_is_parsed_strictly() -> None:
    for path in FILES:
        assert isinstance(document_of(path), dict), path


def test_every_document_is_read_or_refused_by_name() -> None:
    refused = []
    for path in filter(is_activitypub, FILES):
        document = document_of(path)
        for reader in (read, read_activity, read_object, read_actor, read_collection, read_key):
            try:
                reader(document)
            except (MalformedJsonError, TooLargeJsonError):
                raise
            except ReadingError:
                if reader is read:
                    refused.append(path)
    real = [path for path in refused if path.parent.name not in MADE_UP]
    # A Dislike without actor, from a manual's page.
    assert [path.parent.name for path in real] in ([], ["ktistec"])


def test_activities_of_real_servers_say_who_did_what_to_what() -> None:
    for path in FILES:
        if path.parent.name in MADE_UP or not is_activitypub(path):
            continue
        document = document_of(path)
        if values.type_of(document) not in ACTIVITY_TYPES or "actor" not in document:
            continue
        activity = read_activity(document)
        assert activity.actor.startswith(("https://", "http://")), path
        if "object" in document and activity.type not in ("Flag", "Block"):
            embedded = activity.object or activity.inner or activity.actor_object
            assert activity.object_id or embedded, path


def test_replies_of_real_servers_keep_author_parent_and_text() -> None:
    seen = 0
    for path in FILES:
        if path.parent.name in MADE_UP or not is_activitypub(path):
            continue
        document = document_of(path)
        if values.type_of(document) == "Create" and isinstance(document.get("object"), dict):
            document = document["object"]
        if values.type_of(document) not in REPLY_TYPES or not document.get("inReplyTo"):
            continue
        item = read_object(document)
        seen += 1
        assert item.in_reply_to, path
        assert item.author, path
        assert item.content or item.is_vote or not document.get("content"), path
        assert is_public(item) or "Public" not in str((document.get("to"), document.get("cc"))), (
            path
        )
    assert seen > 20


def test_actors_of_real_servers_have_inbox_name_and_key() -> None:
    for path in FILES:
        if path.parent.name in MADE_UP or not is_activitypub(path):
            continue
        document = document_of(path)
        if values.type_of(document) not in ACTOR_TYPES:
            continue
        actor = read_actor(document)
        assert bool(actor.inbox) == bool(document.get("inbox")), path
        if isinstance(document.get("publicKey"), dict) and document["publicKey"].get(
            "publicKeyPem"
        ):
            assert actor.keys, path
