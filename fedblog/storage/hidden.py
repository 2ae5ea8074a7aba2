"""What a block hid, kept as it was until the block is lifted.

What was hidden before (by a moderator, by another block) is not kept: that stays as it is.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Text, delete, func, select

from fedblog.domain.comment import CommentStatus
from fedblog.storage.lists import is_among
from fedblog.storage.tables import hidden
from fedblog.storage.upsert import insert_ignoring

COMMENT, REACTION, AUTHORIZATION = "comment", "reaction", "authorization"
KEPT: Mapping[str, tuple[str, ...]] = {
    "comments": ("status", "status_locked"),
    "authorizations": ("state", "decided_at"),
}
"""By table the columns that a block changes."""


def keep_comments(connection: Connection, block_id: str, rows: Sequence[Row[Any]]) -> None:
    """Keep what the comments *rows* are, those apart that are locked as spam."""
    is_hidden = (CommentStatus.SPAM.value, True)
    shown = [row for row in rows if (row.status, bool(row.status_locked)) != is_hidden]
    _keep(connection, block_id, COMMENT, "comments", shown)


def keep_authorizations(connection: Connection, block_id: str, rows: Sequence[Row[Any]]) -> None:
    """Keep what the authorizations *rows* are."""
    _keep(connection, block_id, AUTHORIZATION, "authorizations", rows)


def keep_reactions(connection: Connection, block_id: str, rows: Sequence[Row[Any]]) -> None:
    """Keep the reactions *rows* whole: they are deleted."""
    insert_ignoring(
        connection,
        hidden,
        [
            {
                "kind": REACTION,
                "object_id": row.id,
                "block_id": block_id,
                "actor_uri": row.actor_uri,
                "about": row.comment_id or row.post_id or "",
                "was": _text(row, row._fields),
            }
            for row in rows
        ],
    )


def _keep(
    connection: Connection, block_id: str, kind: str, table: str, rows: Sequence[Row[Any]]
) -> None:
    insert_ignoring(
        connection,
        hidden,
        [
            {
                "kind": kind,
                "object_id": row.id,
                "block_id": block_id,
                "actor_uri": row.actor_uri,
                "about": row.id,
                "was": _text(row, KEPT[table]),
            }
            for row in rows
        ],
    )


def _text(row: Row[Any], names: Collection[str]) -> str:
    return orjson.dumps({str(name): getattr(row, name) for name in names}).decode()


def of_block(connection: Connection, block_id: str, limit: int) -> Sequence[Row[Any]]:
    """At most *limit* things that a block hid."""
    return connection.execute(
        select(hidden)
        .where(hidden.c.block_id == block_id)
        .order_by(hidden.c.kind, hidden.c.object_id)
        .limit(limit)
    ).all()


def numbers(connection: Connection, block_id: str) -> dict[str, int]:
    """How many things of each kind a block hid."""
    rows = connection.execute(
        select(hidden.c.kind, func.count().label("number"))
        .where(hidden.c.block_id == block_id)
        .group_by(hidden.c.kind)
    )
    return {row.kind: row.number for row in rows}


def forget(connection: Connection, kind: str, ids: Collection[str]) -> None:
    """Keep nothing of these things of *kind* any more."""
    if ids:
        connection.execute(
            delete(hidden).where(
                hidden.c.kind == kind, is_among(connection, hidden.c.object_id, Text, sorted(ids))
            )
        )
