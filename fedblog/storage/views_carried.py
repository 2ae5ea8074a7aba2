"""What a comment carries beside its text, as pages show it, and where its pictures lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select, union_all

from fedblog.storage.tables import actors, comments, posts, reactions
from fedblog.storage.visibility import is_public_comment, is_public_post

Emojis = tuple[tuple[str, str], ...]
"""Custom emojis in their order: the shortcode and where the picture lies."""

_NOT_RASTER = frozenset({"image/svg+xml", "image/tiff", "image/x-eps"})


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or file that came with a comment; *number* is its place among all of them, *width*
    and *height* are what its sender says, 0 where that is nothing."""

    url: str
    media_type: str
    name: str
    number: int = 0
    type: str = ""
    width: int = 0
    height: int = 0

    @property
    def is_picture(self) -> bool:
        """Whether it is something to look at that can be encoded anew (S27: no SVG)."""
        if not self.media_type:
            return self.type == "Image"
        return self.media_type.startswith("image/") and self.media_type not in _NOT_RASTER


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a poll; *votes* is None where nobody said how many."""

    name: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll with what is known of its results. *total* is the number of voters, or of votes where
    only that is known; 0 where neither is."""

    options: tuple[Option, ...]
    multiple: bool
    ends_at: datetime | None
    is_closed: bool
    total: int
    counts_voters: bool


def attachments(text: str | None) -> tuple[Attachment, ...]:
    """The attachments in a column's JSON."""
    return tuple(
        Attachment(
            str(item["url"]),
            str(item.get("mediaType") or ""),
            str(item.get("name") or ""),
            number,
            str(item.get("type") or ""),
            int(item.get("width") or 0),
            int(item.get("height") or 0),
        )
        for number, item in enumerate(_list(text))
        if isinstance(item, dict) and item.get("url")
    )


def emojis(text: str | None) -> Emojis:
    """The custom emojis in a column's JSON."""
    return tuple((str(item["shortcode"]), str(item["url"])) for item in _list(text))


def quotes(text: str | None) -> tuple[str, ...]:
    """The ids of what is quoted in a column's JSON."""
    return tuple(str(item) for item in _list(text))


def poll(text: str | None) -> Poll | None:
    """The poll in a column's JSON, or None."""
    if not text:
        return None
    found: dict[str, Any] = orjson.loads(text)
    options = tuple(Option(str(item["name"]), item["votes"]) for item in found["options"])
    votes = sum(option.votes or 0 for option in options)
    voters = found["voters"]
    counts_voters = isinstance(voters, int) and voters > 0
    ends_at = found["ends_at"]
    return Poll(
        options,
        bool(found["multiple"]),
        datetime.fromisoformat(ends_at) if ends_at else None,
        bool(found["is_closed"]),
        voters if counts_voters else votes,
        counts_voters,
    )


_SHOWN = (
    select(comments.c.emojis, comments.c.attachments, comments.c.media_status)
    .join_from(comments, posts, posts.c.id == comments.c.post_id)
    .where(comments.c.id == bindparam("id"), is_public_comment(), is_public_post())
)
_LOOKED_AT = 50


def _newest(table: Any) -> Any:
    """What somebody wrote or did last: few rows, since who is hidden may have left very many."""
    columns = (table.c.id,) if table is reactions else (table.c.id, *_OF_A_COMMENT)
    return (
        select(table.c.post_id, *columns)
        .where(table.c.actor_uri == bindparam("uri"))
        .order_by(table.c.id.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )


_OF_A_COMMENT = (comments.c.status, comments.c.visibility, comments.c.deleted_at)
_WROTE, _REACTED = _newest(comments), _newest(reactions)
_ON_A_PAGE = union_all(
    select(_WROTE.c.id)
    .join(posts, posts.c.id == _WROTE.c.post_id)
    .where(is_public_comment(_WROTE), is_public_post()),
    select(_REACTED.c.id).join(posts, posts.c.id == _REACTED.c.post_id).where(is_public_post()),
).limit(1)
_NAME = select(actors.c.emojis).where(actors.c.uri == bindparam("uri"))


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of a comment that readers see."""

    emojis: Emojis
    attachments: tuple[Attachment, ...]
    media_status: str | None


def pictures(connection: Connection, comment_id: str) -> Pictures | None:
    """What can be seen in the comment *comment_id*, or None where it is not shown."""
    row = connection.execute(_SHOWN, {"id": comment_id}).first()
    if row is None:
        return None
    return Pictures(emojis(row.emojis), attachments(row.attachments), row.media_status)


def is_shown(connection: Connection, uri: str) -> bool:
    """Whether something of the remote actor *uri* stands on a page, among what came last of it."""
    return connection.execute(_ON_A_PAGE, {"uri": uri}).first() is not None


def emojis_of_name(connection: Connection, uri: str) -> Emojis:
    """The custom emojis in the name of a remote actor whom readers see."""
    if not is_shown(connection, uri):
        return ()
    return emojis(connection.execute(_NAME, {"uri": uri}).scalar())


def _list(text: str | None) -> Sequence[Any]:
    if not text or text == "[]":
        return ()
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ()
    return found if isinstance(found, list) else ()
