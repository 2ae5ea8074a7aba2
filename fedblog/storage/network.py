"""Followers, deliveries' people and hosts as authors' tools and moderators see them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, literal, select, tuple_

from fedblog.storage.columns import UtcDateTime
from fedblog.storage.tables import actors, followers


@dataclass(frozen=True, slots=True)
class FollowerView:
    """A follower with what is known of the person. *owner* is whom they follow here."""

    owner: str
    actor_uri: str
    name: str
    handle: str
    host: str
    url: str
    avatar_url: str
    created_at: datetime


def list_followers(
    connection: Connection,
    blog_id: int,
    *,
    after: tuple[datetime, str, str] | None,
    limit: int,
) -> list[FollowerView]:
    """Followers of the blog and of its authors, oldest first, after (created_at, actor, owner)."""
    query = (
        select(
            followers.c.owner,
            followers.c.actor_uri,
            actors.c.name,
            actors.c.handle,
            actors.c.host,
            actors.c.url,
            actors.c.avatar_url,
            followers.c.created_at,
        )
        .join_from(followers, actors, actors.c.uri == followers.c.actor_uri, isouter=True)
        .where(followers.c.blog_id == blog_id)
    )
    if after is not None:
        moment, actor_uri, owner = after
        here = tuple_(followers.c.created_at, followers.c.actor_uri, followers.c.owner)
        query = query.where(here > tuple_(literal(moment, UtcDateTime()), actor_uri, owner))
    rows = connection.execute(
        query.order_by(followers.c.created_at, followers.c.actor_uri, followers.c.owner).limit(
            limit
        )
    )
    return [
        FollowerView(
            row.owner,
            row.actor_uri,
            row.name or "",
            row.handle or "",
            row.host or "",
            row.url or row.actor_uri,
            row.avatar_url or "",
            row.created_at,
        )
        for row in rows
    ]
