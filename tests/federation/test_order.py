"""Order and repetition: whatever way activities arrive, the end is the same."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select
from support.values import person

from fedblog.activitystreams.reading import read_activity
from fedblog.domain.actor import RemoteActor
from fedblog.domain.addresses import Addresses
from fedblog.domain.ids import new_id
from fedblog.federation.batch import process, worded
from fedblog.federation.facts import Incoming
from fedblog.federation.words import Limits
from fedblog.storage import actors as actor_rows
from fedblog.storage.store import Store
from fedblog.storage.tables import blogs, comments, followers, posts, reactions

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ADDRESSES = Addresses("http://localhost:8000")


def incoming(document: dict[str, Any], actor: RemoteActor, at: datetime = NOW) -> Incoming:
    activity = read_activity(document)
    return worded(Incoming(activity, actor, activity.id or "", at, 0), Limits())


def seed(connection: Connection, post_id: str, actor: RemoteActor) -> None:
    if connection.execute(select(blogs.c.id)).first() is None:
        connection.execute(
            insert(blogs).values(
                id=1,
                handle="blog",
                title="Blog",
                tagline="",
                group_name="Blog",
                about="",
                language="en",
                time_zone="UTC",
                created_at=NOW,
                updated_at=NOW,
            )
        )
    connection.execute(
        insert(posts).values(
            id=post_id,
            blog_id=1,
            version=1,
            status="published",
            title="A post",
            slug="a-post",
            path=f"/2026/11/25/{post_id.lower()}/",
            content_source="",
            content_format="markdown",
            content_html="",
            excerpt="",
            language="en",
            voice="group",
            comments="open",
            created_at=NOW,
            updated_at=NOW,
            published_at=NOW,
        )
    )
    actor_rows.save(connection, actor, [])


class Story:
    """One actor's whole conversation with one post, with fresh ids."""

    def __init__(self) -> None:
        mark = new_id()
        self.post_id = new_id()
        self.post = ADDRESSES.post(self.post_id)
        self.actor = person(
            f"https://far.example/users/{mark}", shared_inbox="https://far.example/inbox"
        )
        self.base = f"https://far.example/{mark}"
        self.note = f"{self.base}/note"
        self.child = f"{self.base}/child"

    def activity(self, kind: str, name: str, item: Any) -> dict[str, Any]:
        return {
            "id": f"{self.base}/{name}",
            "type": kind,
            "actor": self.actor.uri,
            "object": item,
            "to": [PUBLIC],
        }

    def written(self, uri: str, parent: str, text: str, minutes: int = 0) -> dict[str, Any]:
        written = {
            "id": uri,
            "type": "Note",
            "attributedTo": self.actor.uri,
            "inReplyTo": parent,
            "content": f"<p>{text}</p>",
            "published": (NOW - timedelta(hours=1)).isoformat(),
            "to": [PUBLIC],
        }
        if minutes:
            stamp = NOW - timedelta(hours=1) + timedelta(minutes=minutes)
            written["updated"] = stamp.isoformat()
        return written

    def activities(self) -> list[dict[str, Any]]:
        follow = self.activity("Follow", "follow", ADDRESSES.actor("blog"))
        like = self.activity("Like", "like", self.post)
        boost = self.activity("Announce", "boost", self.post)
        return [
            follow,
            self.activity("Undo", "unfollow", follow),
            self.activity("Create", "create", self.written(self.note, self.post, "First")),
            self.activity("Update", "edit", self.written(self.note, self.post, "Second", 5)),
            self.activity("Create", "answer", self.written(self.child, self.note, "Child")),
            self.activity("Delete", "delete", {"id": self.note, "type": "Tombstone"}),
            like,
            self.activity("Undo", "unlike", like["id"]),
            boost,
            self.activity("Undo", "unboost", boost),
        ]


def state(connection: Connection, story: Story) -> dict[str, Any]:
    """All that the conversation left behind, without ids and times of our own making."""
    names = {None: None}
    rows = connection.execute(
        select(comments).where(comments.c.actor_uri == story.actor.uri).order_by(comments.c.uri)
    ).all()
    names.update({row.id: row.uri.rpartition("/")[2] for row in rows})
    return {
        "comments": [
            (
                names[row.id],
                row.post_id == story.post_id,
                names[row.parent_id],
                row.depth,
                row.content_html,
                row.deleted_at is not None,
                row.edited_at,
                row.status,
            )
            for row in rows
        ],
        "reactions": sorted(
            (row.kind, row.emoji)
            for row in connection.execute(
                select(reactions).where(reactions.c.actor_uri == story.actor.uri)
            )
        ),
        "followers": sorted(
            row.owner
            for row in connection.execute(
                select(followers).where(followers.c.actor_uri == story.actor.uri)
            )
        ),
    }


async def outcome(store: Store, order: list[int], cuts: list[int]) -> dict[str, Any]:
    """The state after the story's activities came in *order*, cut into batches at *cuts*."""
    story = Story()
    await store.write(seed, story.post_id, story.actor)
    told = story.activities()
    items = [incoming(told[position], story.actor) for position in order]
    edges = sorted({0, *[cut for cut in cuts if cut < len(items)], len(items)})
    for start, end in itertools.pairwise(edges):
        await store.write(process, ADDRESSES, 1, items[start:end])
    return await store.read(state, story)


NUMBER = len(Story().activities())
ARRIVALS = st.builds(
    lambda order, repeats: order + repeats,
    st.permutations(range(NUMBER)),
    st.lists(st.integers(0, NUMBER - 1), max_size=6),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=ARRIVALS, cuts=st.lists(st.integers(1, NUMBER + 5), max_size=5))
async def test_any_order_with_repeats_ends_as_the_true_order(
    store: Store, order: list[int], cuts: list[int]
):
    expected = await outcome(store, list(range(NUMBER)), list(range(NUMBER)))
    assert [row[5] for row in expected["comments"]] == [False, True]
    assert expected["reactions"] == []
    assert expected["followers"] == []
    assert await outcome(store, order, cuts) == expected


@pytest.mark.both_engines
async def test_one_batch_gives_the_same_as_one_by_one(store: Store):
    together = await outcome(store, list(range(NUMBER)), [])
    apart = await outcome(store, list(range(NUMBER)), list(range(NUMBER)))
    assert together == apart


@pytest.mark.both_engines
async def test_backwards_ends_the_same(store: Store):
    forwards = await outcome(store, list(range(NUMBER)), list(range(NUMBER)))
    backwards = await outcome(store, list(reversed(range(NUMBER))), list(range(NUMBER)))
    assert backwards == forwards
