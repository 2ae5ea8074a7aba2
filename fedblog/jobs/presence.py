"""Says that this process is alive, and has what dead ones held taken over (PostgreSQL alone)."""

import asyncio
import logging

from fedblog.publishing.site import Site
from fedblog.storage import processes
from fedblog.storage.errors import StorageError, StoreClosedError

logger = logging.getLogger(__name__)

DEAD_AFTER = 4
"""Signs of life that may be missing: a process that is only slow keeps what it holds."""


class Presence:
    """One process among those that share the database. *number* is None until it is entered, and
    always on SQLite; what it claims carries it."""

    def __init__(self, site: Site) -> None:
        self._store = site.store
        self._every = site.settings.presence_seconds
        self.number: int | None = None

    async def run(self) -> None:
        """Give signs of life until cancelled, then leave."""
        if self._store.dialect == "sqlite":
            await asyncio.Event().wait()
        try:
            while True:
                try:
                    await self._once()
                except StoreClosedError:
                    raise
                except StorageError:
                    logger.exception("no sign of life could be given; trying again")
                await asyncio.sleep(self._every)
        finally:
            await self._leave()

    async def _once(self) -> None:
        number = self.number
        if number is None or not await self._store.write(processes.beat, number):
            self.number = await self._store.write(processes.register)
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
