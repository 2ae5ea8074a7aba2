"""Deliveries: one row for each activity and inbox, durable until it is delivered or given up.

What puts them there and what people see of them; how they are sent is in dispatch.py. All
statements are set-based: what counts is how many of them a fan-out needs, not its size.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    not_,
    or_,
    select,
)

from fedblog.domain.addresses import BLOG
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.tables import activities, deliveries, inboxes

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
