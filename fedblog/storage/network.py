"""Followers, deliveries' people and hosts as authors' tools and moderators see them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, literal, select, tuple_, union

from fedblog.storage.columns import UtcDateTime
from fedblog.storage.tables import actors, comments, followers, reactions
from fedblog.storage.visibility import counts_as_boost, is_public_comment


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


def participant_inboxes(connection: Connection, post_id: str) -> list[str]:
    """The inboxes (shared where there is one) of the remote people in the conversation under a
    post: who answered, or boosted it."""
    people = union(
        select(comments.c.actor_uri).where(
            comments.c.post_id == post_id,
            comments.c.actor_uri.is_not(None),
            is_public_comment(),
        ),
        select(reactions.c.actor_uri).where(reactions.c.post_id == post_id, counts_as_boost()),
    ).subquery()
    rows = connection.execute(
        select(actors.c.inbox, actors.c.shared_inbox).where(
            actors.c.uri.in_(select(people.c.actor_uri)), actors.c.deleted_at.is_(None)
        )
    )
    return [row.shared_inbox or row.inbox for row in rows]
