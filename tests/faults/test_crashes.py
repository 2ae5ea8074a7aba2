"""A blog that is killed again and again while it publishes, takes replies and delivers.

What is allowed: a delivery that was under way at a kill comes once more after the next start, for
nobody can know whether it arrived ("at least once"). Nothing else: no answer given is taken back,
no post, comment or activity is made twice, nothing that the database calls delivered is sent again.

Run by .ci/run (``-m crash``). FEDBLOG_TEST_SEED chooses the moments of the kills; it is printed.
"""

import asyncio
import contextlib
import itertools
import os
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.authors import Author, follow, received
from support.commands import Served
from support.people import People
from support.servers import listening_socket, serving
from support.waiting import eventually

pytestmark = pytest.mark.crash

KILLS = 32
HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


@dataclass
class Books:
    """What the blog answered, kept on the other side."""

    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The API's answer by title."""
    asked_posts: set[str] = field(default_factory=set)
    replies: set[str] = field(default_factory=set)
    """The ids of notes answered with 202."""
    asked_replies: set[str] = field(default_factory=set)
    settled: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often an activity had come to an inbox when the database first called it delivered."""
    closing: bool = False
    """Nothing more is asked for. What was asked is still waited for: a request that its client
    gave up may have its effect at any later time, and the counts below would miss it."""

    def events(self) -> int:
        """How much was answered so far."""
        return len(self.posts) + len(self.replies)


async def answered(ask: Callable[[], Coroutine[Any, Any, httpx.Response]], status: int) -> Any:
    """The answer with *status*, asked for until there is one: what is not answered is asked again,
    as API clients and other servers do."""

    async def once() -> httpx.Response | None:
        try:
            answer = await ask()
        except httpx.TransportError:
            return None
        assert answer.status_code in (status, 409, 429, 503), answer.text
        return answer if answer.status_code == status else None

    return await eventually(once, pause=0.05)


async def publishing(author: Author, books: Books) -> None:
    """Publish until the books close."""
    for number in itertools.count():
        if books.closing:
            return
        title = f"Post {number}"
        body = {"title": title, "content": "Water finds its way.", "status": "published"}
        headers = {"Idempotency-Key": title}
        books.asked_posts.add(title)
        answer = await answered(
            lambda body=body, headers=headers: author.http.post(
                "/api/v1/posts", json=body, headers=headers
            ),
            201,
        )
        books.posts[title] = answer.json()


async def replying(people: People, name: str, author: Author, books: Books) -> None:
    """Answer the newest post until the books close."""
    people.add(name)
    inbox = f"{author.served.base_url}/ap/inbox"
    while not books.closing:
        await eventually(lambda: books.posts)
        post = list(books.posts.values())[-1]
        note = people.note(name, post["activitypub_id"], f"<p>{name} says so.</p>")
        activity = people.activity("Create", name, note)
        books.asked_replies.add(note["id"])
        await answered(lambda activity=activity: people.post(inbox, activity, by=name), 202)
        books.replies.add(note["id"])
        await asyncio.sleep(0.02)


def arrivals(crowd: list[People]) -> Counter[tuple[str, str]]:
    """How often each activity came to each server, by its id in the blog."""
    return Counter(
        (people.base_url, entry["json"]["id"].rpartition("/")[2])
        for people in crowd
        for entry in received(people, "Create")
    )


def deliveries(database: Path) -> dict[tuple[str, str], str]:
    """The state of each post's delivery to each server, as the database has it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT inboxes.url, activities.id, deliveries.state FROM deliveries "
            "JOIN inboxes ON inboxes.id = deliveries.inbox_id "
            "JOIN activities ON activities.id = deliveries.activity_id "
            "WHERE activities.type = 'Create'"
        ).fetchall()
    return {(url.removesuffix("/inbox"), id_): state for url, id_, state in rows}


@contextlib.asynccontextmanager
async def followers() -> AsyncIterator[list[People]]:
    """Three servers."""
    async with contextlib.AsyncExitStack() as stack:
        crowd = []
        for host in HOSTS:
            listener = listening_socket(host)
            people = People(f"http://{host}:{listener.getsockname()[1]}")
            await stack.enter_async_context(people)
            await stack.enter_async_context(serving(people, listener))
            crowd.append(people)
        yield crowd


async def every(author: Author, address: str) -> list[dict[str, Any]]:
    """The items of all pages of a list of the API."""
    items: list[dict[str, Any]] = []
    asked = {"limit": "100"}
    while True:
        answer = await author.http.get(f"/api/v1{address}", params=asked)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json().get("next")
        if not cursor:
            return items
        asked["cursor"] = cursor


async def test_32_kills_lose_nothing_that_was_answered_and_repeat_nothing_that_was_settled(
    tmp_path: Path,
) -> None:
    seed = os.environ.get("FEDBLOG_TEST_SEED") or str(random.randrange(10**6))
    print(f"FEDBLOG_TEST_SEED={seed}")
    chance = random.Random(seed)
    books = Books()
    database = tmp_path / "data" / "fedblog.sqlite3"
    served = Served(tmp_path, actor_rate="100000", host_rate="100000")
    await asyncio.to_thread(served.begin)
    author = Author(served)
    async with followers() as crowd, author.http, contextlib.AsyncExitStack() as stack:
        stack.callback(lambda: served.process.poll() is None and served.kill())
        await author.log_in()
        for people in crowd:
            await follow(people, author, "ann")
        tasks = [asyncio.create_task(publishing(author, books))]
        tasks += [
            asyncio.create_task(replying(people, f"{name}{number}", author, books))
            for number, people in enumerate(crowd)
            for name in ("bo", "cleo")
        ]
        for kill in range(KILLS):
            enough = books.events() + chance.randrange(24)
            await eventually(
                lambda enough=enough: (
                    books.events() >= enough or any(task.done() for task in tasks)
                ),
                pause=0.002,
            )
            await asyncio.sleep(chance.random() * 0.05)
            served.kill()
            came = arrivals(crowd)
            for which, state in deliveries(database).items():
                if state == "delivered":
                    assert came[which], f"kill {kill}: called delivered and never came: {which}"
                    books.settled.setdefault(which, came[which])
            failed = [task.exception() for task in tasks if task.done()]
            assert not failed, failed
            await asyncio.to_thread(served.begin)
        # The last life: let everyone have their answer, then stop asking.
        enough = books.events() + 10
        await eventually(lambda: books.events() >= enough or any(task.done() for task in tasks))
        books.closing = True
        await asyncio.gather(*tasks)

        posts = await every(author, "/posts")
        comments = [
            comment["activitypub_id"]
            for post in posts
            for comment in await every(author, f"/posts/{post['id']}/comments")
        ]
        await eventually(lambda: len(arrivals(crowd)) >= len(posts) * len(crowd))
        assert await asyncio.to_thread(served.end) == 0

    came = arrivals(crowd)
    titles = [post["title"] for post in posts]
    # Posts: what was answered is there, nothing is there twice, and nothing that nobody asked for.
    assert len(titles) == len(set(titles))
    assert set(books.posts) <= set(titles) <= books.asked_posts
    # Replies: the same.
    assert len(comments) == len(set(comments))
    assert books.replies <= set(comments) <= books.asked_replies
    # Deliveries: each post came to each server as one activity, and again only if under way.
    for people in crowd:
        ids: dict[str, set[str]] = {}
        for entry in received(people, "Create"):
            ids.setdefault(entry["json"]["object"]["name"], set()).add(entry["json"]["id"])
        assert ids.keys() == set(titles)
        assert {len(activities) for activities in ids.values()} == {1}
    assert set(deliveries(database).values()) == {"delivered"}
    for which, times in books.settled.items():
        assert came[which] == times, f"sent again after it was settled: {which}"
    again = sum(came.values()) - len(came)
    print(
        f"{KILLS} kills; {len(books.posts)} posts and {len(books.replies)} replies answered, "
        f"{len(came)} deliveries, {len(books.settled)} of them settled at a kill, "
        f"{again} came once more"
    )
    assert books.settled
    assert max(came.values()) <= 1 + KILLS
