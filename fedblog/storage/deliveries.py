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
    func,
    not_,
    select,
)

from fedblog.domain.addresses import BLOG
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.slices import State, Step
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


def forget_finished(connection: Connection, state: State, limit: int) -> Step:
    """Drop the finished deliveries of activities older than ``state["before"]`` (an ISO 8601 time),
    one activity after the other from ``state["after"]`` on (`slices.Work`).

    Only activities that still have deliveries are looked at, oldest first, up to the first that is
    too young: what was forgotten before costs nothing. How many followers a post reached is kept
    apart (counts).
    """
    oldest = connection.scalar(
        select(func.min(deliveries.c.activity_id)).where(deliveries.c.activity_id > state["after"])
    )
    if oldest is None:
        return Step(0, None)
    created_at = connection.scalar(select(activities.c.created_at).where(activities.c.id == oldest))
    if created_at is None or created_at >= datetime.fromisoformat(state["before"]):
        return Step(0, None)
    finished = (
        select(deliveries.c.inbox_id)
        .where(deliveries.c.activity_id == oldest, not_(IS_WAITING))
        .order_by(deliveries.c.inbox_id)
        .limit(limit)
    )
    number = connection.execute(
        delete(deliveries).where(
            deliveries.c.activity_id == oldest, deliveries.c.inbox_id.in_(finished)
        )
    ).rowcount
    return Step(number, state if number == limit else {**state, "after": oldest})


def forgetting(before: datetime) -> State:
    """Where `forget_finished` begins."""
    return {"before": before.isoformat(), "after": ""}
