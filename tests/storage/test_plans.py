"""What the hot queries cost does not grow with the blog, with the engine's statistics and without.

Measured in what does not depend on the machine: on SQLite the instructions of its machine, on
PostgreSQL the rows that the nodes of the plans went through, on connections set as the store sets
those that read. A query that no index serves, or that takes the wrong one, grows as the blog does.
"""

import contextlib
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, event, make_url, text

from fedblog.domain.addresses import Addresses
from fedblog.domain.comment import CommentStatus
from fedblog.domain.post import PostStatus
from fedblog.storage import (
    comment_pages,
    comments,
    counts,
    deliveries,
    documents,
    migrate,
    network,
    posts,
    public_activities,
    reports,
    resolving,
    threads,
    usage,
    views,
    views_comments,
    views_post,
)
from fedblog.storage.store_postgresql import ALONG_INDEXES

sys.path.append(str(Path(__file__).parents[2] / "bench" / "parts"))
from filling import Filled, Size, fill

MIDDLE = datetime.now(UTC) - timedelta(days=3 * 365)
SMALL = Size(300, 3_000, 300, 700, 100, 200, 60, 3)
LARGE = Size(1_500, 15_000, 1_500, 3_500, 500, 1_000, 300, 15)
"""Five times as much of everything."""
MOST = 1.6
SLACK = 40
"""A few instructions or rows more are no growth: a level of a tree, a page that is full."""


Query = Callable[[Connection, Filled], Any]
QUERIES: dict[str, Query] = {
    "home": lambda c, at: views.home(c, 1, None, 10),
    "home further on": lambda c, at: views.home(c, 1, at.middle, 10),
    "author": lambda c, at: views.author(c, 1, at.authors[0][1], None, 10),
    "author further on": lambda c, at: views.author(c, 1, at.authors[0][1], at.middle, 10),
    "tag": lambda c, at: views.term(c, 1, "tag", at.tag, None, 10),
    "tag further on": lambda c, at: views.term(c, 1, "tag", at.tag, at.middle, 10),
    "tag that is not there": lambda c, at: views.present_term(c, 1, "tag", "gone", at.tag + "!"),
    "group": lambda c, at: views.group(c, 1, None, 10),
    "feed": lambda c, at: views.feed(c, 1, 20),
    "post page": lambda c, at: views_post.find(c, 1, at.few[1], None),
    "comments page": lambda c, at: views_comments.thread(c, at.longer[0], at.after),
    "comment's place": lambda c, at: comment_pages.find(c, 1, at.longer[1], at.after),
    "addresses": lambda c, at: resolving.resolve(
        c,
        Addresses("http://localhost:8000"),
        1,
        [
            f"http://localhost:8000{at.few[1]}",
            f"http://localhost:8000{at.longer[1]}#comment-{at.after}",
            f"http://localhost:8000/authors/{at.authors[0][1]}/",
        ],
    ),
    "faces": lambda c, at: views_post._faces(c, at.longer[0]),
    "outbox": lambda c, at: public_activities.outbox(c, 1, "blog", None, 10, 1 << 20),
    "outbox further on": lambda c, at: public_activities.outbox(
        c, 1, "blog", at.longer[0], 10, 1 << 20
    ),
    "outbox's number": lambda c, at: public_activities.count_outbox(c, 1, "blog"),
    "followers": lambda c, at: usage.count_followers(c, 1, "blog"),
    "nodeinfo": lambda c, at: usage.usage(c, 1, MIDDLE, MIDDLE),
    "object": lambda c, at: documents.post(c, 1, at.middle, 10),
    "replies": lambda c, at: documents.post_replies(c, at.longer[0], at.after, 50),
    "answers": lambda c, at: documents.comment_replies(c, at.answered, None, 20),
    "likes": lambda c, at: documents.reactions_page(
        c, "likes", post_id=at.longer[0], after=None, limit=3
    ),
    "likes further on": lambda c, at: documents.reactions_page(
        c, "likes", post_id=at.longer[0], after=at.longer[0], limit=3
    ),
    "shares": lambda c, at: documents.reactions_page(
        c, "shares", post_id=at.longer[0], after=at.longer[0], limit=3
    ),
    "comment's likes": lambda c, at: documents.reactions_page(
        c, "likes", comment_id=at.answered, after=None, limit=3
    ),
    "counts": lambda c, at: counts.of(c, [at.longer[0], "1"]),
    "api posts": lambda c, at: posts.list_page(c, 1, status=None, before=at.longer[0], limit=3),
    "api drafts": lambda c, at: posts.list_page(
        c, 1, status=PostStatus.DRAFT, before=at.longer[0], limit=3
    ),
    "api comments": lambda c, at: comments.list_page(
        c, 1, None, status=None, after=(MIDDLE, at.longer[0]), limit=3
    ),
    "api held": lambda c, at: comments.list_page(
        c, 1, None, status=CommentStatus.HELD, after=None, limit=3
    ),
    "api post's comments": lambda c, at: comments.list_page(
        c, 1, at.longer[0], status=None, after=(MIDDLE, at.longer[0]), limit=3
    ),
    "api post's spam": lambda c, at: comments.list_page(
        c, 1, at.longer[0], status=CommentStatus.SPAM, after=None, limit=3
    ),
    "api followers": lambda c, at: network.list_followers(c, 1, after=(MIDDLE, "x", "y"), limit=3),
    "api deliveries": lambda c, at: deliveries.for_post(c, at.newest, None, 20),
    "api reports": lambda c, at: reports.list_page(c, 1, before=at.longer[0], limit=3),
    "orphans": lambda c, at: threads.find_orphans(c, ["x"]),
}


def steps(connection: Connection, query: Query, made: Filled) -> int:
    """How many instructions of SQLite's machine *query* takes, in tens."""
    number = 0

    def count() -> int:
        nonlocal number
        number += 1
        return 0

    raw: Any = connection.connection.dbapi_connection
    query(connection, made)
    raw.set_progress_handler(count, 10)
    try:
        query(connection, made)
    finally:
        raw.set_progress_handler(None, 0)
    return number


def rows(connection: Connection, query: Query, made: Filled) -> int:
    """How many rows the nodes of PostgreSQL's plans for *query* go through."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        query(connection, made)
    finally:
        event.remove(connection, "before_cursor_execute", note)
    cursor: Any = connection.connection.cursor()
    total = 0
    for statement, parameters in asked:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        total += _rows(cursor.fetchone()[0][0]["Plan"])
    return total


def _rows(plan: dict[str, Any]) -> int:
    seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    seen += plan.get("Rows Removed by Join Filter", 0)
    return int(seen * plan["Actual Loops"]) + sum(_rows(below) for below in plan.get("Plans", ()))


def forget_statistics(connection: Connection) -> None:
    """As in a database that was just restored."""
    ours = "relnamespace = 'public'::regnamespace"
    connection.execute(
        text(f"DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE {ours})")
    )
    connection.execute(text(f"UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE {ours}"))


def measured(url: str, made: Filled, *, with_statistics: bool) -> dict[str, int]:
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    with engine.connect() as connection:
        if with_statistics:
            connection.execute(text("ANALYZE"))
        elif connection.dialect.name == "postgresql":
            forget_statistics(connection)
        connection.commit()
    engine.dispose()
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            found = {name: steps(connection, query, made) for name, query in QUERIES.items()}
        else:
            known = connection.scalar(text("SELECT count(*) FROM pg_stats WHERE tablename='posts'"))
            assert bool(known) is with_statistics
            for it in ALONG_INDEXES:
                connection.execute(text(f"SET {it} = off"))
            found = {name: rows(connection, query, made) for name, query in QUERIES.items()}
    engine.dispose()
    return found


def without_autovacuum(url: str) -> None:
    """Have nobody make statistics in between."""
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall():
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")


@pytest.fixture(scope="module")
def blogs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[tuple[str, Filled]]]:
    """A small and a large blog."""
    folder = tmp_path_factory.mktemp("plans")
    names = ("plans_small", "plans_large")
    urls = [f"sqlite:///{folder}/{name}.sqlite3" for name in names]
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            server: str = request.getfixturevalue("postgresql_server")
            connection = stack.enter_context(psycopg.connect(server, autocommit=True))
            address = make_url(server)
            urls = []
            for name in names:
                own = f"{name}_{uuid.uuid4().hex[:8]}"
                connection.execute(f"CREATE DATABASE {own}")
                stack.callback(connection.execute, f"DROP DATABASE {own} WITH (FORCE)")
                urls.append(address.set(database=own).render_as_string(hide_password=False))
                migrate.upgrade(urls[-1])
                without_autovacuum(urls[-1])
        yield [(url, fill(url, size)) for url, size in zip(urls, (SMALL, LARGE), strict=True)]


@pytest.mark.parametrize(
    ("blogs", "with_statistics"),
    [("sqlite", False), ("sqlite", True), ("postgresql", False), ("postgresql", True)],
    indirect=["blogs"],
)
def test_hot_queries_cost_no_more_in_a_large_blog(
    blogs: list[tuple[str, Filled]], with_statistics: bool
) -> None:
    small, large = (measured(*blog, with_statistics=with_statistics) for blog in blogs)
    grown = {
        name: (small[name], large[name])
        for name in QUERIES
        if large[name] > MOST * small[name] + SLACK
    }
    assert grown == {}
