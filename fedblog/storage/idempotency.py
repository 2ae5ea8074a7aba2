"""Answers kept by Idempotency-Key, so that a repeated request changes nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, select, update

from fedblog.storage.tables import comments, idempotency_keys
from fedblog.storage.visibility import is_local_comment

GONE = 410
"""The status kept for a request whose object was deleted."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request was answered with; *request_hash* tells it from another under the key."""

    request_hash: str
    status: int
    body: bytes


def find(connection: Connection, author_id: str, key: str) -> KeptAnswer | None:
    """The answer an author's request with *key* got, or None for a new key."""
    row = connection.execute(
        select(
            idempotency_keys.c.request_hash, idempotency_keys.c.status, idempotency_keys.c.body
        ).where(idempotency_keys.c.author_id == author_id, idempotency_keys.c.key == key)
    ).first()
    return KeptAnswer(row.request_hash, row.status, bytes(row.body)) if row else None


def keep(
    connection: Connection,
    author_id: str,
    key: str,
    answer: KeptAnswer,
    object_id: str,
    now: datetime,
) -> None:
    """Keep *answer*, which shows the object *object_id*, under *key*."""
    connection.execute(
        insert(idempotency_keys).values(
            author_id=author_id,
            key=key,
            request_hash=answer.request_hash,
            status=answer.status,
            body=answer.body,
            created_at=now,
            object_id=object_id,
        )
    )


def answer_gone(connection: Connection, object_id: str) -> None:
    """Keep no answer that shows *object_id*, only that it is GONE."""
    _forget(connection, idempotency_keys.c.object_id == object_id)


def answers_below_gone(connection: Connection, post_id: str) -> None:
    """The same for what was written here under the post."""
    ours = select(comments.c.id).where(comments.c.post_id == post_id, is_local_comment())
    _forget(connection, idempotency_keys.c.object_id.in_(ours))


def _forget(connection: Connection, which: ColumnElement[bool]) -> None:
    connection.execute(update(idempotency_keys).where(which).values(status=GONE, body=b""))
