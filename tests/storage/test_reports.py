"""Which reports make way when there are too many."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, select

from fedblog.domain.blog import Blog
from fedblog.domain.ids import new_id
from fedblog.storage import blogs, reports
from fedblog.storage import tables as t
from fedblog.storage.store import Store

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.mark.both_engines
async def test_a_server_that_floods_takes_nobody_elses_place(store: Store) -> None:
    def fill(connection: Connection) -> None:
        blogs.insert_blog(connection, Blog(1, "blog", "Blog", "", "", "", "en", "UTC", NOW, NOW))
        flood = [f"https://s{n % 7}.flood.example/users/{n}" for n in range(60)]
        for uri in ("https://a.example/ann", *flood, "https://b.example/ben"):
            reports.insert(
                connection,
                new_id(),
                1,
                activity_uri=None,
                actor_uri=uri,
                object_uris=[],
                content="",
                created_at=NOW,
            )

    def kept(connection: Connection) -> list[str]:
        return list(connection.execute(select(t.reports.c.actor_uri)).scalars())

    await store.write(fill)
    await store.write(reports.keep_newest, 10)
    left = await store.read(kept)
    assert len(left) == 10
    assert {"https://a.example/ann", "https://b.example/ben"} <= set(left)
    # Of the flood the newest stay.
    assert {f"https://s{n % 7}.flood.example/users/{n}" for n in range(52, 60)} <= set(left)
    await store.write(reports.keep_newest, 10)
    assert len(await store.read(kept)) == 10
