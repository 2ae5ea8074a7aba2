"""The batcher: who hears what when the database fails as a whole."""

import asyncio
import sqlite3
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import make_url
from support.values import person
from support.waiting import PATIENCE

from fedblog.activitystreams.reading import read_activity
from fedblog.domain.actor import RemoteActor
from fedblog.domain.addresses import Addresses
from fedblog.federation import batch as batch_module
from fedblog.federation.batch import Batcher
from fedblog.federation.facts import Incoming
from fedblog.storage import sqlite_connection
from fedblog.storage.errors import DatabaseBusyError
from fedblog.storage.store import Store

ANN = "https://far.example/users/ann"


def like(number: int, actor: RemoteActor, now: Any) -> Incoming:
    document = {
        "id": f"https://far.example/likes/{number}",
        "type": "Like",
        "actor": ANN,
        "object": "http://localhost:8000/ap/posts/01ARZ3NDEKTSV4RRFFQ69G5FAV",
    }
    return Incoming(read_activity(document), actor, document["id"], now, 0)


@pytest.fixture
def ann(now: Any) -> RemoteActor:
    return person(ANN, fetched_at=now)


@pytest.fixture
def now() -> Any:
    return datetime.now(UTC)


async def test_database_held_by_another_process_fails_a_batch_at_once(
    sqlite_url: str, ann: RemoteActor, now: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sqlite_connection, "BUSY_SECONDS", 0.3)
    store = await Store.open(sqlite_url, listen=False)
    batcher = Batcher(store, Addresses("http://localhost:8000"), 1)
    other = sqlite3.connect(make_url(sqlite_url).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write, writes = store.write, 0

    async def counted(*arguments: Any, **keywords: Any) -> Any:
        nonlocal writes
        writes += 1
        return await write(*arguments, **keywords)

    monkeypatch.setattr(store, "write", counted)
    sent = [asyncio.create_task(batcher.submit(like(n, ann, now))) for n in range(20)]
    await asyncio.sleep(0)
    running = asyncio.create_task(batcher.run())
    results = await asyncio.gather(*sent, return_exceptions=True)
    assert {type(result) for result in results} == {DatabaseBusyError}
    assert writes == 1  # one wait for all, not one each
    other.execute("ROLLBACK")
    other.close()
    assert (await batcher.submit(like(1, ann, now))).result == "ignored"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()


async def test_batch_under_way_at_the_end_leaves_nobody_waiting(
    store: Store, ann: RemoteActor, now: Any
):
    batcher = Batcher(store, Addresses("http://localhost:8000"), 1)
    sent = asyncio.create_task(batcher.submit(like(1, ann, now)))
    running = asyncio.create_task(batcher.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.wait([sent], timeout=PATIENCE)
    assert sent.done()


async def test_sender_who_went_away_keeps_nobody_else_from_an_answer(
    store: Store, ann: RemoteActor, now: Any, monkeypatch: pytest.MonkeyPatch
):
    """Whether the batch is written or fails."""
    batcher = Batcher(store, Addresses("http://localhost:8000"), 1)
    write, entered, go_on = store.write, asyncio.Event(), asyncio.Event()
    trouble: list[Exception] = []

    async def slow(*arguments: Any, **keywords: Any) -> Any:
        entered.set()
        await go_on.wait()
        if trouble:
            raise trouble[0]
        return await write(*arguments, **keywords)

    monkeypatch.setattr(store, "write", slow)
    running = asyncio.create_task(batcher.run())
    for error in (None, DatabaseBusyError("busy")):
        trouble[:] = [error] if error else []
        entered.clear()
        go_on.clear()
        gone, waits = (asyncio.create_task(batcher.submit(like(n, ann, now))) for n in (1, 2))
        await entered.wait()
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        go_on.set()
        (found,) = await asyncio.gather(waits, return_exceptions=True)
        assert found is error or found.result == "ignored"
        assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_comes_one_by_one_is_written_together_while_the_batcher_rests(
    sqlite_url: str, ann: RemoteActor, now: Any, monkeypatch: pytest.MonkeyPatch
):
    store = await Store.open(sqlite_url, listen=False)
    batcher = Batcher(store, Addresses("http://localhost:8000"), 1)
    write, sizes = store.write, []
    monkeypatch.setattr(batch_module, "_LONGEST_REST", 0.5)

    async def slow(unit: Any, addresses: Any, blog_id: Any, batch: Any, *rest: Any) -> Any:
        sizes.append(len(batch))
        await asyncio.sleep(0.5)
        return await write(unit, addresses, blog_id, batch, *rest)

    monkeypatch.setattr(store, "write", slow)
    running = asyncio.create_task(batcher.run())
    first = asyncio.create_task(batcher.submit(like(0, ann, now)))
    await first
    # The batcher rests from the moment that this one was answered.
    await asyncio.gather(*(_later(batcher, like(n, ann, now), n) for n in range(1, 6)))
    assert sizes == [1, 5]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()


async def _later(batcher: Batcher, incoming: Incoming, turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await batcher.submit(incoming)


async def test_what_has_no_words_waits_for_no_thread(
    sqlite_url: str, ann: RemoteActor, now: Any, monkeypatch: pytest.MonkeyPatch
):
    store = await Store.open(sqlite_url, listen=False)
    batcher = Batcher(store, Addresses("http://localhost:8000"), 1)
    threads: list[str] = []
    worded = batch_module.worded

    def noted(*arguments: Any) -> Incoming:
        threads.append(threading.current_thread().name)
        return worded(*arguments)

    monkeypatch.setattr(batch_module, "worded", noted)
    running = asyncio.create_task(batcher.run())
    await batcher.submit(like(1, ann, now))
    assert threads == [threading.current_thread().name]
    document = {"id": f"{ANN}/flags/1", "type": "Flag", "actor": ANN, "object": [ANN]}
    flag = Incoming(read_activity({**document, "content": "look"}), ann, "flag", now, 0)
    await asyncio.gather(batcher.submit(like(2, ann, now)), batcher.submit(flag))
    assert len(threads) == 3
    assert all(name.startswith("batch") for name in threads[1:])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
