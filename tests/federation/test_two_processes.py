"""Two processes take from one conversation at once: neither misses what the other writes."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from fedblog.federation.batch import process, worded
from fedblog.federation.facts import Incoming, Outcome
from fedblog.federation.words import Limits
from fedblog.storage import actors as actor_rows
from fedblog.storage.store import Store
from fedblog.storage.tables import comments, followers, reactions

pytestmark = pytest.mark.both_engines

_spec = importlib.util.spec_from_file_location(
    "order_stories", Path(__file__).with_name("test_order.py")
)
assert _spec is not None
assert _spec.loader is not None
_order = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_order)
Story, seed, incoming, ADDRESSES = _order.Story, _order.seed, _order.incoming, _order.ADDRESSES

ROUNDS = 8


async def take(store: Store, *items: Incoming) -> list[Outcome]:
    return await store.write(process, ADDRESSES, 1, items)


async def of_actor(store: Store, table: Any, actor_uri: str) -> list[Any]:
    def load(connection: Connection) -> list[Any]:
        return list(connection.execute(select(table).where(table.c.actor_uri == actor_uri)))

    return await store.read(load)


async def test_delete_and_undo_beside_what_they_take_back(store: Store, open_store):
    other = await open_store()
    for _ in range(ROUNDS):
        story = Story()
        await store.write(seed, story.post_id, story.actor)
        follow, unfollow, create, _edit, _answer, delete, like, unlike, *_ = (
            incoming(document, story.actor) for document in story.activities()
        )
        for done, undone in ((create, delete), (like, unlike), (follow, unfollow)):
            await asyncio.gather(take(store, done), take(other, undone))
        rows = await of_actor(store, comments, story.actor.uri)
        assert [row.deleted_at is not None for row in rows] == [True]
        assert [row.content_html for row in rows] == [""]
        assert await of_actor(store, reactions, story.actor.uri) == []
        assert await of_actor(store, followers, story.actor.uri) == []


async def test_same_activity_through_two_inboxes_counts_once(store: Store, open_store):
    other = await open_store()
    for _ in range(ROUNDS):
        story = Story()
        await store.write(seed, story.post_id, story.actor)
        follow, _, create, *_rest, like, _, boost, _ = (
            incoming(document, story.actor) for document in story.activities()
        )
        items = (follow, create, like, boost)
        outcomes = await asyncio.gather(take(store, *items), take(other, *items))
        results = sorted(outcome.result for both in outcomes for outcome in both)
        assert results == ["duplicate"] * 4 + ["stored"] * 4
        assert len(await of_actor(store, comments, story.actor.uri)) == 1
        assert len(await of_actor(store, reactions, story.actor.uri)) == 2


async def test_answer_that_missed_its_parent_is_hung_when_the_parent_is_fetched(
    store: Store, open_store
):
    other = await open_store()
    for _ in range(ROUNDS):
        parent, child = Story(), Story()
        await store.write(seed, parent.post_id, parent.actor)
        await store.write(actor_rows.save, child.actor, [])
        first = parent.activity("Create", "create", parent.written(parent.note, parent.post, "1"))
        written = parent.written(child.note, parent.note, "2")
        second = child.activity("Create", "create", written | {"attributedTo": child.actor.uri})
        await asyncio.gather(
            take(store, incoming(first, parent.actor)), take(other, incoming(second, child.actor))
        )
        # The answer had its unknown parent fetched; that comes in as a Create without a receipt.
        fetched = Incoming(incoming(first, parent.actor).activity, parent.actor, "", _order.NOW, 0)
        await take(other, worded(fetched, Limits()))
        (row,) = await of_actor(store, comments, child.actor.uri)
        assert row.post_id == parent.post_id
        assert row.depth == 1
