"""Long work in slices: nothing is lost or done twice, whatever comes between two of them."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from conftest import OpenStore
from sqlalchemy import Connection, select, update
from support.sinks import OpenSite, running
from support.waiting import eventually

from fedblog.jobs import slices as job_slices
from fedblog.jobs.slices import SliceLoop, go_through
from fedblog.settings import Settings
from fedblog.storage import server, slices
from fedblog.storage.changes import Change, record
from fedblog.storage.slices import Allowance, Step
from fedblog.storage.store import Store
from fedblog.storage.tables import jobs
from fedblog.storage.tables import server as values

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LAST = 250


def count(connection: Connection, state: Mapping[str, Any], limit: int) -> Step:
    """Writes the numbers up to LAST, each once; a second time it would break the key."""
    begin, end = state["next"], min(state["next"] + limit, LAST)
    for number in range(begin, end):
        connection.execute(values.insert().values(key=f"{number:03}", value="counted"))
    return Step(end - begin, {"next": end} if end < LAST else None)


KINDS = {"count": count}


def begin(connection: Connection, key: str = "all", rows: int = 0) -> bool:
    return slices.begin(connection, "count", key, count, {"next": 0}, NOW, Allowance(rows))


def counted(connection: Connection) -> list[str]:
    return [key for key in server.get_all(connection) if key.isdigit()]


async def waiting(store: Store) -> list[str]:
    return await store.read(slices.due, KINDS, datetime.now(UTC), 10)


async def one_slice(store: Store, job_id: str) -> slices.Slice | None:
    return await store.write(
        slices.carry_on, job_id, KINDS, datetime.now(UTC), seconds=1e-9, limit=100
    )


async def test_slice_keeps_its_place_and_its_work_together(store: Store) -> None:
    assert not await store.write(begin)
    [job_id] = await waiting(store)

    def unit_that_dies(connection: Connection) -> None:
        slices.carry_on(connection, job_id, KINDS, NOW, seconds=1e-9)
        raise RuntimeError("killed between the work and its COMMIT")

    first = await one_slice(store, job_id)
    assert first is not None
    assert (first.rows, first.total, first.is_done) == (100, 100, False)
    with pytest.raises(RuntimeError):
        await store.write(unit_that_dies)
    assert len(await store.read(counted)) == 100
    assert (await store.read(slices.progress, "count", ["all"]))["all"].rows == 100
    last = [await one_slice(store, job_id), await one_slice(store, job_id)][-1]
    assert last is not None
    assert last.is_done
    assert last.total == LAST
    assert len(await store.read(counted)) == LAST
    assert await store.read(slices.progress, "count", ["all"]) == {}
    assert await one_slice(store, job_id) is None


async def test_small_work_is_done_in_the_unit_that_decides_and_leaves_no_job(store: Store) -> None:
    assert await store.write(begin, rows=1000)
    assert len(await store.read(counted)) == LAST
    assert await waiting(store) == []


async def test_work_that_waits_for_other_work_takes_one_step_of_a_slice(store: Store) -> None:
    steps = 0

    def wait(connection: Connection, state: Mapping[str, Any], limit: int) -> Step:
        nonlocal steps
        steps += 1
        return Step(0, state) if steps < 1000 else Step(0, None)

    await store.write(begin)
    [job_id] = await waiting(store)
    done = await store.write(slices.carry_on, job_id, {"count": wait}, NOW, seconds=3600.0)
    assert done is not None
    assert (steps, done.is_done) == (1, False)


async def test_two_processes_share_the_slices_of_one_job_without_doing_any_twice(
    store: Store, open_store: OpenStore
) -> None:
    await store.write(begin)
    other = await open_store()
    [job_id] = await waiting(store)

    async def carry_on(where: Store) -> int:
        rows = 0
        while job_id in await waiting(where):
            done = await where.write(
                slices.carry_on, job_id, KINDS, datetime.now(UTC), seconds=1e-9, limit=10
            )
            rows += done.rows if done is not None else 0
        return rows

    assert sum(await asyncio.gather(carry_on(store), carry_on(other))) == LAST
    assert len(await store.read(counted)) == LAST


async def test_loop_carries_jobs_on_in_turn_and_hears_of_new_ones(open_site: OpenSite) -> None:
    site = await open_site(slice_seconds=1e-9)
    order: list[str] = []

    def work(connection: Connection, state: Mapping[str, Any], limit: int) -> Step:
        order.append(state["name"])
        left = state["left"] - 1
        return Step(1, {**state, "left": left} if left else None)

    def add(connection: Connection) -> None:
        for name in ("a", "b"):
            state = {"name": name, "left": 3}
            slices.begin(connection, "work", name, work, state, datetime.now(UTC), Allowance(0))

    async with running(SliceLoop(site, {"work": work})):
        await site.store.write(add)
        await eventually(lambda: len(order) == 6)
    assert order == ["a", "b"] * 3


async def test_job_whose_slice_fails_waits_and_lets_others_on(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_slices, "WAITS", (3600,))  # no second try while we look
    site = await open_site()
    is_broken = True

    def fragile(connection: Connection, state: Mapping[str, Any], limit: int) -> Step:
        if is_broken:
            raise ValueError("a fault of ours")
        return count(connection, state, limit)

    def row(connection: Connection) -> Any:
        return connection.execute(select(jobs).where(jobs.c.kind == "fragile")).first()

    def add(connection: Connection) -> None:
        none = Allowance(0)
        slices.begin(connection, "fragile", "x", fragile, {"next": 0}, NOW, none)
        slices.begin(connection, "count", "y", count, {"next": 0}, datetime.now(UTC), none)

    def hurry(connection: Connection) -> None:
        connection.execute(jobs.delete().where(jobs.c.kind == "count"))
        connection.execute(values.delete())
        connection.execute(update(jobs).values(run_at=datetime.now(UTC)))
        record(connection, Change("jobs"))

    async with running(SliceLoop(site, {"fragile": fragile, "count": count})):
        await site.store.write(add)

        async def others_are_done() -> bool:
            return len(await site.store.read(counted)) == LAST

        await eventually(others_are_done)
        standing = await site.store.read(row)
        assert standing.attempts == 1
        assert standing.last_error == "a fault of ours"
        assert standing.run_at > datetime.now(UTC)
        is_broken = False
        await site.store.write(hurry)

        async def is_gone() -> bool:
            return await site.store.read(row) is None

        await eventually(is_gone)
    assert len(await site.store.read(counted)) == LAST


async def test_process_that_finds_others_at_all_jobs_waits_a_moment(
    postgresql_url: str, settings: Settings
) -> None:
    store = await Store.open(postgresql_url)
    site: Any = SimpleNamespace(store=store, settings=settings)
    loop = SliceLoop(site, KINDS)
    try:
        await store.write(begin)
        with psycopg.connect(postgresql_url) as other:
            other.execute("SELECT id FROM jobs FOR UPDATE")
            assert await loop._round() >= 0.1
        assert await loop._round() == 0.0
        assert await store.read(counted) != []
    finally:
        await store.close()


async def test_others_write_between_the_units_that_go_through_everything(store: Store) -> None:
    left = 1000

    def drop(connection: Connection, limit: int) -> int:
        nonlocal left
        number = min(left, limit)
        left -= number
        return number

    seen: list[int] = []

    async def other() -> None:
        while left:
            await store.write(lambda connection: seen.append(left))
            await asyncio.sleep(0)

    rows, _ = await asyncio.gather(go_through(store, drop, seconds=1e-9), other())
    assert rows == 1000
    assert len(set(seen)) > 3
