"""Follow-up jobs: work that needs the network, written down in the unit that found it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, or_, select, update

from fedblog.domain.ids import new_id
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import jobs
from fedblog.storage.upsert import insert_ignoring

_MAX_ERROR = 500
MOST_OF_AN_ASKER = 500
"""Jobs that wait on behalf of one domain."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. *attempts* counts the tries before this one; *asker* is on whose behalf it
    asks other servers, "" where that is nobody's."""

    id: str
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int
    lease_until: datetime
    created_at: datetime
    asker: str = ""


def add(
    connection: Connection,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    run_at: datetime,
    *,
    asker: str = "",
) -> None:
    """Write down a job; one of the same *kind*, *key* and *asker* that waits already is enough. One
    of another asker is not: it may be put off for as long as that one has used up what it may ask.

    Of one *asker* at most MOST_OF_AN_ASKER wait: more are left out.
    """
    if asker and _count_of(connection, asker) >= MOST_OF_AN_ASKER:
        return
    insert_ignoring(
        connection,
        jobs,
        [
            {
                "id": new_id(),
                "kind": kind,
                "key": f"{key} {asker}" if asker else key,
                "payload": orjson.dumps(dict(payload)).decode(),
                "attempts": 0,
                "run_at": run_at,
                "created_at": run_at,
                "asker": asker,
            }
        ],
    )
    record(connection, Change("jobs"))


def _count_of(connection: Connection, asker: str) -> int:
    listed = select(jobs.c.id).where(jobs.c.asker == asker).limit(MOST_OF_AN_ASKER).subquery()
    return connection.execute(select(func.count()).select_from(listed)).scalar_one()


def claim(
    connection: Connection,
    kinds: Collection[str],
    limit: int,
    now: datetime,
    lease: timedelta,
    *,
    except_askers: Collection[str] = (),
    leased_by: int | None = None,
) -> list[Job]:
    """Take at most *limit* jobs of *kinds* that are due, for the time of *lease*; none of
    *except_askers*. Where *leased_by* names this process, the lease ends when it does."""
    until = now + lease
    due = (
        select(jobs)
        .where(
            jobs.c.kind.in_(sorted(kinds)),
            jobs.c.run_at <= now,
            or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= now),
            *([jobs.c.asker.not_in(sorted(except_askers))] if except_askers else []),
        )
        .order_by(jobs.c.run_at, jobs.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(due).all()
    if rows:
        connection.execute(
            update(jobs)
            .where(jobs.c.id.in_([row.id for row in rows]))
            .values(lease_until=until, leased_by=leased_by)
        )
    return [
        Job(
            row.id,
            row.kind,
            row.key,
            orjson.loads(row.payload),
            row.attempts,
            until,
            row.created_at,
            row.asker,
        )
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


def postpone(connection: Connection, job: Job, reason: str, run_at: datetime) -> None:
    """Let a job that could not be tried run at *run_at*, unless another claim holds it by now."""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id, jobs.c.lease_until == job.lease_until)
        .values(run_at=run_at, lease_until=None, last_error=reason[:_MAX_ERROR])
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


def next_due(
    connection: Connection, kinds: Collection[str], *, except_askers: Collection[str] = ()
) -> datetime | None:
    """When the next job of *kinds* that nobody holds is due, or None; none of *except_askers*."""
    return connection.execute(
        select(jobs.c.run_at)
        .where(
            jobs.c.kind.in_(sorted(kinds)),
            jobs.c.lease_until.is_(None),
            *([jobs.c.asker.not_in(sorted(except_askers))] if except_askers else []),
        )
        .order_by(jobs.c.run_at)
        .limit(1)
    ).scalar()
