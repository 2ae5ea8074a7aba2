"""How much goes on here: the figures of NodeInfo and of followers collections."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from fedblog.storage import counts
from fedblog.storage.tables import authors, comments, post_authors, posts
from fedblog.storage.visibility import counts_as_comment, is_public_post

# The newest of each, at the end of an index; nothing is counted.
_LAST_POST = (
    select(post_authors.c.listed_at)
    .where(post_authors.c.author_id == authors.c.id, post_authors.c.listed_at.is_not(None))
    .order_by(post_authors.c.listed_at.desc())
    .limit(1)
    .correlate(authors)
    .scalar_subquery()
)
_LAST_COMMENT = (
    select(comments.c.published_at)
    .join_from(comments, posts, posts.c.id == comments.c.post_id)
    .where(comments.c.author_id == authors.c.id, counts_as_comment(), is_public_post())
    .order_by(comments.c.published_at.desc())
    .limit(1)
    .correlate(authors)
    .scalar_subquery()
)
_LAST_SEEN = select(_LAST_POST.label("post"), _LAST_COMMENT.label("comment")).where(
    authors.c.blog_id == bindparam("blog_id")
)


@dataclass(frozen=True, slots=True)
class Usage:
    """The figures of NodeInfo."""

    authors: int
    active_month: int
    active_half_year: int
    posts: int
    comments: int


def count_followers(connection: Connection, blog_id: int, owner: str) -> int:
    """How many follow the local actor *owner*."""
    return counts.one(connection, "followers", counts.owner_key(blog_id, owner))


def usage(connection: Connection, blog_id: int, month_ago: datetime, half_ago: datetime) -> Usage:
    """Who writes here and how much is public. Active is who published a post or commented."""
    people: Any = connection.execute(_LAST_SEEN, {"blog_id": blog_id}).all()

    def active(since: datetime) -> int:
        return sum(_latest(row) is not None and _latest(row) >= since for row in people)

    key = counts.blog_key(blog_id)
    return Usage(
        len(people),
        active(month_ago),
        active(half_ago),
        counts.one(connection, "posts", key),
        counts.one(connection, "local comments", key),
    )


def _latest(moments: Iterable[datetime | None]) -> Any:
    return max((moment for moment in moments if moment is not None), default=None)
