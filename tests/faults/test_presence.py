"""What a process that was killed held is taken over within seconds (PostgreSQL)."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text
from support import servers
from support.sinks import HANG, OpenSite, Sink, running, send_activity
from support.waiting import PATIENCE, eventually

from fedblog import app
from fedblog.jobs import deliveries as delivery_loop
from fedblog.jobs.deliveries import DeliveryLoop
from fedblog.jobs.followups import FollowUpLoop
from fedblog.jobs.presence import DEAD_AFTER, Presence
from fedblog.settings import Settings
from fedblog.storage import jobs
from fedblog.storage import processes as process_rows
from fedblog.storage.tables import deliveries, processes

CLAIMER = Path(__file__).resolve().parent.parent / "support" / "claimer.py"
SECONDS = 0.3


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """PostgreSQL alone: SQLite has one process."""
    return postgresql_url


def leases(connection: Connection) -> list[Any]:
    return list(connection.execute(select(deliveries.c.lease_until, deliveries.c.leased_by)))


def entered(connection: Connection) -> list[int]:
    return list(connection.scalars(select(processes.c.id)))


async def test_what_a_killed_process_held_goes_out_long_before_its_lease_ends(
    open_site: OpenSite, sink: Sink, database_url: str
) -> None:
    site = await open_site(presence_seconds=SECONDS)
    urls = [f"{sink.base_url}/{number}" for number in range(3)]
    await site.store.write(send_activity, inboxes=urls)
    await site.store.write(jobs.add, "fetch", "x", {}, datetime.now(UTC))
    fetched: list[Mapping[str, Any]] = []

    async def fetch(payload: Mapping[str, Any]) -> None:
        fetched.append(payload)

    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CLAIMER), database_url, str(SECONDS), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"3 1\n"
        [other] = await site.store.read(entered)
        presence = Presence(site)
        loops = (
            running(presence),
            running(DeliveryLoop(site, presence)),
            running(FollowUpLoop(site, {"fetch": fetch}, presence)),
        )
        async with loops[0], loops[1], loops[2]:
            await eventually(lambda: presence.number is not None)
            # As long as it gives signs of life, it keeps what it holds.
            await asyncio.sleep(SECONDS * 8)
            assert sink.received == []
            assert {row.leased_by for row in await site.store.read(leases)} == {other}
            process.kill()
            await process.wait()
            await eventually(lambda: len(sink.received) == 3 and fetched)
            latest = datetime.now(UTC) + timedelta(minutes=4)
            assert all(
                row.lease_until is None or row.lease_until > latest
                for row in await site.store.read(leases)
            )
            assert await site.store.read(entered) == [presence.number]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert await site.store.read(entered) == []


async def test_one_that_comes_back_with_the_database_first_lets_the_others_come_back(
    open_site: OpenSite,
) -> None:
    site = await open_site(presence_seconds=600.0)
    presence, store = Presence(site), site.store

    async def rounds(number: int) -> list[int]:
        for _ in range(number):
            await presence.round()
        return await store.read(entered)

    def an_hour_ago(connection: Connection) -> None:
        moment = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 1)
        connection.execute(processes.update().values(seen_at=moment))

    other = await store.write(process_rows.register)
    assert other in await rounds(DEAD_AFTER + 1)
    await store.write(lambda c: c.execute(text("ALTER TABLE processes RENAME TO away")))
    await presence.round()
    await store.write(lambda c: c.execute(text("ALTER TABLE away RENAME TO processes")))
    await store.write(an_hour_ago)
    assert other in await rounds(DEAD_AFTER)
    assert await store.write(process_rows.beat, other)
    assert other in await rounds(DEAD_AFTER)
    await store.write(an_hour_ago)
    assert await rounds(1) == [presence.number]


async def test_one_whose_signs_come_late_takes_nobody_for_dead(open_site: OpenSite) -> None:
    site = await open_site(presence_seconds=1e-6)
    presence = Presence(site)
    other = await site.store.write(process_rows.register)
    for _ in range(DEAD_AFTER * 3):
        await presence.round()
    assert other in await site.store.read(entered)


async def test_process_that_was_taken_for_dead_enters_anew(open_site: OpenSite) -> None:
    site = await open_site(presence_seconds=SECONDS)
    presence = Presence(site)
    async with running(presence):
        await eventually(lambda: presence.number is not None)
        first = presence.number
        await site.store.write(lambda c: c.execute(processes.delete()))
        await eventually(lambda: presence.number not in (None, first))


async def test_process_that_stops_lets_its_requests_end_before_others_take_over(
    settings: Settings, sink: Sink, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_loop, "GRACE_SECONDS", PATIENCE)
    changes = {"database_url": database_url, "base_url": "https://blog.example"}
    settings = settings.model_copy(update=changes)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    await servers.found(settings)
    urls = [sink.plan(f"/{number}", HANG) for number in range(4)]
    first = app.running(settings)
    site, _ = await first.__aenter__()
    await eventually(lambda: site.store.read(entered))
    await site.store.write(send_activity, inboxes=urls)
    await eventually(lambda: len(sink.received) == 4)
    async with app.running(settings) as (other, _):

        async def both_are_there() -> bool:
            return len(await other.store.read(entered)) == 2

        await eventually(both_are_there)
        stopping = asyncio.create_task(first.__aexit__(None, None, None))
        await asyncio.sleep(1)  # another has time to take up what it could
        assert len(await other.store.read(entered)) == 2
        sink.hang_up()
        await stopping
        assert len(await other.store.read(entered)) == 1
        assert len(sink.received) == 4
