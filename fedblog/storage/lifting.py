"""What a block hid comes back when it is lifted, as long work in slices.

What was decided or deleted meanwhile stays so, and what another block holds goes over to that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Text, select, update

from fedblog.domain.authorization import AuthorizationState
from fedblog.domain.comment import CommentStatus
from fedblog.storage import actors as actor_rows
from fedblog.storage import blocks as block_rows
from fedblog.storage import hidden as hidden_rows
from fedblog.storage.changes import Change, record
from fedblog.storage.hidden import AUTHORIZATION, COMMENT, REACTION
from fedblog.storage.inboxes import host_of
from fedblog.storage.lists import is_among
from fedblog.storage.slices import State, Step
from fedblog.storage.tables import (
    actors,
    authorizations,
    blocks,
    comments,
    hidden,
    posts,
    reactions,
)
from fedblog.storage.upsert import insert_ignoring
from fedblog.storage.visibility import is_living_post

LIFT = "lift_block"
"""The kind of job; its key is the block's id."""
_MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Lifted:
    """What a block that is lifted had hidden, and how many people it had cut off from following."""

    comments: int
    reactions: int
    followers: int


def lifted(connection: Connection, block_id: str) -> Lifted:
    """What lifting the block will bring back, and what not."""
    numbers = hidden_rows.numbers(connection, block_id)
    followers = connection.scalar(select(blocks.c.followers).where(blocks.c.id == block_id))
    return Lifted(numbers.get(COMMENT, 0), numbers.get(REACTION, 0), followers or 0)


def start(blog_id: int, block_id: str) -> State:
    """Where the work for a block begins."""
    return {"block": block_id, "blog_id": blog_id}


def lift(connection: Connection, state: State, limit: int) -> Step:
    """One step for a block that is lifted (`slices.Work`): what has come back is not kept any more,
    so that the same look finds the next."""
    limit = min(limit, _MOST_ROWS)
    rows = hidden_rows.of_block(connection, state["block"], limit)
    if not rows:
        return Step(0, None)
    uris = {row.actor_uri for row in rows}
    actor_rows.take_turns(connection, sorted(uris))
    held = block_rows.holding(connection, state["blog_id"], [(uri, host_of(uri)) for uri in uris])
    for kind, bring_back in _BRINGING.items():
        ours = [row for row in rows if row.kind == kind]
        free = [row for row in ours if row.actor_uri not in held]
        _hand_over(connection, kind, [row for row in ours if row.actor_uri in held], held)
        if free:
            bring_back(connection, free)
            hidden_rows.forget(connection, kind, [row.object_id for row in free])
    return Step(len(rows), state if len(rows) == limit else None)


def _hand_over(
    connection: Connection, kind: str, rows: Sequence[Row[Any]], held: dict[str, str]
) -> None:
    by_block: dict[str, list[str]] = {}
    for row in rows:
        by_block.setdefault(held[row.actor_uri], []).append(row.object_id)
    for block_id, ids in sorted(by_block.items()):
        connection.execute(
            update(hidden)
            .where(hidden.c.kind == kind, is_among(connection, hidden.c.object_id, Text, ids))
            .values(block_id=block_id)
        )


def _comments(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    by_status: dict[tuple[str, bool], list[str]] = {}
    for row in rows:
        was = orjson.loads(row.was)
        status = (was["status"], bool(was["status_locked"]))
        by_status.setdefault(status, []).append(row.object_id)
    below: set[str] = set()
    for (name, is_locked), ids in sorted(by_status.items()):
        below.update(
            post_id
            for post_id in connection.execute(
                update(comments)
                .where(
                    is_among(connection, comments.c.id, Text, ids),
                    comments.c.status == CommentStatus.SPAM.value,
                    comments.c.deleted_at.is_(None),
                )
                .values(status=name, status_locked=is_locked)
                .returning(comments.c.post_id)
            ).scalars()
            if post_id is not None
        )
    record(connection, *(Change("comments", post_id) for post_id in sorted(below)))


def _reactions(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    """Those whose post or comment still stands, and whose actor is not gone."""
    kept = [orjson.loads(row.was) for row in rows]
    about = sorted({row.about for row in rows})
    gone = set(
        connection.execute(
            select(actors.c.uri).where(
                is_among(connection, actors.c.uri, Text, sorted({row.actor_uri for row in rows})),
                actors.c.deleted_at.is_not(None),
            )
        ).scalars()
    )
    living = set(
        connection.execute(
            select(posts.c.id).where(
                is_among(connection, posts.c.id, Text, about), is_living_post()
            )
        ).scalars()
    )
    above = {
        row.id: row.post_id
        for row in connection.execute(
            select(comments.c.id, comments.c.post_id).where(
                is_among(connection, comments.c.id, Text, about), comments.c.deleted_at.is_(None)
            )
        )
    }
    back = [
        {**item, "created_at": datetime.fromisoformat(item["created_at"])}
        for item in kept
        if item["actor_uri"] not in gone
        and (item["comment_id"] in above if item["comment_id"] else item["post_id"] in living)
    ]
    insert_ignoring(connection, reactions, back)
    said = {Change("reactions", item["post_id"]) for item in back if item["post_id"]}
    for item in back:
        if item["comment_id"] and above[item["comment_id"]]:
            said.add(Change("comments", above[item["comment_id"]]))
    record(connection, *sorted(said))


def _authorizations(connection: Connection, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        was = orjson.loads(row.was)
        decided = was["decided_at"]
        connection.execute(
            update(authorizations)
            .where(
                authorizations.c.id == row.object_id,
                authorizations.c.state == AuthorizationState.REVOKED.value,
            )
            .values(
                state=was["state"],
                decided_at=datetime.fromisoformat(decided) if decided else None,
            )
        )
    record(connection, *(Change("authorization", row.object_id) for row in rows))


_BRINGING = {COMMENT: _comments, REACTION: _reactions, AUTHORIZATION: _authorizations}
