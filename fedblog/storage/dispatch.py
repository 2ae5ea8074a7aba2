"""Sending what waits: deliveries are claimed under a lease, and what came of them is written.

All statements are set-based; writing a result again changes nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    not_,
    or_,
    select,
    update,
)

from fedblog.domain.delivery import DeliveryState
from fedblog.storage import delivery_order
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.lists import is_among, pairs_of
from fedblog.storage.tables import deliveries, inboxes

Key = tuple[str, int]
"""Activity and inbox: what a delivery is known by."""

_MAX_ERROR = 500


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


def claim(
    connection: Connection,
    limit: int,
    now: datetime,
    lease: timedelta,
    *,
    except_hosts: Collection[str] = (),
    only_fresh: bool = False,
    leased_by: int | None = None,
) -> list[ClaimedDelivery]:
    """Take at most *limit* deliveries that are due, for the time of *lease*.

    Those to *except_hosts* are left for later, with *only_fresh* also those tried before. No two
    claims give the same delivery as long as its lease lasts, whichever process makes them. Where
    *leased_by* names this process, the lease ends when the process does (processes.py).
    """
    until = now + lease
    is_due = and_(
        IS_WAITING,
        deliveries.c.next_at <= now,
        or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= now),
    )
    if except_hosts:
        is_due = and_(is_due, not_(is_among(connection, inboxes.c.host, Text, except_hosts)))
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
        rows = _claim_postgresql(connection, due, until, leased_by)
    return [ClaimedDelivery(**row._mapping, lease_until=until) for row in rows]


def _claim_sqlite(connection: Connection, due: Select[Any], until: datetime) -> Sequence[Row[Any]]:
    # There is one writer, so nothing comes between the two statements.
    found = connection.execute(due.add_columns(deliveries.c.attempts)).all()
    _lease(connection, [(row.activity_id, row.inbox_id) for row in found], until)
    return found


def _claim_postgresql(
    connection: Connection, due: Select[Any], until: datetime, leased_by: int | None
) -> Sequence[Row[Any]]:
    taken = due.with_for_update(skip_locked=True, of=deliveries).cte("due")
    statement = (
        update(deliveries)
        .where(
            deliveries.c.activity_id == taken.c.activity_id,
            deliveries.c.inbox_id == taken.c.inbox_id,
        )
        .values(lease_until=until, leased_by=leased_by)
        .returning(
            deliveries.c.activity_id,
            deliveries.c.inbox_id,
            taken.c.url,
            taken.c.host,
            deliveries.c.attempts,
        )
    )
    return connection.execute(statement).all()


def settle(connection: Connection, results: Iterable[SettledDelivery], now: datetime) -> bool:
    """Write what came of tries. Writing a result again changes nothing.

    Gives whether a delivery that was held back for one of these may go out now.
    """
    delivered: dict[int | None, list[Key]] = {}
    others: list[dict[str, Any]] = []
    finished: list[Key] = []
    retried: list[Key] = []
    for result in results:
        key = (result.activity_id, result.inbox_id)
        (retried if result.state is DeliveryState.WAITING else finished).append(key)
        if result.state is DeliveryState.DELIVERED:
            delivered.setdefault(result.status, []).append(key)
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
    for status, keys in delivered.items():
        connection.execute(
            _settled(are_among(connection, keys)).values(
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
    return delivery_order.proceed(connection, finished, retried, now)


def fail(connection: Connection, keys: Collection[Key], error: str) -> None:
    """Give up deliveries that wait: (activity id, inbox id)."""
    if keys:
        connection.execute(
            update(deliveries)
            .where(IS_WAITING, are_among(connection, keys))
            .values(
                state=DeliveryState.FAILED.value, next_at=None, lease_until=None, last_error=error
            )
        )


def release(connection: Connection, keys: Collection[Key]) -> None:
    """Give claimed deliveries back untried: (activity id, inbox id)."""
    _lease(connection, keys, None)


def release_leases(connection: Connection) -> int:
    """End every lease: for the start of the only process there is (SQLite). Gives how many."""
    return connection.execute(
        update(deliveries)
        .where(IS_WAITING, deliveries.c.lease_until.is_not(None))
        .values(lease_until=None)
    ).rowcount


def next_due(connection: Connection) -> datetime | None:
    """When the next delivery that nobody holds is due, or None."""
    return connection.execute(
        select(deliveries.c.next_at)
        .where(IS_WAITING, deliveries.c.lease_until.is_(None), deliveries.c.next_at.is_not(None))
        .order_by(deliveries.c.next_at)
        .limit(1)
    ).scalar()


def _lease(connection: Connection, keys: Collection[Key], until: datetime | None) -> None:
    if keys:
        connection.execute(
            update(deliveries)
            .where(IS_WAITING, are_among(connection, keys))
            .values(lease_until=until)
        )


def are_among(connection: Connection, keys: Collection[Key]) -> ColumnElement[bool]:
    """A delivery is one of *keys*."""
    pairs = pairs_of(connection, keys)
    return and_(deliveries.c.activity_id == pairs.c.first, deliveries.c.inbox_id == pairs.c.second)


def _settled(which: ColumnElement[bool]) -> Update:
    return (
        update(deliveries)
        .where(IS_WAITING, which)
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
