"""Forgets what has served its time, a little at a time.

What is kept for how long is one table of docs/operations.md. Every hour goes what an index leads
to; once a day what nothing refers to any more is looked for. Nothing here holds the writer for
longer than a slice (`slice_seconds`).
"""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from fedblog.domain import delivery
from fedblog.domain.shares import surplus
from fedblog.federation import departures
from fedblog.jobs import deliveries as delivery_loop
from fedblog.jobs import erasing, followups
from fedblog.jobs.slices import carry_through, go_through
from fedblog.publishing.site import Site
from fedblog.remote.actors import MAX_AGE
from fedblog.storage import (
    clock,
    deliveries,
    delivery_order,
    file_number,
    followers,
    recounting,
    reports,
    server,
    sweeping,
    terms,
    threads,
)
from fedblog.storage import tables as t
from fedblog.storage.backups import replaced
from fedblog.storage.changes import Change
from fedblog.storage.errors import StorageError, StoreClosedError
from fedblog.storage.sqlite_connection import database_file
from fedblog.storage.store import Store

logger = logging.getLogger(__name__)

EVERY = 3600.0
DAILY = 24
"""Hours between two looks for what nothing refers to."""
CHANGES_KEPT = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=24)
UNFORWARDED_KEPT = timedelta(days=14)
"""Well within the 25 days for which peers like us believe a proof."""
SPARE = timedelta(days=1)
"""What is held is held for longer than anything is tried, by so much."""
LONGEST_LEASE = max(delivery_loop.LEASE, followups.LEASE)
SLICES = 100
"""Of the kept counts, how many slices are checked in an hour."""
_PLACE = "counts checked"
_ASKED = "followers asked"
_STRETCH = 500
_SHORTLY, _AT_LAST = 1.0, 60.0
"""Seconds until what could not be erased yet is tried again, twice as long each time."""

Look = Callable[[Connection, datetime, Any, int], tuple[list[Any], Any]]
Drop = Callable[[Connection, Collection[Any], datetime], int]


async def keep_house(site: Site, now: datetime) -> None:
    """Put right what a clock that was ahead left behind, then drop what is older than its term, and
    the oldest of what is more than it may be."""
    settings, store = site.settings, site.store

    def older(days: int) -> datetime:
        return now - timedelta(days=days)

    async def sweep(step: Callable[..., int], *arguments: Any) -> None:
        def some(connection: Connection, limit: int) -> int:
            return step(connection, *arguments, limit)

        await go_through(store, some, seconds=settings.slice_seconds)

    await sweep(clock.deliveries_ahead, now)
    await sweep(clock.jobs_ahead, now)
    await sweep(clock.tombstones_ahead, timedelta(days=settings.keep_tombstones), now)
    await sweep(clock.actors_ahead, now)
    await sweep(clock.receipts_ahead, now)
    await sweep(clock.unforwarded_ahead, now)
    await sweep(clock.answers_ahead, now)
    await sweep(clock.requests_ahead, now)
    await sweep(clock.orphans_ahead, now)
    for made in (t.changes.c.at, t.reports.c.created_at, t.hosts.c.last_failure_at):
        await _put_back(store, made, now + clock.SLACK, now)
    latest = now + LONGEST_LEASE + clock.SLACK
    for lease in (t.deliveries.c.lease_until, t.jobs.c.lease_until):
        await _put_back(store, lease, latest, None)
    await sweep(terms.drop_changes, now - CHANGES_KEPT)
    await sweep(terms.drop_answers, now - ANSWERS_KEPT)
    await sweep(terms.drop_receipts, older(settings.keep_receipts))
    await sweep(terms.drop_tombstones, now)
    await sweep(threads.forget_orphans, older(settings.keep_orphans))
    await sweep(terms.drop_unforwarded, now - UNFORWARDED_KEPT)
    await sweep(terms.drop_reports, older(settings.keep_reports))
    await store.write(reports.keep_newest, settings.reports_kept)
    await sweep(terms.drop_authorizations, older(settings.keep_requests))
    await sweep(terms.drop_tokens, older(settings.keep_tokens))
    await carry_through(
        store,
        deliveries.forget_finished,
        deliveries.forgetting(older(settings.keep_deliveries)),
        seconds=settings.slice_seconds,
    )
    await sweep(terms.drop_activities, older(settings.keep_activities))
    longest = delivery.longest(settings.delivery_attempts) + SPARE
    while strays := await store.read(delivery_order.strays, now - longest, _STRETCH):
        await store.write(delivery_order.free, strays, now)
    await _drop_excess(store, t.received, t.received.c.received_at, settings.receipts_kept)
    await _drop_excess(store, t.tombstones, t.tombstones.c.until, settings.tombstones_kept)
    await erasing.erase(site, now)


async def _put_back(
    store: Store, column: sweeping.Moment, later_than: datetime, value: datetime | None
) -> None:
    """Set what is later than *later_than* to *value*."""
    while keys := await store.read(clock.found_ahead, column, later_than, _STRETCH):
        await store.write(clock.put_back, column, later_than, value, keys)


async def _drop_excess(
    store: Store, table: sweeping.Rows, time: sweeping.Moment, most: int
) -> None:
    """Drop what *table* has over *most*, the oldest by *time* of the domains that have most. Whose
    rows they are is counted and looked for among readers, in stretches; only what goes is
    written."""
    if await store.read(sweeping.excess, table, most) == 0:
        return
    held: Counter[str] = Counter()
    async for rows in _by_age(store, table, time):
        held.update(domain for domain, _ in rows)
    left = Counter(surplus(held, most))
    async for rows in _by_age(store, table, time):
        gone = []
        for domain, key in rows:
            if left[domain] > 0:
                left[domain] -= 1
                gone.append(key)
        if gone:
            await store.write(sweeping.drop_rows, table, gone)
        if not any(left.values()):
            return


async def _by_age(
    store: Store, table: sweeping.Rows, time: sweeping.Moment
) -> AsyncIterator[list[tuple[str, tuple[Any, ...]]]]:
    after: Any = None
    while True:
        rows, after = await store.read(sweeping.by_age, table, time, after, _STRETCH)
        yield rows
        if after is None:
            return
        await asyncio.sleep(0)


async def drop_what_is_lone(site: Site, now: datetime) -> None:
    """Drop what nothing refers to any more: actors with their keys, inboxes, hosts, pictures that
    stand nowhere. It is looked for among readers, in stretches; only what is found is written."""
    settings = site.settings
    kinds: tuple[tuple[Look, Drop, int], ...] = (
        (terms.lone_actors, terms.drop_actors, settings.keep_actors),
        (terms.lone_inboxes, terms.drop_inboxes, 0),
        (terms.lone_hosts, terms.drop_hosts, settings.keep_hosts),
        (terms.lone_counts, terms.drop_counts, 0),
        (terms.lone_hidden, terms.drop_hidden, 0),
    )
    for look, drop, days in kinds:
        before = now - timedelta(days=days)
        await _look_through(site, look, before, partial(_drop_rows, site, drop, before))
    before = now - timedelta(days=settings.keep_unused_media)
    await _look_through(site, terms.lone_media, before, partial(erasing.drop_lone_media, site))
    await erasing.drop_strays(site, before)


async def _drop_rows(site: Site, drop: Drop, before: datetime, found: Collection[Any]) -> None:
    await site.store.write(drop, found, before)


async def _look_through(site: Site, look: Look, before: datetime, drop: Any) -> None:
    after: Any = None
    while True:
        found, after = await site.store.read(look, before, after, _STRETCH)
        for start in range(0, len(found), _STRETCH // 5):
            await drop(found[start : start + _STRETCH // 5])
        if after is None:
            return
        await asyncio.sleep(0)


async def drop_replaced(site: Site, now: datetime) -> None:
    """Drop what restores replaced whose days are over: folders, on PostgreSQL schemas as well."""
    before = now - timedelta(days=site.settings.keep_replaced)
    file = database_file(site.settings.database)
    for folder in {site.settings.data_dir, *([file.parent] if file is not None else [])}:
        for gone in await asyncio.to_thread(replaced.forget, folder, before):
            logger.info("what a restore replaced was deleted: %s", gone)
    if site.store.dialect == "postgresql":
        for schema in await site.store.read(replaced.schemas):
            if replaced.is_before(schema, before):
                await site.store.write(replaced.drop_schema, schema)
                logger.info("what a restore replaced was dropped: the schema %s", schema)


async def check_counts(store: Store, slices: int = SLICES) -> int:
    """Check the next *slices* of the kept counts, from where the last hour stopped, and mend what
    is off; gives how many counts were."""
    place = await store.read(server.get, _PLACE) or recounting.BEGINNING
    mended = 0
    for _ in range(slices):
        here = place
        found, place = await store.read(recounting.check, here)
        if found:
            mended += await store.write(recounting.mend, here)
        if place == recounting.BEGINNING:
            break
    await store.write(server.put, _PLACE, place)
    return mended


async def ask_followers(site: Site, now: datetime) -> None:
    """Have some of the followers asked whether they still are, and where, from where the last hour
    stopped: those who have not been fetched for `MAX_AGE`. A deleted account behind a shared
    inbox is found by nothing else, nor an inbox whose move only followers were told."""
    limit = site.settings.followers_asked
    if limit == 0:
        return
    after = await site.store.read(server.get, _ASKED) or ""
    found, following = await site.store.read(followers.not_asked_since, now - MAX_AGE, after, limit)

    def unit(connection: Connection) -> None:
        departures.ask_followers(connection, found, now)
        server.put(connection, _ASKED, following)

    if found or following != after:
        await site.store.write(unit)


class HousekeepingLoop:
    """Keeps house at the start and then every hour; erases at once where the setting says so."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._deleted = asyncio.Event()
        self._is_all_erased = True

    async def run(self) -> None:
        """Keep house until cancelled."""
        stop_listening = self._site.store.listen(self._heard)
        rounds = 0
        try:
            while True:
                if await self._safely(
                    self._keep(with_daily=rounds % DAILY == 0, is_first=rounds == 0)
                ):
                    rounds += 1  # else what is done once a day would wait for tomorrow
                await self._rest()
        finally:
            stop_listening()

    async def _keep(self, *, with_daily: bool, is_first: bool) -> None:
        now = datetime.now(UTC)
        file = database_file(self._site.settings.database)
        if file is not None and not is_first:  # the start has just done it
            await asyncio.to_thread(file_number.renew, file)
        await keep_house(self._site, now)
        await check_counts(self._site.store)
        await ask_followers(self._site, now)
        if with_daily:
            await drop_replaced(self._site, now)
            await drop_what_is_lone(self._site, now)
            folder = self._site.settings.data_dir / "cache"
            before = time.time() - self._site.settings.keep_pictures * 86400
            await asyncio.to_thread(drop_old_files, folder, before)

    async def _rest(self) -> None:
        """Until the next hour; what is deleted meanwhile is erased where nothing of it is kept, and
        what about it is under way to other servers still some time later."""
        loop = asyncio.get_running_loop()
        end = loop.time() + EVERY
        pause = math.inf
        while (left := end - loop.time()) > 0:
            self._is_all_erased = True
            try:
                async with asyncio.timeout(min(left, pause)):
                    await self._deleted.wait()
                pause = _SHORTLY
            except TimeoutError:
                if pause == math.inf:
                    return
                pause = min(pause * 2, _AT_LAST)
            self._deleted.clear()
            await self._safely(self._erase())
            if self._is_all_erased:
                pause = math.inf

    async def _erase(self) -> None:
        self._is_all_erased = await erasing.erase(self._site, datetime.now(UTC))

    async def _safely(self, work: Awaitable[None]) -> bool:
        """Whether *work* came to its end; what went wrong is logged."""
        try:
            await work
        except StoreClosedError:
            raise
        except (StorageError, OSError):
            logger.exception("housekeeping failed; it is tried again later")
            return False
        return True

    def _heard(self, changes: Sequence[Change]) -> None:
        if self._site.settings.keep_deleted == 0 and any(
            change.kind in ("post", "comments", "everything") for change in changes
        ):
            self._deleted.set()


def drop_old_files(folder: Path, before: float) -> None:
    """Delete the pictures below *folder* that were fetched before *before* (seconds since 1970):
    one that is still shown is fetched again. Blocks."""
    for path in folder.glob("*/*/*"):
        try:
            if path.stat().st_mtime < before:
                path.unlink()
        except OSError:
            continue
