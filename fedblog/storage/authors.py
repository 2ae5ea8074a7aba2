"""Rows of local authors."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from fedblog.domain.blog import Author
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import authors

COLUMNS = (
    authors.c.id,
    authors.c.blog_id,
    authors.c.handle,
    authors.c.name,
    authors.c.about,
    authors.c.url,
    authors.c.fediverse,
    authors.c.avatar,
    authors.c.role,
    authors.c.created_at,
    authors.c.updated_at,
)


def author_of(row: Any) -> Author:
    """The author in a row that begins with COLUMNS."""
    return Author(*row[: len(COLUMNS)])


def list_all(connection: Connection, blog_id: int) -> list[Author]:
    """Every author of a blog, by handle."""
    rows = connection.execute(
        select(*COLUMNS).where(authors.c.blog_id == blog_id).order_by(authors.c.handle)
    )
    return [author_of(row) for row in rows]


def find(connection: Connection, ids: Collection[str]) -> dict[str, Author]:
    """The authors with *ids*, by id; unknown ids are left out."""
    if not ids:
        return {}
    rows = connection.execute(select(*COLUMNS).where(authors.c.id.in_(ids)))
    return {row.id: author_of(row) for row in rows}


def by_handle(connection: Connection, blog_id: int, handle: str) -> Author | None:
    """The author with *handle* (stored in lower case), or None."""
    row = connection.execute(
        select(*COLUMNS).where(authors.c.blog_id == blog_id, authors.c.handle == handle.lower())
    ).first()
    return author_of(row) if row else None


def named(connection: Connection, blog_id: int, text: str) -> list[Author]:
    """The authors whom *text* names: by id or handle, else by the exact display name."""
    rows = connection.execute(
        select(*COLUMNS).where(
            authors.c.blog_id == blog_id,
            (authors.c.id == text) | (authors.c.handle == text.removeprefix("@").lower()),
        )
    ).all()
    if not rows:
        rows = connection.execute(
            select(*COLUMNS)
            .where(authors.c.blog_id == blog_id, authors.c.name == text)
            .order_by(authors.c.id)
        ).all()
    return [author_of(row) for row in rows]


def insert_author(connection: Connection, author: Author) -> None:
    """Store a new author."""
    connection.execute(
        insert(authors).values(
            id=author.id,
            blog_id=author.blog_id,
            handle=author.handle,
            name=author.name,
            about=author.about,
            url=author.url,
            fediverse=author.fediverse,
            avatar=author.avatar,
            role=author.role,
            created_at=author.created_at,
            updated_at=author.updated_at,
        )
    )
    record(connection, Change("author", author.id))


def update_author(connection: Connection, author_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of an author."""
    connection.execute(update(authors).where(authors.c.id == author_id).values(**values))
    record(connection, Change("author", author_id))
