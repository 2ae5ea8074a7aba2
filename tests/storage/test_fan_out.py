"""An activity reaches very many inboxes page by page, in the order of what it is about."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select
from support.outgoing import LEASE, add_post, block, record, result
from support.sinks import NOW, add_followers, found

from fedblog.storage import dispatch, fan_out, slices
from fedblog.storage.store import Store
from fedblog.storage.tables import deliveries, followers, inboxes, jobs

pytestmark = pytest.mark.both_engines

KINDS = {fan_out.FAN_OUT: fan_out.fan_out}
URLS = [f"https://h{number:02}.example/inbox" for number in range(30)]


@pytest.fixture(autouse=True)
def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten inboxes in the unit itself, the others in slices of ten."""
    monkeypatch.setattr(slices.Allowance.__init__, "__defaults__", (6, 10))


@pytest.fixture
async def blog(store: Store) -> Store:
    """The store with a blog that has thirty followers."""
    await store.write(found)
    await store.write(add_followers, URLS)
    return store


async def one_page(store: Store) -> bool:
    ids = await store.read(slices.due, KINDS, NOW + timedelta(seconds=1), 1)
    if not ids:
        return False
    await store.write(slices.carry_on, ids[0], KINDS, NOW, seconds=1e-9, limit=10)
    return True


def states(connection: Connection, activity_id: str) -> dict[str, str]:
    rows = connection.execute(
        select(inboxes.c.url, deliveries.c.state, deliveries.c.next_at, deliveries.c.last_error)
        .join(inboxes, inboxes.c.id == deliveries.c.inbox_id)
        .where(deliveries.c.activity_id == activity_id)
    )
    return {
        row.url: "held" if row.state == "waiting" and row.next_at is None else row.state
        for row in rows
    }


async def test_pages_follow_each_other_until_everyone_has_one(blog: Store) -> None:
    activity_id = await blog.write(record, followers_of=["blog"])
    seen = [len(await blog.read(states, activity_id))]
    while await one_page(blog):
        seen.append(len(await blog.read(states, activity_id)))
    assert seen == [10, 20, 30, 30]
    assert await blog.read(states, activity_id) == dict.fromkeys(URLS, "waiting")


async def test_block_between_two_pages_holds_for_the_rest(blog: Store) -> None:
    activity_id = await blog.write(record, followers_of=["blog"])
    await blog.write(block, domain="h25.example")
    while await one_page(blog):
        pass
    assert set(URLS) - (await blog.read(states, activity_id)).keys() == {URLS[25]}


async def test_who_leaves_between_two_pages_gets_nothing(blog: Store) -> None:
    activity_id = await blog.write(record, followers_of=["blog"])

    def leave(connection: Connection) -> None:
        gone = select(inboxes.c.id).where(inboxes.c.url == URLS[29])
        connection.execute(delete(followers).where(followers.c.inbox_id.in_(gone)))

    await blog.write(leave)
    while await one_page(blog):
        pass
    assert set(URLS) - (await blog.read(states, activity_id)).keys() == {URLS[29]}


async def test_edit_comes_after_the_article_also_where_that_has_not_come_to_an_inbox_yet(
    blog: Store,
) -> None:
    post_id = await blog.write(add_post)
    create = await blog.write(record, followers_of=["blog"], post_id=post_id)
    edit = await blog.write(record, followers_of=["blog"], type="Update", post_id=post_id)
    assert await blog.read(states, edit) == {}

    def own_job(connection: Connection) -> str:
        return str(connection.scalar(select(jobs.c.id).where(jobs.c.key == edit)))

    job_id = await blog.read(own_job)  # some other process may come to it first
    await blog.write(slices.carry_on, job_id, KINDS, NOW, seconds=1e-9, limit=10)
    assert await blog.read(states, edit) == {}
    for _ in range(100):
        if not await one_page(blog):
            break
        at_article, at_edit = await blog.read(states, create), await blog.read(states, edit)
        assert at_edit.keys() <= at_article.keys()
    assert await blog.read(states, create) == dict.fromkeys(URLS, "waiting")
    assert await blog.read(states, edit) == dict.fromkeys(URLS, "held")
    claimed = await blog.write(dispatch.claim, 100, NOW, LEASE)
    assert {item.activity_id for item in claimed} == {create}
    done = [result(item, "delivered", status=202) for item in claimed]
    await blog.write(dispatch.settle, done, NOW)
    assert await blog.read(states, edit) == dict.fromkeys(URLS, "waiting")


async def test_pages_that_wait_for_earlier_ones_look_once_a_second(blog: Store) -> None:
    post_id = await blog.write(add_post)
    await blog.write(record, followers_of=["blog"], post_id=post_id)
    await blog.write(record, followers_of=["blog"], type="Update", post_id=post_id)
    first, waiting = await blog.read(slices.due, KINDS, NOW, 10)

    await blog.write(slices.carry_on, waiting, KINDS, NOW, seconds=1e-9)
    assert await blog.read(slices.due, KINDS, NOW, 10) == [first]
    later = NOW + timedelta(seconds=1)
    assert await blog.read(slices.due, KINDS, later, 10) == [first, waiting]


async def test_deletion_ends_the_pages_of_the_article_and_what_waits_of_it(blog: Store) -> None:
    post_id = await blog.write(add_post)
    create = await blog.write(record, followers_of=["blog"], post_id=post_id)
    # One that has left since: the deletion does not go there, and the article must not either.
    await blog.write(lambda c: c.execute(delete(followers).where(followers.c.inbox_id == 1)))
    gone = await blog.write(record, followers_of=["blog"], type="Delete", post_id=post_id)
    for _ in range(100):
        if not await one_page(blog):
            break
    article = await blog.read(states, create)
    assert len(article) == 10
    assert set(article.values()) == {"failed"}
    assert len(await blog.read(states, gone)) == 29
    assert set((await blog.read(states, gone)).values()) == {"waiting"}


async def test_newer_edit_takes_the_place_of_an_older_one_that_is_under_way(blog: Store) -> None:
    post_id = await blog.write(add_post)
    first = await blog.write(record, followers_of=["blog"], type="Update", post_id=post_id)
    second = await blog.write(record, followers_of=["blog"], type="Update", post_id=post_id)
    for _ in range(100):
        if not await one_page(blog):
            break
    assert set((await blog.read(states, first)).values()) == {"failed"}
    assert await blog.read(states, second) == dict.fromkeys(URLS, "waiting")

    def left(connection: Connection) -> list[Any]:
        return list(connection.execute(select(jobs.c.id)))

    assert await blog.read(left) == []


async def test_single_inboxes_do_not_wait_for_a_job(blog: Store) -> None:
    activity_id = await blog.write(record, inboxes=URLS[:20])
    assert len(await blog.read(states, activity_id)) == 20
    assert await blog.read(slices.due, KINDS, NOW + timedelta(days=1), 10) == []
