"""What is public and what counts is said once, and says what the domain says."""

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

import fedblog
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.reaction import ReactionKind
from fedblog.storage import tables as t
from fedblog.storage import threads, visibility
from fedblog.storage.store import Store

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SAYS_ANEW = re.compile(
    r"c\.visibility\s*==|c\.status\s*==\s*(?:PostStatus\.PUBLISHED|CommentStatus\.APPROVED|[\"'])"
    r"|c\.kind\s*==\s*[\"']announce|reactions\.c\.kind\.in_|status = 'published'"
)


def test_no_other_query_says_what_is_public_or_counts() -> None:
    storage = Path(fedblog.__file__).parent / "storage"
    elsewhere = [
        f"{file.name}: {found[0]}"
        for file in storage.rglob("*.py")
        if file.name not in ("visibility.py", "tables.py")
        for found in SAYS_ANEW.finditer(file.read_text())
    ]
    assert elsewhere == []


async def test_a_comment_is_public_in_sql_as_in_the_domain(store: Store) -> None:
    first = Comment(
        id="",
        blog_id=1,
        uri="",
        post_id="P",
        parent_id=None,
        in_reply_to_uri="x",
        depth=0,
        actor_uri=None,
        author_id=None,
        guest_name="Guest",
        url="",
        name="",
        source_html="",
        content_html="",
        summary="",
        language=None,
        visibility="public",
        status=CommentStatus.APPROVED,
        status_locked=False,
        attachments="[]",
        published_at=NOW,
        received_at=NOW,
    )
    every = [
        replace(
            first, id=f"{n:02}", uri=f"{n:02}", status=status, visibility=seen, deleted_at=deleted
        )
        for n, (status, seen, deleted) in enumerate(
            itertools.product(CommentStatus, ("public", "private"), (None, NOW))
        )
    ]

    def unit(connection: Connection) -> list[str]:
        _blog_and_post(connection)
        threads.insert_all(connection, every)
        query = select(t.comments.c.id).where(visibility.is_public_comment())
        return list(connection.execute(query).scalars())

    assert await store.write(unit) == [item.id for item in every if item.is_shown]


async def test_every_kind_of_reaction_counts_as_a_like_a_boost_or_nothing(store: Store) -> None:
    def unit(connection: Connection) -> dict[str, tuple[bool, bool, bool]]:
        _blog_and_post(connection)
        rows = [
            {
                "id": kind.value,
                "blog_id": 1,
                "object_uri": "x",
                "post_id": "P",
                "comment_id": None,
                "actor_uri": "a",
                "kind": kind.value,
                "emoji": "",
                "created_at": NOW,
            }
            for kind in ReactionKind
        ]
        connection.execute(insert(t.reactions), rows)
        said = connection.execute(
            select(
                t.reactions.c.kind,
                visibility.counts_as_like(),
                visibility.counts_as_boost(),
            )
        )
        return {row[0]: (bool(row[1]), bool(row[2])) for row in said}

    assert await store.write(unit) == {
        "like": (True, False),
        "emoji": (True, False),
        "announce": (False, True),
        "dislike": (False, False),
    }


def _blog_and_post(connection: Connection) -> None:
    texts = {"title": "T", "tagline": "", "group_name": "", "about": "", "language": "en"}
    connection.execute(
        insert(t.blogs).values(
            id=1, handle="blog", time_zone="UTC", created_at=NOW, updated_at=NOW, **texts
        )
    )
    connection.execute(
        insert(t.posts).values(
            id="P",
            blog_id=1,
            version=1,
            status="published",
            title="T",
            slug="t",
            path="/t/",
            content_source="",
            content_format="html",
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
