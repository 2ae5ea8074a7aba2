"""How much goes on here: the figures of NodeInfo and of followers collections."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, exists, func, or_, select

from fedblog.storage.tables import authors, comments, followers, post_authors, posts
from fedblog.storage.visibility import counts_as_comment, is_local_comment, is_public_post


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
    return connection.execute(
        select(func.count())
        .select_from(followers)
        .where(followers.c.blog_id == blog_id, followers.c.owner == owner)
    ).scalar_one()


def usage(connection: Connection, blog_id: int, month_ago: datetime, half_ago: datetime) -> Usage:
    """Who writes here and how much is public. Active is who published a post or commented."""

    def active(since: datetime) -> ColumnElement[int]:
        wrote = exists().where(
            post_authors.c.author_id == authors.c.id,
            post_authors.c.post_id == posts.c.id,
            is_public_post(),
            posts.c.published_at >= since,
        )
        commented = exists().where(
            comments.c.author_id == authors.c.id,
            counts_as_comment(),
            comments.c.published_at >= since,
        )
        return func.count(case((or_(wrote, commented), 1)))

    people = connection.execute(
        select(func.count(), active(month_ago), active(half_ago))
        .select_from(authors)
        .where(authors.c.blog_id == blog_id)
    ).one()
    published = connection.execute(
        select(func.count()).select_from(posts).where(posts.c.blog_id == blog_id, is_public_post())
    ).scalar_one()
    written = connection.execute(
        select(func.count())
        .select_from(comments.join(posts, posts.c.id == comments.c.post_id))
        .where(
            comments.c.blog_id == blog_id,
            is_local_comment(),
            counts_as_comment(),
            is_public_post(),
        )
    ).scalar_one()
    return Usage(people[0], people[1], people[2], published, written)
