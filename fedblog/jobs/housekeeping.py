"""Forgets what has served its time, a little at a time."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from fedblog.publishing.site import Site
from fedblog.storage import (
    changes,
    deliveries,
    idempotency,
    received,
    threads,
    tombstones,
)
from fedblog.storage.errors import StorageError, StoreClosedError

logger = logging.getLogger(__name__)

EVERY = 3600.0
CHANGES_KEPT = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=24)
RECEIPTS_KEPT = timedelta(days=30)
ORPHANS_KEPT = timedelta(days=7)
DELIVERIES_KEPT = timedelta(days=30)


def keep_house(connection: Connection, now: datetime) -> None:
    """Drop old changes, answers, receipts, tombstones, orphans and finished deliveries."""
    changes.prune(connection, now - CHANGES_KEPT)
    idempotency.drop_before(connection, now - ANSWERS_KEPT)
    received.forget_before(connection, now - RECEIPTS_KEPT)
    tombstones.forget_before(connection, now)
    threads.forget_orphans(connection, now - ORPHANS_KEPT)
    deliveries.forget_finished(connection, now - DELIVERIES_KEPT)


class HousekeepingLoop:
    """Keeps house once at the start and then every hour."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def run(self) -> None:
        """Keep house until cancelled."""
        while True:
            try:
                await self._site.store.write(keep_house, datetime.now(UTC))
            except StoreClosedError:
                raise
            except StorageError:
                logger.exception("housekeeping failed; it is tried again later")
            await asyncio.sleep(EVERY)
