"""Kept counts are what counting the rows would give, whoever writes and however."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from fedblog.storage import counting, counts, recounting
from fedblog.storage import tables as t
from fedblog.storage.changes import pending
from fedblog.storage.store import Store

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
POSTS, COMMENTS, PEOPLE, AUTHORS = 6, 40, 8, 3
STATUSES = ("draft", "published", "deleted")


def post(number: int) -> dict[str, Any]:
    texts = ("title", "slug", "content_source", "content_html", "excerpt")
    return {
        "id": f"P{number}",
        "blog_id": 1,
        "version": 1,
        "status": STATUSES[number % 3],
        **dict.fromkeys(texts, ""),
        "content_format": "html",
        "language": "en",
        "voice": "group",
        "comments": "open",
        "created_at": NOW,
        "updated_at": NOW,
        "published_at": NOW + timedelta(hours=number),
    }


def comment(number: int, rolled: random.Random) -> dict[str, Any]:
    texts = ("in_reply_to_uri", "url", "name", "source_html", "content_html", "summary")
    is_local = rolled.random() < 0.3
    return {
        "id": f"C{number:03}",
        "blog_id": 1,
        "uri": f"uri/C{number:03}",
        "post_id": rolled.choice([None, *(f"P{n}" for n in range(POSTS))]),
        "parent_id": f"C{rolled.randrange(number):03}"
        if number and rolled.random() < 0.5
        else None,
        "depth": 0,
        "actor_uri": None if is_local else f"actor/{rolled.randrange(PEOPLE)}",
        "author_id": f"A{rolled.randrange(AUTHORS)}" if is_local else None,
        **dict.fromkeys(texts, ""),
        "visibility": rolled.choice(["public", "public", "private"]),
        "status": rolled.choice(["approved", "approved", "held", "spam"]),
        "attachments": "[]",
        "published_at": NOW + timedelta(minutes=number),
        "received_at": NOW,
        "deleted_at": rolled.choice([None, None, None, NOW]),
    }


def reaction(number: int, rolled: random.Random) -> dict[str, Any]:
    on_post = rolled.random() < 0.6
    target = f"P{rolled.randrange(POSTS)}" if on_post else f"C{rolled.randrange(COMMENTS):03}"
    return {
        "id": f"R{number:04}",
        "blog_id": 1,
        "object_uri": f"uri/{target}",
        "post_id": target if on_post else None,
        "comment_id": None if on_post else target,
        "actor_uri": f"actor/{rolled.randrange(PEOPLE)}",
        "kind": rolled.choice(["like", "emoji", "announce", "dislike"]),
        "emoji": f"e{number}",
        "created_at": NOW,
    }


def activity(number: int, rolled: random.Random) -> dict[str, Any]:
    about = rolled.choice([f"uri/C{rolled.randrange(COMMENTS):03}", "uri/P1", None])
    return {
        "id": f"Y{number:03}",
        "blog_id": 1,
        "owner": rolled.choice(["blog", "A0"]),
        "type": rolled.choice(["Create", "Update", "Delete"]),
        "object_uri": about,
        "post_id": rolled.choice([None, *(f"P{n}" for n in range(POSTS))]),
        "is_public": rolled.random() < 0.8,
        "body": b"{}",
        "created_at": NOW,
    }


def blog(connection: Connection) -> None:
    words = {"title": "T", "tagline": "", "group_name": "", "about": "", "language": "en"}
    connection.execute(
        insert(t.blogs).values(
            id=1, handle="blog", time_zone="UTC", created_at=NOW, updated_at=NOW, **words
        )
    )
    for number in range(AUTHORS):
        connection.execute(
            insert(t.authors).values(
                id=f"A{number}", blog_id=1, handle=f"a{number}", name="A", about="", url="",
                fediverse="", role="author", created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
    connection.execute(insert(t.inboxes), [{"id": 1, "url": "inbox", "host": "x"}])


def all_drifts(connection: Connection) -> list[recounting.Drift]:
    found: list[recounting.Drift] = []
    place = recounting.BEGINNING
    while True:
        drifts, place = recounting.check(connection, place, size=7)
        found += drifts
        if place == recounting.BEGINNING:
            return found


def some(table: Table, rolled: random.Random, chance: float) -> Any:
    """A condition that picks some rows of *table*, set-based."""
    key = next(iter(table.primary_key))
    return func.length(key) > 0 if chance == 1 else key.like(f"%{rolled.randrange(10)}")


def changes(rolled: random.Random) -> list[Callable[[Connection], Any]]:
    c = t.comments
    status = rolled.choice(["approved", "held", "spam"])
    picked = some(c, rolled, 0.1)
    post_id = f"P{rolled.randrange(POSTS)}"
    return [
        lambda con: con.execute(update(c).where(picked).values(status=status)),
        lambda con: con.execute(update(c).where(picked).values(deleted_at=NOW, content_html="")),
        lambda con: con.execute(update(c).where(picked).values(deleted_at=None)),
        lambda con: con.execute(update(c).where(picked).values(post_id=post_id)),
        lambda con: con.execute(update(c).where(picked).values(content_html="edited")),
        lambda con: con.execute(
            update(t.posts).where(some(t.posts, rolled, 1)).values(status=rolled.choice(STATUSES))
        ),
        lambda con: con.execute(
            update(t.posts).where(t.posts.c.id == post_id).values(status=rolled.choice(STATUSES))
        ),
        lambda con: con.execute(
            update(t.posts)
            .where(t.posts.c.id == post_id)
            .values(published_at=NOW + timedelta(days=rolled.randrange(9)))
        ),
        lambda con: con.execute(delete(t.reactions).where(some(t.reactions, rolled, 0.1))),
        lambda con: con.execute(
            delete(t.reactions).where(t.reactions.c.actor_uri == f"actor/{rolled.randrange(8)}")
        ),
        lambda con: con.execute(delete(t.activities).where(some(t.activities, rolled, 0.1))),
        lambda con: con.execute(delete(t.followers).where(t.followers.c.owner == "A0")),
        lambda con: con.execute(delete(t.post_terms).where(t.post_terms.c.post_id == post_id)),
        lambda con: con.execute(delete(t.post_authors).where(t.post_authors.c.position == 1)),
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_counts_are_what_counting_gives_after_any_writes(store: Store, seed: int) -> None:
    rolled = random.Random(seed)

    def fill(connection: Connection) -> None:
        blog(connection)
        connection.execute(insert(t.posts), [post(n) for n in range(POSTS)])
        connection.execute(insert(t.comments), [comment(n, rolled) for n in range(COMMENTS)])
        rows = [reaction(n, rolled) for n in range(120)]
        connection.execute(insert(t.reactions), rows[:60])
        for row in rows[60:]:
            connection.execute(insert(t.reactions).values(row))
        connection.execute(insert(t.activities), [activity(n, rolled) for n in range(60)])
        connection.execute(
            insert(t.followers),
            [
                {"blog_id": 1, "owner": owner, "actor_uri": f"actor/{n}", "inbox_id": 1,
                 "created_at": NOW}
                for n in range(PEOPLE) for owner in ("blog", "A0")
            ],
        )  # fmt: skip
        bylines = [
            {"post_id": f"P{n}", "position": place, "author_id": f"A{(n + place) % AUTHORS}"}
            for n in range(POSTS)
            for place in (0, 1)
        ]
        connection.execute(insert(t.post_authors), bylines)
        terms = [
            {"post_id": f"P{n}", "kind": kind, "slug": slug, "name": slug, "position": 0}
            for n in range(POSTS)
            for kind, slug in (("tag", "a"), ("tag", f"b{n % 2}"), ("category", "a"))
        ]
        connection.execute(insert(t.post_terms), terms)

    await store.write(fill)
    assert await store.read(all_drifts) == []
    kept = await store.read(lambda con: con.execute(select(func.sum(t.counts.c.number))).scalar())
    assert kept > 50
    for _ in range(25):
        await store.write(rolled.choice(changes(rolled)))
        assert await store.read(all_drifts) == []


async def test_the_posts_of_a_list_carry_their_time_while_they_are_public(store: Store) -> None:
    def fill(connection: Connection) -> None:
        blog(connection)
        connection.execute(insert(t.posts), [post(n) for n in range(3)])
        connection.execute(
            insert(t.post_authors),
            [{"post_id": f"P{n}", "position": 0, "author_id": "A0"} for n in range(3)],
        )

    def listed(connection: Connection) -> list[Any]:
        query = select(t.post_authors.c.listed_at).order_by(t.post_authors.c.post_id)
        return list(connection.execute(query).scalars())

    def change(connection: Connection) -> None:
        connection.execute(update(t.posts).where(t.posts.c.id == "P0").values(status="published"))
        connection.execute(update(t.posts).where(t.posts.c.id == "P1").values(status="deleted"))

    await store.write(fill)
    assert await store.read(listed) == [None, NOW + timedelta(hours=1), None]
    await store.write(change)
    assert await store.read(listed) == [NOW, None, None]


async def test_followers_reached_stay_when_followers_and_deliveries_go(store: Store) -> None:
    def fill(connection: Connection) -> None:
        blog(connection)
        connection.execute(insert(t.posts), [post(1)])
        connection.execute(insert(t.inboxes), [{"id": 2, "url": "other", "host": "y"}])
        connection.execute(
            insert(t.followers),
            [
                {"blog_id": 1, "owner": "blog", "actor_uri": f"actor/{n}",
                 "inbox_id": 1 if n < 5 else 2, "created_at": NOW}
                for n in range(7)
            ],
        )  # fmt: skip
        sent = activity(1, random.Random(1)) | {
            "owner": "blog", "type": "Create", "object_version": 1, "post_id": "P1"
        }  # fmt: skip
        connection.execute(insert(t.activities), [sent])
        connection.execute(
            insert(t.deliveries),
            [
                {"activity_id": sent["id"], "inbox_id": n, "state": "waiting", "attempts": 0}
                for n in (1, 2)
            ],
        )

    def settle(connection: Connection) -> None:
        of_first = t.deliveries.c.inbox_id == 1
        connection.execute(update(t.deliveries).where(of_first).values(state="delivered"))
        connection.execute(update(t.deliveries).where(of_first).values(last_status=202))
        connection.execute(update(t.deliveries).where(~of_first).values(state="failed"))

    def forget(connection: Connection) -> None:
        connection.execute(delete(t.followers))
        connection.execute(delete(t.deliveries))

    for unit in (fill, settle, forget):
        await store.write(unit)
        if unit is not fill:
            assert await store.read(counts.one, "reached", "P1") == 5


async def test_what_is_off_is_found_and_mended(store: Store) -> None:
    def fill(connection: Connection) -> None:
        blog(connection)
        connection.execute(insert(t.posts), [post(n) for n in range(POSTS)])
        rolled = random.Random(5)
        connection.execute(insert(t.comments), [comment(n, rolled) for n in range(COMMENTS)])

    def spoil(connection: Connection) -> None:
        connection.execute(update(t.counts).where(t.counts.c.key == "P1").values(number=77))
        connection.execute(delete(t.counts).where(t.counts.c.kind == "posts"))
        gone = {"key": "1/tag/gone", "kind": "posts", "slot": 0, "number": 2}
        connection.execute(insert(t.counts).values(**gone))

    def mend(connection: Connection) -> int:
        found, place, mended = all_drifts(connection), recounting.BEGINNING, 0
        while True:
            here = place
            _, place = recounting.check(connection, here, size=7)
            mended += recounting.mend(connection, here, size=7)
            if place == recounting.BEGINNING:
                break
        assert {change.kind for change in pending(connection)} == {"everything"}
        assert mended == len(found)
        return mended

    await store.write(fill)
    await store.write(spoil)
    assert await store.write(mend) >= 3
    assert await store.read(all_drifts) == []
    assert await store.read(counts.one, "posts", "1/tag/gone") == 0


@pytest.mark.parametrize("how", ["changed", "dropped", "disabled"])
async def test_a_database_whose_triggers_are_others_is_not_current(store: Store, how: str) -> None:
    assert await store.read(counting.stands)

    def spoil(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER count_posts_update"))
        elif how == "changed":
            connection.execute(text("COMMENT ON FUNCTION fedblog_count_comments_insert() IS 'x'"))
        elif how == "dropped":
            connection.execute(text("DROP TRIGGER fedblog_count_posts_update ON posts"))
        else:
            connection.execute(text("ALTER TABLE posts DISABLE TRIGGER fedblog_count_posts_update"))

    try:
        await store.write(spoil)
        assert not await store.read(counting.stands)
    finally:
        await store.write(counting.install)
    assert await store.read(counting.stands)


async def test_postgresql_is_analysed_before_it_counts(postgresql_url: str) -> None:
    known = text("SELECT reltuples >= 0 FROM pg_class WHERE relname = 'comments'")
    store = await Store.open(postgresql_url)
    try:
        await store.write(lambda connection: connection.execute(text("TRUNCATE comments CASCADE")))
        assert not await store.read(lambda connection: connection.scalar(known))
        await store.write(counting.install)
        assert await store.read(lambda connection: connection.scalar(known))
    finally:
        await store.close()
