"""Single comments, and the comments of a post as moderators see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    exists,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from fedblog.domain.comment import Comment, CommentStatus
from fedblog.storage import media as media_rows
from fedblog.storage.changes import Change, record
from fedblog.storage.columns import UtcDateTime
from fedblog.storage.tables import actors, authors, comments, media, posts
from fedblog.storage.threads import NO_WORDS
from fedblog.storage.threads import comment as comment_of
from fedblog.storage.visibility import is_decided_as, is_listed_comment, is_living_post

_parents = comments.alias("parents")
_above = posts.alias("above")
_PATH = select(_above.c.path).where(_above.c.id == comments.c.post_id).scalar_subquery()


@dataclass(frozen=True, slots=True)
class CommentView:
    """A comment with what is shown of its writer, below the post at *path*. *parent_uri* is None
    for a first-level one; exactly one of *actor_uri*, *author_handle* and *guest_name* is not
    empty."""

    comment: Comment
    path: str
    parent_uri: str | None
    actor_name: str
    actor_handle: str
    actor_host: str
    actor_url: str
    actor_avatar_url: str
    author_name: str
    author_handle: str
    author_avatar: str


def get(connection: Connection, blog_id: int, comment_id: str) -> Comment | None:
    """The comment *comment_id*, deleted or not, or None."""
    row = connection.execute(
        select(comments).where(comments.c.blog_id == blog_id, comments.c.id == comment_id)
    ).first()
    return comment_of(row) if row else None


def get_listed(connection: Connection, blog_id: int, comment_id: str) -> Comment | None:
    """The comment *comment_id* where authors' tools may know of it: not deleted, nor its post,
    addressed to everyone, and under a post."""
    row = connection.execute(
        select(comments).where(
            comments.c.blog_id == blog_id,
            comments.c.id == comment_id,
            is_listed_comment(),
            _is_under_living_post(),
        )
    ).first()
    return comment_of(row) if row else None


def below(connection: Connection, post_id: str, after: str, limit: int) -> list[Comment]:
    """The next *limit* comments under a post by id, deleted or not, going on after *after*."""
    rows = connection.execute(
        select(comments)
        .where(comments.c.post_id == post_id, comments.c.id > after)
        .order_by(comments.c.id)
        .limit(limit)
    )
    return [comment_of(row) for row in rows]


def insert_comment(connection: Connection, comment: Comment) -> None:
    """Store a comment written here."""
    values = {column.name: getattr(comment, column.name) for column in comments.columns}
    connection.execute(insert(comments).values(**values | {"status": comment.status.value}))
    media_rows.note_uses(connection, comment.blog_id, comment.id, [comment.content_html])
    if comment.post_id is not None:
        record(connection, Change("comments", comment.post_id))


def decide(connection: Connection, comment: Comment, status: CommentStatus) -> None:
    """Write a moderator's decision; edits by its writer do not change it any more."""
    _update(connection, comment, {"status": status.value, "status_locked": True})


def decide_media(connection: Connection, comment: Comment, media_status: str) -> None:
    """Write whether the pictures of a comment are shown; other pictures ask anew."""
    _update(connection, comment, {"media_status": media_status})


def delete_comment(connection: Connection, comment: Comment, now: datetime) -> None:
    """Take the words out of a comment for good; its place stays for the answers below it."""
    _update(
        connection,
        comment,
        {**NO_WORDS, "status_locked": True, "deleted_at": now},
    )


def list_page(
    connection: Connection,
    blog_id: int,
    post_id: str | None,
    *,
    status: CommentStatus | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[CommentView]:
    """The comments under a post (or under all posts) whatever their status, oldest first.

    Deleted ones, those under deleted posts, orphans and those not addressed to everyone are left
    out.
    """
    query = (
        _views()
        .where(
            comments.c.blog_id == blog_id,
            is_listed_comment(),
            _is_under_living_post(),
        )
        .order_by(comments.c.published_at, comments.c.id)
        .limit(limit)
    )
    if post_id is not None:
        query = query.where(comments.c.post_id == post_id)
    if status is not None:
        query = query.where(is_decided_as(status))
    if after is not None:
        moment, comment_id = after
        query = query.where(
            tuple_(comments.c.published_at, comments.c.id)
            > tuple_(literal(moment, UtcDateTime()), comment_id)
        )
    return [_view(row) for row in connection.execute(query)]


def view(connection: Connection, blog_id: int, comment_id: str) -> CommentView | None:
    """One comment as moderators see it; None where it is not listed (`get_listed`)."""
    row = connection.execute(
        _views().where(
            comments.c.blog_id == blog_id,
            comments.c.id == comment_id,
            is_listed_comment(),
            _is_under_living_post(),
        )
    ).first()
    return _view(row) if row else None


def _is_under_living_post() -> ColumnElement[bool]:
    return exists().where(posts.c.id == comments.c.post_id, is_living_post())


def _views() -> Any:
    return (
        select(
            comments,
            _PATH.label("post_path"),
            _parents.c.uri.label("parent_uri"),
            actors.c.name.label("actor_name"),
            actors.c.handle.label("actor_handle"),
            actors.c.host.label("actor_host"),
            actors.c.url.label("actor_url"),
            actors.c.avatar_url.label("actor_avatar_url"),
            authors.c.name.label("author_name"),
            authors.c.handle.label("author_handle"),
            media.c.file_name.label("author_avatar"),
        )
        .select_from(comments)
        .join(_parents, _parents.c.id == comments.c.parent_id, isouter=True)
        .join(actors, actors.c.uri == comments.c.actor_uri, isouter=True)
        .join(authors, authors.c.id == comments.c.author_id, isouter=True)
        .join(media, media.c.id == authors.c.avatar, isouter=True)
    )


def _view(row: Any) -> CommentView:
    values = dict(row._mapping)
    own = {column.name: values[column.name] for column in comments.columns}
    return CommentView(
        Comment(**own | {"status": CommentStatus(own["status"])}),
        values["post_path"] or "",
        values["parent_uri"],
        values["actor_name"] or "",
        values["actor_handle"] or "",
        values["actor_host"] or "",
        values["actor_url"] or "",
        values["actor_avatar_url"] or "",
        values["author_name"] or "",
        values["author_handle"] or "",
        values["author_avatar"] or "",
    )


def _update(connection: Connection, comment: Comment, values: Mapping[str, Any]) -> None:
    connection.execute(update(comments).where(comments.c.id == comment.id).values(**values))
    if comment.post_id is not None:
        record(connection, Change("comments", comment.post_id))
