"""What a clock that was ahead left behind: times later than any that could have been meant.

A delivery would wait until then, a lease hold until then, an actor not be fetched again before, and
what is kept for a term be kept until then as well.
Each of these takes at most *limit* rows and gives how many it put right.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    literal_column,
    select,
    tuple_,
    update,
)

from fedblog.domain.delivery import LONGEST_WAIT
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.dispatch import are_among
from fedblog.storage.sweeping import Moment
from fedblog.storage.tables import (
    actors,
    authorizations,
    comments,
    deliveries,
    idempotency_keys,
    jobs,
    received,
    tombstones,
    unforwarded,
)

SLACK = timedelta(minutes=10)
"""By how much clocks of machines that share a database may differ."""
LONGEST_JOB_WAIT = timedelta(hours=8)


def deliveries_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """Deliveries that are to be tried later than the longest wait are due now."""
    is_ahead = and_(IS_WAITING, deliveries.c.next_at > now + LONGEST_WAIT + SLACK)
    rows = connection.execute(
        select(deliveries.c.activity_id, deliveries.c.inbox_id)
        .where(is_ahead)
        .order_by(deliveries.c.next_at)
        .limit(limit)
    )
    keys = [(row.activity_id, row.inbox_id) for row in rows]
    if keys:
        connection.execute(
            update(deliveries).where(IS_WAITING, are_among(connection, keys)).values(next_at=now)
        )
    return len(keys)


def jobs_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """Jobs that are to run later than the longest wait are due now."""
    return _put_right(connection, jobs, jobs.c.run_at, now + LONGEST_JOB_WAIT + SLACK, now, limit)


def tombstones_ahead(connection: Connection, term: timedelta, now: datetime, limit: int) -> int:
    """No tombstone stands for longer than its term from now on."""
    return _put_right(
        connection, tombstones, tombstones.c.until, now + term + SLACK, now + term, limit
    )


def actors_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """No actor was fetched in the time to come."""
    return _put_right(connection, actors, actors.c.fetched_at, now + SLACK, now, limit)


def receipts_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """Nothing was received in the time to come."""
    return _put_right(connection, received, received.c.received_at, now + SLACK, now, limit)


def unforwarded_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """Nothing was kept in the time to come."""
    return _put_right(connection, unforwarded, unforwarded.c.received_at, now + SLACK, now, limit)


def answers_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """No answer was kept by its Idempotency-Key in the time to come."""
    at = idempotency_keys.c.created_at
    return _put_right(connection, idempotency_keys, at, now + SLACK, now, limit)


def requests_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """No leave was asked for in the time to come."""
    at, waits = authorizations.c.created_at, authorizations.c.state == literal_column("'waiting'")
    return _put_right(connection, authorizations, at, now + SLACK, now, limit, waits)


def orphans_ahead(connection: Connection, now: datetime, limit: int) -> int:
    """No comment that waits for what it answers was received in the time to come."""
    at, waits = comments.c.received_at, comments.c.post_id.is_(None)
    return _put_right(connection, comments, at, now + SLACK, now, limit, waits)


# --- where no index leads to them: looked for among readers, and only what is found is written ----


def found_ahead(
    connection: Connection, column: Moment, later_than: datetime, limit: int
) -> list[Row[Any]]:
    """The keys of at most *limit* rows whose *column* is later than *later_than*."""
    table = column.table
    conditions = [column > later_than]
    if table is deliveries:
        conditions.append(IS_WAITING)
    query = select(*table.primary_key).where(*conditions).limit(limit)
    return list(connection.execute(query))


def put_back(
    connection: Connection,
    column: Moment,
    later_than: datetime,
    value: datetime | None,
    keys: Sequence[Any],
) -> int:
    """Set *column* of those of the rows *keys* that are still ahead to *value*; gives how many."""
    table = column.table
    named = _named(connection, table, keys)
    put = update(table).where(named, column > later_than).values({column.name: value})
    return connection.execute(put).rowcount


def _put_right(
    connection: Connection,
    table: Table,
    column: ColumnElement[Any],
    later_than: datetime,
    value: datetime,
    limit: int,
    *conditions: ColumnElement[bool],
) -> int:
    key = list(table.primary_key.columns)
    rows = connection.execute(
        select(*key).where(column > later_than, *conditions).order_by(column).limit(limit)
    ).all()
    if rows:
        named = _named(connection, table, rows)
        connection.execute(update(table).where(named).values({column.name: value}))
    return len(rows)


def _named(connection: Connection, table: Table, rows: Sequence[Any]) -> ColumnElement[bool]:
    key = list(table.primary_key.columns)
    if len(key) == 1:
        return key[0].in_([row[0] for row in rows])
    if table is deliveries:  # by both columns of its key, which no list of pairs is searched by
        return are_among(connection, [tuple(row) for row in rows])
    return tuple_(*key).in_([tuple(row) for row in rows])
