"""Access tokens of authors' tools: only a hash of each is stored."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from fedblog.domain.blog import Author
from fedblog.storage.authors import COLUMNS, author_of
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import authors, tokens


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What may be shown of a token: whose it is, what it is called, and when it was made, used and
    revoked."""

    id: str
    name: str
    author_id: str
    author_handle: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def insert_token(
    connection: Connection,
    token_id: str,
    author_id: str,
    name: str,
    token_hash: str,
    now: datetime,
) -> None:
    """Store the hash of a new token."""
    connection.execute(
        insert(tokens).values(
            id=token_id, author_id=author_id, name=name, token_hash=token_hash, created_at=now
        )
    )
    record(connection, Change("tokens"))


def holder(connection: Connection, token_hash: str) -> tuple[Author, str, datetime | None] | None:
    """Whose unrevoked token has *token_hash*, with its id and last use; None for no such token."""
    row = connection.execute(
        select(*COLUMNS, tokens.c.id.label("token_id"), tokens.c.last_used_at)
        .join_from(tokens, authors, authors.c.id == tokens.c.author_id)
        .where(tokens.c.token_hash == token_hash, tokens.c.revoked_at.is_(None))
    ).first()
    return (author_of(row), row.token_id, row.last_used_at) if row else None


def touch(connection: Connection, token_id: str, now: datetime) -> None:
    """Note that a token was used."""
    connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=now))


def revoke(
    connection: Connection,
    now: datetime,
    *,
    token_hash: str | None = None,
    token_id: str | None = None,
    author_id: str | None = None,
) -> int:
    """Revoke the tokens that hold to all that is given; how many there were."""
    statement = update(tokens).where(tokens.c.revoked_at.is_(None)).values(revoked_at=now)
    for column, value in (
        (tokens.c.token_hash, token_hash),
        (tokens.c.id, token_id),
        (tokens.c.author_id, author_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    record(connection, Change("tokens"))
    return connection.execute(statement).rowcount


def names(connection: Connection, author_id: str) -> frozenset[str]:
    """What the tokens of an author that open something are called."""
    rows = connection.execute(
        select(tokens.c.name).where(tokens.c.author_id == author_id, tokens.c.revoked_at.is_(None))
    )
    return frozenset(rows.scalars())


def list_all(connection: Connection, blog_id: int, name: str | None = None) -> list[TokenInfo]:
    """Every token of a blog's authors, or those called *name*, oldest first."""
    query = (
        select(
            tokens.c.id,
            tokens.c.name,
            tokens.c.author_id,
            authors.c.handle,
            tokens.c.created_at,
            tokens.c.last_used_at,
            tokens.c.revoked_at,
        )
        .join_from(tokens, authors, authors.c.id == tokens.c.author_id)
        .where(authors.c.blog_id == blog_id)
        .order_by(tokens.c.id)
    )
    if name is not None:
        query = query.where(tokens.c.name == name)
    return [TokenInfo(*row) for row in connection.execute(query)]
