"""Forgets what has served its time, a little at a time."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from fedblog.publishing.site import Site
from fedblog.storage import (
    changes,
    deliveries,
    delivery_order,
    idempotency,
    received,
    recounting,
    server,
    threads,
    tombstones,
    unforwarded,
)
from fedblog.storage.errors import StorageError, StoreClosedError
from fedblog.storage.store import Store

logger = logging.getLogger(__name__)

EVERY = 3600.0
CHANGES_KEPT = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=24)
RECEIPTS_KEPT = timedelta(days=30)
ORPHANS_KEPT = timedelta(days=7)
UNFORWARDED_KEPT = timedelta(days=14)
"""Well within the 25 days for which peers like us believe a proof."""
DELIVERIES_KEPT = timedelta(days=30)
LONGEST_DELIVERY = timedelta(days=5)
SLICES = 100
"""Of the kept counts, how many slices are checked in an hour."""
_PLACE = "counts checked"


async def keep_house(store: Store, now: datetime) -> None:
    """Drop old changes, answers, receipts, tombstones, orphans, what was kept to be forwarded, and
    finished deliveries.

    Each kind is a unit of its own: other writers wait for one of them at most.
    """
    await store.write(changes.prune, now - CHANGES_KEPT)
    await store.write(idempotency.drop_before, now - ANSWERS_KEPT)
    await store.write(received.forget_before, now - RECEIPTS_KEPT)
    await store.write(tombstones.forget_before, now)
    await store.write(threads.forget_orphans, now - ORPHANS_KEPT, 1000)
    await store.write(unforwarded.forget_before, now - UNFORWARDED_KEPT)
    await store.write(deliveries.forget_finished, now - DELIVERIES_KEPT)
    await store.write(delivery_order.free_strays, now, now - LONGEST_DELIVERY)


async def check_counts(store: Store, slices: int = SLICES) -> int:
    """Check the next *slices* of the kept counts, from where the last hour stopped, and mend what
    is off; gives how many counts were."""
    place = await store.read(server.get, _PLACE) or recounting.BEGINNING
    mended = 0
    for _ in range(slices):
        found, place = await store.read(recounting.check, place)
        if found:
            await store.write(recounting.mend, found)
            mended += len(found)
        if place == recounting.BEGINNING:
            break
    await store.write(server.put, _PLACE, place)
    return mended


class HousekeepingLoop:
    """Keeps house once at the start and then every hour."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def run(self) -> None:
        """Keep house until cancelled."""
        while True:
            try:
                await keep_house(self._site.store, datetime.now(UTC))
                await check_counts(self._site.store)
            except StoreClosedError:
                raise
            except StorageError:
                logger.exception("housekeeping failed; it is tried again later")
            await asyncio.sleep(EVERY)
