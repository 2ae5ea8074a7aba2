"""Deliveries: one row for each activity and inbox, durable until it is delivered or given up.

What puts them there and what people see of them; how they are sent is in dispatch.py. All
statements are set-based: what counts is how many of them a fan-out needs, not its size.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from fedblog.domain.addresses import BLOG
from fedblog.domain.delivery import DeliveryState
from fedblog.storage import blocks as block_rows
from fedblog.storage import delivery_order
from fedblog.storage import inboxes as inbox_rows
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.lists import is_among
from fedblog.storage.tables import activities, blocks, deliveries, followers, inboxes
from fedblog.storage.upsert import insert_ignoring

# What the blog says itself under a post is about the post, and names its version.
_IS_FORWARDED = and_(
    activities.c.owner == BLOG,
    activities.c.object_version.is_(None),
    activities.c.is_public.is_(False),
)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One delivery as its author sees it."""

    activity_id: str
    activity_type: str
    inbox: str
    host: str
    state: str
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None


# --- into the queue ----------------------------------------------------------------------------


def enqueue(
    connection: Connection,
    activity_id: str,
    *,
    blog_id: int,
    follower_owners: Collection[str],
    inbox_urls: Collection[str],
    now: datetime,
    except_origins: Collection[str] = (),
) -> None:
    """Let *activity_id* go to each distinct inbox of the followers of *follower_owners*, and to
    *inbox_urls*; not to hosts and actors that the blog blocks, and not to those followers' inboxes
    that lie at *except_origins* (scheme, host and port)."""
    domains = _blocked_domains(connection, blog_id)
    if follower_owners:
        _enqueue_followers(
            connection, activity_id, blog_id, follower_owners, domains, now, except_origins
        )
    if inbox_urls:
        _enqueue_urls(connection, activity_id, blog_id, inbox_urls, domains, now)
    delivery_order.arrange(connection, activity_id, now)


def _enqueue_followers(
    connection: Connection,
    activity_id: str,
    blog_id: int,
    owners: Collection[str],
    domains: Collection[str],
    now: datetime,
    except_origins: Collection[str],
) -> None:
    is_recipient = and_(
        followers.c.blog_id == blog_id,
        followers.c.owner.in_(sorted(owners)),
        not_(
            exists().where(
                blocks.c.blog_id == followers.c.blog_id,
                blocks.c.actor_uri == followers.c.actor_uri,
            )
        ),
    )
    for origin in except_origins:
        is_recipient = and_(
            is_recipient, not_(inboxes.c.url.startswith(f"{origin}/", autoescape=True))
        )
    source = followers.join(inboxes, inboxes.c.id == followers.c.inbox_id)
    if domains:
        # One look-up a host and level, instead of a comparison of every host with every block.
        hosts = connection.execute(
            select(inboxes.c.host).select_from(source).where(is_recipient).distinct()
        ).scalars()
        blocked = [host for host in hosts if _is_blocked(host, domains)]
        if blocked:
            is_recipient = and_(
                is_recipient, not_(is_among(connection, inboxes.c.host, Text, blocked))
            )
    rows = (
        select(
            literal(activity_id),
            followers.c.inbox_id,
            literal(DeliveryState.WAITING.value),
            literal(0),
            literal(now, deliveries.c.next_at.type),
        )
        .select_from(source)
        .where(is_recipient)
        .distinct()
        .order_by(followers.c.inbox_id)
    )
    names = ["activity_id", "inbox_id", "state", "attempts", "next_at"]
    engine = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(engine.insert(deliveries).from_select(names, rows).on_conflict_do_nothing())


def _enqueue_urls(
    connection: Connection,
    activity_id: str,
    blog_id: int,
    urls: Collection[str],
    domains: Collection[str],
    now: datetime,
) -> None:
    of_blocked_actors = block_rows.inboxes(connection, blog_id)
    wanted = {
        url
        for url in urls
        if url
        and url not in of_blocked_actors
        and not _is_blocked(inbox_rows.host_of(url), domains)
    }
    ids = inbox_rows.ensure(connection, wanted)
    insert_ignoring(
        connection,
        deliveries,
        [
            {
                "activity_id": activity_id,
                "inbox_id": inbox_id,
                "state": DeliveryState.WAITING.value,
                "attempts": 0,
                "next_at": now,
            }
            for inbox_id in sorted(ids.values())
        ],
    )


def _blocked_domains(connection: Connection, blog_id: int) -> frozenset[str]:
    return frozenset(
        connection.execute(
            select(blocks.c.domain).where(blocks.c.blog_id == blog_id, blocks.c.domain.is_not(None))
        ).scalars()
    )


def _is_blocked(host: str, domains: Collection[str]) -> bool:
    """Whether *host* or a domain above it is among *domains*."""
    name = host.rstrip(".")
    while name:
        if name in domains:
            return True
        name = name.partition(".")[2]
    return False


# --- seen by people, and forgotten ------------------------------------------------------------


def for_post(
    connection: Connection, post_id: str, cursor: str | None, limit: int
) -> tuple[list[DeliveryReport], str | None]:
    """The deliveries of a post's activities, newest activity first, and the cursor of the next
    page (None at the end). Raises ValueError for a cursor that is none of ours."""
    begun, _, place = (cursor or "").partition(".")
    after = int(place) if cursor is not None else -1
    # Each activity by itself: a join would sort all deliveries of all of them for every page.
    sent = (
        select(activities.c.id, activities.c.type)
        .where(
            activities.c.post_id == post_id,
            not_(_IS_FORWARDED),
            exists().where(deliveries.c.activity_id == activities.c.id),
        )
        .order_by(activities.c.id.desc())
        .limit(limit + 1)
    )
    if begun:
        sent = sent.where(activities.c.id <= begun)
    found: list[Any] = []
    for activity in connection.execute(sent).all():
        wanted = {
            "activity": activity.id,
            "place": after if activity.id == begun else -1,
            "left": limit + 1 - len(found),
        }
        rows = connection.execute(_SENT_AFTER, wanted).all()
        found += [(activity.id, activity.type, *row) for row in rows]
        if len(found) > limit:
            break
    page = found[:limit]
    following = f"{page[-1][0]}.{page[-1][-1]}" if len(found) > limit else None
    return [DeliveryReport(*row[:-1]) for row in page], following


_SENT_AFTER = (
    select(
        inboxes.c.url,
        inboxes.c.host,
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.last_status,
        deliveries.c.last_error,
        deliveries.c.next_at,
        deliveries.c.delivered_at,
        deliveries.c.inbox_id,
    )
    .join(inboxes, inboxes.c.id == deliveries.c.inbox_id)
    .where(
        deliveries.c.activity_id == bindparam("activity"),
        deliveries.c.inbox_id > bindparam("place"),
    )
    .order_by(deliveries.c.inbox_id)
    .limit(bindparam("left"))
)


def forget_finished(connection: Connection, before: datetime) -> int:
    """Drop finished deliveries of activities older than *before*; gives how many.

    Those of a post's Create stay: they say how many followers the post reached.
    """
    old = select(activities.c.id).where(
        activities.c.created_at < before,
        or_(activities.c.type != "Create", activities.c.post_id.is_(None), _IS_FORWARDED),
    )
    return connection.execute(
        delete(deliveries).where(not_(IS_WAITING), deliveries.c.activity_id.in_(old))
    ).rowcount
