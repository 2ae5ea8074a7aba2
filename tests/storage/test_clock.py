"""Times that a clock ahead of its time wrote do not hold anything up once it is right again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from support import servers
from support.outgoing import record
from support.sinks import NOW, found

from fedblog.app import open_site
from fedblog.domain import ids
from fedblog.domain.delivery import LONGEST_WAIT
from fedblog.settings import Settings
from fedblog.storage import clock, dispatch
from fedblog.storage.store import Store
from fedblog.storage.tables import activities, deliveries, jobs, tombstones

pytestmark = pytest.mark.both_engines

YEAR = timedelta(days=365)
LEASE = timedelta(minutes=5)


def job(connection: Connection, key: str, run_at: Any, lease_until: Any = None) -> None:
    connection.execute(
        insert(jobs).values(
            id=key, kind="k", key=key, payload="{}", run_at=run_at, created_at=NOW,
            lease_until=lease_until,
        )
    )  # fmt: skip


async def test_deliveries_that_wait_for_next_year_are_due_now(store: Store) -> None:
    await store.write(found)
    urls = [f"https://a.example/{number}" for number in range(5)]
    activity_id = await store.write(record, inboxes=urls)
    later = NOW + LONGEST_WAIT - timedelta(minutes=1)

    def set_back(connection: Connection) -> None:
        connection.execute(update(deliveries).values(next_at=NOW + YEAR))
        of_first = deliveries.c.inbox_id == 1
        connection.execute(update(deliveries).where(of_first).values(next_at=later))

    await store.write(set_back)
    assert [await store.write(clock.deliveries_ahead, NOW, 3) for _ in range(3)] == [3, 1, 0]
    claimed = await store.write(dispatch.claim, 10, NOW, LEASE)
    assert {item.inbox_id for item in claimed} == {2, 3, 4, 5}
    assert {item.activity_id for item in claimed} == {activity_id}


async def test_leases_until_next_year_end(store: Store) -> None:
    await store.write(found)
    await store.write(record, inboxes=["https://a.example/1", "https://a.example/2"])
    await store.write(dispatch.claim, 1, NOW + YEAR, LEASE)
    await store.write(job, "ahead", NOW, NOW + YEAR)
    await store.write(job, "held", NOW, NOW + LEASE)
    latest = NOW + LEASE + clock.SLACK
    for column in (deliveries.c.lease_until, jobs.c.lease_until):
        keys = await store.read(clock.found_ahead, column, latest, 10)
        assert len(keys) == 1
        assert await store.write(clock.put_back, column, latest, None, keys) == 1
        assert await store.read(clock.found_ahead, column, latest, 10) == []
    assert len(await store.write(dispatch.claim, 10, NOW, LEASE)) == 2

    def held(connection: Connection) -> list[str]:
        return list(connection.scalars(select(jobs.c.id).where(jobs.c.lease_until.is_not(None))))

    assert await store.read(held) == ["held"]


async def test_jobs_and_tombstones_come_back_from_the_time_to_come(store: Store) -> None:
    await store.write(job, "ahead", NOW + YEAR)
    await store.write(job, "later", NOW + timedelta(hours=6))
    term = timedelta(days=90)

    def bury(connection: Connection) -> None:
        rows = [
            {"uri": name, "actor_uri": "a", "until": until}
            for name, until in (("ahead", NOW + YEAR), ("good", NOW + term))
        ]
        connection.execute(insert(tombstones), rows)

    await store.write(bury)
    assert await store.write(clock.jobs_ahead, NOW, 10) == 1
    assert await store.write(clock.tombstones_ahead, term, NOW, 10) == 1

    def times(connection: Connection) -> dict[str, Any]:
        return {
            **dict(list(connection.execute(select(jobs.c.id, jobs.c.run_at)))),
            **{f"{row.uri} buried": row.until for row in connection.execute(select(tombstones))},
        }

    assert await store.read(times) == {
        "ahead": NOW,
        "later": NOW + timedelta(hours=6),
        "ahead buried": NOW + term,
        "good buried": NOW + term,
    }


async def test_what_is_said_after_a_start_comes_after_what_a_clock_ahead_of_its_time_said(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changes = {"database_url": database_url, "base_url": "https://blog.example"}
    settings = settings.model_copy(update=changes)
    await servers.found(settings)
    now = datetime.now(UTC)
    ahead, another_age = (
        ids.first_id_at(now + timedelta(hours=3)),
        ids.first_id_at(now + timedelta(days=30)),
    )

    def said(connection: Connection) -> None:
        for name in (ahead, another_age):
            activity = {"id": name, "blog_id": 1, "owner": "blog", "type": "Create", "body": b"{}"}
            connection.execute(
                insert(activities).values(is_public=True, created_at=now, **activity)
            )

    async with open_site(settings) as site:
        await site.store.write(said)
    monkeypatch.setattr(ids, "_last", (0, 0))  # a new process
    async with open_site(settings):
        assert ahead < ids.new_id() < another_age
