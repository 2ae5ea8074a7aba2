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
    bindparam,
    delete,
    exists,
    select,
    update,
)

from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.post import CommentPolicy, PostStatus
from fedblog.storage.bulk import BulkInsert, Values
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import comments, permalinks, posts

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
_POSTS_BY_PATH = ListStatement(
    lambda listed: select(posts.c.path.label("asked"), *_POST_FACTS).where(
        listed(posts.c.path), posts.c.blog_id == bindparam("blog_id")
    )
)
_POSTS_BY_FORMER_PATH = ListStatement(
    lambda listed: (
        select(permalinks.c.path.label("asked"), *_POST_FACTS)
        .join(posts, posts.c.id == permalinks.c.post_id)
        .where(listed(permalinks.c.path), permalinks.c.blog_id == bindparam("blog_id"))
    )
)
_POSTS_OF_ACTOR = (
    select(comments.c.post_id)
    .where(comments.c.actor_uri == bindparam("actor_uri"), comments.c.post_id.is_not(None))
    .distinct()
)
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


def find_posts_by_path(
    connection: Connection, blog_id: int, paths: Collection[str]
) -> dict[str, PostFacts]:
    """The posts that are or once were at these human paths."""
    found = {
        row.asked: _post(row)
        for row in _POSTS_BY_FORMER_PATH.run(connection, paths, blog_id=blog_id)
    }
    rows = _POSTS_BY_PATH.run(connection, paths, blog_id=blog_id)
    found.update({row.asked: _post(row) for row in rows})
    return found


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


def delete_of_actor(connection: Connection, actor_uri: str, now: datetime) -> list[str]:
    """Take the text out of all comments of an actor; gives the posts they stand under."""
    touched = connection.execute(_POSTS_OF_ACTOR, {"actor_uri": actor_uri}).scalars().all()
    connection.execute(
        update(comments)
        .where(comments.c.actor_uri == actor_uri, comments.c.deleted_at.is_(None))
        .values(deleted_at=now, edited_at=None, **NO_WORDS)
    )
    return [str(post_id) for post_id in touched]


def forget_orphans(connection: Connection, before: datetime) -> int:
    """Drop comments received before *before* whose post never came; gives the number of rows."""
    old = (comments.c.post_id.is_(None), comments.c.received_at < before)
    # A row that another hangs below goes once that one has gone.
    below = comments.alias()
    leaf = ~exists().where(below.c.parent_id == comments.c.id)
    number = 0
    while dropped := connection.execute(delete(comments).where(*old, leaf)).rowcount:
        number += dropped
    return number


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
