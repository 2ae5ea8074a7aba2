"""Long work in slices: a job is taken up, carried on for a moment and put down again, in one unit.

The job's row is locked, its slice done and the place where the next begins written together: a
crash keeps all of it or nothing, and no lease outlives a process. Several processes may do this at
once; each takes a job that no other is at.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select, update

from fedblog.storage import jobs as job_rows
from fedblog.storage.tables import jobs

FIRST_LIMIT = 100
LEAST_LIMIT = 10
IDLE = timedelta(seconds=1)
"""Until work that waits for other work looks again."""
MOST_LIMIT = 5000
_STEP_COST = 5
_MAX_ERROR = 500

State = Mapping[str, Any]
"""Where a piece of long work is to go on: small, and JSON."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: it looked at *rows* rows, and the next one begins at *state* (None: there
    is nothing left to do). No rows and the same state as before: it waits for other work."""

    rows: int
    state: State | None


Work = Callable[[Connection, State, int], Step]
"""Goes on from a state, touching about as many rows as the last argument says."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one unit did for a job: *rows* in this slice, *total* in all since the job began;
    *limit* suits the next slice."""

    kind: str
    key: str
    rows: int
    total: int
    is_done: bool
    limit: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: *rows* so far, and what went wrong in the last try, if it did."""

    rows: int
    last_error: str | None


@dataclass(slots=True)
class Pace:
    """Lets steps follow each other until *seconds* have gone by, with so many rows each that one
    takes a small part of them."""

    seconds: float
    limit: int = FIRST_LIMIT
    _spent: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether there is no time for another step."""
        return self._spent >= self.seconds

    def note(self, rows: int, seconds: float) -> None:
        """A step took *seconds*."""
        self._spent += seconds
        if seconds < self.seconds / 8:
            self.limit = min(self.limit * 2, MOST_LIMIT)
        elif seconds > self.seconds / 3:
            self.limit = max(self.limit // 2, LEAST_LIMIT)


@dataclass(slots=True)
class Allowance:
    """Lets steps follow each other until they have looked at about *rows* rows: what is done at
    once, in the unit of a decision, does not depend on how fast the machine is."""

    rows: int = 1000
    limit: int = FIRST_LIMIT

    @property
    def is_over(self) -> bool:
        """Whether nothing more is allowed."""
        return self.rows <= 0

    def note(self, rows: int, seconds: float) -> None:
        """A step looked at *rows*; the statements of one without any are not for nothing."""
        self.rows -= rows + _STEP_COST


def begin(
    connection: Connection,
    kind: str,
    key: str,
    work: Work,
    state: State,
    now: datetime,
    allowance: Allowance,
    *,
    weight: int = 1,
) -> bool:
    """Do what *allowance* has left of *work* in the present unit, and leave the rest to a job.

    *weight* says for how many each row counts. Gives whether nothing was left. A job of the same
    *kind* and *key* that waits already stays.
    """
    rows, rest = _steps(connection, work, state, allowance, weight)
    if rest is None:
        return True
    job_rows.add(connection, kind, key, {"state": dict(rest), "rows": rows}, now)
    return False


def due(connection: Connection, kinds: Collection[str], now: datetime, limit: int) -> list[str]:
    """The ids of at most *limit* jobs of *kinds* that may be carried on, longest waiting first."""
    return list(
        connection.execute(
            select(jobs.c.id)
            .where(jobs.c.kind.in_(sorted(kinds)), jobs.c.run_at <= now)
            .order_by(jobs.c.run_at, jobs.c.id)
            .limit(limit)
        ).scalars()
    )


def carry_on(
    connection: Connection,
    job_id: str,
    kinds: Mapping[str, Work],
    now: datetime,
    *,
    seconds: float,
    limit: int = FIRST_LIMIT,
) -> Slice | None:
    """Do one slice of the job *job_id*; None where it is done or another process is at it."""
    row = connection.execute(
        select(jobs).where(jobs.c.id == job_id).with_for_update(skip_locked=True)
    ).first()
    if row is None or row.kind not in kinds:
        return None
    payload = orjson.loads(row.payload)
    pace = Pace(seconds, limit)
    rows, rest = _steps(connection, kinds[row.kind], payload["state"], pace)
    total = payload["rows"] + rows
    if rest is None:
        connection.execute(delete(jobs).where(jobs.c.id == job_id))
    else:
        written = orjson.dumps({"state": dict(rest), "rows": total}).decode()
        is_idle = not rows and rest == payload["state"]
        run_at = now + IDLE if is_idle else now
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(payload=written, run_at=run_at, attempts=0, last_error=None)
        )
    return Slice(row.kind, row.key, rows, total, rest is None, pace.limit)


def failed(
    connection: Connection, job_id: str, error: str, now: datetime, waits: Sequence[float]
) -> None:
    """Let a job whose slice failed go on after the next of *waits* (seconds), the last of them
    again and again."""
    before = connection.scalar(select(jobs.c.attempts).where(jobs.c.id == job_id)) or 0
    wait = timedelta(seconds=waits[min(before, len(waits) - 1)])
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(attempts=before + 1, run_at=now + wait, last_error=error[:_MAX_ERROR])
    )


def drop(connection: Connection, kind: str, key: str) -> bool:
    """Let a job be; what it did stays. Gives whether there was one."""
    dropped = connection.execute(delete(jobs).where(jobs.c.kind == kind, jobs.c.key == key))
    return dropped.rowcount > 0


def progress(connection: Connection, kind: str, keys: Collection[str]) -> dict[str, Progress]:
    """How far the jobs of *kind* with these *keys* are; one that is done is not among them."""
    if not keys:
        return {}
    rows = connection.execute(
        select(jobs.c.key, jobs.c.payload, jobs.c.last_error).where(
            jobs.c.kind == kind, jobs.c.key.in_(sorted(keys))
        )
    )
    return {
        row.key: Progress(int(orjson.loads(row.payload)["rows"]), row.last_error) for row in rows
    }


def repeat(
    connection: Connection, step: Callable[[Connection, int], int], *, seconds: float, limit: int
) -> tuple[int, bool, int]:
    """Call *step*, which deals with at most as many rows as it is told and gives how many, until
    *seconds* have gone by or there were fewer.

    Gives the rows, whether there are none left, and the limit that suits the next call.
    """
    pace, rows = Pace(seconds, limit), 0
    while True:
        asked, began = pace.limit, time.perf_counter()
        number = step(connection, asked)
        pace.note(number, time.perf_counter() - began)
        rows += number
        if number < asked or pace.is_over:
            return rows, number < asked, pace.limit


def advance(
    connection: Connection, work: Work, state: State, *, seconds: float, limit: int
) -> tuple[int, State | None, int]:
    """Do one slice of *work* that no job stands for; gives the rows, where the next slice begins
    (None: nothing is left), and the limit that suits it."""
    pace = Pace(seconds, limit)
    rows, rest = _steps(connection, work, state, pace)
    return rows, rest, pace.limit


def _steps(
    connection: Connection, work: Work, state: State, allowed: Pace | Allowance, weight: int = 1
) -> tuple[int, State | None]:
    rows, rest = 0, state
    while not allowed.is_over:
        began = time.perf_counter()
        step = work(connection, rest, allowed.limit)
        allowed.note(step.rows * weight, time.perf_counter() - began)
        rows += step.rows
        if step.state is None:
            return rows, None
        if not step.rows and step.state == rest:
            break
        rest = step.state
    return rows, rest
