"""Replies that may be forwarded once they stand: the bytes of the activity that brought each.

Only a held comment or an orphan has a row here. It goes when the comment is forwarded, edited,
deleted or marked as spam, and after its term.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, delete, insert

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import unforwarded


@dataclass(frozen=True, slots=True)
class Unforwarded:
    """An activity of *type* about the comment *comment_id*; those of *origins* have it."""

    comment_id: str
    type: str
    body: bytes
    origins: tuple[str, ...]
    received_at: datetime


_DROP = ListStatement(lambda listed: delete(unforwarded).where(listed(unforwarded.c.comment_id)))
_TAKE = ListStatement(
    lambda listed: (
        delete(unforwarded).where(listed(unforwarded.c.comment_id)).returning(*unforwarded.c)
    )
)


def keep_all(connection: Connection, items: Sequence[Unforwarded]) -> None:
    """Keep *items*; what was kept for the same comments must have been dropped."""
    if items:
        connection.execute(
            insert(unforwarded),
            [
                {
                    "comment_id": item.comment_id,
                    "type": item.type,
                    "body": item.body,
                    "origins": orjson.dumps(item.origins).decode(),
                    "received_at": item.received_at,
                }
                for item in items
            ],
        )


def take(connection: Connection, comment_ids: Collection[str]) -> dict[str, Unforwarded]:
    """What is kept for these comments, by comment; it is kept no more."""
    return {
        row.comment_id: Unforwarded(
            row.comment_id, row.type, row.body, tuple(orjson.loads(row.origins)), row.received_at
        )
        for row in _TAKE.run(connection, comment_ids)
    }


def drop(connection: Connection, comment_ids: Collection[str]) -> None:
    """Keep nothing for these comments any more."""
    _DROP.run(connection, comment_ids)
