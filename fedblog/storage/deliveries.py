"""Deliveries: one row for each activity and inbox, durable until it is delivered or given up.

All statements are set-based: what counts is how many of them a fan-out needs, not its size.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    Update,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from fedblog.domain.delivery import DeliveryState
from fedblog.storage import inboxes as inbox_rows
from fedblog.storage.tables import activities, actors, blocks, deliveries, followers, inboxes
from fedblog.storage.upsert import insert_ignoring


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that the claimer alone may send until *lease_until*.

    *attempts* counts the tries before this one.
    """

    activity_id: str
    inbox_id: int
    url: str
    host: str
    attempts: int
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class SettledDelivery:
    """What came of one try: delivered, failed for good, or waiting until *next_at*.

    *attempts* counts the tries before it, as the claim said.
    """

    activity_id: str
    inbox_id: int
    attempts: int
    state: DeliveryState
    status: int | None
    error: str | None = None
    next_at: datetime | None = None


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


# Written out, not bound: only then do both engines use the index over what waits.
_IS_WAITING = deliveries.c.state == literal_column("'waiting'")
_MAX_ERROR = 500


# --- into the queue ----------------------------------------------------------------------------


def enqueue(
    connection: Connection,
    activity_id: str,
    *,
    blog_id: int,
    follower_owners: Collection[str],
    inbox_urls: Collection[str],
    now: datetime,
) -> None:
    """Let *activity_id* go to each distinct inbox of the followers of *follower_owners*, and to
    *inbox_urls*; not to hosts and actors that the blog blocks."""
    domains = _blocked_domains(connection, blog_id)
    if follower_owners:
        _enqueue_followers(connection, activity_id, blog_id, follower_owners, domains, now)
    if inbox_urls:
        _enqueue_urls(connection, activity_id, blog_id, inbox_urls, domains, now)


def _enqueue_followers(
    connection: Connection,
    activity_id: str,
    blog_id: int,
    owners: Collection[str],
    domains: Collection[str],
    now: datetime,
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
    source = followers.join(inboxes, inboxes.c.id == followers.c.inbox_id)
    if domains:
        # One look-up a host and level, instead of a comparison of every host with every block.
        hosts = connection.execute(
            select(inboxes.c.host).select_from(source).where(is_recipient).distinct()
        ).scalars()
        blocked = [host for host in hosts if _is_blocked(host, domains)]
        if blocked:
            is_recipient = and_(
                is_recipient, not_(_is_among(connection, inboxes.c.host, Text, blocked))
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
    of_blocked_actors = set(
        connection.execute(
            select(actors.c.inbox)
            .join(blocks, blocks.c.actor_uri == actors.c.uri)
            .where(blocks.c.blog_id == blog_id)
        ).scalars()
    )
    wanted = {
        url
        for url in urls
        if url not in of_blocked_actors and not _is_blocked(inbox_rows.host_of(url), domains)
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


# --- out of the queue --------------------------------------------------------------------------


def claim(
    connection: Connection,
    limit: int,
    now: datetime,
    lease: timedelta,
    *,
    except_hosts: Collection[str] = (),
    only_fresh: bool = False,
) -> list[ClaimedDelivery]:
    """Take at most *limit* deliveries that are due, for the time of *lease*.

    Those to *except_hosts* are left for later, with *only_fresh* also those tried before. No two
    claims give the same delivery as long as its lease lasts, whichever process makes them.
    """
    until = now + lease
    is_due = and_(
        _IS_WAITING,
        deliveries.c.next_at <= now,
        or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= now),
    )
    if except_hosts:
        is_due = and_(is_due, not_(_is_among(connection, inboxes.c.host, Text, except_hosts)))
    if only_fresh:
        is_due = and_(is_due, deliveries.c.attempts == 0)
    due = (
        select(deliveries.c.activity_id, deliveries.c.inbox_id, inboxes.c.url, inboxes.c.host)
        .join(inboxes, inboxes.c.id == deliveries.c.inbox_id)
        .where(is_due)
        .order_by(deliveries.c.next_at)
        .limit(limit)
    )
    if connection.dialect.name == "sqlite":
        rows = _claim_sqlite(connection, due, until)
    else:
        rows = _claim_postgresql(connection, due, until)
    return [ClaimedDelivery(**row._mapping, lease_until=until) for row in rows]


def _claim_sqlite(connection: Connection, due: Select[Any], until: datetime) -> Sequence[Row[Any]]:
    # There is one writer, so nothing comes between the two statements.
    found = connection.execute(due.add_columns(deliveries.c.attempts)).all()
    _lease(connection, [(row.activity_id, row.inbox_id) for row in found], until)
    return found


def _claim_postgresql(
    connection: Connection, due: Select[Any], until: datetime
) -> Sequence[Row[Any]]:
    taken = due.with_for_update(skip_locked=True, of=deliveries).cte("due")
    statement = (
        update(deliveries)
        .where(
            deliveries.c.activity_id == taken.c.activity_id,
            deliveries.c.inbox_id == taken.c.inbox_id,
        )
        .values(lease_until=until)
        .returning(
            deliveries.c.activity_id,
            deliveries.c.inbox_id,
            taken.c.url,
            taken.c.host,
            deliveries.c.attempts,
        )
    )
    return connection.execute(statement).all()


def settle(connection: Connection, results: Iterable[SettledDelivery], now: datetime) -> None:
    """Write what came of tries. Writing a result again changes nothing."""
    delivered: dict[tuple[str, int | None], list[int]] = {}
    others: list[dict[str, Any]] = []
    for result in results:
        if result.state is DeliveryState.DELIVERED:
            delivered.setdefault((result.activity_id, result.status), []).append(result.inbox_id)
        else:
            others.append(
                {
                    "of_activity": result.activity_id,
                    "of_inbox": result.inbox_id,
                    "of_attempts": result.attempts,
                    "new_state": result.state.value,
                    "new_next_at": result.next_at,
                    "new_status": result.status,
                    "new_error": result.error[:_MAX_ERROR] if result.error else None,
                }
            )
    for (activity_id, status), inbox_ids in sorted(delivered.items()):
        connection.execute(
            _settled(
                and_(
                    deliveries.c.activity_id == activity_id,
                    _is_among(connection, deliveries.c.inbox_id, BigInteger, inbox_ids),
                )
            ).values(
                state=DeliveryState.DELIVERED.value,
                next_at=None,
                last_status=status,
                last_error=None,
                delivered_at=now,
            )
        )
    if others:
        others.sort(key=lambda row: (row["of_activity"], row["of_inbox"]))
        connection.execute(_SETTLE_ONE, others)


def release(connection: Connection, keys: Collection[tuple[str, int]]) -> None:
    """Give claimed deliveries back untried: (activity id, inbox id)."""
    _lease(connection, keys, None)


def release_leases(connection: Connection) -> int:
    """End every lease: for the start of the only process there is (SQLite). Gives how many."""
    return connection.execute(
        update(deliveries)
        .where(_IS_WAITING, deliveries.c.lease_until.is_not(None))
        .values(lease_until=None)
    ).rowcount


def next_due(connection: Connection) -> datetime | None:
    """When the next delivery that nobody holds is due, or None."""
    return connection.execute(
        select(deliveries.c.next_at)
        .where(_IS_WAITING, deliveries.c.lease_until.is_(None))
        .order_by(deliveries.c.next_at)
        .limit(1)
    ).scalar()


def _lease(
    connection: Connection, keys: Collection[tuple[str, int]], until: datetime | None
) -> None:
    by_activity: dict[str, list[int]] = {}
    for activity_id, inbox_id in keys:
        by_activity.setdefault(activity_id, []).append(inbox_id)
    for activity_id, inbox_ids in sorted(by_activity.items()):
        connection.execute(
            update(deliveries)
            .where(
                _IS_WAITING,
                deliveries.c.activity_id == activity_id,
                _is_among(connection, deliveries.c.inbox_id, BigInteger, inbox_ids),
            )
            .values(lease_until=until)
        )


def _settled(which: ColumnElement[bool]) -> Update:
    return (
        update(deliveries)
        .where(_IS_WAITING, which)
        .values(attempts=deliveries.c.attempts + 1, lease_until=None)
    )


_SETTLE_ONE = _settled(
    and_(
        deliveries.c.activity_id == bindparam("of_activity"),
        deliveries.c.inbox_id == bindparam("of_inbox"),
        deliveries.c.attempts == bindparam("of_attempts"),
    )
).values(
    state=bindparam("new_state"),
    next_at=bindparam("new_next_at", type_=deliveries.c.next_at.type),
    last_status=bindparam("new_status"),
    last_error=bindparam("new_error"),
)


def _is_among(
    connection: Connection,
    column: ColumnElement[Any],
    kind: type[Text] | type[BigInteger],
    values: Collection[Any],
) -> ColumnElement[bool]:
    """*column* is one of *values*, given as one parameter however many they are."""
    if connection.dialect.name == "sqlite":
        listed = func.json_each(literal(orjson.dumps(list(values)).decode(), Text))
        return column.in_(select(listed.table_valued("value").c.value))
    return column == any_(literal(list(values), ARRAY(kind)))


# --- seen by people, and forgotten ------------------------------------------------------------


def for_post(
    connection: Connection, post_id: str, cursor: str | None, limit: int
) -> tuple[list[DeliveryReport], str | None]:
    """The deliveries of a post's activities, newest activity first, and the cursor of the next
    page (None at the end). Raises ValueError for a cursor that is none of ours."""
    query = (
        select(
            deliveries.c.activity_id,
            activities.c.type,
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
        .join(activities, activities.c.id == deliveries.c.activity_id)
        .join(inboxes, inboxes.c.id == deliveries.c.inbox_id)
        .where(activities.c.post_id == post_id)
    )
    if cursor is not None:
        activity_id, _, inbox_id = cursor.partition(".")
        query = query.where(
            or_(
                deliveries.c.activity_id < activity_id,
                and_(
                    deliveries.c.activity_id == activity_id,
                    deliveries.c.inbox_id > int(inbox_id),
                ),
            )
        )
    rows = connection.execute(
        query.order_by(deliveries.c.activity_id.desc(), deliveries.c.inbox_id).limit(limit + 1)
    ).all()
    page = rows[:limit]
    following = f"{page[-1][0]}.{page[-1][-1]}" if len(rows) > limit else None
    return [DeliveryReport(*row[:-1]) for row in page], following


def forget_finished(connection: Connection, before: datetime) -> int:
    """Drop finished deliveries of activities older than *before*; gives how many.

    Those of a post's Create stay: they say how many followers the post reached.
    """
    old = select(activities.c.id).where(
        activities.c.created_at < before,
        or_(activities.c.type != "Create", activities.c.post_id.is_(None)),
    )
    return connection.execute(
        delete(deliveries).where(not_(_IS_WAITING), deliveries.c.activity_id.in_(old))
    ).rowcount
