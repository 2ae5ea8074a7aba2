"""What is dear to read of what others sent: done in a process of its own (`aside.calls`).

Each function takes the bytes that came, which were looked at already (activitystreams/json.py), and
gives what the rest of the server needs of them, and no more: it has to come back.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from fedblog.activitystreams.reading import Activity, Object, read_activity, read_object
from fedblog.activitystreams.vocabulary import PUBLIC
from fedblog.federation import words
from fedblog.federation.words import Limits, Words

if TYPE_CHECKING:
    from fedblog.signatures.proofs import Proof


def activity(body: bytes, **limits: int) -> tuple[Activity, Words]:
    """The activity in *body* and its words. Raises ReadingError, TextTooLongError."""
    found = read_activity(orjson.loads(body))
    return _bare_activity(found), words.of_activity(found, Limits(**limits))


def item(body: bytes, **limits: int) -> tuple[Object, Words]:
    """The object in *body*, one that was fetched, and its words. Raises the same."""
    found = read_object(orjson.loads(body))
    return _bare_object(found), Words(words.of_object(found, Limits(**limits)))


def proof(body: bytes) -> "Proof":
    """The proof in *body*, ready to be held against a key. Raises SignatureError."""
    from fedblog.signatures import proofs  # heavy to import, and few large ones have one

    return proofs.read(orjson.loads(body))


def _bare_activity(found: Activity) -> Activity:
    """*found* without what its words are made of."""
    parts: dict[str, Any] = {
        name: _bare_activity(inner)
        for name in ("inner", "instrument_activity")
        if (inner := getattr(found, name)) is not None
    }
    parts |= {
        name: _bare_object(item)
        for name in ("object", "instrument")
        if (item := getattr(found, name)) is not None
    }
    return replace(
        found,
        to=_public(found.to),
        cc=_public(found.cc),
        audience=(),
        content="",
        emojis=(),
        mentions=(),
        proof=None,
        actor_object=None,
        **parts,
    )


def _bare_object(found: Object) -> Object:
    """The same of an object. What tells a vote from a reply stays (`Object.is_vote`)."""
    return replace(
        found,
        name=found.name[:1],
        content=found.content[:1],
        media_type="",
        summary="",
        to=_public(found.to),
        cc=_public(found.cc),
        audience=(),
        attachments=tuple(replace(entry, name="") for entry in found.attachments[:1]),
        mentions=(),
        hashtags=(),
        emojis=(),
        poll=None if found.poll is None else replace(found.poll, options=()),
        former_type="",
        replies_collection=None,
    )


def _public(audience: tuple[str, ...]) -> tuple[str, ...]:
    return (PUBLIC,) if PUBLIC in audience else ()
