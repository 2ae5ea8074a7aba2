"""What reading gives: frozen values that hold whatever a document said in one known form.

Texts are as they came (HTML where the property is HTML) and not sanitised. An id is any text
without blanks and control characters; what ends up in a link (``url``, ``icon_url``, an
attachment's ``url``, a mention's ``href``) is http or https or empty.
"""

from datetime import datetime
from typing import Any

from fedblog.domain.frozen import frozen


@frozen
class Mention:
    """A person named in a text. Only *href* identifies; *name* may lack the host or be empty."""

    href: str
    name: str


@frozen
class Hashtag:
    """A hashtag; *name* without its leading #."""

    name: str
    href: str


@frozen
class Emoji:
    """A custom emoji: ``:shortcode:`` in texts stands for the picture at *url*."""

    shortcode: str
    url: str


@frozen
class Attachment:
    """A picture, film, sound, file or link; *name* is its text for those who cannot see it."""

    type: str
    url: str
    media_type: str
    name: str
    width: int | None = None
    height: int | None = None


@frozen
class PollOption:
    """One answer of a poll and how many chose it, where that was said."""

    name: str
    votes: int | None


@frozen
class Poll:
    """The answers of a Question. *is_closed* only where it says so without a time."""

    options: tuple[PollOption, ...]
    multiple: bool
    ends_at: datetime | None
    voters: int | None
    is_closed: bool = False


@frozen
class Collection:
    """A collection or a page of one. *items* are ids, of embedded items too (fetch those anew
    from their own host before believing them). *first* is the address of the first page where it
    is not embedded as *first_page*."""

    id: str | None
    type: str
    items: tuple[str, ...] = ()
    total_items: int | None = None
    first: str | None = None
    first_page: "Collection | None" = None
    next: str | None = None
    part_of: str | None = None


@frozen
class Object:
    """A note, article or whatever else someone made. *attributed_to* is never empty where the
    document names anyone (``attributedTo``, else ``actor``); the first is the author.
    *media_type* is of *content*, "" where none is named, which means HTML
    (`reading_texts.html_of`)."""

    id: str | None
    type: str
    attributed_to: tuple[str, ...] = ()
    in_reply_to: str | None = None
    name: str = ""
    content: str = ""
    media_type: str = ""
    summary: str = ""
    sensitive: bool = False
    language: str | None = None
    url: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    quotes: tuple[str, ...] = ()
    poll: Poll | None = None
    former_type: str = ""
    replies: str | None = None
    replies_collection: Collection | None = None
    likes_total: int | None = None
    shares_total: int | None = None
    context: str | None = None

    @property
    def author(self) -> str | None:
        """The one who made it: the first of *attributed_to*."""
        return self.attributed_to[0] if self.attributed_to else None

    @property
    def is_vote(self) -> bool:
        """Whether it is a vote in a poll (a Note with ``name`` and no text): never a comment."""
        return (
            self.type == "Note"
            and self.in_reply_to is not None
            and bool(self.name)
            and not self.content
            and not self.attachments
        )


@frozen
class KeyDocument:
    """A public key as published. *owner* is who it says it belongs to: believe it only once that
    actor lists the key. *kind* is ``rsa`` or ``ed25519``."""

    id: str
    owner: str
    public_pem: str
    kind: str


@frozen
class ActorDocument:
    """An actor. *inbox* is "" where it has none (it can then write but not be answered)."""

    id: str
    type: str
    preferred_username: str = ""
    name: str = ""
    summary: str = ""
    url: str = ""
    icon_url: str = ""
    image_url: str = ""
    inbox: str = ""
    shared_inbox: str | None = None
    outbox: str | None = None
    followers: str | None = None
    following: str | None = None
    featured: str | None = None
    moved_to: str | None = None
    also_known_as: tuple[str, ...] = ()
    keys: tuple[KeyDocument, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    published: datetime | None = None
    webfinger: str = ""
    manually_approves_followers: bool = False
    implements: tuple[str, ...] = ()


@frozen
class Envelope:
    """What is looked at of an activity before it is known who sent it: *object_id* is the first of
    its objects."""

    id: str | None
    type: str
    actor: str
    object_id: str | None = None


@frozen
class Activity:
    """Something somebody did.

    *object_ids* has the ids of all objects, embedded or not; *object_id* is the first.
    Where that is embedded it stands, by what it is, in *object*, *inner* (an activity) or
    *actor_object*, with *object_id* as its id; all three are None where only an address was given
    or the embedded thing could not be read (*object_type* is "" only in the first case).
    Of a request for leave to interact, *instrument_id* is what wants to interact; embedded it
    stands in *instrument* (a quote, a reply) or *instrument_activity* (a Like, an Announce).
    *emoji* is the reaction of an EmojiReact or of a Like that carries one. *to* and *cc* name
    the public collection in its full form.
    """

    id: str | None
    type: str
    actor: str
    object_id: str | None = None
    object_ids: tuple[str, ...] = ()
    object_type: str = ""
    object: Object | None = None
    inner: "Activity | None" = None
    actor_object: ActorDocument | None = None
    target: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    content: str = ""
    emoji: str = ""
    emojis: tuple[Emoji, ...] = ()
    mentions: tuple[Mention, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    proof: Any = None
    instrument_id: str | None = None
    instrument: Object | None = None
    instrument_activity: "Activity | None" = None
