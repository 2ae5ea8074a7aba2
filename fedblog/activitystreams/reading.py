"""JSON to typed values, tolerant of every form that peers really use.

Contexts are not looked at and never fetched: the properties are read by their plain names. What a
document says is taken as its claim; who may claim it is decided where it is used. Every function
raises ReadingError (one of its named kinds) and nothing else.
"""

from typing import Any, TypeVar

from fedblog.activitystreams import values
from fedblog.activitystreams.documents import (
    Activity,
    ActorDocument,
    Attachment,
    Collection,
    Emoji,
    Envelope,
    Hashtag,
    KeyDocument,
    Mention,
    Object,
    Poll,
    PollOption,
)
from fedblog.activitystreams.emoji import reaction_emoji
from fedblog.activitystreams.errors import (
    MalformedJsonError,
    MissingPropertyError,
    MissingTypeError,
    ReadingError,
    TooLargeJsonError,
    UnexpectedTypeError,
)
from fedblog.activitystreams.reading_actors import ACTOR_MEMBERS, read_actor, read_key
from fedblog.activitystreams.reading_collections import read_collection
from fedblog.activitystreams.reading_objects import (
    OBJECT_MEMBERS,
    read_emojis,
    read_mentions,
    read_object,
)
from fedblog.activitystreams.values import Document
from fedblog.activitystreams.vocabulary import (
    ACTIVITY_TYPES,
    ACTOR_TYPES,
    PUBLIC,
    REQUEST_TYPES,
)

__all__ = [
    "ACTOR_MEMBERS",
    "OBJECT_MEMBERS",
    "Activity",
    "ActorDocument",
    "Attachment",
    "Collection",
    "Emoji",
    "Envelope",
    "Hashtag",
    "KeyDocument",
    "MalformedJsonError",
    "Mention",
    "MissingPropertyError",
    "MissingTypeError",
    "Object",
    "Poll",
    "PollOption",
    "ReadingError",
    "TooLargeJsonError",
    "UnexpectedTypeError",
    "is_public",
    "read_activity",
    "read_actor",
    "read_collection",
    "read_envelope",
    "read_key",
    "read_object",
]

_MAX_INNER = 4
_Read = TypeVar("_Read", Object, Activity, ActorDocument)


def is_public(item: Activity | Object) -> bool:
    """Whether *item* is addressed to everyone, in ``to`` or (unlisted) in ``cc``."""
    return PUBLIC in item.to or PUBLIC in item.cc


def read_envelope(document: Document) -> Envelope:
    """What the activity in *document* is, whose, and about what; nothing of what it says.

    Raises what `read_activity` raises.
    """
    return _read_envelope(document, None)


def _read_envelope(document: Document, default_actor: str | None) -> Envelope:
    type_ = values.type_of(document)
    if type_ not in ACTIVITY_TYPES:
        if not type_:
            raise MissingTypeError("there is no usable 'type'")
        raise UnexpectedTypeError(type_, "activity")
    actor = values.uri(document.get("actor"))
    if actor is None or not values.web_address(actor):
        if default_actor is None or "actor" in document:
            raise MissingPropertyError("actor")
        actor = default_actor
    return Envelope(
        id=values.uri(document.get("id")),
        type="EmojiReact" if type_ == "EmojiReaction" else type_,
        actor=actor,
        object_id=values.uri(document.get("object")),
    )


def read_activity(document: Document) -> Activity:
    """The activity in *document*, its texts as they came.

    Raises MissingTypeError, UnexpectedTypeError for what is no activity, MissingPropertyError
    where no actor is named.
    """
    return _read_activity(document, None, _MAX_INNER)


def _read_activity(document: Document, default_actor: str | None, levels: int) -> Activity:
    envelope = _read_envelope(document, default_actor)
    type_, actor = envelope.type, envelope.actor
    to = values.audience(document.get("to"))
    cc = values.audience(document.get("cc"))

    raw = document.get("object")
    object_type = ""
    item_object: Object | None = None
    inner: Activity | None = None
    actor_object: ActorDocument | None = None
    object_ids = values.uris(raw)
    object_id = object_ids[0] if object_ids else None
    item = None if type(raw) is str else _embedded(raw, object_id)
    if item is not None:
        item_type = values.type_of(item)
        object_type = item_type or "Object"
        try:
            if item_type in ACTIVITY_TYPES:
                if levels > 0:
                    # An undone activity is the undoer's own, even where it leaves that out.
                    default = actor if type_ == "Undo" else None
                    inner = _named(_read_activity(item, default, levels - 1), object_id)
            elif item_type in ACTOR_TYPES:
                actor_object = _named(read_actor(item), object_id)
            elif item_type:
                item_object = _named(read_object(item, to=to, cc=cc), object_id)
        except ReadingError:
            pass

    emoji = ""
    emojis: tuple[Emoji, ...] = ()
    content = values.text(document, "content")
    tags = document.get("tag")
    if type_ in ("EmojiReact", "Like"):
        emoji = _emoji(document, content)
    if tags:
        emojis = read_emojis(tags)
    instrument: Object | None = None
    instrument_activity: Activity | None = None
    raw_instrument = document.get("instrument") if type_ in REQUEST_TYPES else None
    instrument_id = values.uri(raw_instrument)
    if type(raw_instrument) is dict and levels > 0:
        instrument, instrument_activity = _read_instrument(raw_instrument, actor, levels)
        instrument = _named(instrument, instrument_id)
        instrument_activity = _named(instrument_activity, instrument_id)
    return Activity(
        id=envelope.id,
        type=type_,
        actor=actor,
        object_id=object_id,
        object_ids=object_ids,
        object_type=object_type,
        object=item_object,
        inner=inner,
        actor_object=actor_object,
        target=values.uri(document.get("target")),
        to=to,
        cc=cc,
        audience=values.uris(document.get("audience")),
        content=content,
        emoji=emoji,
        emojis=emojis,
        mentions=read_mentions(tags) if tags else (),
        published=values.moment(document.get("published")),
        updated=values.moment(document.get("updated")),
        proof=document.get("proof"),
        instrument_id=instrument_id,
        instrument=instrument,
        instrument_activity=instrument_activity,
    )


def _embedded(value: Any, id_: str | None) -> Document | None:
    """What *value* embeds of the thing that it names first, *id_*. Nothing else is taken for what
    the activity is about: what is decided about one would be done with another."""
    for item in values.listed(value):
        if type(item) is dict and values.uri(item) == id_:
            return item
    return None


def _named(item: _Read | None, id_: str | None) -> _Read | None:
    """*item* where it calls itself *id_*, as the activity does that carries it."""
    return item if item is not None and item.id == id_ else None


def _read_instrument(
    document: Document, actor: str, levels: int
) -> tuple[Object | None, Activity | None]:
    """What is embedded in a request as that which wants to interact: an object or an activity."""
    try:
        if values.type_of(document) in ACTIVITY_TYPES:
            return None, _read_activity(document, actor, levels - 1)
        return read_object(document), None
    except ReadingError:
        return None, None


def _emoji(document: Document, content: str) -> str:
    """The reaction: one emoji or ``:shortcode:``; empty where it is another text."""
    found: Any = content or document.get("_misskey_reaction")
    return reaction_emoji(found) if type(found) is str else ""
