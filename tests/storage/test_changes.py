"""The feed of changes: in this process at once, in others within a second."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select
from support.waiting import eventually

from fedblog.storage.changes import EVERYTHING, Change, pending, record
from fedblog.storage.store import Store
from fedblog.storage.tables import changes
from fedblog.storage.terms import drop_changes

pytestmark = pytest.mark.both_engines

OpenStore = Callable[..., Awaitable[Store]]
A, B, C = Change("post", "a"), Change("post", "b"), Change("comments", "c")
D, E = Change("post", "d"), Change("post", "e")


async def hears(heard: Sequence[Change], *expected: Change) -> None:
    await eventually(lambda: set(expected) <= set(heard))


async def test_listeners_hear_of_a_commit_before_its_caller_goes_on(store: Store) -> None:
    heard: list[Change] = []
    store.listen(heard.extend)
    await store.write(record, A, B)
    assert heard == [A, B]


async def test_a_listener_already_finds_the_rows_it_hears_of(store: Store) -> None:
    found: list[asyncio.Task[int]] = []

    def count(connection: Connection) -> int:
        return connection.scalar(select(func.count()).select_from(changes)) or 0

    store.listen(lambda _: found.append(asyncio.create_task(store.read(count))))
    await store.write(record, A)
    assert await found[0] == 1


async def test_a_change_said_twice_in_a_unit_is_told_once(store: Store) -> None:
    heard: list[Change] = []
    store.listen(heard.extend)

    def unit(connection: Connection) -> tuple[Change, ...]:
        record(connection, A, A)
        record(connection, B)
        record(connection, A)
        return tuple(pending(connection))

    assert await store.write(unit) == (A, B)
    assert heard == [A, B]


async def test_a_unit_that_fails_tells_nothing(store: Store) -> None:
    heard: list[Change] = []
    store.listen(heard.extend)

    def unit(connection: Connection) -> None:
        record(connection, A)
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(unit)
    await store.write(record, B)
    assert heard == [B]


async def test_a_listener_that_fails_keeps_nothing_from_others(store: Store) -> None:
    heard: list[Change] = []

    def fail(_: Sequence[Change]) -> None:
        raise LookupError

    store.listen(fail)
    store.listen(heard.extend)
    await store.write(record, A)
    assert heard == [A]


async def test_a_listener_that_stopped_hears_no_more(store: Store) -> None:
    heard: list[Change] = []
    stop = store.listen(heard.extend)
    await store.write(record, A)
    stop()
    stop()
    await store.write(record, B)
    assert heard == [A]


async def test_another_store_hears_soon_and_neither_hears_its_own_twice(
    store: Store, open_store: OpenStore
) -> None:
    other = await open_store()
    here: list[Change] = []
    there: list[Change] = []
    store.listen(here.extend)
    other.listen(there.extend)
    await store.write(record, A)
    await hears(there, A)
    await other.write(record, B)
    await hears(here, B)
    await store.write(record, C)
    await hears(there, C)
    # What either said last is heard after everything before it, its own echo too.
    await other.write(record, D)
    await hears(here, D)
    await store.write(record, E)
    await hears(there, E)
    assert here == [A, B, C, D, E]
    assert there == [A, B, C, D, E]


async def test_stores_that_write_by_turns_miss_nothing_of_each_other(
    store: Store, open_store: OpenStore
) -> None:
    other = await open_store()
    here: list[Change] = []
    there: list[Change] = []
    store.listen(here.extend)
    other.listen(there.extend)
    said = [Change("post", str(n)) for n in range(60)]
    await asyncio.gather(
        *(one.write(record, item) for item, one in zip(said, [store, other] * 30, strict=True))
    )
    await hears(here, *said)
    await hears(there, *said)
    assert len(here) == len(there) == 60


async def test_another_process_is_heard(store: Store, database_url: str) -> None:
    heard: list[Change] = []
    store.listen(heard.extend)
    program = f"""
import asyncio
from fedblog.storage.changes import Change, record
from fedblog.storage.store import Store

async def main():
    store = await Store.open({database_url!r}, listen=False)
    await store.write(record, Change("blog"))
    await store.close()

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stderr=subprocess.STDOUT
    )
    assert await process.wait() == 0
    await hears(heard, Change("blog"))


async def test_a_store_that_does_not_listen_hears_only_itself(
    store: Store, open_store: OpenStore
) -> None:
    deaf, hearing = await open_store(listen=False), await open_store()
    heard: list[Change] = []
    elsewhere: list[Change] = []
    deaf.listen(heard.extend)
    hearing.listen(elsewhere.extend)
    await store.write(record, A)
    await hears(elsewhere, A)
    await deaf.write(record, B)
    assert B in heard


async def test_what_was_said_before_a_store_opened_is_not_told_to_it(
    store: Store, open_store: OpenStore
) -> None:
    await store.write(record, A)
    other = await open_store()
    heard: list[Change] = []
    other.listen(heard.extend)
    await store.write(record, B)
    await hears(heard, B)
    assert A not in heard


@pytest.mark.parametrize("number", [500, 20_000])
async def test_many_changes_arrive_elsewhere_all_or_as_everything(
    store: Store, open_store: OpenStore, number: int
) -> None:
    other = await open_store()
    heard: list[Change] = []
    other.listen(heard.extend)
    said = [Change("actor", f"https://peer.example/users/{n}") for n in range(number)]
    await store.write(record, *said)
    await eventually(lambda: EVERYTHING in heard or len(heard) >= number)
    assert EVERYTHING in heard or set(heard) == set(said)


async def test_a_change_with_a_very_long_key_arrives_elsewhere(
    store: Store, open_store: OpenStore
) -> None:
    other = await open_store()
    heard: list[Change] = []
    other.listen(heard.extend)
    long = Change("actor", "https://peer.example/" + "é" * 9000)
    await store.write(record, long)
    await eventually(lambda: heard)
    assert heard in ([long], [EVERYTHING])


async def test_old_changes_are_forgotten_and_new_ones_still_heard(
    store: Store, open_store: OpenStore
) -> None:
    await store.write(record, A, B)
    now = datetime.now(UTC)
    assert await store.write(drop_changes, now - timedelta(minutes=5), 10) == 0
    assert await store.write(drop_changes, now + timedelta(minutes=5), 10) == 2
    other = await open_store()
    heard: list[Change] = []
    other.listen(heard.extend)
    await store.write(record, C)
    await hears(heard, C)
    assert heard == [C]


@pytest.mark.sqlite_alone
async def test_what_is_kept_costs_nothing_when_what_is_old_is_dropped(store: Store) -> None:
    now = datetime.now(UTC)

    def fill(connection: Connection) -> None:
        rows = [{"kind": "post", "key": str(number), "at": now} for number in range(2000)]
        connection.execute(insert(changes), rows)

    def steps(connection: Connection) -> int:
        number = 0

        def count() -> int:
            nonlocal number
            number += 1
            return 0

        raw: Any = connection.connection.dbapi_connection
        raw.set_progress_handler(count, 10)
        try:
            assert drop_changes(connection, now - timedelta(hours=1), 100) == 0
        finally:
            raw.set_progress_handler(None, 0)
        return number

    taken = []
    for _ in range(2):
        await store.write(fill)
        taken.append(await store.write(steps))
    assert taken[1] <= taken[0] * 1.5
