"""What other servers may be shown of posts and local comments, and what came of them.

Only what is public leaves these functions (security case S30): published posts, approved public
comments.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, exists, not_, select

from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.media import Media
from fedblog.domain.post import Post, PostStatus
from fedblog.storage import counts
from fedblog.storage import media as media_rows
from fedblog.storage import posts as post_rows
from fedblog.storage.tables import (
    actors,
    comments,
    posts,
    reactions,
)
from fedblog.storage.visibility import (
    PUBLIC,
    beyond_indexes,
    counts_as_boost,
    counts_as_like,
    is_about_post,
    is_boost_of_same_person,
    is_like_of_same_person,
    is_local_comment,
    is_public_comment,
    is_public_post,
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some addresses, and the cursor after which the next ones begin (None: these are the last)."""

    uris: tuple[str, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Reception:
    """What came of a post or a comment: how many answers with the first of them, how many people
    liked it and how many boosted it."""

    replies: int
    first_replies: Page
    likes: int
    shares: int


@dataclass(frozen=True, slots=True)
class PostDocument:
    """A post that is or was public, with the uploaded *pictures* in its text by file name.
    *reception* is None for a deleted one."""

    post: Post
    reception: Reception | None
    pictures: dict[str, Media] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """The remote person a comment answers."""

    actor_uri: str
    handle: str
    host: str


@dataclass(frozen=True, slots=True)
class CommentDocument:
    """A comment written here that is or was public, below the post at *path*. *reception* is None
    for one that is gone."""

    comment: Comment
    path: str
    answered: Answered | None
    reception: Reception | None


# --- posts -----------------------------------------------------------------------------------


def post_state(connection: Connection, blog_id: int, post_id: str) -> PostStatus | None:
    """Whether the post *post_id* is published or, after that, deleted; None for all others."""
    row = connection.execute(
        select(posts.c.status, posts.c.published_at).where(
            posts.c.id == post_id, posts.c.blog_id == blog_id
        )
    ).first()
    return None if row is None else _public_state(PostStatus(row.status), row.published_at)


def _public_state(status: PostStatus, published_at: datetime | None) -> PostStatus | None:
    if published_at is None or status not in (PostStatus.PUBLISHED, PostStatus.DELETED):
        return None
    return status


def post(connection: Connection, blog_id: int, post_id: str, limit: int) -> PostDocument | None:
    """The post *post_id* with at most *limit* of its answers, where it is or was public."""
    found = post_rows.get(connection, blog_id, post_id)
    if found is None:
        return None
    state = _public_state(found.status, found.published_at)
    if state is None:
        return None
    if state is PostStatus.DELETED:
        return PostDocument(found, None)
    return PostDocument(
        found,
        _reception(connection, post_id, _of_post(post_id), "comments", limit),
        media_rows.in_texts(connection, blog_id, [found.content_html]),
    )


def post_replies(connection: Connection, post_id: str, after: str | None, limit: int) -> Page:
    """The comments of a post that everyone may read, oldest first."""
    return _comment_page(connection, _of_post(post_id), after, limit)


def count_replies(connection: Connection, post_id: str) -> int:
    """How many they are."""
    return counts.one(connection, "comments", post_id)


def _of_post(post_id: str) -> ColumnElement[bool]:
    return comments.c.post_id == post_id


# --- comments written here ---------------------------------------------------------------------


def comment(
    connection: Connection, blog_id: int, comment_id: str, limit: int
) -> CommentDocument | None:
    """The comment *comment_id* where it was written here and is, or was, public."""
    row = connection.execute(
        select(comments, posts.c.status.label("post_status"), posts.c.path)
        .join_from(comments, posts, posts.c.id == comments.c.post_id)
        .where(comments.c.id == comment_id, comments.c.blog_id == blog_id, is_local_comment())
    ).first()
    if row is None or row.status != CommentStatus.APPROVED.value or row.visibility != PUBLIC:
        return None
    values = row._asdict()
    path = values.pop("path") or ""
    is_gone = values.pop("post_status") != PostStatus.PUBLISHED.value or row.deleted_at is not None
    found = Comment(**{**values, "status": CommentStatus(row.status)})
    if is_gone:
        return CommentDocument(found, path, None, None)
    return CommentDocument(
        found,
        path,
        _answered(connection, found.parent_id),
        _reception(connection, comment_id, _of_comment(comment_id), "replies", limit),
    )


def is_comment_public(connection: Connection, blog_id: int, comment_id: str) -> bool:
    """Whether *comment_id* was written here and everyone may read it."""
    query = (
        select(comments.c.id)
        .join_from(comments, posts, posts.c.id == comments.c.post_id)
        .where(
            comments.c.id == comment_id,
            comments.c.blog_id == blog_id,
            is_local_comment(),
            is_public_comment(),
            is_public_post(),
        )
    )
    return connection.execute(query).first() is not None


def comment_replies(connection: Connection, comment_id: str, after: str | None, limit: int) -> Page:
    """The direct answers to a comment that everyone may read, oldest first."""
    return _comment_page(connection, _of_comment(comment_id), after, limit)


def count_comment_replies(connection: Connection, comment_id: str) -> int:
    """How many they are."""
    return counts.one(connection, "replies", comment_id)


def _of_comment(comment_id: str) -> ColumnElement[bool]:
    return comments.c.parent_id == comment_id


def _answered(connection: Connection, parent_id: str | None) -> Answered | None:
    if parent_id is None:
        return None
    row = connection.execute(
        select(actors.c.uri, actors.c.handle, actors.c.host)
        .join_from(comments, actors, actors.c.uri == comments.c.actor_uri)
        .where(comments.c.id == parent_id)
    ).first()
    return None if row is None else Answered(*row)


# --- what came of either ---------------------------------------------------------------------


def _reception(
    connection: Connection,
    object_id: str,
    of_comments: ColumnElement[bool],
    replies: str,
    limit: int,
) -> Reception:
    kept = counts.of(connection, [object_id]).get(object_id, counts.NONE)
    return Reception(
        kept.get(replies, 0),
        _comment_page(connection, of_comments, None, limit),
        kept.get("likes", 0),
        kept.get("shares", 0),
    )


def _comment_page(
    connection: Connection, of_comments: ColumnElement[bool], after: str | None, limit: int
) -> Page:
    query = select(comments.c.id, comments.c.uri).where(of_comments, is_public_comment())
    if after is not None:
        query = query.where(comments.c.id > after)
    rows = connection.execute(query.order_by(comments.c.id).limit(limit + 1)).all()
    kept = rows[:limit]
    return Page(tuple(row.uri for row in kept), kept[-1].id if kept and len(rows) > limit else None)


def is_reply(
    connection: Connection,
    id_: str,
    *,
    post_id: str | None = None,
    comment_id: str | None = None,
) -> bool:
    """Whether *id_* is a comment below the post, or directly below the comment, shown or not."""
    of = _of_post(post_id) if post_id is not None else _of_comment(comment_id or "")
    return (
        connection.execute(select(comments.c.id).where(comments.c.id == id_, of)).first()
        is not None
    )


ReactionsName = Literal["likes", "shares"]
_earlier = reactions.alias("earlier")
_IS_COUNTED = {"likes": counts_as_like, "shares": counts_as_boost}
# The first of each person counts.
_IS_FIRST = {
    name: not_(exists().where(is_earlier, beyond_indexes(_earlier.c.id) < reactions.c.id))
    for name, is_earlier in (
        ("likes", is_like_of_same_person(_earlier)),
        ("shares", is_boost_of_same_person(_earlier)),
    )
}


def reactions_page(
    connection: Connection,
    name: ReactionsName,
    *,
    post_id: str | None = None,
    comment_id: str | None = None,
    after: str | None,
    limit: int,
) -> Page:
    """The activities by which people liked or boosted a post or comment, one for each person,
    in the order in which they came. Those that had no id are left out."""
    query = (
        select(reactions.c.id, reactions.c.activity_uri)
        .where(_IS_COUNTED[name](reactions), _IS_FIRST[name])
        .order_by(reactions.c.id)
        .limit(limit + 1)
    )
    if post_id is not None:
        query = query.where(reactions.c.post_id == post_id, is_about_post())
    else:
        query = query.where(reactions.c.comment_id == comment_id)
    if after is not None:
        query = query.where(reactions.c.id > after)
    rows = connection.execute(query).all()
    kept = rows[:limit]
    return Page(
        tuple(row[1] for row in kept if row[1] is not None),
        kept[-1][0] if kept and len(rows) > limit else None,
    )


def is_reaction(
    connection: Connection,
    id_: str,
    *,
    post_id: str | None = None,
    comment_id: str | None = None,
) -> bool:
    """Whether *id_* is a reaction, of whichever kind, to the post or the comment."""
    of = reactions.c.post_id == post_id
    if post_id is None:
        of = reactions.c.comment_id == comment_id
    found = connection.execute(select(reactions.c.id).where(reactions.c.id == id_, of))
    return found.first() is not None


def reaction_before(
    connection: Connection,
    name: ReactionsName,
    id_: str,
    *,
    post_id: str | None = None,
    comment_id: str | None = None,
) -> str | None:
    """The last of the likes or shares of the post or comment before *id_*."""
    earlier = select(reactions.c.id).where(_IS_COUNTED[name](reactions), reactions.c.id < id_)
    if post_id is not None:
        earlier = earlier.where(reactions.c.post_id == post_id, is_about_post())
    else:
        earlier = earlier.where(reactions.c.comment_id == comment_id)
    last = earlier.order_by(reactions.c.id.desc()).limit(1)
    return connection.execute(last).scalar_one_or_none()


def count_reactions(
    connection: Connection,
    name: ReactionsName,
    *,
    post_id: str | None = None,
    comment_id: str | None = None,
) -> int:
    """How many people liked or boosted it."""
    return counts.one(connection, name, post_id or comment_id or "")
