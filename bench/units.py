"""Measures how long one decision about very many rows keeps every other writer waiting.

``python bench/units.py [--rows 10000] [--database URL] [WHAT …]``: each decision is made in a
database of its own (or in the empty one at URL, one WHAT at a time) in which it touches so many
rows, beside a neighbour that writes one row after the other; then its long work runs to its end.
Prints for each a line ``unit NAME …``: the decision's own time, that of everything, the longest
that the neighbour waited, and on SQLite the most processor time of one transaction.
"""

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select

from fedblog import app
from fedblog.activitystreams.reading import read_activity
from fedblog.app import open_site
from fedblog.domain.ids import new_id
from fedblog.federation import batch
from fedblog.federation.facts import Incoming
from fedblog.jobs import housekeeping
from fedblog.jobs.slices import SliceLoop
from fedblog.publishing import identity, moderation, posts, rotation
from fedblog.publishing.site import Site
from fedblog.settings import Settings
from fedblog.storage import actors, migrate, server
from fedblog.storage import tables as t

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=60)
PART = 10_000


def put(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    """Insert *rows*."""
    for start in range(0, len(rows), PART):
        connection.execute(insert(table), rows[start : start + PART])


def people(connection: Connection, number: int, host: str, *, one_host: bool) -> list[str]:
    """So many actors, each with an inbox of its own that is known; gives their ids."""
    hosts = [host if one_host else f"h{n}.{host}" for n in range(number)]
    uris = [f"https://{name}/users/u{n}" for n, name in enumerate(hosts)]
    rows = [
        {
            "uri": uri, "type": "Person", "handle": f"u{n}", "host": name, "name": f"U {n}",
            "url": uri, "avatar_url": "", "summary": "", "inbox": f"{uri}/inbox",
            "shared_inbox": None, "followers_uri": None, "moved_to": None,
            "also_known_as": "[]", "fetched_at": NOW,
        }
        for n, (uri, name) in enumerate(zip(uris, hosts, strict=True))
    ]  # fmt: skip
    put(connection, t.actors, rows)
    inboxes = [{"url": f"{uri}/inbox", "host": name} for uri, name in zip(uris, hosts, strict=True)]
    put(connection, t.inboxes, inboxes)
    return uris


def follow(connection: Connection, uris: list[str]) -> None:
    """Let *uris* follow the blog."""
    known = connection.execute(select(t.inboxes.c.url, t.inboxes.c.id))
    ids = {row.url: row.id for row in known}
    rows = [
        {"blog_id": 1, "owner": "blog", "actor_uri": uri, "activity_uri": None,
         "inbox_id": ids[f"{uri}/inbox"], "created_at": NOW}
        for uri in uris
    ]  # fmt: skip
    put(connection, t.followers, rows)


def comment(connection: Connection, post_ids: list[str], writers: list[str]) -> None:
    """One comment by each of *writers*, under the posts in turn, and a like of each."""
    ids = [new_id() for _ in writers]
    places = [post_ids[n % len(post_ids)] for n in range(len(writers))]
    common = {
        "blog_id": 1, "parent_id": None, "depth": 0, "author_id": None, "guest_name": None,
        "name": "", "source_html": "<p>Well said.</p>" * 8, "content_html": "<p>Well said.</p>" * 8,
        "summary": "", "language": "en", "visibility": "public", "status": "approved",
        "status_locked": False, "attachments": "[]", "published_at": NOW, "received_at": NOW,
    }  # fmt: skip
    rows = [
        {**common, "id": id_, "uri": f"{writer}/notes/{id_}", "post_id": post_id,
         "in_reply_to_uri": f"http://localhost:8000/ap/posts/{post_id}", "actor_uri": writer,
         "url": f"{writer}/{id_}"}
        for id_, post_id, writer in zip(ids, places, writers, strict=True)
    ]  # fmt: skip
    put(connection, t.comments, rows)
    likes = {
        (f"http://localhost:8000/ap/posts/{p}", w): p for p, w in zip(places, writers, strict=True)
    }
    put(
        connection,
        t.reactions,
        [
            {"id": new_id(), "blog_id": 1, "object_uri": uri, "post_id": post_id,
             "comment_id": None, "actor_uri": writer, "kind": "like", "emoji": "",
             "activity_uri": None, "created_at": NOW}
            for (uri, writer), post_id in likes.items()
        ],
    )  # fmt: skip


async def some_posts(site: Site, number: int) -> list[str]:
    """Published posts."""
    author = await identity.find_author(site.store, "owner")
    made = []
    for n in range(number):
        fields: Any = {"title": f"Post {n}", "content": "Words.", "status": "published"}
        made.append((await posts.create(site, author, fields)).id)  # type: ignore[union-attr]
    return made


Decision = Callable[[], Awaitable[Any]]


async def block_domain(site: Site, rows: int) -> Decision:
    """A domain with so many people: each follows, has written a comment and waits for a post."""
    made = await some_posts(site, 20)

    def fill(connection: Connection) -> None:
        uris = people(connection, rows, "large.example", one_host=True)
        follow(connection, uris)
        comment(connection, made, uris)

    await site.store.write(fill)
    await some_posts(site, 1)
    await long_work(site)
    return lambda: moderation.block_domain(site, "large.example")


async def block_actor(site: Site, rows: int) -> Decision:
    """One person with so many comments."""
    made = await some_posts(site, 20)

    def fill(connection: Connection) -> None:
        [uri] = people(connection, 1, "one.example", one_host=True)
        comment(connection, made, [uri] * rows)

    await site.store.write(fill)
    return lambda: moderation.block_actor(site, "https://one.example/users/u0")


async def delete_actor(site: Site, rows: int) -> Decision:
    """The Delete of a person with so many comments."""
    await block_actor(site, rows)
    uri = "https://one.example/users/u0"
    actor = (await site.store.read(actors.find, [uri]))[uri]
    document = {"id": f"{uri}#delete", "type": "Delete", "actor": uri, "object": uri}
    activity = read_activity(document)
    incoming = Incoming(activity, actor, f"{uri}#delete", datetime.now(UTC), 0)
    return lambda: site.store.write(batch.process, site.addresses, 1, [incoming])


async def publish(site: Site, rows: int) -> Decision:
    """A post for so many followers with an inbox each."""

    def fill(connection: Connection) -> None:
        follow(connection, people(connection, rows, "many.example", one_host=False))

    await site.store.write(fill)
    return lambda: some_posts(site, 1)


async def edit(site: Site, rows: int) -> Decision:
    """The edit of a post under which so many people talk, none of them a follower."""
    [post_id] = await some_posts(site, 1)

    def fill(connection: Connection) -> None:
        comment(connection, [post_id], people(connection, rows, "many.example", one_host=False))

    await site.store.write(fill)
    author = await identity.find_author(site.store, "owner")
    return lambda: posts.revise(site, author, post_id, {"title": "Anew"})


async def delete_post(site: Site, rows: int) -> Decision:
    """The deletion of such a post while its edit waits for all of them."""
    await (await edit(site, rows))()
    await long_work(site)
    post_id = await site.store.read(lambda connection: connection.scalar(select(t.posts.c.id)))
    return lambda: posts.delete(site, post_id)


async def rotate(site: Site, rows: int) -> Decision:
    """New keys for the blog, of which so many followers hear."""
    await publish(site, rows)
    return lambda: rotation.rotate(site.store)


async def keep_house(site: Site, rows: int) -> Decision:
    """So many of everything whose time is over."""
    await publish(site, rows)
    [post_id] = await some_posts(site, 1)
    await long_work(site)

    def age(connection: Connection) -> None:
        connection.execute(t.deliveries.update().values(state="delivered", delivered_at=OLD))
        connection.execute(t.activities.update().values(created_at=OLD))
        words = [
            {"activity_uri": f"https://a.example/{n}", "actor_uri": "https://a.example/u",
             "type": "Like", "outcome": "stored", "reason": "", "received_at": OLD}
            for n in range(rows)
        ]  # fmt: skip
        put(connection, t.received, words)
        graves = [
            {"uri": f"https://a.example/{n}", "actor_uri": "https://a.example/u", "until": OLD}
            for n in range(rows)
        ]
        put(connection, t.tombstones, graves)
        uris = people(connection, rows, "orphans.example", one_host=True)
        comment(connection, [post_id], uris)
        connection.execute(t.comments.update().values(post_id=None, received_at=OLD))

    await site.store.write(age)
    return lambda: housekeeping.keep_house(site, datetime.now(UTC))


WHAT: dict[str, Callable[[Site, int], Awaitable[Decision]]] = {
    work.__name__: work
    for work in (
        block_domain, block_actor, delete_actor, publish, edit, delete_post, rotate, keep_house
    )
}  # fmt: skip


async def long_work(site: Site) -> None:
    """Let the long work that waits come to its end."""
    kinds = app.long_work(site)

    def left(connection: Connection) -> int:
        query = select(func.count()).where(t.jobs.c.kind.in_(sorted(kinds)))
        return connection.scalar(query) or 0

    running = asyncio.create_task(SliceLoop(site, kinds).run())
    while await site.store.read(left):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def neighbour(site: Site, waits: list[float]) -> None:
    """Write one row after the other and note how long each took."""
    while True:
        began = time.perf_counter()
        await site.store.write(server.put, "neighbour", str(began))
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.001)


def watch(site: Site, spent: list[float]) -> None:
    """Note the processor time of every transaction of the one writer that SQLite has: what others
    wait for on a machine that does nothing else."""
    writer = getattr(site.store, "_writer", None)
    if writer is None:
        return
    perform = writer._perform

    def timed(batch: Any) -> Any:
        began = time.thread_time()
        try:
            return perform(batch)
        finally:
            spent.append(time.thread_time() - began)

    writer._perform = timed


async def measure(name: str, rows: int, database_url: str) -> str:
    """The line about one decision."""
    with tempfile.TemporaryDirectory(prefix="fedblog-bench-") as folder:
        settings = Settings(
            data_dir=Path(folder), database_url=database_url, allow_private_network=True
        )
        await asyncio.to_thread(migrate.upgrade, settings.database)
        async with open_site(settings) as site:
            decide = await WHAT[name](site, rows)
            waits: list[float] = []
            task = asyncio.create_task(neighbour(site, waits))
            await asyncio.sleep(0.5)
            idle = sorted(waits)
            waits.clear()
            spent: list[float] = []
            watch(site, spent)
            began, cpu = time.perf_counter(), time.process_time()
            await decide()
            decided = time.perf_counter() - began
            await long_work(site)
            done, used = time.perf_counter() - began, time.process_time() - cpu
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        waits.sort()
        return (
            f"unit {name} {rows} rows: decided in {decided * 1000:.0f} ms, all done in "
            f"{done:.2f} s ({used:.2f} s CPU), others waited at most {waits[-1] * 1000:.0f} ms "
            f"(p99 {waits[len(waits) * 99 // 100] * 1000:.0f} ms; idle at most "
            f"{idle[-1] * 1000:.0f} ms)"
            + (f", longest transaction {max(spent) * 1000:.0f} ms CPU" if spent else "")
        )


def main() -> int:
    """Run the bench."""
    gc.freeze()  # as the server does
    gc.set_threshold(5000)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*WHAT, []], help="which (default: all)")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--database", default="", help="an empty PostgreSQL database")
    chosen = parser.parse_args()
    for name in chosen.what or WHAT:
        print(asyncio.run(measure(name, chosen.rows, chosen.database)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
