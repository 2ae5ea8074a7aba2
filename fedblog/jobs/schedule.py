"""Publishes scheduled posts at their time, also those whose time came while nothing ran."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from fedblog.publishing import posts
from fedblog.publishing.site import Site
from fedblog.storage import posts as post_rows
from fedblog.storage.changes import Change
from fedblog.storage.errors import StorageError, StoreClosedError

logger = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds after which the clock is looked at again, should it have been set."""
AFTER_ERROR = 5.0


class ScheduleLoop:
    """Sleeps until the next post is due, or until the schedule changes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Publish what is due until cancelled."""
        stop_listening = self._site.store.listen(self._heard)
        try:
            while True:
                self._changed.clear()
                try:
                    await posts.publish_due(self._site)
                    wait = await self._seconds_to_next()
                except StoreClosedError:
                    raise
                except StorageError:
                    logger.exception("scheduled posts cannot be looked up; trying again")
                    wait = AFTER_ERROR
                try:
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            stop_listening()

    async def _seconds_to_next(self) -> float:
        due = await self._site.store.read(post_rows.next_due, self._site.blog_id)
        if due is None:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(0.0, (due - datetime.now(UTC)).total_seconds()))

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(change.kind in ("schedule", "everything") for change in changes):
            self._changed.set()
