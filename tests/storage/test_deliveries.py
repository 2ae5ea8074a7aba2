"""Deliveries in the database: who gets one, who may send it, what is written of it."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from support.outgoing import LEASE, add_post, block, record, result
from support.sinks import NOW, add_followers, found, states

from fedblog.storage import activities, deliveries, delivery_order, dispatch, fan_out
from fedblog.storage import inboxes as inbox_rows
from fedblog.storage.dispatch import ClaimedDelivery
from fedblog.storage.errors import ConstraintError
from fedblog.storage.store import Store
from fedblog.storage.tables import actors
from fedblog.storage.tables import deliveries as table

pytestmark = pytest.mark.both_engines

OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture
async def blog(store: Store) -> Store:
    """The store with a blog in it."""
    await store.write(found)
    return store


async def hosts(store: Store) -> set[str]:
    claimed = await store.write(dispatch.claim, 1000, NOW, LEASE)
    return {item.host for item in claimed}


async def claim(store: Store, limit: int = 100, **keywords: Any) -> list[ClaimedDelivery]:
    return await store.write(dispatch.claim, limit, NOW, LEASE, **keywords)


# --- who gets one ---------------------------------------------------------------------------------


async def test_each_distinct_inbox_gets_one_delivery(blog: Store) -> None:
    shared = "https://many.example/inbox"
    own = [f"https://few.example/users/{number}/inbox" for number in range(3)]
    await blog.write(add_followers, [shared, shared, shared, *own])
    await blog.write(
        record, followers_of=["blog"], inboxes=[shared, own[0], "https://x.example/in"]
    )
    claimed = await claim(blog)
    assert Counter(item.url for item in claimed) == dict.fromkeys(
        [shared, *own, "https://x.example/in"], 1
    )


async def test_followers_of_several_owners_share_a_delivery(blog: Store) -> None:
    await blog.write(add_followers, ["https://a.example/inbox"])
    await blog.write(
        add_followers, ["https://a.example/inbox", "https://b.example/inbox"], "author"
    )
    await blog.write(record, followers_of=["blog", "author"])
    assert sorted(item.url for item in await claim(blog)) == [
        "https://a.example/inbox",
        "https://b.example/inbox",
    ]


async def test_enqueueing_again_adds_nothing(blog: Store) -> None:
    await blog.write(add_followers, ["https://a.example/inbox"])
    activity_id = await blog.write(record, followers_of=["blog"])
    (item,) = await claim(blog)
    await blog.write(dispatch.settle, [result(item, "delivered", status=202)], NOW)
    await blog.write(
        fan_out.enqueue,
        activity_id,
        blog_id=1,
        follower_owners=["blog"],
        inbox_urls=["https://a.example/inbox"],
        now=NOW,
    )
    assert await claim(blog) == []


async def test_s32_blocked_hosts_and_their_subdomains_get_nothing(blog: Store) -> None:
    urls = [
        f"https://{host}/inbox"
        for host in (
            "bad.example",
            "sub.bad.example:8443",
            "notbad.example",
            "badxexample",
            "bad.example.org",
            "good.example",
        )
    ]
    await blog.write(block, domain="bad.example")
    await blog.write(block, domain="unrelated.example")
    await blog.write(add_followers, urls[:4])
    await blog.write(record, followers_of=["blog"], inboxes=urls)
    assert await hosts(blog) == {"notbad.example", "badxexample", "bad.example.org", "good.example"}


async def test_s32_blocked_actor_gets_nothing_and_its_neighbours_do(blog: Store) -> None:
    urls = ["https://a.example/users/1/inbox", "https://b.example/inbox", "https://b.example/inbox"]
    await blog.write(add_followers, urls)
    await blog.write(block, actor="https://a.example/users/blog-0")
    await blog.write(block, actor="https://b.example/users/blog-1")
    await blog.write(_add_actor, "https://a.example/users/blog-0", urls[0])
    await blog.write(record, followers_of=["blog"], inboxes=[urls[0]])
    assert [item.url for item in await claim(blog)] == ["https://b.example/inbox"]


def _add_actor(connection: Connection, uri: str, inbox: str) -> None:
    empty = dict.fromkeys(("handle", "host", "name", "url", "avatar_url", "summary"), "")
    connection.execute(
        insert(actors).values(
            uri=uri, type="Person", inbox=inbox, also_known_as="[]", fetched_at=NOW, **empty
        )
    )


async def test_inboxes_keep_their_number_and_their_host(blog: Store) -> None:
    urls = ["https://A.example:8443/inbox", "https://[2001:db8::1]/inbox", "https://b.example/i"]
    first = await blog.write(inbox_rows.ensure, urls)
    again = await blog.write(inbox_rows.ensure, [*urls[:2], "https://c.example/i"])
    assert first.keys() == set(urls)
    assert {again[url] for url in urls[:2]} == {first[url] for url in urls[:2]}
    assert [inbox_rows.host_of(url) for url in urls] == ["a.example", "2001:db8::1", "b.example"]
    assert inbox_rows.host_of("https://[broken") == ""


async def test_activity_keeps_its_bytes_and_its_id_is_taken_once(blog: Store) -> None:
    activity_id = await blog.write(record)
    (stored,) = await blog.read(activities.find_all, [activity_id, "other"])
    assert (stored.body, stored.created_at, stored.is_public) == (b"{}", NOW, True)
    with pytest.raises(ConstraintError):
        await blog.write(activities.insert_activity, stored)


# --- who may send it ----------------------------------------------------------------------------


async def test_delivery_is_claimed_once_until_its_lease_ends(
    blog: Store, open_store: OpenStore
) -> None:
    other = await open_store()
    await blog.write(record, inboxes=[f"https://a.example/{number}" for number in range(30)])
    first = await claim(blog, 20)
    rest = await other.write(dispatch.claim, 20, NOW, LEASE)
    keys = {(item.activity_id, item.inbox_id) for item in [*first, *rest]}
    assert len(first) == 20
    assert len(keys) == 30
    assert await claim(blog) == []
    later = NOW + LEASE
    assert len(await other.write(dispatch.claim, 100, later, LEASE)) == 30


async def test_what_is_released_can_be_claimed_again(blog: Store) -> None:
    await blog.write(record, inboxes=["https://a.example/1", "https://a.example/2"])
    claimed = await claim(blog)
    await blog.write(dispatch.release, [(item.activity_id, item.inbox_id) for item in claimed[:1]])
    assert [item.inbox_id for item in await claim(blog)] == [claimed[0].inbox_id]
    assert await blog.write(dispatch.release_leases) == 2
    assert len(await claim(blog)) == 2


async def test_claims_leave_out_hosts_and_retries_where_asked_to(blog: Store) -> None:
    await blog.write(record, inboxes=["https://a.example/1", "https://b.example/1"])
    assert [item.host for item in await claim(blog, except_hosts=["a.example"])] == ["b.example"]
    (item,) = await claim(blog)
    again = result(item, "waiting", status=500, next_at=NOW)
    await blog.write(dispatch.settle, [again], NOW)
    assert await claim(blog, only_fresh=True) == []
    assert [item.attempts for item in await claim(blog)] == [1]


async def test_what_is_due_later_is_left(blog: Store) -> None:
    await blog.write(record, inboxes=["https://a.example/1"], now=NOW + timedelta(minutes=5))
    assert await claim(blog) == []
    assert await blog.read(dispatch.next_due) == NOW + timedelta(minutes=5)


# --- what is written of it ------------------------------------------------------------------------


async def test_results_are_written_as_they_came(blog: Store) -> None:
    await blog.write(record, inboxes=[f"https://a.example/{name}" for name in "abcd"])
    items = {item.url[-1]: item for item in await claim(blog)}
    later = NOW + timedelta(minutes=3)
    results = [
        result(items["a"], "delivered", status=202),
        result(items["b"], "delivered", status=200),
        result(items["c"], "waiting", status=503, error="x" * 9000, next_at=later),
        result(items["d"], "failed", status=410, error="gone"),
    ]
    await blog.write(dispatch.settle, results, NOW)
    rows = await blog.read(states)
    shown = {
        path[1:]: (row.state, row.attempts, row.last_status, row.next_at, row.delivered_at)
        for path, row in rows.items()
    }
    assert shown == {
        "a": ("delivered", 1, 202, None, NOW),
        "b": ("delivered", 1, 200, None, NOW),
        "c": ("waiting", 1, 503, later, None),
        "d": ("failed", 1, 410, None, None),
    }
    assert rows["/d"].last_error == "gone"
    assert len(rows["/c"].last_error) == 500
    assert all(row.lease_until is None for row in rows.values())


async def test_writing_results_again_changes_nothing(blog: Store) -> None:
    await blog.write(record, inboxes=["https://a.example/a", "https://a.example/b"])
    one, two = await claim(blog)
    results = [result(one, "delivered", status=202), result(two, "waiting", next_at=NOW)]
    await blog.write(dispatch.settle, results, NOW)
    before = await blog.read(states)
    await blog.write(dispatch.settle, results, NOW + LEASE)
    await blog.write(dispatch.settle, [result(one, "failed", status=500)], NOW + LEASE)
    assert await blog.read(states) == before


# --- order ------------------------------------------------------------------------------------


@pytest.fixture
async def late(blog: Store) -> tuple[Store, str, ClaimedDelivery]:
    """A post whose Create could not be delivered to late.example, and could to quick.example."""
    post_id = await blog.write(add_post)
    urls = ["https://late.example/inbox", "https://quick.example/inbox"]
    await blog.write(add_followers, urls)
    await blog.write(record, followers_of=["blog"], post_id=post_id)
    items = {item.host: item for item in await claim(blog)}
    await blog.write(
        dispatch.settle, [result(items["quick.example"], "delivered", status=202)], NOW
    )
    return blog, post_id, items["late.example"]


async def test_edit_waits_until_the_article_is_delivered(
    late: tuple[Store, str, ClaimedDelivery],
) -> None:
    store, post_id, create = late
    update_id = await store.write(record, followers_of=["blog"], post_id=post_id, type="Update")
    assert [item.host for item in await claim(store)] == ["quick.example"]
    retry = result(create, "waiting", status=500, next_at=NOW)
    assert not await store.write(dispatch.settle, [retry], NOW)
    (again,) = await claim(store)
    assert again.activity_id == create.activity_id
    assert await store.write(dispatch.settle, [result(again, "delivered", status=202)], NOW)
    (edit,) = await claim(store)
    assert (edit.activity_id, edit.host) == (update_id, "late.example")


async def test_edit_goes_out_where_the_article_failed_for_good(
    late: tuple[Store, str, ClaimedDelivery],
) -> None:
    store, post_id, create = late
    await store.write(record, followers_of=["blog"], post_id=post_id, type="Update")
    await claim(store)
    assert await store.write(dispatch.settle, [result(create, "failed", status=400)], NOW)
    assert [item.host for item in await claim(store)] == ["late.example"]


async def test_newer_edit_takes_the_place_of_one_that_waits(
    late: tuple[Store, str, ClaimedDelivery],
) -> None:
    store, post_id, create = late
    first = await store.write(record, followers_of=["blog"], post_id=post_id, type="Update")
    second = await store.write(record, followers_of=["blog"], post_id=post_id, type="Update")
    await store.write(dispatch.settle, [result(create, "delivered", status=202)], NOW)
    claimed = await claim(store)
    assert {item.activity_id for item in claimed} == {second}
    assert {item.host for item in claimed} == {"late.example", "quick.example"}
    rows = await store.read(_of_activity, first)
    assert {(row.state, row.last_error) for row in rows} == {("failed", delivery_order.SUPERSEDED)}


async def test_deletion_takes_the_place_of_what_waits(
    late: tuple[Store, str, ClaimedDelivery],
) -> None:
    store, post_id, create = late
    await store.write(dispatch.settle, [result(create, "waiting", next_at=NOW)], NOW)
    await store.write(record, followers_of=["blog"], post_id=post_id, type="Update")
    delete_id = await store.write(record, followers_of=["blog"], post_id=post_id, type="Delete")
    assert {item.activity_id for item in await claim(store)} == {delete_id}


async def test_deletion_follows_an_article_that_is_under_way(
    late: tuple[Store, str, ClaimedDelivery],
) -> None:
    store, post_id, create = late
    delete_id = await store.write(record, followers_of=["blog"], post_id=post_id, type="Delete")
    assert [item.host for item in await claim(store)] == ["quick.example"]
    # The try under way fails: no other follows, and the deletion goes out.
    assert await store.write(dispatch.settle, [result(create, "waiting", next_at=NOW)], NOW)
    (item,) = await claim(store)
    assert item.host == "late.example"
    assert item.activity_id == delete_id
    rows = await store.read(_of_activity, create.activity_id)
    assert sorted(row.state for row in rows) == ["delivered", "failed"]


async def test_other_posts_do_not_wait(late: tuple[Store, str, ClaimedDelivery]) -> None:
    store, _, _ = late
    other = await store.write(add_post)
    await store.write(record, followers_of=["blog"], post_id=other)
    assert {item.host for item in await claim(store)} == {"late.example", "quick.example"}


async def test_what_is_held_for_nothing_is_freed_in_the_end(
    late: tuple[Store, str, ClaimedDelivery],
) -> None:
    store, post_id, create = late
    await store.write(record, followers_of=["blog"], post_id=post_id, type="Update")
    await claim(store)
    await store.write(_settle_behind_the_back, create)
    assert await claim(store) == []
    before = NOW + timedelta(seconds=1)
    strays = await store.read(delivery_order.strays, before, 10)
    assert await store.write(delivery_order.free, strays, NOW) == 1
    assert await store.read(delivery_order.strays, before, 10) == []
    assert [item.host for item in await claim(store)] == ["late.example"]


def _settle_behind_the_back(connection: Connection, item: ClaimedDelivery) -> None:
    connection.execute(
        update(table)
        .where(table.c.activity_id == item.activity_id, table.c.inbox_id == item.inbox_id)
        .values(state="delivered", next_at=None)
    )


def _of_activity(connection: Connection, activity_id: str) -> list[Any]:
    return list(connection.execute(select(table).where(table.c.activity_id == activity_id)))


# --- seen, and forgotten ----------------------------------------------------------------------


async def test_deliveries_of_a_post_are_listed_page_by_page(blog: Store) -> None:
    post_id = await blog.write(add_post)
    urls = [f"https://a.example/{number}" for number in range(5)]
    first = await blog.write(record, inboxes=urls, post_id=post_id)
    second = await blog.write(record, inboxes=urls[:2], post_id=post_id, type="Update")
    await blog.write(record, inboxes=urls)
    seen: list[deliveries.DeliveryReport] = []
    cursor: str | None = None
    while True:
        page, cursor = await blog.read(deliveries.for_post, post_id, cursor, 3)
        seen += page
        if cursor is None:
            break
        assert len(page) == 3
    assert [item.activity_id for item in seen] == [second] * 2 + [first] * 5
    assert len({(item.activity_id, item.inbox) for item in seen}) == 7
    assert seen[0].activity_type == "Update"
    assert seen[-1].host == "a.example"
    with pytest.raises(ValueError, match="invalid literal"):
        await blog.read(deliveries.for_post, post_id, "nonsense", 3)


async def forget(store: Store, before: datetime, limit: int = 1) -> int:
    state: Any = deliveries.forgetting(before)
    rows = 0
    while state is not None:
        step = await store.write(deliveries.forget_finished, state, limit)
        rows, state = rows + step.rows, step.state
    return rows


async def test_finished_deliveries_are_forgotten_but_not_how_many_a_post_reached(
    blog: Store,
) -> None:
    post_id = await blog.write(add_post)
    create = await blog.write(record, inboxes=["https://a.example/1"], post_id=post_id)
    edit = await blog.write(
        record, inboxes=["https://a.example/1"], post_id=post_id, type="Update", now=NOW
    )
    accept = await blog.write(
        record, inboxes=["https://a.example/1", "https://b.example/1"], type="Accept"
    )
    young = await blog.write(record, inboxes=["https://a.example/1"], now=NOW + LEASE)
    for _ in ("the Create and the Accept", "the Update behind the Create"):
        claimed = await claim(blog, except_hosts=["b.example"])
        results = [result(item, "delivered", status=202) for item in claimed]
        await blog.write(dispatch.settle, results, NOW)
    assert await forget(blog, NOW) == 0
    assert await forget(blog, NOW + timedelta(seconds=1)) == 3
    for activity_id in (create, edit):
        assert len(await blog.read(_of_activity, activity_id)) == 0
    assert [row.state for row in await blog.read(_of_activity, accept)] == ["waiting"]
    assert len(await blog.read(_of_activity, young)) == 1
