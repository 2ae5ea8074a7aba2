"""Says that this process is alive, and has what dead ones held taken over (PostgreSQL alone)."""

import asyncio
import logging
import math
import time

from fedblog.publishing.site import Site
from fedblog.storage import processes
from fedblog.storage.errors import StorageError, StoreClosedError

logger = logging.getLogger(__name__)

DEAD_AFTER = 4
"""Signs of life that may be missing: a process that is only slow keeps what it holds. As many does
one give that comes (back) to the database before it looks for dead ones."""


class Presence:
    """One process among those that share the database. *number* is None until it is entered, and
    always on SQLite; what it claims carries it."""

    def __init__(self, site: Site) -> None:
        self._store = site.store
        self._every = site.settings.presence_seconds
        self._waits = DEAD_AFTER
        self._last = -math.inf
        self.number: int | None = None

    async def run(self) -> None:
        """Give signs of life until cancelled, then leave."""
        if self._store.dialect == "sqlite":
            await asyncio.Event().wait()
        try:
            while True:
                await self.round()
                await asyncio.sleep(self._every)
        finally:
            await self._leave()

    async def round(self) -> None:
        """Give one sign of life, and look for those who gave none."""
        try:
            await self._beat()
            if self._waits:
                self._waits -= 1
            else:
                await self._bury()
        except StoreClosedError:
            raise
        except StorageError:
            self._waits = DEAD_AFTER
            logger.exception("no sign of life could be given; trying again")

    async def _beat(self) -> None:
        number = self.number
        if number is None or not await self._store.write(processes.beat, number):
            self.number = await self._store.write(processes.register)
        now, last = time.monotonic(), self._last
        self._last = now
        if now - last > self._every * (DEAD_AFTER - 1):
            # Where the database was away for us it was for others: they may all look dead.
            self._waits = DEAD_AFTER

    async def _bury(self) -> None:
        dead = await self._store.write(processes.bury, self._every * DEAD_AFTER)
        if dead:
            logger.warning("%d processes gave no more signs of life; others go on", len(dead))

    async def _leave(self) -> None:
        number, self.number = self.number, None
        if number is None:
            return
        try:
            await self._store.write(processes.leave, [number])
        except StorageError:
            logger.exception("this process could not be struck off; the others will see to that")
