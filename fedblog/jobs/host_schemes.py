"""Keeps in the database what was learned of hosts' signature schemes, and brings it back."""

import asyncio
import logging
from datetime import UTC, datetime

from fedblog.publishing.site import Site
from fedblog.remote.schemes import MOST_HOSTS
from fedblog.storage import hosts
from fedblog.storage.errors import StorageError, StoreClosedError

logger = logging.getLogger(__name__)

PAUSE = 0.5
"""Seconds between two writes: a host that changes its mind at every request costs no more."""


class HostSchemes:
    """Moves the client's schemes between memory and the table of hosts."""

    def __init__(self, site: Site) -> None:
        self._store = site.store
        self._schemes = site.client.schemes

    async def load(self) -> None:
        """Remember what the database knows."""
        self._schemes.load(await self._store.read(hosts.signature_schemes, MOST_HOSTS))

    async def run(self) -> None:
        """Write down what is learned, until cancelled."""
        while True:
            await self._schemes.wait()
            await self.save()
            await asyncio.sleep(PAUSE)

    async def save(self) -> None:
        """Write down what was learned since the last time."""
        if learned := self._schemes.take_unsaved():
            try:
                await self._store.write(hosts.note_signature_schemes, learned, datetime.now(UTC))
            except StoreClosedError:
                raise
            except StorageError:  # it will be learned again
                logger.exception("signature schemes of hosts cannot be written")
