"""Runs follow-up jobs: what a unit wrote down because it needs the network."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

from fedblog.jobs.completing import completed
from fedblog.jobs.presence import Presence
from fedblog.jobs.rounds import Rounds
from fedblog.publishing.site import Site
from fedblog.remote import askings
from fedblog.remote.errors import RemoteError, ShortError
from fedblog.storage import jobs
from fedblog.storage.errors import StorageError
from fedblog.storage.jobs import Job

logger = logging.getLogger(__name__)

AT_ONCE = 16
OF_AN_ASKER = 4
"""Jobs under way on behalf of one domain."""
LEASE = timedelta(minutes=5)
WAITS = (30, 300, 1800, 7200, 21600)
"""Seconds until the next try of a job that failed; after the last it is given up."""
LONGEST_WAIT = 30.0
SECONDS_APART = 0.04
"""Between two looks for jobs, each of which begins a few: no flood of them, which none waits for,
takes the event loop from readers."""
LONGEST_RUN = 240.0
"""Seconds; shorter than the lease, so that no job runs twice at once."""
LONGEST_POSTPONED = timedelta(days=3)
"""After it a job that never could be tried is dropped."""

Run = Callable[[Mapping[str, Any]], Awaitable[None]]


class FollowUpLoop:
    """Claims due jobs and runs them, a few at a time; *kinds* says what does each kind.

    A job that raises is tried again later; cancelling gives those under way back untried.
    """

    def __init__(
        self, site: Site, kinds: Mapping[str, Run], presence: Presence | None = None
    ) -> None:
        self._site = site
        self._presence = presence or Presence(site)
        self._kinds = kinds
        self._rounds = Rounds(
            site.store,
            "jobs",
            self._start_some,
            trouble="jobs cannot be claimed",
            apart=SECONDS_APART,
        )
        self._running: dict[asyncio.Task[None], Job] = {}

    async def run(self) -> None:
        """Run jobs until cancelled."""
        store = self._site.store
        if store.dialect == "sqlite":
            await store.write(jobs.release_leases)
        try:
            await self._rounds.run()
        finally:
            await self._give_back()

    async def _start_some(self) -> float | None:
        """Start due jobs where there is room; gives the seconds until there may be more (None: as
        soon as one under way ends)."""
        kinds = list(self._kinds)
        # A few at a time: all that are claimed may be one asker's.
        room = min(OF_AN_ASKER, AT_ONCE - len(self._running))
        if room <= 0:
            return None
        if await completed(self._take_some(kinds, room)) == room:
            return 0.0
        due = await self._site.store.read(jobs.next_due, kinds, except_askers=self._busy_askers())
        if due is None:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(0.05, (due - datetime.now(UTC)).total_seconds()))

    async def _take_some(self, kinds: Sequence[str], room: int) -> int:
        """Claim and start at most *room* jobs; gives how many."""
        now = datetime.now(UTC)
        claimed = await self._site.store.write(
            jobs.claim,
            kinds,
            room,
            now,
            LEASE,
            except_askers=self._busy_askers(),
            leased_by=self._presence.number,
        )
        for job in claimed:
            task = asyncio.create_task(self._run_one(job))
            self._running[task] = job
            task.add_done_callback(self._ended)
        return len(claimed)

    def _busy_askers(self) -> list[str]:
        """Those of whom enough is under way."""
        counts = Counter(job.asker for job in self._running.values() if job.asker)
        return [asker for asker, count in counts.items() if count >= OF_AN_ASKER]

    async def _run_one(self, job: Job) -> None:
        store = self._site.store
        try:
            asker = askings.of_host(job.asker) if job.asker else None
            async with asyncio.timeout(LONGEST_RUN):
                with askings.on_behalf_of(asker) if asker else nullcontext():
                    await self._kinds[job.kind](job.payload)
        except ShortError as error:
            now = datetime.now(UTC)
            if now - job.created_at < LONGEST_POSTPONED:
                await store.write(jobs.postpone, job, str(error), now + _put_off(job, error, now))
                return
            logger.warning("%s of %s is given up: %s", job.kind, job.key, error)
        except Exception as error:  # whatever one job does, the others go on
            text = str(error) or type(error).__name__
            if not isinstance(error, RemoteError):
                logger.exception("%s of %s failed", job.kind, job.key)
            if job.attempts < len(WAITS):
                wait = WAITS[job.attempts] * random.uniform(1.0, 1.2)  # noqa: S311
                run_at = datetime.now(UTC) + timedelta(seconds=wait)
                await store.write(jobs.fail, job, text, run_at)
                return
            logger.warning("%s of %s is given up: %s", job.kind, job.key, text)
        await store.write(jobs.finish, job)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task, None)
        self._rounds.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its lease ends, and the job comes back.
            logger.error("what came of a job could not be written", exc_info=error)

    async def _give_back(self) -> None:
        running = dict(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        try:
            await self._site.store.write(jobs.release, list(running.values()))
        except StorageError:
            logger.exception("jobs keep their leases: the database took nothing more")


def _put_off(job: Job, error: ShortError, now: datetime) -> timedelta:
    """How long *job* waits for its turn: the longer, the longer it has waited, so that many of
    them are not tried all over again at once."""
    age = (now - job.created_at).total_seconds()
    seconds = min(3600.0, max(error.retry_after, age / 4, 5.0))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.5))  # noqa: S311
