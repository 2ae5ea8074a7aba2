"""Carries long work on in slices, so that no other writer waits for the whole of it.

A decision (a block, an actor's deletion, a post for very many followers) is committed at once; what
follows from it for very many rows is a job of one of the kinds here. Each slice is one unit of at
most ``slice_seconds``; between two of them the loop waits as long as the last one took, so that
others have at least half of the writer.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection

from fedblog.jobs.rounds import Rounds
from fedblog.publishing.site import Site
from fedblog.storage import jobs, slices
from fedblog.storage.errors import ConstraintError, StorageError
from fedblog.storage.slices import FIRST_LIMIT, State, Work
from fedblog.storage.store import Store

logger = logging.getLogger(__name__)

AT_ONCE = 16
"""Jobs that are carried on in turn before others are looked for."""
LONGEST_WAIT = 30.0
LEAST_PAUSE = 0.002
AMONG_OTHERS = (0.1, 0.5)
LOG_EVERY = 10.0
WAITS = (5, 30, 300, 1800, 7200)
"""Seconds until a job whose slice failed goes on; the last one again and again: it is never given
up, as it is the second half of something that was decided."""


class SliceLoop:
    """Carries on jobs of *kinds* until cancelled. Cancelling lets the slice under way end."""

    def __init__(self, site: Site, kinds: Mapping[str, Work]) -> None:
        self._store = site.store
        self._seconds = site.settings.slice_seconds
        self._kinds = kinds
        self._limits: dict[str, int] = {}
        self._logged: dict[str, float] = {}
        self._rounds = Rounds(
            site.store, "jobs", self._round, trouble="long jobs cannot be carried on"
        )

    async def run(self) -> None:
        """Carry on what is due until cancelled."""
        await self._rounds.run()

    async def _round(self) -> float:
        """One slice of each job that is due; gives the seconds until there may be more to do."""
        now = datetime.now(UTC)
        found = await self._store.read(slices.due, self._kinds.keys(), now, AT_ONCE)
        is_any_done = False
        for job_id in found:
            began = time.monotonic()
            is_any_done |= await self._slice(job_id)
            await asyncio.sleep(max(time.monotonic() - began, LEAST_PAUSE))
        if found:
            # Where other processes are at all of them, they are not run after.
            return 0.0 if is_any_done else random.uniform(*AMONG_OTHERS)  # noqa: S311
        due = await self._store.read(jobs.next_due, self._kinds.keys())
        if due is None:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(0.05, (due - datetime.now(UTC)).total_seconds()))

    async def _slice(self, job_id: str) -> bool:
        """Carry one job on; False where it is done or another process is at it."""
        try:
            done = await self._store.write(
                slices.carry_on,
                job_id,
                self._kinds,
                datetime.now(UTC),
                seconds=self._seconds,
                limit=self._limits.get(job_id, FIRST_LIMIT),
            )
        except Exception as error:
            # Where the database is what fails, no job is to blame for it.
            if isinstance(error, StorageError) and not isinstance(error, ConstraintError):
                raise
            await self._failed(job_id, error)
            return True
        if done is None or done.is_done:
            self._limits.pop(job_id, None)
            self._logged.pop(job_id, None)
            if done is not None:
                logger.info("%s of %s is done: %d rows", done.kind, done.key, done.total)
            return done is not None
        self._limits[job_id] = done.limit
        if time.monotonic() - self._logged.get(job_id, 0.0) >= LOG_EVERY:
            self._logged[job_id] = time.monotonic()
            logger.info("%s of %s is at work: %d rows so far", done.kind, done.key, done.total)
        return True

    async def _failed(self, job_id: str, error: Exception) -> None:
        logger.error("a slice of the long job %s failed", job_id, exc_info=error)
        text = str(error) or type(error).__name__
        await self._store.write(slices.failed, job_id, text, datetime.now(UTC), WAITS)


async def go_through(
    store: Store, step: Callable[[Connection, int], int], *, seconds: float
) -> int:
    """Call *step* in unit after unit of at most *seconds*, letting others in between, until it
    deals with fewer rows than it was allowed; gives the rows in all.

    For work that needs no memory of where it is, such as dropping what has served its time: what
    is left after a crash is found again. Raises StorageError.
    """
    rows, limit = 0, FIRST_LIMIT
    while True:
        began = time.monotonic()
        number, is_done, limit = await store.write(
            slices.repeat, step, seconds=seconds, limit=limit
        )
        rows += number
        if is_done:
            return rows
        await asyncio.sleep(max(time.monotonic() - began, LEAST_PAUSE))


async def carry_through(store: Store, work: Work, state: State, *, seconds: float) -> int:
    """Do all of *work* from *state* on, in unit after unit of at most *seconds*, letting others in
    between; gives the rows. After a crash it begins anew. Raises StorageError."""
    rows, limit, rest = 0, FIRST_LIMIT, state
    while True:
        began = time.monotonic()
        number, left, limit = await store.write(
            slices.advance, work, rest, seconds=seconds, limit=limit
        )
        rows += number
        if left is None:
            return rows
        rest = left
        await asyncio.sleep(max(time.monotonic() - began, LEAST_PAUSE))
