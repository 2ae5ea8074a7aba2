"""The loop of follow-up jobs."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update
from support.sinks import OpenSite, running
from support.waiting import eventually

from fedblog.jobs.followups import AT_ONCE, OF_AN_ASKER, SECONDS_APART, WAITS, FollowUpLoop
from fedblog.remote.errors import ShortError, UnreachableError
from fedblog.storage import jobs
from fedblog.storage.changes import Change, record
from fedblog.storage.store import Store
from fedblog.storage.tables import jobs as jobs_table

pytestmark = pytest.mark.both_engines


def rows(connection: Connection) -> list[Any]:
    return list(connection.execute(select(jobs_table).order_by(jobs_table.c.id)).all())


def hurry(connection: Connection) -> None:
    record(connection, Change("jobs"))
    connection.execute(update(jobs_table).values(run_at=datetime.now(UTC)))


async def add(store: Store, key: str, payload: Mapping[str, Any] | None = None) -> None:
    await store.write(jobs.add, "fetch", key, payload or {}, datetime.now(UTC))


async def test_job_runs_once_with_its_payload_and_is_struck_off(open_site: OpenSite) -> None:
    site = await open_site()
    ran: list[Mapping[str, Any]] = []

    async def fetch(payload: Mapping[str, Any]) -> None:
        ran.append(payload)

    async with running(FollowUpLoop(site, {"fetch": fetch})):
        await add(site.store, "a", {"uri": "https://a.example/1", "depth": 3})
        await eventually(lambda: ran)
        await eventually(lambda: _is_empty(site.store))
        await add(site.store, "a", {"again": True})
        await eventually(lambda: len(ran) == 2)
    assert ran == [{"uri": "https://a.example/1", "depth": 3}, {"again": True}]


async def _is_empty(store: Store) -> bool:
    return not await store.read(rows)


async def test_job_that_waits_already_is_enough(open_site: OpenSite) -> None:
    site = await open_site()
    await add(site.store, "a", {"first": True})
    await add(site.store, "a", {"first": False})
    await add(site.store, "b")
    assert [row.payload for row in await site.store.read(rows)] == ['{"first":true}', "{}"]


async def test_job_of_one_asker_does_not_stand_for_anothers(open_site: OpenSite) -> None:
    site = await open_site()
    now = datetime.now(UTC)
    for asker in ("evil.example", "good.example", "evil.example", ""):
        await site.store.write(jobs.add, "fetch", "a", {"for": asker}, now, asker=asker)
    found = [(row.asker, row.payload) for row in await site.store.read(rows)]
    assert found == [
        ("evil.example", '{"for":"evil.example"}'),
        ("good.example", '{"for":"good.example"}'),
        ("", '{"for":""}'),
    ]


async def test_failing_job_is_tried_again_later_and_given_up_at_last(open_site: OpenSite) -> None:
    site = await open_site()
    tries = 0

    async def fetch(payload: Mapping[str, Any]) -> None:
        nonlocal tries
        tries += 1
        raise UnreachableError("no answer from a.example")

    async with running(FollowUpLoop(site, {"fetch": fetch})):
        began = datetime.now(UTC)
        await add(site.store, "a")
        for attempt, wait in enumerate(WAITS, 1):

            async def failed(attempt: int = attempt) -> Any:
                return [row for row in await site.store.read(rows) if row.attempts == attempt]

            (row,) = await eventually(failed)
            assert row.last_error == "no answer from a.example"
            assert row.lease_until is None
            assert row.run_at >= began + timedelta(seconds=wait)
            began = datetime.now(UTC)
            await site.store.write(hurry)
        await eventually(lambda: _is_empty(site.store))
    assert tries == len(WAITS) + 1


async def test_job_with_a_fault_of_ours_harms_no_other(open_site: OpenSite) -> None:
    site = await open_site()
    ran: list[str] = []

    async def fetch(payload: Mapping[str, Any]) -> None:
        if payload["key"] == "bad":
            raise ZeroDivisionError
        ran.append(payload["key"])

    async with running(FollowUpLoop(site, {"fetch": fetch})):
        for key in ("one", "bad", "two"):
            await add(site.store, key, {"key": key})
        await eventually(lambda: sorted(ran) == ["one", "two"])

        async def only_the_bad_one() -> bool:
            left = await site.store.read(rows)
            return [(row.key, row.last_error) for row in left] == [("bad", "ZeroDivisionError")]

        await eventually(only_the_bad_one)


async def test_slow_job_holds_up_no_other_and_few_run_at_once(open_site: OpenSite) -> None:
    site = await open_site()
    release = asyncio.Event()
    now_running = most = 0
    done: list[str] = []

    async def fetch(payload: Mapping[str, Any]) -> None:
        nonlocal now_running, most
        now_running += 1
        most = max(most, now_running)
        if payload["key"] == "0":
            await release.wait()
        await asyncio.sleep(0)
        now_running -= 1
        done.append(payload["key"])

    async with running(FollowUpLoop(site, {"fetch": fetch})):
        for number in range(3 * AT_ONCE):
            await add(site.store, str(number), {"key": str(number)})
        await eventually(lambda: len(done) == 3 * AT_ONCE - 1)
        assert "0" not in done
        release.set()
        await eventually(lambda: len(done) == 3 * AT_ONCE)
    assert most <= AT_ONCE


async def test_many_jobs_that_end_at_once_begin_a_few_at_a_time(open_site: OpenSite) -> None:
    site = await open_site()
    began: list[float] = []

    async def fetch(payload: Mapping[str, Any]) -> None:
        began.append(asyncio.get_running_loop().time())

    for number in range(5 * OF_AN_ASKER):
        await add(site.store, str(number))
    async with running(FollowUpLoop(site, {"fetch": fetch})):
        await eventually(lambda: _is_empty(site.store))
    assert len(began) == 5 * OF_AN_ASKER
    for first, later in zip(began, began[OF_AN_ASKER:], strict=False):
        assert later - first > SECONDS_APART / 2


async def test_shutdown_gives_a_job_under_way_back_and_the_next_start_runs_it(
    open_site: OpenSite,
) -> None:
    site = await open_site()
    started = asyncio.Event()

    async def hang(payload: Mapping[str, Any]) -> None:
        started.set()
        await asyncio.Event().wait()

    async with running(FollowUpLoop(site, {"fetch": hang})):
        await add(site.store, "a")
        await started.wait()
    (row,) = await site.store.read(rows)
    assert row.attempts == 0
    assert row.lease_until is None

    ran: list[Mapping[str, Any]] = []

    async def fetch(payload: Mapping[str, Any]) -> None:
        ran.append(payload)

    following = await open_site()
    async with running(FollowUpLoop(following, {"fetch": fetch})):
        await eventually(lambda: ran)


async def test_jobs_of_kinds_that_nobody_runs_stay(open_site: OpenSite) -> None:
    site = await open_site()
    await site.store.write(jobs.add, "other", "a", {}, datetime.now(UTC))
    now = datetime.now(UTC)
    assert await site.store.write(jobs.claim, ["fetch"], 10, now, timedelta(minutes=1)) == []
    assert await site.store.read(jobs.next_due, ["fetch"]) is None


async def test_job_is_claimed_once_until_its_lease_ends(open_site: OpenSite) -> None:
    site = await open_site()
    await add(site.store, "a")
    now, lease = datetime.now(UTC), timedelta(minutes=1)
    (first,) = await site.store.write(jobs.claim, ["fetch"], 10, now, lease)
    assert await site.store.write(jobs.claim, ["fetch"], 10, now, lease) == []
    later = now + 2 * lease
    (second,) = await site.store.write(jobs.claim, ["fetch"], 10, later, lease)
    # Who claimed it first lost it: what it says no longer counts.
    await site.store.write(jobs.finish, first)
    await site.store.write(jobs.fail, first, "late", later)
    (row,) = await site.store.read(rows)
    assert row.attempts == 0
    assert row.lease_until == second.lease_until
    await site.store.write(jobs.finish, second)
    assert await site.store.read(rows) == []


async def test_job_that_may_not_ask_yet_is_put_off_and_loses_no_try(open_site: OpenSite) -> None:
    site = await open_site()
    tries = 0

    async def fetch(payload: Mapping[str, Any]) -> None:
        nonlocal tries
        tries += 1
        if tries <= len(WAITS) + 3:
            raise ShortError("too much is asked", retry_after=50)

    async with running(FollowUpLoop(site, {"fetch": fetch})):
        await add(site.store, "a")
        for number in range(1, len(WAITS) + 4):

            async def put_off(number: int = number) -> Any:
                left = await site.store.read(rows)
                until = datetime.now(UTC) + timedelta(seconds=45)
                return left if tries == number and left and left[0].run_at > until else None

            (row,) = await eventually(put_off)
            assert (row.attempts, row.last_error) == (0, "too much is asked")
            await site.store.write(hurry)
        await eventually(lambda: _is_empty(site.store))


async def test_job_that_could_not_be_tried_for_days_is_given_up(open_site: OpenSite) -> None:
    site = await open_site()
    await add(site.store, "a")

    def age(connection: Connection) -> None:
        old = datetime.now(UTC) - timedelta(days=4)
        connection.execute(update(jobs_table).values(created_at=old))

    await site.store.write(age)

    async def fetch(payload: Mapping[str, Any]) -> None:
        raise ShortError("too much is asked", retry_after=50)

    async with running(FollowUpLoop(site, {"fetch": fetch})):
        await eventually(lambda: _is_empty(site.store))


async def test_one_asker_has_few_jobs_at_work_and_few_waiting(open_site: OpenSite) -> None:
    site = await open_site()

    def add_many(connection: Connection) -> None:
        now = datetime.now(UTC)
        for number in range(jobs.MOST_OF_AN_ASKER + 20):
            jobs.add(connection, "fetch", f"evil {number}", {}, now, asker="evil.example")
        jobs.add(connection, "fetch", "good", {"is_good": True}, now, asker="good.example")

    await site.store.write(add_many)
    assert len(await site.store.read(rows)) == jobs.MOST_OF_AN_ASKER + 1
    held = asyncio.Event()
    at_work = 0
    ran: list[bool] = []

    async def fetch(payload: Mapping[str, Any]) -> None:
        nonlocal at_work
        if payload:
            ran.append(True)
            return
        at_work += 1
        await held.wait()

    async with running(FollowUpLoop(site, {"fetch": fetch})):
        await eventually(lambda: ran)
        assert at_work <= OF_AN_ASKER
        held.set()
