"""Followers as the inbox needs them: found and kept for a whole batch at once."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, delete, func, select

from fedblog.domain.follower import Follower
from fedblog.storage import inboxes
from fedblog.storage.lists import ListStatement, is_among
from fedblog.storage.tables import actors, followers, hosts
from fedblog.storage.tables import inboxes as inbox_table
from fedblog.storage.upsert import insert_ignoring, upsert

_BY_ACTOR = ListStatement(
    lambda listed: (
        select(
            followers.c.blog_id,
            followers.c.owner,
            followers.c.actor_uri,
            followers.c.activity_uri,
            inbox_table.c.url.label("inbox"),
            followers.c.created_at,
        )
        .join(inbox_table, inbox_table.c.id == followers.c.inbox_id)
        .where(listed(followers.c.actor_uri))
    )
)
_COUNT_AT = select(func.count()).select_from(
    select(followers.c.inbox_id)
    .join_from(inbox_table, followers, followers.c.inbox_id == inbox_table.c.id)
    .where(inbox_table.c.domain == bindparam("there"))
    .limit(bindparam("most"))
    .subquery()
)
_DELETE = delete(followers).where(
    followers.c.blog_id == bindparam("of_blog"),
    followers.c.owner == bindparam("of_owner"),
    followers.c.actor_uri == bindparam("of_actor"),
)


def find(connection: Connection, actor_uris: Collection[str]) -> list[Follower]:
    """Whom *actor_uris* follow here."""
    return [Follower(**row._mapping) for row in _BY_ACTOR.run(connection, actor_uris)]


def count_at(connection: Connection, domains: Collection[str], most: int) -> dict[str, int]:
    """How many follow whose inbox lies in each of *domains* (inboxes.domain_of), counted up to
    *most*."""
    numbers = {}
    for domain in sorted(domains):
        wanted = {"there": domain, "most": most}
        numbers[domain] = connection.execute(_COUNT_AT, wanted).scalar_one()
    return numbers


def not_asked_since(
    connection: Connection, before: datetime, after: str, limit: int
) -> tuple[list[tuple[str, str]], str]:
    """Of the next *limit* followers above the id *after*, those fetched before *before* whose host
    is not silent, with that host; and after whom the next stretch begins ("": at the first)."""
    following = list(
        connection.execute(
            select(followers.c.actor_uri)
            .where(followers.c.actor_uri > after)
            .distinct()
            .order_by(followers.c.actor_uri)
            .limit(limit)
        ).scalars()
    )
    rows = connection.execute(
        select(actors.c.uri, actors.c.host)
        .join(hosts, hosts.c.host == actors.c.host, isouter=True)
        .where(
            is_among(connection, actors.c.uri, Text, following),
            actors.c.fetched_at < before,
            func.coalesce(hosts.c.failures, 0) == 0,
        )
        .order_by(actors.c.uri)
    )
    found = [(row.uri, row.host) for row in rows]
    return found, following[-1] if len(following) == limit else ""


def save_all(connection: Connection, items: Sequence[Follower]) -> None:
    """Keep followers, new ones and ones whose Follow or inbox changed."""
    if not items:
        return
    ids = inboxes.ensure(connection, sorted({item.inbox for item in items}))
    rows: list[dict[str, Any]] = [
        {
            "blog_id": item.blog_id,
            "owner": item.owner,
            "actor_uri": item.actor_uri,
            "activity_uri": item.activity_uri,
            "inbox_id": ids[item.inbox],
            "created_at": item.created_at,
        }
        for item in items
    ]
    upsert(
        connection,
        followers,
        rows,
        key=("blog_id", "owner", "actor_uri"),
        update=("activity_uri", "inbox_id"),
    )


def delete_all(connection: Connection, items: Sequence[Follower]) -> None:
    """Drop followers that left."""
    if items:
        connection.execute(
            _DELETE,
            [
                {"of_blog": item.blog_id, "of_owner": item.owner, "of_actor": item.actor_uri}
                for item in items
            ],
        )


def delete_of_actor(connection: Connection, actor_uri: str) -> list[str]:
    """Drop an actor from all it follows here; gives the owners it followed."""
    owners = connection.execute(
        select(followers.c.owner).where(followers.c.actor_uri == actor_uri)
    ).scalars()
    found = list(owners)
    connection.execute(delete(followers).where(followers.c.actor_uri == actor_uri))
    return found


def move(
    connection: Connection, blog_id: int, old_uri: str, new_uri: str, inbox: str, now: datetime
) -> list[str]:
    """Let *new_uri* (whose deliveries go to *inbox*) follow whom *old_uri* follows, in its place;
    gives those owners. Where it follows already, its own entry stays."""
    owners = sorted(
        connection.execute(
            select(followers.c.owner).where(
                followers.c.blog_id == blog_id, followers.c.actor_uri == old_uri
            )
        ).scalars()
    )
    if not owners:
        return []
    inbox_id = inboxes.ensure(connection, [inbox])[inbox]
    rows = [
        {
            "blog_id": blog_id,
            "owner": owner,
            "actor_uri": new_uri,
            "activity_uri": None,
            "inbox_id": inbox_id,
            "created_at": now,
        }
        for owner in owners
    ]
    insert_ignoring(connection, followers, rows)
    connection.execute(
        delete(followers).where(followers.c.blog_id == blog_id, followers.c.actor_uri == old_uri)
    )
    return owners
