"""Runs follow-up jobs: what a unit wrote down because it needs the network."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fedblog.publishing.site import Site
from fedblog.storage import jobs
from fedblog.storage.changes import Change
from fedblog.storage.errors import StorageError, StoreClosedError
from fedblog.storage.jobs import Job

logger = logging.getLogger(__name__)

AT_ONCE = 8
LEASE = timedelta(minutes=5)
WAITS = (30, 300, 1800, 7200, 21600)
"""Seconds until the next try of a job that failed; after the last it is given up."""
LONGEST_WAIT = 30.0
AFTER_ERROR = 5.0

Run = Callable[[Mapping[str, Any]], Awaitable[None]]


class FollowUpLoop:
    """Claims due jobs and runs them, a few at a time; *kinds* says what does each kind."""

    def __init__(self, site: Site, kinds: Mapping[str, Run]) -> None:
        self._site = site
        self._kinds = kinds
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Run jobs until cancelled; those under way are given back untried."""
        store = self._site.store
        if store.dialect == "sqlite":
            await store.write(jobs.release_leases)
        stop_listening = store.listen(self._heard)
        try:
            while True:
                self._changed.clear()
                try:
                    wait = await self._run_some()
                except StoreClosedError:
                    raise
                except StorageError:
                    logger.exception("jobs cannot be claimed; trying again")
                    wait = AFTER_ERROR
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            stop_listening()

    async def _run_some(self) -> float:
        """Run a handful of due jobs; gives the seconds until there may be more."""
        claimed = await self._site.store.write(
            jobs.claim, list(self._kinds), AT_ONCE, datetime.now(UTC), LEASE
        )
        if not claimed:
            due = await self._site.store.read(jobs.next_due, list(self._kinds))
            if due is None:
                return LONGEST_WAIT
            return min(LONGEST_WAIT, max(0.05, (due - datetime.now(UTC)).total_seconds()))
        try:
            await asyncio.gather(*(self._run_one(job) for job in claimed))
        except asyncio.CancelledError:
            await self._site.store.write(jobs.release, claimed)
            raise
        return 0.0

    async def _run_one(self, job: Job) -> None:
        store = self._site.store
        try:
            await self._kinds[job.kind](job.payload)
        except Exception as error:
            if job.attempts >= len(WAITS):
                logger.warning("%s of %s is given up: %s", job.kind, job.key, error)
                await store.write(jobs.finish, job)
                return
            run_at = datetime.now(UTC) + timedelta(seconds=WAITS[job.attempts])
            await store.write(jobs.fail, job, str(error), run_at)
            return
        await store.write(jobs.finish, job)

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(change.kind in ("jobs", "everything") for change in changes):
            self._changed.set()
