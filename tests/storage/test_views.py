"""The queries behind pages: right on both engines, and bounded however much there is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from fedblog.domain.blog import Author, Blog
from fedblog.storage import authors, blogs, comment_pages, posts, views, views_comments, views_post
from fedblog.storage import tables as t
from fedblog.storage.store import Store

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ADA = "01J0000000000000000000000A"


def key(letter: str, number: int) -> str:
    return f"01J{letter}{number:022}"


def post_row(number: int, **given: Any) -> dict[str, Any]:
    return {
        "id": key("P", number),
        "blog_id": 1,
        "version": 1,
        "status": "published",
        "title": f"Post {number}",
        "slug": "s",
        "path": f"/2026/11/20/post-{number}/",
        "content_source": "",
        "content_format": "html",
        "content_html": "<p>Text</p>",
        "excerpt": "Text",
        "language": "en",
        "voice": "group",
        "comments": "open",
        "created_at": NOW,
        "updated_at": NOW,
        "published_at": NOW + timedelta(minutes=number),
        **given,
    }


def comment_row(number: int, post: int, parent: int | None = None, **given: Any) -> dict[str, Any]:
    return {
        "id": key("C", number),
        "blog_id": 1,
        "uri": f"https://peer.example/{number}",
        "post_id": key("P", post),
        "parent_id": None if parent is None else key("C", parent),
        "in_reply_to_uri": "x",
        "depth": 0,
        "actor_uri": "https://peer.example/users/rin",
        "url": "",
        "name": "",
        "source_html": "",
        "content_html": f"<p>{number}</p>",
        "summary": "",
        "visibility": "public",
        "status": "approved",
        "attachments": "[]",
        "published_at": NOW + timedelta(seconds=number),
        "received_at": NOW,
        **given,
    }


def reaction_row(number: int, post: int, **given: Any) -> dict[str, Any]:
    return {
        "id": key("R", number),
        "blog_id": 1,
        "object_uri": "x",
        "post_id": key("P", post),
        "comment_id": None,
        "actor_uri": f"https://peer.example/users/{number}",
        "kind": "like",
        "emoji": "",
        "created_at": NOW + timedelta(seconds=number),
        **given,
    }


@pytest.fixture
async def fill(store: Store) -> Callable[..., Any]:
    """``await fill(table, rows)`` into a database with a blog and an author."""

    def found(connection: Connection) -> None:
        blogs.insert_blog(
            connection, Blog(1, "blog", "Act Today", "", "G", "", "en", "UTC", NOW, NOW)
        )
        authors.insert_author(
            connection,
            Author(ADA, 1, "ada", "Ada", "", "", "", None, "owner", NOW, NOW),
        )

    await store.write(found)

    async def into(table: Any, rows: list[dict[str, Any]]) -> None:
        def unit(connection: Connection) -> None:
            for start in range(0, len(rows), 5000):
                connection.execute(insert(table), rows[start : start + 5000])

        await store.write(unit)

    return into


def statements(connection: Connection, function: Callable[..., Any], *arguments: Any) -> Any:
    """How many statements a query takes, and what it gives."""
    seen: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", count)
    try:
        found = function(connection, *arguments)
    finally:
        event.remove(connection, "before_cursor_execute", count)
    return len(seen), found


async def test_listing_is_newest_first_and_stable_among_equal_times(
    store: Store, fill: Callable[..., Any]
) -> None:
    await fill(t.posts, [post_row(number, published_at=NOW) for number in range(7)])
    seen: list[str] = []
    places: list[str | None] = [None]
    for page in (1, 2, 3):
        found = await store.read(views.home, 1, places[-1], 3)
        assert found is not None
        assert (found.listing.before, found.listing.total) == (places[-1], 7)
        assert found.listing.newer == (None if page == 1 else places[page - 2] or "")
        seen += [post.title for post in found.listing.posts]
        places.append(found.listing.older)
    assert seen == [f"Post {number}" for number in range(6, -1, -1)]
    assert places == [None, key("P", 4), key("P", 1), None]
    assert [await store.read(views.before_page, 1, page, 3) for page in (2, 3, 4)] == places[1:]
    assert await store.read(views.home, 1, key("P", 0), 3) is None
    assert await store.read(views.home, 1, key("P", 99), 3) is None


@pytest.mark.parametrize(
    "given",
    [
        {"status": "draft", "path": None, "published_at": None},
        {"status": "scheduled", "path": None, "published_at": None},
        {"status": "draft"},
        {"status": "scheduled"},
        {"status": "deleted", "deleted_at": NOW},
    ],
)
async def test_s30_only_published_posts_leave_the_views(
    store: Store, fill: Callable[..., Any], given: dict[str, Any]
) -> None:
    await fill(t.posts, [post_row(1), post_row(2, **given), post_row(3)])
    rows = [{"post_id": key("P", n), "position": 0, "author_id": ADA} for n in (1, 2, 3)]
    await fill(t.post_authors, rows)
    await fill(
        t.post_terms,
        [
            {"post_id": key("P", n), "kind": "tag", "slug": "x", "name": "X", "position": 0}
            for n in (1, 2, 3)
        ],
    )
    await fill(
        t.post_terms,
        [{"post_id": key("P", 2), "kind": "tag", "slug": "y", "name": "Y", "position": 1}],
    )
    home = await store.read(views.home, 1, None, 10)
    author = await store.read(views.author, 1, "ada", None, 10)
    group = await store.read(views.group, 1, None, 10)
    term = await store.read(views.term, 1, "tag", "x", None, 10)
    for view in (home, author, group, term):
        assert view is not None
        assert [post.title for post in view.listing.posts] == ["Post 3", "Post 1"]
        assert view.listing.total == 2
    assert group is not None
    assert group.members[0].posts == 2
    assert [post.title for post in (await store.read(views.feed, 1, 10)).posts] == [
        "Post 3",
        "Post 1",
    ]
    assert await store.read(views.term, 1, "tag", "y", None, 10) is None
    page = await store.read(views_post.find, 1, "/2026/11/20/post-1/", None)
    assert isinstance(page, views_post.PostPage)
    assert page.next is not None
    assert page.next.title == "Post 3"
    hidden = await store.read(views_post.find, 1, "/2026/11/20/post-2/", None)
    assert hidden is None or isinstance(hidden, views_post.Gone)


async def test_likes_count_people_once_and_never_reactions_to_comments(
    store: Store, fill: Callable[..., Any]
) -> None:
    await fill(t.posts, [post_row(1)])
    await fill(t.comments, [comment_row(1, 1)])
    kim = "https://peer.example/users/kim"
    await fill(
        t.reactions,
        [
            reaction_row(1, 1, actor_uri=kim),
            reaction_row(2, 1, actor_uri=kim, kind="emoji", emoji="🔥"),
            reaction_row(3, 1, actor_uri=kim, kind="dislike"),
            reaction_row(4, 1, actor_uri=kim, kind="announce"),
            reaction_row(5, 1),
            reaction_row(6, 1, comment_id=key("C", 1)),
        ],
    )
    counts = await store.read(posts.counts, [key("P", 1), key("P", 2)])
    assert counts == {
        key("P", 1): posts.PostCounts(comments=1, likes=2, shares=1),
        key("P", 2): posts.PostCounts(),
    }
    page = await store.read(views_post.find, 1, "/2026/11/20/post-1/", None)
    assert isinstance(page, views_post.PostPage)
    assert [face.actor_uri for face in page.faces] == ["https://peer.example/users/5", kim]
    assert page.thread.comments[0].likes == 1


async def test_neighbours_are_found_among_equal_times(
    store: Store, fill: Callable[..., Any]
) -> None:
    await fill(t.posts, [post_row(number, published_at=NOW) for number in range(3)])
    page = await store.read(views_post.find, 1, "/2026/11/20/post-1/", None)
    assert isinstance(page, views_post.PostPage)
    assert page.previous is not None
    assert page.next is not None
    assert (page.previous.title, page.next.title) == ("Post 0", "Post 2")


async def test_comment_of_another_post_is_not_shown(store: Store, fill: Callable[..., Any]) -> None:
    await fill(t.posts, [post_row(1), post_row(2)])
    await fill(t.comments, [comment_row(1, 1), comment_row(2, 2)])
    thread = await store.read(views_comments.thread, key("P", 1), None)
    assert [comment.id for comment in thread.comments] == [key("C", 1)]


async def test_number_of_statements_does_not_grow_with_what_is_shown(
    store: Store, fill: Callable[..., Any]
) -> None:
    await fill(t.posts, [post_row(number) for number in range(30)])
    await fill(
        t.comments,
        [comment_row(n, 0, n - 1 if n % 3 else None) for n in range(300)],
    )
    await fill(t.reactions, [reaction_row(n, 0) for n in range(50)])
    post = views_post.find, 1, "/2026/11/20/post-0/", None
    number, page = await store.read(statements, *post)
    assert len(page.thread.comments) == 300
    assert number <= 15
    number, home = await store.read(statements, views.home, 1, None, 25)
    assert len(home.listing.posts) == 25
    assert number <= 7


async def test_long_threads_show_no_more_than_a_page_holds(
    store: Store, fill: Callable[..., Any]
) -> None:
    await fill(t.posts, [post_row(number) for number in range(3)])
    await fill(
        t.comments,
        [comment_row(n, 0, None if n < 1000 else n % 1000) for n in range(20_000)],
    )
    await fill(t.comments, [comment_row(n, 1) for n in range(20_000, 20_005)])
    last = await store.read(comment_pages.after_page, key("P", 0), 10)
    for after in (None, last):
        thread = await store.read(views_comments.thread, key("P", 0), after)
        assert thread.is_cut
        assert (thread.later is None, thread.earlier is None) == (after is last, after is None)
        assert len(thread.comments) == comment_pages.THREADS + comment_pages.ANSWERS
    assert await store.read(comment_pages.after_page, key("P", 0), 11) is None
    small = await store.read(views_comments.thread, key("P", 1), None)
    assert len(small.comments) == 5


async def test_page_of_long_comments_ends_by_bytes_and_the_next_goes_on_there(
    store: Store, fill: Callable[..., Any]
) -> None:
    await fill(t.posts, [post_row(0), post_row(1)])
    text = "<p>" + "ä" * 5_000 + "</p>"  # 10 kB
    await fill(
        t.comments,
        # Thirty first-level comments, each with two answers below each other.
        [
            comment_row(n, 0, None if n % 3 == 0 else n - 1) | {"content_html": text}
            for n in range(90)
        ],
    )
    seen: list[str] = []
    after, pages = None, 0
    while True:
        thread = await store.read(
            views_comments.thread, key("P", 0), after, views_comments.LEVELS, 100_000
        )
        pages += 1
        size = sum(len(comment.content_html.encode()) for comment in thread.comments)
        assert size <= 100_000
        assert not thread.is_cut
        seen += [comment.id for comment in thread.comments]
        if thread.later is None:
            break
        after = thread.later
    assert seen == [key("C", n) for n in range(90)]
    assert pages == 10


@pytest.mark.parametrize(
    "column", ["name", "summary", "url", "attachments", "poll", "quotes", "emojis"]
)
async def test_whatever_is_long_in_a_comment_counts_towards_the_page(
    store: Store, fill: Callable[..., Any], column: str
) -> None:
    await fill(t.posts, [post_row(0)])
    long = json.dumps([{"name": "ü" * 10_000, "type": "Image"}], ensure_ascii=False)
    if column == "poll":
        poll: dict[str, Any] = {
            "multiple": False,
            "ends_at": None,
            "is_closed": False,
            "voters": None,
        }
        poll["options"] = [{"name": "ü" * 10_000, "votes": 0}]
        long = json.dumps(poll, ensure_ascii=False)
    elif column == "quotes":
        long = json.dumps(["https://q.example/" + "q" * 20_000])
    elif column == "emojis":
        long = json.dumps([{"shortcode": "e", "url": "https://q.example/" + "e" * 20_000}])
    await fill(t.comments, [comment_row(n, 0, None) | {column: long} for n in range(10)])
    thread = await store.read(
        views_comments.thread, key("P", 0), None, views_comments.LEVELS, 100_000
    )
    assert [comment.id for comment in thread.comments] == [key("C", n) for n in range(4)]
    assert thread.later == key("C", 3)


async def test_what_is_behind_a_page_of_comments_that_are_not_shown_is_reached(
    store: Store, fill: Callable[..., Any]
) -> None:
    """Hidden ones take a place where they are answered, though the answers be hidden as well."""
    await fill(t.posts, [post_row(0)])
    count = 2 * comment_pages.THREADS
    rows = [comment_row(n, 0, None if n % 2 == 0 else n - 1) for n in range(2 * count + 1)]
    hidden = [row | {"status": "spam"} for row in rows[:-1]]
    await fill(t.comments, [*hidden, rows[-1]])
    seen: list[str] = []
    after, pages = None, 0
    while pages == 0 or after is not None:
        page = await store.read(views_post.find, 1, post_row(0)["path"], after)
        assert isinstance(page, views_post.PostPage)
        seen += [comment.id for comment in page.thread.comments]
        after, pages = page.thread.later, pages + 1
    assert seen == [key("C", 2 * count)]
    assert pages == 3


async def test_thread_longer_than_a_page_shows_what_is_nearest_to_its_beginning(
    store: Store, fill: Callable[..., Any]
) -> None:
    await fill(t.posts, [post_row(0)])
    rows = [comment_row(n, 0, None if n in (0, 50) else n - 1) for n in range(51)]
    await fill(t.comments, [row | {"content_html": "x" * 10_000} for row in rows])
    thread = await store.read(
        views_comments.thread, key("P", 0), None, views_comments.LEVELS, 100_500
    )
    assert [comment.id for comment in thread.comments] == [key("C", n) for n in range(10)]
    assert thread.is_cut
    assert thread.later == key("C", 0)
    last = await store.read(
        views_comments.thread, key("P", 0), thread.later, views_comments.LEVELS, 100_500
    )
    assert [comment.id for comment in last.comments] == [key("C", 50)]
    assert last.later is None
    huge = await store.read(views_comments.thread, key("P", 0), None, views_comments.LEVELS, 10)
    assert [comment.id for comment in huge.comments] == [key("C", 0)]
