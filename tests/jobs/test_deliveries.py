"""The delivery loop among peers that behave."""

import json
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection
from support.sinks import HANG, OpenSite, Sink, add_followers, running, send_activity, states
from support.waiting import PATIENCE, eventually

from fedblog.jobs.deliveries import CLAIM_SECONDS, FEW, MOST_PARCELS, PER_HOST, DeliveryLoop
from fedblog.publishing.site import Site
from fedblog.storage import dispatch

pytestmark = pytest.mark.both_engines

KEY_ID = "https://blog.example/ap/blog#main-key"


async def all_delivered(site: Site) -> bool:
    rows = await site.store.read(states)
    return bool(rows) and all(row.state == "delivered" for row in rows.values())


async def test_activity_reaches_every_inbox_of_the_followers_once(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    urls = [f"{sink.base_url}/inbox/{number}" for number in range(300)]
    await site.store.write(add_followers, [*urls, *urls[:50]])
    async with running(DeliveryLoop(site)):
        activity_id = await site.store.write(send_activity, followers_of=["blog"])
        await eventually(lambda: all_delivered(site))
    assert Counter(request.target for request in sink.received) == {
        f"/inbox/{number}": 1 for number in range(300)
    }
    rows = await site.store.read(states)
    assert {(row.attempts, row.last_status, row.lease_until) for row in rows.values()} == {
        (1, 202, None)
    }
    for request in sink.received[::30]:
        request.check_signature(KEY_ID)
        assert json.loads(request.body)["id"].endswith(activity_id)
        assert request.headers["host"] == sink.base_url.removeprefix("http://")
        assert request.headers["content-type"] == "application/activity+json"
        assert request.headers["user-agent"] == "fedblog test"
        assert request.headers["date"].endswith(" GMT")


async def test_waiting_deliveries_go_out_at_the_start(open_site: OpenSite, sink: Sink) -> None:
    site = await open_site()
    await site.store.write(send_activity, inboxes=[sink.base_url + "/inbox"])
    async with running(DeliveryLoop(site)):
        await eventually(lambda: all_delivered(site))


async def test_loop_sleeps_until_the_next_try_is_due(open_site: OpenSite, sink: Sink) -> None:
    site = await open_site()
    later = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 0.7, UTC)
    await site.store.write(send_activity, inboxes=[sink.base_url + "/inbox"], now=later)
    async with running(DeliveryLoop(site)):
        await eventually(lambda: all_delivered(site))
    assert datetime.now(UTC) >= later


async def test_what_comes_one_by_one_is_claimed_together(
    open_site: OpenSite, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await open_site()
    claim = dispatch.claim
    claimed: list[tuple[float, int]] = []

    def noted(*arguments: Any, **keywords: Any) -> Any:
        began = time.monotonic()
        found = claim(*arguments, **keywords)
        claimed.append((began, len(found)))
        return found

    monkeypatch.setattr(dispatch, "claim", noted)
    async with running(DeliveryLoop(site)):
        for number in range(40):
            await site.store.write(send_activity, inboxes=[f"{sink.base_url}/inbox/{number}"])
        await eventually(lambda: len(sink.received) == 40)
    between = [later - first for (first, found), (later, _) in pairwise(claimed) if 0 < found < FEW]
    assert all(seconds > CLAIM_SECONDS / 2 for seconds in between)


async def test_slow_inboxes_of_one_host_hold_up_no_other_host(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site(delivery_timeout=2 * PATIENCE)
    slow = [sink.plan(f"/slow/{number}", HANG) for number in range(600)]
    port = sink.base_url.rpartition(":")[2]
    quick = [f"http://localhost:{port}/quick/{number}" for number in range(40)]
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=slow)
        await eventually(lambda: len(sink.received) >= PER_HOST)
        await site.store.write(send_activity, inboxes=quick)
        await eventually(lambda: sum(r.target[:6] == "/quick" for r in sink.received) == 40)
        assert sum(request.target[:5] == "/slow" for request in sink.received) <= PER_HOST
        sink.hang_up()


async def test_many_inboxes_of_one_host_flow_without_pauses(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    urls = [f"{sink.base_url}/inbox/{number}" for number in range(700)]
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=urls)
        await eventually(lambda: len(sink.received) == 700)
        await eventually(lambda: all_delivered(site))


def _has_come(sink: Sink, count: int) -> bool:
    return len(sink.received) == count


def _send_many(connection: Connection, inbox: str) -> set[str]:
    return {send_activity(connection, inboxes=[inbox]) for _ in range(MOST_PARCELS)}


async def test_more_activities_than_are_kept_in_memory_all_go_out(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    sent: set[str] = set()
    async with running(DeliveryLoop(site)):
        for number in range(2):
            sent |= await site.store.write(_send_many, f"{sink.base_url}/{number}")
            await eventually(partial(_has_come, sink, len(sent)))
    assert {json.loads(request.body)["id"].rpartition("/")[2] for request in sink.received} == sent


async def test_loop_can_be_started_again_after_it_ended(open_site: OpenSite, sink: Sink) -> None:
    site = await open_site()
    loop = DeliveryLoop(site)
    for number in range(3):
        async with running(loop):
            await site.store.write(send_activity, inboxes=[f"{sink.base_url}/{number}"])
            await eventually(lambda: all_delivered(site))
    assert len(sink.received) == 3


async def test_two_processes_share_the_work_and_send_nothing_twice(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    if site.store.dialect == "sqlite":
        return  # one process only
    other = await open_site()
    urls = [f"{sink.base_url}/inbox/{number}" for number in range(600)]
    async with running(DeliveryLoop(site)), running(DeliveryLoop(other)):
        for _ in range(3):
            await site.store.write(send_activity, inboxes=urls[:200])
            await other.store.write(send_activity, inboxes=urls[200:])
        await eventually(lambda: len(sink.received) >= 1800)
        await eventually(lambda: all_delivered(site))
    assert set(Counter(request.target for request in sink.received).values()) == {3}
