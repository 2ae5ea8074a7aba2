"""What has served its time is forgotten, and nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import OpenStore
from sqlalchemy import Connection, delete, func, insert, select, update
from support.outgoing import record
from support.sinks import NOW, OpenSite, running
from support.waiting import eventually

from fedblog.domain.ids import new_id
from fedblog.jobs.housekeeping import HousekeepingLoop, check_counts, keep_house
from fedblog.storage import counts as kept_counts
from fedblog.storage.tables import (
    authorizations,
    authors,
    changes,
    comments,
    counts,
    deliveries,
    idempotency_keys,
    jobs,
    received,
    reports,
    tombstones,
    unforwarded,
)

pytestmark = pytest.mark.both_engines

DAY = timedelta(days=1)


def fill(connection: Connection) -> None:
    """Two rows of each kind: one that may go at NOW, and one that is a little younger."""
    author = {
        "id": new_id(),
        "blog_id": 1,
        "handle": "ada",
        "name": "Ada",
        "about": "",
        "url": "",
        "fediverse": "",
        "role": "owner",
        "created_at": NOW,
        "updated_at": NOW,
    }
    connection.execute(insert(authors).values(**author))
    for name, spare in (("old", timedelta(minutes=-1)), ("new", timedelta(minutes=1))):
        connection.execute(
            insert(changes).values(kind="post", key=name, at=NOW - timedelta(hours=1) + spare)
        )
        connection.execute(
            insert(idempotency_keys).values(
                author_id=author["id"],
                key=name,
                request_hash="",
                status=201,
                body=b"{}",
                created_at=NOW - timedelta(hours=24) + spare,
            )
        )
        connection.execute(
            insert(received).values(
                actor_uri="https://a.example/ada",
                activity_uri=f"https://a.example/{name}",
                type="Like",
                outcome="done",
                reason="",
                received_at=NOW - timedelta(days=30) + spare,
            )
        )
        connection.execute(
            insert(tombstones).values(
                uri=f"https://a.example/{name}",
                actor_uri="https://a.example/ada",
                until=NOW + spare,
            )
        )
        orphan = dict.fromkeys(("url", "name", "source_html", "content_html", "summary"), "")
        comment_id = new_id()
        connection.execute(
            insert(comments).values(
                id=comment_id,
                blog_id=1,
                uri=f"https://a.example/notes/{name}",
                in_reply_to_uri="https://a.example/unknown",
                depth=0,
                actor_uri="https://a.example/ada",
                visibility="public",
                status="approved",
                status_locked=False,
                attachments="[]",
                published_at=NOW,
                received_at=NOW - timedelta(days=7) + spare,
                **orphan,
            )
        )
        connection.execute(
            insert(unforwarded).values(
                comment_id=comment_id,
                type="Create",
                body=b"{}",
                origins="[]",
                received_at=NOW - timedelta(days=14) + spare,
            )
        )


TABLES: list[Any] = [changes, idempotency_keys, received, tombstones, comments, unforwarded]


def count(connection: Connection) -> list[int]:
    return [
        connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES
    ]


async def test_what_is_older_than_its_term_goes_and_the_rest_stays(open_site: OpenSite) -> None:
    site = await open_site()
    await site.store.write(fill)
    await keep_house(site, NOW - timedelta(minutes=5))
    assert await site.store.read(count) == [2, 2, 2, 2, 2, 2]
    await keep_house(site, NOW)
    assert await site.store.read(count) == [1, 1, 1, 1, 1, 1]
    await keep_house(site, NOW + timedelta(days=40))
    assert await site.store.read(count) == [0, 0, 0, 0, 0, 0]


async def test_what_a_clock_ahead_of_its_time_wrote_is_put_right(open_site: OpenSite) -> None:
    site = await open_site()
    later = NOW + timedelta(days=365)
    job = {"kind": "k", "payload": "{}", "created_at": NOW}

    def write(connection: Connection) -> None:
        record(connection, inboxes=["https://a.example/1", "https://a.example/2"])
        connection.execute(update(deliveries).values(next_at=later))
        first = deliveries.c.inbox_id == 1
        connection.execute(update(deliveries).where(first).values(next_at=NOW, lease_until=later))
        connection.execute(insert(jobs).values(id="1", key="1", run_at=later, **job))
        grave = {"uri": "u", "actor_uri": "a", "until": later}
        connection.execute(insert(tombstones).values(**grave))

    def ahead(connection: Connection) -> int:
        columns = (deliveries.c.next_at, deliveries.c.lease_until, jobs.c.run_at)
        found = [
            *(connection.scalars(select(column).where(column > NOW)).all() for column in columns),
            connection.scalars(
                select(tombstones.c.until).where(tombstones.c.until > NOW + timedelta(days=90))
            ).all(),
        ]
        return sum(map(len, found))

    await site.store.write(write)
    assert await site.store.read(ahead) == 4
    await keep_house(site, NOW)
    assert await site.store.read(ahead) == 0


async def test_what_a_clock_ahead_of_its_time_kept_has_its_term_from_now_on(
    open_site: OpenSite,
) -> None:
    site = await open_site()
    columns: list[Any] = [
        changes.c.at,
        idempotency_keys.c.created_at,
        received.c.received_at,
        comments.c.received_at,
        unforwarded.c.received_at,
        authorizations.c.created_at,
        reports.c.created_at,
    ]

    def write(connection: Connection) -> None:
        fill(connection)
        asked = {"id": new_id(), "blog_id": 1, "interaction": "Quote", "owner": "blog"}
        asked |= {"target_uri": "t", "object_uri": "o", "actor_uri": "a", "state": "waiting"}
        connection.execute(
            insert(authorizations).values(was_granted=False, created_at=NOW, **asked)
        )
        report = {"id": new_id(), "blog_id": 1, "actor_uri": "a", "object_uris": "[]"}
        connection.execute(insert(reports).values(content="", created_at=NOW, **report))
        for column in columns:
            connection.execute(update(column.table).values({column.name: NOW + 365 * DAY}))

    def ahead(connection: Connection) -> list[str]:
        return [
            column.table.name
            for column in columns
            if connection.scalars(select(column).where(column > NOW)).all()
        ]

    await site.store.write(write)
    assert len(await site.store.read(ahead)) == len(columns)
    await keep_house(site, NOW)
    assert await site.store.read(ahead) == []


async def test_what_is_held_is_freed_after_the_last_try_of_what_it_waits_for(
    open_site: OpenSite,
) -> None:
    more, fewer = await open_site(delivery_attempts=40), await open_site(delivery_attempts=5)

    def hold(connection: Connection) -> None:
        record(connection, inboxes=["https://a.example/1"], now=NOW - 30 * DAY)
        connection.execute(update(deliveries).values(next_at=None))

    def is_held(connection: Connection) -> bool:
        return connection.scalar(select(deliveries.c.next_at)) is None

    await more.store.write(hold)
    await keep_house(more, NOW)
    assert await more.store.read(is_held)
    await keep_house(fewer, NOW)
    assert not await more.store.read(is_held)


async def test_house_is_kept_from_the_start(open_site: OpenSite) -> None:
    site = await open_site()
    await site.store.write(expire, datetime.now(UTC) - timedelta(seconds=1))

    async def is_tidy() -> bool:
        return not (await site.store.read(count))[TABLES.index(tombstones)]

    async with running(HousekeepingLoop(site)):
        await eventually(is_tidy)


def expire(connection: Connection, until: datetime) -> None:
    connection.execute(
        insert(tombstones).values(uri="https://a.example/1", actor_uri="x", until=until)
    )


async def test_a_kept_count_that_is_off_is_mended_within_the_hour(open_site: OpenSite) -> None:
    site = await open_site()

    def spoil(connection: Connection) -> None:
        row = {"key": "1", "kind": "posts", "slot": 3, "number": 5}
        connection.execute(insert(counts).values(row))

    await site.store.write(spoil)
    assert await site.store.read(kept_counts.one, "posts", "1") == 5
    async with running(HousekeepingLoop(site)):

        async def is_mended() -> bool:
            return await site.store.read(kept_counts.one, "posts", "1") == 0

        await eventually(is_mended)


async def test_counts_are_checked_on_from_where_the_last_hour_stopped(open_site: OpenSite) -> None:
    site = await open_site()

    def spoil(connection: Connection) -> None:
        row = {"key": "1", "kind": "posts", "slot": 0, "number": 5}
        connection.execute(insert(counts).values(row))

    await site.store.write(spoil)
    mended = [await check_counts(site.store, slices=1) for _ in range(8)]
    assert sum(mended) == 1


async def test_count_that_two_processes_find_off_is_mended_once(
    open_site: OpenSite, open_store: OpenStore
) -> None:
    site = await open_site()
    stores = [site.store, await open_store()]

    def spoil(connection: Connection) -> None:
        connection.execute(delete(counts))
        row = {"key": "1", "kind": "posts", "slot": 0, "number": 5}
        connection.execute(insert(counts).values(row))

    await site.store.write(spoil)
    for _ in range(5):
        await asyncio.gather(*(check_counts(store) for store in stores))
        assert await site.store.read(kept_counts.one, "posts", "1") == 0
        await site.store.write(spoil)
