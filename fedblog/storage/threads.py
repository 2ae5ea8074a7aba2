"""Comments as the inbox needs them: parents, targets and orphans for a whole batch at once."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    delete,
    select,
    update,
)

from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.post import CommentPolicy, PostStatus
from fedblog.storage.bulk import BulkInsert, Values
from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement, is_among
from fedblog.storage.sweeping import of_most
from fedblog.storage.tables import comments, posts, reactions

_BY_URI = ListStatement(lambda listed: select(comments).where(listed(comments.c.uri)))


def _orphans(listed: Callable[[ColumnElement[Any]], ColumnElement[bool]]) -> Select[Any]:
    waiting = (
        select(comments.c.uri)
        .where(listed(comments.c.in_reply_to_uri), comments.c.post_id.is_(None))
        .cte("waiting", recursive=True)
    )
    below = comments.alias("below")
    # UNION drops repeats, so that a circle of replies ends.
    waiting = waiting.union(
        select(below.c.uri)
        .join_from(below, waiting, below.c.in_reply_to_uri == waiting.c.uri)
        .where(below.c.post_id.is_(None))
    )
    return select(comments).where(comments.c.uri.in_(select(waiting.c.uri)))


_ORPHANS = ListStatement(_orphans)
_POST_FACTS = (posts.c.id, posts.c.status, posts.c.comments)
_POSTS_BY_ID = ListStatement(lambda listed: select(*_POST_FACTS).where(listed(posts.c.id)))
NO_WORDS: dict[str, Any] = {
    "name": "",
    "source_html": "",
    "content_html": "",
    "summary": "",
    "attachments": "[]",
    "sensitive": False,
    "media_status": None,
    "poll": None,
    "quotes": None,
    "emojis": None,
}
"""What a comment holds of its writer's words once it is deleted."""
_AT_ONCE = 256
_COLUMNS = tuple(column.name for column in comments.columns)
_INSERT = BulkInsert(comments, _COLUMNS)
_values_of = attrgetter(*_COLUMNS)
_STATUS = _COLUMNS.index("status")
_NEW_NAMES = tuple("row_id" if name == "id" else f"new_{name}" for name in _COLUMNS)
_UPDATE = (
    update(comments)
    .where(comments.c.id == bindparam("row_id"))
    .values({name: bindparam(f"new_{name}") for name in _COLUMNS if name != "id"})
)


@dataclass(frozen=True, slots=True)
class PostFacts:
    """What a reply needs to know of a post."""

    id: str
    status: PostStatus
    comments: CommentPolicy


def find(connection: Connection, uris: Collection[str]) -> list[Comment]:
    """The comments with these ActivityPub ids."""
    return [comment(row) for row in _BY_URI.run(connection, uris)]


def find_orphans(connection: Connection, uris: Collection[str]) -> list[Comment]:
    """Comments that wait for a parent among *uris*, and those that wait below them."""
    return [comment(row) for row in _ORPHANS.run(connection, uris)]


def find_posts(connection: Connection, ids: Collection[str]) -> dict[str, PostFacts]:
    """The posts with these ids, in whatever state."""
    return {row.id: _post(row) for row in _POSTS_BY_ID.run(connection, ids)}


def insert_all(connection: Connection, items: Sequence[Comment]) -> None:
    """Keep new comments; parents must come before their children."""
    _INSERT.run(connection, [_values(item) for item in items])


def update_all(connection: Connection, items: Sequence[Comment]) -> None:
    """Write changed comments whole."""
    if items:
        connection.execute(
            _UPDATE,
            [dict(zip(_NEW_NAMES, _values(item), strict=True)) for item in items],
        )


def erase_of_actor(
    connection: Connection, actor_uri: str, after: str, limit: int, now: datetime
) -> list[str]:
    """Take the words out of the next comments of an actor above the id *after*, *limit* at most;
    gives their ids in order."""
    rows = connection.execute(
        select(comments.c.id, comments.c.post_id)
        .where(
            comments.c.actor_uri == actor_uri,
            comments.c.id > after,
            comments.c.deleted_at.is_(None),
        )
        .order_by(comments.c.id)
        .limit(limit)
    ).all()
    ids = [row.id for row in rows]
    if ids:
        connection.execute(
            update(comments)
            .where(is_among(connection, comments.c.id, Text, ids))
            .values(deleted_at=now, edited_at=None, **NO_WORDS)
        )
    record(connection, *(Change("comments", row.post_id) for row in rows if row.post_id))
    return ids


def keep_orphans(
    connection: Connection, actor_uris: Collection[str], per_actor: int, most: int
) -> None:
    """Drop the oldest of the comments that wait for a parent where one of *actor_uris* has more
    than *per_actor* of them, or, where all together are more than *most*, the domain that has
    most."""
    waits = comments.c.post_id.is_(None)
    for uri in sorted(actor_uris):
        newest_first = select(comments.c.id).where(waits, comments.c.actor_uri == uri)
        over = newest_first.order_by(comments.c.id.desc()).offset(per_actor).limit(_AT_ONCE)
        drop_orphans(connection, connection.execute(over).scalars().all())
    ids = of_most(connection, comments.c.id, comments.c.actor_uri, waits, most=most)
    drop_orphans(connection, ids[:_AT_ONCE])


def forget_orphans(connection: Connection, before: datetime, limit: int) -> int:
    """Drop at most *limit* comments received before *before* whose post never came; gives the
    number of rows."""
    old = (
        select(comments.c.id)
        .where(comments.c.post_id.is_(None), comments.c.received_at < before)
        .order_by(comments.c.received_at)
        .limit(limit)
    )
    ids = connection.execute(old).scalars().all()
    drop_orphans(connection, ids)
    return len(ids)


def drop_orphans(connection: Connection, ids: Sequence[str]) -> None:
    """Drop these comments, which hang under no post, and what was said of them."""
    if not ids:
        return
    connection.execute(delete(reactions).where(reactions.c.comment_id.in_(ids)))
    # Only what stands under a post has a parent (federation/replies.py), but older rows may.
    connection.execute(update(comments).where(comments.c.parent_id.in_(ids)).values(parent_id=None))
    connection.execute(delete(comments).where(comments.c.id.in_(ids)))


def comment(row: Row[Any]) -> Comment:
    """A row of the comments table as the domain's value."""
    values = dict(row._mapping)
    values["status"] = CommentStatus(values["status"])
    return Comment(**values)


def _post(row: Row[Any]) -> PostFacts:
    return PostFacts(row.id, PostStatus(row.status), CommentPolicy(row.comments))


def _values(item: Comment) -> Values:
    """The columns of *item*, in the table's order."""
    values = list(_values_of(item))
    values[_STATUS] = item.status.value
    return tuple(values)
