"""Follow-up jobs: work that needs the network, written down in the unit that found it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, delete, or_, select, update

from fedblog.domain.ids import new_id
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import jobs
from fedblog.storage.upsert import insert_ignoring

_MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. *attempts* counts the tries before this one."""

    id: str
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int
    lease_until: datetime


def add(
    connection: Connection, kind: str, key: str, payload: Mapping[str, Any], run_at: datetime
) -> None:
    """Write down a job; one of the same *kind* and *key* that waits already is enough."""
    insert_ignoring(
        connection,
        jobs,
        [
            {
                "id": new_id(),
                "kind": kind,
                "key": key,
                "payload": orjson.dumps(dict(payload)).decode(),
                "attempts": 0,
                "run_at": run_at,
                "created_at": run_at,
            }
        ],
    )
    record(connection, Change("jobs"))


def claim(
    connection: Connection, kinds: Collection[str], limit: int, now: datetime, lease: timedelta
) -> list[Job]:
    """Take at most *limit* jobs of *kinds* that are due, for the time of *lease*."""
    until = now + lease
    due = (
        select(jobs)
        .where(
            jobs.c.kind.in_(sorted(kinds)),
            jobs.c.run_at <= now,
            or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= now),
        )
        .order_by(jobs.c.run_at, jobs.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(due).all()
    if rows:
        connection.execute(
            update(jobs).where(jobs.c.id.in_([row.id for row in rows])).values(lease_until=until)
        )
    return [
        Job(row.id, row.kind, row.key, orjson.loads(row.payload), row.attempts, until)
        for row in rows
    ]


def finish(connection: Connection, job: Job) -> None:
    """Strike off a job that is done or given up, unless another claim holds it by now."""
    connection.execute(
        delete(jobs).where(jobs.c.id == job.id, jobs.c.lease_until == job.lease_until)
    )


def fail(connection: Connection, job: Job, error: str, run_at: datetime) -> None:
    """Let a job that failed run again at *run_at*, unless another claim holds it by now."""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id, jobs.c.lease_until == job.lease_until)
        .values(
            attempts=jobs.c.attempts + 1,
            run_at=run_at,
            lease_until=None,
            last_error=error[:_MAX_ERROR],
        )
    )


def release(connection: Connection, items: Collection[Job]) -> None:
    """Give claimed jobs back untried."""
    for job in sorted(items, key=lambda item: item.id):
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job.id, jobs.c.lease_until == job.lease_until)
            .values(lease_until=None)
        )


def release_leases(connection: Connection) -> int:
    """End every lease: for the start of the only process there is (SQLite). Gives how many."""
    return connection.execute(
        update(jobs).where(jobs.c.lease_until.is_not(None)).values(lease_until=None)
    ).rowcount


def next_due(connection: Connection, kinds: Collection[str]) -> datetime | None:
    """When the next job of *kinds* that nobody holds is due, or None."""
    return connection.execute(
        select(jobs.c.run_at)
        .where(jobs.c.kind.in_(sorted(kinds)), jobs.c.lease_until.is_(None))
        .order_by(jobs.c.run_at)
        .limit(1)
    ).scalar()
