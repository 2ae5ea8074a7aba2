"""The Store on both engines: units, snapshots, failures, cancelling, closing."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.util import await_only
from support.waiting import PATIENCE

from fedblog.storage.errors import (
    ConstraintError,
    DatabaseError,
    SchemaError,
    StorageError,
    StoreClosedError,
)
from fedblog.storage.store import Store
from fedblog.storage.tables import server

pytestmark = pytest.mark.both_engines


class OwnError(Exception):
    pass


def put(connection: Connection, key: str, value: str = "") -> str:
    connection.execute(insert(server), {"key": key, "value": value})
    return key


def put_and_fail(connection: Connection, key: str) -> None:
    put(connection, key)
    raise OwnError(key)


def keys(connection: Connection) -> list[str]:
    return list(connection.scalars(select(server.c.key).order_by(server.c.key)))


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(server)) or 0


async def test_what_a_unit_wrote_is_read_by_others(store: Store) -> None:
    assert await store.write(put, "a", value="1") == "a"
    assert await store.read(keys) == ["a"]


async def test_a_reader_sees_one_snapshot_while_others_write(store: Store) -> None:
    await store.write(put, "before")
    loop = asyncio.get_running_loop()

    def write_meanwhile() -> None:
        if store.dialect == "sqlite":  # units run on a thread there
            asyncio.run_coroutine_threadsafe(store.write(put, "meanwhile"), loop).result(10)
        else:
            await_only(store.write(put, "meanwhile"))

    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        first = keys(connection)
        write_meanwhile()
        return first, keys(connection)

    assert await store.read(look_twice) == (["before"], ["before"])
    assert await store.read(keys) == ["before", "meanwhile"]


async def test_nothing_can_be_written_through_a_reader(store: Store) -> None:
    with pytest.raises(DatabaseError):
        await store.read(put, "a")
    assert await store.read(keys) == []
    await store.write(put, "a")


async def test_rows_of_a_released_savepoint_vanish_after_an_outer_rollback(store: Store) -> None:
    def release_then_fail(connection: Connection) -> None:
        with connection.begin_nested():
            put(connection, "in the savepoint")
        raise OwnError

    with pytest.raises(OwnError):
        await store.write(release_then_fail)
    assert await store.read(keys) == []

    async def several() -> list[object]:
        return await asyncio.gather(
            store.write(put, "other"), store.write(release_then_fail), return_exceptions=True
        )

    answers = await several()
    assert answers[0] == "other"
    assert isinstance(answers[1], OwnError)
    assert await store.read(keys) == ["other"]


async def test_a_rolled_back_savepoint_takes_only_its_own_rows(store: Store) -> None:
    def part(connection: Connection) -> None:
        put(connection, "kept")
        savepoint = connection.begin_nested()
        put(connection, "dropped")
        savepoint.rollback()

    await store.write(part)
    assert await store.read(keys) == ["kept"]


async def test_a_failing_unit_fails_alone_and_leaves_nothing(store: Store) -> None:
    calls = [store.write(put, f"{n:02}") for n in range(10)]
    calls.insert(3, store.write(put_and_fail, "bad"))
    calls.append(store.write(put, "00"))  # the key stands already
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[3], OwnError)
    assert sum(isinstance(answer, ConstraintError) for answer in answers) == 1
    assert await store.read(keys) == [f"{n:02}" for n in range(10)]


async def test_an_error_of_the_unit_reaches_its_caller_as_it_is(store: Store) -> None:
    with pytest.raises(OwnError, match="why"):
        await store.write(put_and_fail, "why")


async def test_a_broken_key_is_a_constraint_error_with_the_drivers_error_as_cause(
    store: Store,
) -> None:
    await store.write(put, "a")
    with pytest.raises(ConstraintError) as caught:
        await store.write(put, "a")
    assert caught.value.__cause__ is not None


async def test_a_thousand_units_at_once_are_all_kept(store: Store) -> None:
    answers = await asyncio.gather(*(store.write(put, f"{n:04}") for n in range(1000)))
    assert answers == [f"{n:04}" for n in range(1000)]
    assert await store.read(count) == 1000


async def test_a_thousand_readers_at_once_are_all_answered(store: Store) -> None:
    await store.write(put, "a")
    answers = await asyncio.gather(*(store.read(count) for _ in range(1000)))
    assert answers == [1] * 1000


async def test_units_that_change_the_same_row_at_once_lose_nothing(store: Store) -> None:
    await store.write(put, "counter", "0")

    def add_one(connection: Connection) -> None:
        value = connection.scalar(select(server.c.value).where(server.c.key == "counter"))
        connection.execute(
            update(server).where(server.c.key == "counter").values(value=str(int(value or 0) + 1))
        )

    await asyncio.gather(*(store.write(add_one) for _ in range(30)))

    def value(connection: Connection) -> str | None:
        return connection.scalar(select(server.c.value))

    assert await store.read(value) == "30"


async def test_units_that_add_the_same_missing_row_at_once_all_succeed(store: Store) -> None:
    def ensure(connection: Connection) -> bool:
        if "a" in keys(connection):
            return False
        put(connection, "a")
        return True

    answers = await asyncio.gather(*(store.write(ensure) for _ in range(12)))
    assert sorted(answers) == [False] * 11 + [True]


async def test_callers_cancelled_at_any_moment_leave_the_database_usable(store: Store) -> None:
    for turn in range(40):
        tasks = [asyncio.create_task(store.write(put, f"{turn}-{n}")) for n in range(5)]
        tasks += [asyncio.create_task(store.read(count)) for _ in range(3)]
        for _ in range(turn % 8):
            await asyncio.sleep(0)
        await asyncio.sleep(turn * 0.0001)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(store.write(put, "after"), PATIENCE)
    assert "after" in await asyncio.wait_for(store.read(keys), PATIENCE)


async def test_close_waits_for_units_and_then_refuses_more(
    open_store: Callable[..., Awaitable[Store]],
) -> None:
    store = await open_store()
    tasks = [asyncio.create_task(store.write(put, f"{n:02}")) for n in range(20)]
    reader = asyncio.create_task(store.read(count))
    await asyncio.sleep(0)
    await store.close()
    assert [task.result() for task in tasks] == [f"{n:02}" for n in range(20)]
    assert reader.done()
    with pytest.raises(StoreClosedError):
        await store.write(put, "late")
    with pytest.raises(StoreClosedError):
        await store.read(count)
    await store.close()


async def test_rows_are_there_after_a_restart(
    open_store: Callable[..., Awaitable[Store]],
) -> None:
    first = await open_store()
    await first.write(put, "a")
    await first.close()
    second = await open_store()
    assert await second.read(keys) == ["a"]


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not an address", "sqlite://"])
async def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(StorageError):
        await Store.open(url)


async def test_a_missing_database_file_is_refused_and_not_made(tmp_path: object) -> None:
    with pytest.raises(SchemaError):
        await Store.open(f"sqlite:///{tmp_path}/none.sqlite3")


async def test_a_postgresql_server_that_does_not_answer_is_a_database_error() -> None:
    with pytest.raises(DatabaseError):
        await Store.open("postgresql://nobody@127.0.0.1:9/none")
