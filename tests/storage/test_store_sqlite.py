"""What is about SQLite alone: the writing thread, its batches, disk errors, pragmas."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, delete, func, insert, select
from sqlalchemy.exc import OperationalError
from support.waiting import PATIENCE

from fedblog.storage.changes import Change, record
from fedblog.storage.errors import (
    ConstraintError,
    DatabaseBusyError,
    SchemaError,
    StorageError,
    StorageFullError,
)
from fedblog.storage.store import Store
from fedblog.storage.tables import actor_keys, server


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(sqlite_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def busy_writer(store: Store) -> AsyncIterator[None]:
    """Units begun inside wait together and run as one batch at the end."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    holder = asyncio.create_task(store.write(hold))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    try:
        yield
    finally:
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait([holder])


def put(connection: Connection, key: str, value: str = "") -> str:
    connection.execute(insert(server), {"key": key, "value": value})
    return key


def fail(connection: Connection) -> None:
    raise LookupError("on purpose")


def keys(connection: Connection) -> list[str]:
    return list(connection.scalars(select(server.c.key).order_by(server.c.key)))


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


async def together(store: Store, *units: tuple[object, ...]) -> list[object]:
    """The answers of *units* that ran in one batch."""
    async with busy_writer(store):
        tasks = [asyncio.create_task(store.write(*unit)) for unit in units]  # type: ignore[arg-type]
        await asyncio.sleep(0)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_database_is_durable_and_checks_foreign_keys(store: Store) -> None:
    assert await store.write(pragma, "journal_mode") == "wal"
    assert await store.write(pragma, "synchronous") == 2
    assert await store.write(pragma, "foreign_keys") == 1
    assert await store.read(pragma, "query_only") == 1


async def test_units_that_wait_together_share_a_transaction(store: Store) -> None:
    def transaction(connection: Connection) -> object:
        return connection.get_transaction()

    answers = await together(store, (transaction,), (transaction,), (transaction,))
    assert answers[0] is not None
    assert answers[0] is answers[1] is answers[2]


async def test_a_failing_unit_of_a_batch_fails_alone_wherever_it_stands(store: Store) -> None:
    for place in range(4):
        units: list[tuple[object, ...]] = [(put, f"{place}-{n}") for n in range(3)]
        units.insert(place, (fail,))
        answers = await together(store, *units)
        assert isinstance(answers.pop(place), LookupError)
        assert answers == [f"{place}-{n}" for n in range(3)]
    assert len(await store.read(keys)) == 12


async def test_changes_of_a_failing_unit_are_not_announced(store: Store) -> None:
    heard: list[Change] = []
    store.listen(heard.extend)

    def tell(connection: Connection, key: str, *, wrong: bool = False) -> None:
        put(connection, key)
        record(connection, Change("post", key))
        if wrong:
            raise LookupError

    async with busy_writer(store):
        tasks = [
            asyncio.create_task(store.write(tell, "a")),
            asyncio.create_task(store.write(tell, "b", wrong=True)),
            asyncio.create_task(store.write(tell, "c")),
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert heard == [Change("post", "a"), Change("post", "c")]


async def test_an_error_at_commit_fails_every_unit_of_the_batch(store: Store) -> None:
    def leave_an_orphan(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.execute(
            insert(actor_keys),
            {
                "key_id": "k",
                "actor_uri": "nobody",
                "kind": "rsa",
                "public_pem": "",
                "fetched_at": datetime.now(UTC),
            },
        )

    answers = await together(store, (put, "a"), (leave_an_orphan,), (put, "b"))
    assert all(isinstance(answer, ConstraintError) for answer in answers)
    assert await store.read(keys) == []
    assert await store.write(put, "after") == "after"


async def test_a_full_disk_fails_every_unit_of_the_batch_and_the_store_goes_on(
    store: Store,
) -> None:
    def bound(connection: Connection, spare: int) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + spare}")

    await store.write(put, "before")
    await store.write(bound, 2)
    answers = await together(store, (put, "a"), (put, "big", "x" * 1_000_000), (put, "b"))
    assert [type(answer) for answer in answers] == [StorageFullError] * 3
    assert await store.read(keys) == ["before"]
    assert await store.write(put, "small") == "small"
    await store.write(bound, 10_000)
    assert await store.write(put, "big", "x" * 1_000_000) == "big"


async def test_a_full_disk_that_a_unit_keeps_to_itself_still_fails_the_batch(
    store: Store,
) -> None:
    def swallow(connection: Connection) -> str:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1}")
        with pytest.raises(OperationalError):
            put(connection, "big", "x" * 1_000_000)
        return "as if nothing happened"

    answers = await together(store, (put, "a"), (swallow,), (put, "b"))
    assert all(isinstance(answer, StorageError) for answer in answers)
    assert await store.read(keys) == []
    assert await store.write(put, "c") == "c"


async def test_a_unit_that_ends_the_transaction_itself_is_an_error(store: Store) -> None:
    def roll_back(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    answers = await together(store, (put, "a"), (roll_back,), (put, "b"))
    assert all(isinstance(answer, StorageError) for answer in answers)
    assert await store.read(keys) == []
    assert await store.write(put, "c") == "c"


@pytest.mark.parametrize("error", [StopIteration, KeyboardInterrupt, SystemExit])
async def test_no_kind_of_error_ends_the_writer_or_leaves_a_caller_waiting(
    store: Store, error: type[BaseException]
) -> None:
    def raise_it(_: Connection) -> None:
        raise error

    answers = await together(store, (put, "a"), (raise_it,))
    assert answers[0] == "a"
    assert isinstance(answers[1], StorageError)
    assert await store.write(put, "b") == "b"


async def test_a_unit_that_has_begun_finishes_without_its_caller(store: Store) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        put(connection, "first")
        begun.set()
        go_on.wait(PATIENCE)
        put(connection, "second")

    task = asyncio.create_task(store.write(slow))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    assert await store.write(put, "third") == "third"
    assert await store.read(keys) == ["first", "second", "third"]


async def test_a_unit_that_has_not_begun_is_dropped_with_its_caller(store: Store) -> None:
    async with busy_writer(store):
        dropped = asyncio.create_task(store.write(put, "dropped"))
        kept = asyncio.create_task(store.write(put, "kept"))
        await asyncio.sleep(0)
        dropped.cancel()
        await asyncio.sleep(0)
    assert await kept == "kept"
    assert await store.read(keys) == ["kept"]


async def test_close_waits_for_the_unit_that_runs(sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    async with busy_writer(store):
        waiting = asyncio.create_task(store.write(put, "a"))
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
    assert await waiting == "a"
    await closing
    again = await Store.open(sqlite_url)
    assert await again.read(keys) == ["a"]
    await again.close()


async def test_closing_moves_the_log_into_the_database_file(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    store = await Store.open(sqlite_url)
    await store.write(put, "a")
    await store.read(keys)
    await store.close()
    assert not path.with_name(path.name + "-wal").exists()


async def test_a_database_held_by_another_process_for_too_long_is_said_to_be_busy(
    store: Store, sqlite_url: str
) -> None:
    await store.write(pragma, "busy_timeout=50")
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusyError):
        await store.write(put, "a")
    other.execute("ROLLBACK")
    other.close()
    assert await store.write(put, "b") == "b"


async def test_another_process_may_write_beside_the_store(store: Store, sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    for n in range(20):
        with other:
            other.execute("INSERT INTO server (key, value) VALUES (?, '')", (f"o{n:02}",))
        await store.write(put, f"s{n:02}")
    other.close()
    assert len(await store.read(keys)) == 40


async def test_a_file_without_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite3"
    path.touch()
    with pytest.raises(SchemaError):
        await Store.open(f"sqlite:///{path}")


async def test_a_path_with_peculiar_characters_is_opened(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%20é.sqlite3"
    Path(sqlite_url.removeprefix("sqlite:///")).rename(path)
    store = await Store.open(URL.create("sqlite", database=str(path)).render_as_string())
    await store.write(put, "a")
    assert await store.read(keys) == ["a"]
    await store.close()


async def test_statements_with_many_rows_are_undone_whole(store: Store) -> None:
    await store.write(put, "0500")

    def many(connection: Connection) -> None:
        connection.execute(insert(server), [{"key": f"{n:04}", "value": ""} for n in range(1000)])

    def count_and_clear(connection: Connection) -> int:
        found = connection.scalar(select(func.count()).select_from(server)) or 0
        connection.execute(delete(server))
        return found

    with pytest.raises(ConstraintError):
        await store.write(many)
    assert await store.write(count_and_clear) == 1
