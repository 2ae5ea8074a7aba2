"""What is about PostgreSQL alone: retries, lost connections, cancelling."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import Connection, insert, make_url, select, text
from sqlalchemy.util import await_only
from support.waiting import eventually

from fedblog.storage.changes import EVERYTHING, Change, record
from fedblog.storage.errors import DatabaseError
from fedblog.storage.store import Store
from fedblog.storage.store_postgresql import ALONG_INDEXES, WRITERS, PostgresqlStore
from fedblog.storage.tables import server


@pytest.fixture
async def store(postgresql_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(postgresql_url)
    yield opened
    await opened.close()


def put(connection: Connection, key: str, value: str = "") -> str:
    connection.execute(insert(server), {"key": key, "value": value})
    return key


def keys(connection: Connection) -> list[str]:
    return list(connection.scalars(select(server.c.key).order_by(server.c.key)))


async def test_a_unit_sees_one_snapshot(store: Store) -> None:
    def level(connection: Connection) -> object:
        return connection.scalar(text("SHOW transaction_isolation"))

    assert await store.write(level) == "repeatable read"
    assert await store.read(level) == "repeatable read"


async def test_readers_alone_are_told_to_go_along_indexes(store: Store) -> None:
    def told(connection: Connection) -> set[object]:
        return {connection.scalar(text(f"SHOW {it}")) for it in ALONG_INDEXES}

    for _ in range(2):  # what was set outlives the transaction
        assert await store.read(told) == {"off"}
    assert await store.write(told) == {"on"}


@pytest.mark.parametrize(
    ("state", "most"), [("40001", 12), ("40P01", 12), ("23505", 3), ("23503", 3)]
)
async def test_a_unit_that_met_another_transaction_runs_again(
    store: Store, state: str, most: int
) -> None:
    runs = 0

    def meet(connection: Connection, times: int) -> int:
        nonlocal runs
        runs += 1
        put(connection, f"{times}-{runs}")
        if runs <= times:
            connection.execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$"))
        return runs

    assert await store.write(meet, 2) == 3
    assert await store.read(keys) == ["2-3"]
    runs = 0
    with pytest.raises(DatabaseError):
        await store.write(meet, 100)
    assert runs == most


async def test_a_unit_whose_connection_went_before_the_commit_runs_again(store: Store) -> None:
    runs = 0

    def lose_the_connection(connection: Connection) -> str:
        nonlocal runs
        runs += 1
        put(connection, f"run {runs}")
        if runs == 1:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return "kept"

    assert await store.write(lose_the_connection) == "kept"
    assert await store.read(keys) == ["run 2"]


async def test_readers_and_writers_go_on_after_the_server_dropped_all_connections(
    store: Store, postgresql_url: str
) -> None:
    await asyncio.gather(*(store.write(put, f"{n}") for n in range(WRITERS)))
    await asyncio.gather(*(store.read(keys) for _ in range(5)))
    await drop_other_connections(postgresql_url)
    assert await store.write(put, "after") == "after"
    assert "after" in await store.read(keys)


async def test_who_listens_is_told_of_everything_after_a_lost_connection(
    store: Store, postgresql_url: str
) -> None:
    heard: list[Change] = []
    store.listen(heard.extend)
    await drop_other_connections(postgresql_url)
    await eventually(lambda: EVERYTHING in heard)
    other = await Store.open(postgresql_url, listen=False)
    await other.write(record, Change("post", "a"))
    await eventually(lambda: Change("post", "a") in heard)
    await other.close()


async def test_a_unit_that_has_begun_finishes_without_its_caller(store: Store) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    def slow(connection: Connection) -> None:
        put(connection, "first")
        begun.set()
        await_only(go_on.wait())
        put(connection, "second")

    task = asyncio.create_task(store.write(slow))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()

    async def has_both() -> bool:
        return await store.read(keys) == ["first", "second"]

    await eventually(has_both)


async def test_a_unit_that_has_not_begun_is_dropped_with_its_caller(store: Store) -> None:
    go_on = asyncio.Event()
    holding = 0

    def hold(connection: Connection) -> None:
        nonlocal holding
        holding += 1
        await_only(go_on.wait())

    holders = [asyncio.create_task(store.write(hold)) for _ in range(WRITERS)]
    await eventually(lambda: holding == WRITERS)
    dropped = asyncio.create_task(store.write(put, "dropped"))
    kept = asyncio.create_task(store.write(put, "kept"))
    await asyncio.sleep(0)
    dropped.cancel()
    go_on.set()
    await asyncio.wait([*holders, dropped])
    assert await kept == "kept"
    assert await store.read(keys) == ["kept"]


async def drop_other_connections(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_connections_that_nobody_needs_are_closed_and_opened_again(
    postgresql_url: str,
) -> None:
    store = await PostgresqlStore.connect(make_url(postgresql_url), listen=False)

    def number(connection: Connection) -> int:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        return connection.exec_driver_sql(query).scalar_one()

    def slow(connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_sleep(0.05)")

    try:
        await asyncio.gather(*(store.read(slow) for _ in range(5)))
        await asyncio.gather(*(store.write(slow) for _ in range(6)))
        assert await store.read(number) >= 9
        await store.close_idle()  # they were all used since the start
        await store.read(slow)
        assert await store.read(number) >= 9
        await store.close_idle()
        await store.close_idle()

        async def are_few() -> bool:
            return await store.read(number) <= 1

        await eventually(are_few)  # a server process ends a moment after its connection
        assert await store.write(number) >= 1
    finally:
        await store.close()
