"""Peers that fail, and a server that stops in the middle: no delivery is lost or settled twice."""

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select
from support.sinks import CLOSE, HANG, OpenSite, Sink, hurry, running, send_activity, states
from support.waiting import eventually

from fedblog.jobs.deliveries import DeliveryLoop
from fedblog.publishing.site import Site
from fedblog.storage.tables import deliveries

pytestmark = pytest.mark.both_engines

KEY_ID = "https://blog.example/ap/blog#main-key"


async def tried(site: Site, path: str, attempts: int) -> Any:
    """The delivery to *path* once it has been tried so often."""

    async def check() -> Any:
        row = (await site.store.read(states))[path]
        return row if row.attempts >= attempts else None

    return await eventually(check)


async def test_failures_that_may_pass_are_tried_again_with_a_new_signature(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    began = datetime.now(UTC)
    steps = [500, 503, 408, 425, 429, CLOSE]
    # A connection that closes without an answer is tried again at once, uncounted.
    urls = [sink.plan(f"/{step}", step, *([step] if step == CLOSE else [])) for step in steps]
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=urls)
        for step in steps:
            row = await tried(site, f"/{step}", 1)
            assert row.state == "waiting", step
            assert row.last_status == (step if isinstance(step, int) else None)
            assert row.next_at > began + timedelta(seconds=50)
        before = {request.target: request.headers for request in sink.received}
        sink.script.clear()
        await asyncio.sleep(1.0)  # a Date has whole seconds
        await site.store.write(hurry)
        for step in steps:
            row = await tried(site, f"/{step}", 2)
            assert (row.state, row.last_status, row.last_error) == ("delivered", 202, None)
            assert row.delivered_at is not None
    for request in sink.received:
        request.check_signature(KEY_ID)
    for step in steps:
        last = sink.at(f"/{step}")[-1].headers
        assert last["date"] != before[f"/{step}"]["date"]
        assert last["signature"] != before[f"/{step}"]["signature"]


async def test_peer_that_does_not_answer_is_given_up_and_tried_again(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site(delivery_timeout=0.3)
    began = datetime.now(UTC)
    url = sink.plan("/inbox", HANG)
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=[url])
        row = await tried(site, "/inbox", 1)
    assert (row.state, row.last_status) == ("waiting", None)
    assert "took too long" in row.last_error
    assert row.next_at > began + timedelta(seconds=50)
    patient = await open_site()
    await patient.store.write(hurry)
    async with running(DeliveryLoop(patient)):
        row = await tried(patient, "/inbox", 2)
    assert (row.state, row.last_status) == ("delivered", 202)


async def test_answers_that_will_not_change_are_final(open_site: OpenSite, sink: Sink) -> None:
    site = await open_site()
    statuses = [400, 401, 405, 406, 413, 415, 422, 304]
    urls = [sink.plan(f"/{status}", status, status) for status in statuses]
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=urls)
        for status in statuses:
            row = await tried(site, f"/{status}", 1)
            assert (row.state, row.last_status) == ("failed", status)
        assert await site.store.write(hurry) == 0
    # After 400 and 401 the other signature scheme is tried in the same attempt.
    assert len(sink.received) == len(statuses) + 2


async def test_retry_after_lengthens_the_wait(open_site: OpenSite, sink: Sink) -> None:
    site = await open_site()
    began = datetime.now(UTC)
    url = sink.plan("/inbox", (429, {"Retry-After": "7200"}))
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=[url])
        row = await tried(site, "/inbox", 1)
    assert row.state == "waiting"
    assert row.next_at > began + timedelta(minutes=119)


async def test_delivery_is_given_up_after_the_last_wait(open_site: OpenSite, sink: Sink) -> None:
    site = await open_site()
    url = sink.plan("/inbox", *([500] * 20))
    await site.store.write(send_activity, inboxes=[url])
    async with running(DeliveryLoop(site)):
        for attempts in range(1, 12):
            row = await tried(site, "/inbox", attempts)
            await site.store.write(hurry)
    assert row.state == "failed"
    assert row.attempts == 11
    assert len(sink.received) == 11


async def test_address_that_may_not_be_asked_fails_at_once(open_site: OpenSite) -> None:
    site = await open_site(allow_private_network=False)
    urls = ["http://127.0.0.1:9/inbox", "https://10.1.2.3/private", "ftp://a.example/ftp"]
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=urls)
        for path in ("/inbox", "/private", "/ftp"):
            row = await tried(site, path, 1)
            assert row.state == "failed"
            assert row.last_error


async def test_sender_without_a_key_fails_and_harms_no_other(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=[sink.plan("/one")], owner="nobody")
        await site.store.write(send_activity, inboxes=[sink.plan("/two")])
        assert (await tried(site, "/one", 1)).state == "failed"
        assert (await tried(site, "/two", 1)).state == "delivered"
    assert [request.target for request in sink.received] == ["/two"]


def _leased(connection: Connection) -> int:
    query = select(deliveries).where(deliveries.c.lease_until.is_not(None))
    return len(connection.execute(query).all())


async def test_shutdown_settles_what_was_sent_and_keeps_the_rest_waiting(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site(delivery_concurrency=4)
    sink.delay = 0.02
    await site.store.write(
        send_activity, inboxes=[f"{sink.base_url}/users/{number}" for number in range(120)]
    )
    async with running(DeliveryLoop(site)):
        await eventually(lambda: len(sink.received) >= 30)
    sent = len(sink.received)
    assert 30 <= sent < 120
    rows = await site.store.read(states)
    assert Counter(row.state for row in rows.values()) == {"delivered": sent, "waiting": 120 - sent}
    assert all(row.attempts == (1 if row.state == "delivered" else 0) for row in rows.values())
    assert await site.store.read(_leased) == 0


async def test_restarts_in_the_middle_lose_nothing_and_send_nothing_settled_again(
    open_site: OpenSite, sink: Sink
) -> None:
    sink.delay = 0.005
    paths = [f"/users/{number}" for number in range(150)]
    for number in range(0, 150, 10):
        sink.plan(paths[number], 500)
    site = await open_site(delivery_concurrency=4)
    await site.store.write(send_activity, inboxes=[sink.base_url + path for path in paths])
    rounds = 0
    while not await _count_delivered(site, 150):
        rounds += 1
        goal = min(rounds * 25, 165)
        async with running(DeliveryLoop(site)):
            await eventually(functools.partial(_came_or_delivered, sink, goal, site))
        site = await open_site(delivery_concurrency=4)
    assert rounds >= 6
    rows = await site.store.read(states)
    assert {row.state for row in rows.values()} == {"delivered"}
    came = Counter(request.target for request in sink.received)
    assert came == {path: 2 if int(path[7:]) % 10 == 0 else 1 for path in paths}
    assert all(rows[path].attempts == came[path] for path in paths)


async def test_process_that_dies_without_a_word_loses_nothing(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    sink.plan("/hangs", HANG)
    urls = [sink.base_url + "/hangs", *(f"{sink.base_url}/users/{n}" for n in range(30))]
    await site.store.write(send_activity, inboxes=urls)
    dead = asyncio.create_task(DeliveryLoop(site).run())
    await eventually(lambda: len(sink.received) == 31)
    await eventually(lambda: _count_delivered(site, 30))
    # It never hears of its end: the row of the hanging one keeps its lease.
    assert await site.store.read(_leased) == 1
    later = datetime.now(UTC) + timedelta(minutes=6)

    following = await open_site()
    if following.store.dialect == "postgresql":
        await following.store.write(_end_leases, later)
    async with running(DeliveryLoop(following)):
        await eventually(lambda: _count_delivered(following, 31))
    came = Counter(request.target for request in sink.received)
    assert came.pop("/hangs") == 2
    assert set(came.values()) == {1}
    sink.hang_up()
    dead.cancel()
    await asyncio.gather(dead, return_exceptions=True)
    assert (await site.store.read(states))["/hangs"].state == "delivered"


def _end_leases(connection: Connection, now: datetime) -> None:
    connection.execute(
        deliveries.update()
        .where(deliveries.c.lease_until < now)
        .values(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    )


REFUSE = {
    "sqlite": [
        """CREATE TRIGGER refuse BEFORE UPDATE OF {column} ON deliveries
        BEGIN SELECT RAISE(ABORT, 'the disk is being moved'); END"""
    ],
    "postgresql": [
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'the disk is being moved'; END $$""",
        """CREATE TRIGGER refuse BEFORE UPDATE OF {column} ON deliveries
        FOR EACH ROW EXECUTE FUNCTION refuse()""",
    ],
}
ALLOW = {
    "sqlite": "DROP TRIGGER IF EXISTS refuse",
    "postgresql": "DROP FUNCTION IF EXISTS refuse CASCADE",
}


def _refuse(connection: Connection, column: str) -> None:
    for statement in REFUSE[connection.dialect.name]:
        connection.exec_driver_sql(statement.format(column=column))


def _allow(connection: Connection) -> None:
    connection.exec_driver_sql(ALLOW[connection.dialect.name])


@contextlib.asynccontextmanager
async def refusing(site: Site, column: str) -> AsyncIterator[None]:
    """For the time of the block, the database refuses to change *column* of deliveries."""
    await site.store.write(_refuse, column)
    try:
        yield
    finally:
        await site.store.write(_allow)


async def test_results_that_the_database_refuses_are_written_later(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    urls = [f"{sink.base_url}/users/{number}" for number in range(20)]
    async with running(DeliveryLoop(site)):
        async with refusing(site, "state"):
            await site.store.write(send_activity, inboxes=urls)
            await eventually(lambda: len(sink.received) == 20)
            await asyncio.sleep(0.2)
            assert await _count_delivered(site, 0)
        await eventually(lambda: _count_delivered(site, 20))
    assert set(Counter(request.target for request in sink.received).values()) == {1}


async def test_claims_that_the_database_refuses_are_made_later(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    async with running(DeliveryLoop(site)):
        async with refusing(site, "lease_until"):
            await site.store.write(send_activity, inboxes=[sink.base_url + "/inbox"])
            await asyncio.sleep(0.2)
            assert sink.received == []
        await eventually(lambda: _count_delivered(site, 1))
    assert len(sink.received) == 1


async def _came_or_delivered(sink: Sink, goal: int, site: Site) -> bool:
    await site.store.write(hurry)
    await asyncio.sleep(0.05)
    return len(sink.received) >= goal or await _count_delivered(site, 150)


async def _count_delivered(site: Site, count: int) -> bool:
    rows = await site.store.read(states)
    return sum(row.state == "delivered" for row in rows.values()) == count
