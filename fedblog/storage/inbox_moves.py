"""An actor's inbox is elsewhere now: its place among the followers and what waits for it go there.

`followers` and `deliveries` hold the number of an inbox, so that a post goes out along one index.
That copy is set right wherever an actor is stored as fetched.
"""

from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from fedblog.domain.actor import RemoteActor
from fedblog.domain.delivery import DeliveryState
from fedblog.storage import delivery_order, dispatch
from fedblog.storage import inboxes as inbox_rows
from fedblog.storage.changes import Change, record
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.tables import actors, deliveries, followers, inboxes
from fedblog.storage.upsert import insert_ignoring

ELSEWHERE = "goes to another inbox now"
NOBODY = "nobody is there any more"
_MOST_CARRIED = 200
"""Activities that wait for one inbox and are carried to another: many more than wait for one that
works."""


def follow_actor(connection: Connection, actor: RemoteActor) -> None:
    """Let what goes to *actor*, as just stored, go to the inbox that it names."""
    url = actor.shared_inbox or actor.inbox
    if not url or actor.deleted_at is not None:
        return
    former = {
        row.id: row.url
        for row in connection.execute(
            select(inboxes.c.id, inboxes.c.url)
            .join(followers, followers.c.inbox_id == inboxes.c.id)
            .where(followers.c.actor_uri == actor.uri, inboxes.c.url != url)
        )
    }
    if not former:
        return
    new_id = inbox_rows.ensure(connection, [url])[url]
    connection.execute(
        update(followers).where(followers.c.actor_uri == actor.uri).values(inbox_id=new_id)
    )
    for old_id, old_url in sorted(former.items()):
        carry(connection, old_id, new_id, actor.fetched_at)
        end_where_nobody_is(connection, old_id, old_url, actor.host, ELSEWHERE)


def carry(connection: Connection, old_id: int, new_id: int, now: datetime) -> None:
    """Let what waits for the inbox *old_id* go to *new_id* as well, with as many tries left as it
    has: two inboxes that lead to each other do not keep it going for ever."""
    waiting = connection.execute(
        select(deliveries.c.activity_id, deliveries.c.attempts)
        .where(IS_WAITING, deliveries.c.inbox_id == old_id)
        .order_by(deliveries.c.activity_id.desc())
        .limit(_MOST_CARRIED)
    ).all()
    rows = [
        {
            "activity_id": row.activity_id,
            "inbox_id": new_id,
            "state": DeliveryState.WAITING.value,
            "attempts": row.attempts,
            "next_at": now,
        }
        for row in reversed(waiting)
    ]
    insert_ignoring(connection, deliveries, rows)
    for row in rows:
        delivery_order.arrange(connection, row["activity_id"], [new_id], now)
    if rows:
        record(connection, Change("deliveries"))


def end_where_nobody_is(
    connection: Connection, inbox_id: int, url: str, host: str, reason: str
) -> None:
    """Give up what waits for an inbox that nobody known here has any more; *host* is where those
    are who may have it without following."""
    if not is_anyones(connection, inbox_id, url, host):
        end(connection, inbox_id, reason)


def end(connection: Connection, inbox_id: int, reason: str) -> None:
    """Give up what waits for an inbox."""
    ids = connection.execute(
        select(deliveries.c.activity_id).where(IS_WAITING, deliveries.c.inbox_id == inbox_id)
    ).scalars()
    dispatch.fail(connection, [(activity_id, inbox_id) for activity_id in ids], reason)


def is_anyones(connection: Connection, inbox_id: int, url: str, host: str) -> bool:
    """Whether somebody follows by this inbox, or a known actor of *host* has it."""
    follows = select(followers.c.actor_uri).where(followers.c.inbox_id == inbox_id).limit(1)
    if connection.execute(follows).first() is not None:
        return True
    has_it = (
        select(actors.c.uri)
        .where(
            actors.c.host == host,
            actors.c.deleted_at.is_(None),
            or_(actors.c.inbox == url, actors.c.shared_inbox == url),
        )
        .limit(1)
    )
    return connection.execute(has_it).first() is not None


def people_at(
    connection: Connection, inbox_id: int, url: str, host: str, after: str, limit: int
) -> list[str]:
    """The next actors above the id *after* whose deliveries go to an inbox: those who follow by
    it, and known ones of *host* that have it."""
    following = (
        select(followers.c.actor_uri)
        .where(followers.c.inbox_id == inbox_id, followers.c.actor_uri > after)
        .distinct()
        .order_by(followers.c.actor_uri)
        .limit(limit)
    )
    known = (
        select(actors.c.uri)
        .where(
            actors.c.host == host,
            actors.c.uri > after,
            actors.c.deleted_at.is_(None),
            or_(actors.c.inbox == url, actors.c.shared_inbox == url),
        )
        .order_by(actors.c.uri)
        .limit(limit)
    )
    found = {
        *connection.execute(following).scalars(),
        *connection.execute(known).scalars(),
    }
    return sorted(found)[:limit]
