"""What /readyz looks at beside the database (whose troubles are in faults/test_trouble.py)."""

import asyncio
import threading

import psycopg
import pytest
from sqlalchemy import Connection, make_url
from support.servers import running_server

from fedblog.endpoints import health as endpoint
from fedblog.endpoints.health import FAILED_LATELY, KEPT_SECONDS, WRITTEN_SECONDS, Health
from fedblog.publishing.site import Site
from fedblog.settings import Settings
from fedblog.storage import server as server_rows


async def test_server_without_room_lives_and_is_not_ready(settings: Settings, sqlite_url: str):
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changed = settings.model_copy(update={"database_url": sqlite_url, "disk_reserve": 1 << 62})
    async with running_server(changed) as server:
        assert (await server.anonymous("/healthz")).status_code == 200
        answer = await server.anonymous("/readyz")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("disk: ")


async def test_loop_that_failed_is_named_for_a_moment(site: Site) -> None:
    now = 0.0
    health = Health(site, clock=lambda: now)
    assert await health.troubles() == {}
    health.failed("deliveries")
    now += KEPT_SECONDS
    assert list(await health.troubles()) == ["loops"]
    assert "deliveries" in (await health.troubles())["loops"]
    now += FAILED_LATELY
    assert await health.troubles() == {}


def _fail_at_writes(connection: Connection) -> None:
    """Transactions begin as ever; what they write fails, as with a disk's error."""
    connection.exec_driver_sql(
        "CREATE TEMP TRIGGER broken BEFORE UPDATE ON main.server"
        " BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END"
    )


def _write_again(connection: Connection) -> None:
    connection.exec_driver_sql("DROP TRIGGER temp.broken")


def refuse_writes(database_url: str, on: bool) -> None:
    """Let new connections to a database of PostgreSQL write nothing, as on a standby."""
    url = make_url(database_url)
    with psycopg.connect(
        url.set(database="postgres").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        name = url.database
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {on}")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


@pytest.mark.both_engines
async def test_database_that_takes_no_writes_is_noticed_though_it_can_be_read(
    site: Site, database_url: str
) -> None:
    now = 0.0
    health = Health(site, clock=lambda: now)
    assert await health.troubles() == {}

    async def refuse(on: bool) -> None:
        if database_url.startswith("sqlite"):
            await site.store.write(_fail_at_writes if on else _write_again)
        else:
            await asyncio.to_thread(refuse_writes, database_url, on)

    await refuse(True)
    try:
        now += WRITTEN_SECONDS
        assert await health.troubles() == {"writer": "cannot write"}
    finally:
        await refuse(False)
    now += KEPT_SECONDS
    assert await health.troubles() == {}


async def test_row_is_written_every_few_seconds_at_most(site: Site) -> None:
    now = 0.0
    health = Health(site, clock=lambda: now)

    async def written() -> str | None:
        await health.troubles()
        return await site.store.read(server_rows.get, "probed_at")

    first = await written()
    assert first is not None
    while now < WRITTEN_SECONDS - KEPT_SECONDS:
        now += KEPT_SECONDS
        assert await written() == first
    now += KEPT_SECONDS
    assert await written() != first


@pytest.mark.sqlite_alone
async def test_writer_that_is_held_up_is_noticed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", 0.05)
    begun, go_on = threading.Event(), threading.Event()

    def holding(connection: Connection) -> None:
        begun.set()
        go_on.wait()

    unit = asyncio.create_task(site.store.write(holding))
    try:
        await asyncio.to_thread(begun.wait)
        assert await Health(site).troubles() == {"writer": "is held up"}
    finally:
        go_on.set()
        await unit
