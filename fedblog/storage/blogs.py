"""The row of a blog."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from fedblog.domain.blog import Blog
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import blogs

_COLUMNS = (
    blogs.c.id,
    blogs.c.handle,
    blogs.c.title,
    blogs.c.tagline,
    blogs.c.group_name,
    blogs.c.about,
    blogs.c.language,
    blogs.c.time_zone,
    blogs.c.created_at,
    blogs.c.updated_at,
)


def _blog(row: Any) -> Blog:
    return Blog(*row)


def first(connection: Connection) -> Blog | None:
    """The server's blog, or None before the first start."""
    row = connection.execute(select(*_COLUMNS).order_by(blogs.c.id).limit(1)).first()
    return _blog(row) if row else None


def get(connection: Connection, blog_id: int) -> Blog:
    """The blog *blog_id*; raises sqlalchemy's NoResultFound where there is none."""
    return _blog(connection.execute(select(*_COLUMNS).where(blogs.c.id == blog_id)).one())


def insert_blog(connection: Connection, blog: Blog) -> None:
    """Store a new blog."""
    connection.execute(
        insert(blogs).values(
            id=blog.id,
            handle=blog.handle,
            title=blog.title,
            tagline=blog.tagline,
            group_name=blog.group_name,
            about=blog.about,
            language=blog.language,
            time_zone=blog.time_zone,
            created_at=blog.created_at,
            updated_at=blog.updated_at,
        )
    )
    record(connection, Change("blog"))


def update_blog(connection: Connection, blog_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a blog."""
    connection.execute(update(blogs).where(blogs.c.id == blog_id).values(**values))
    record(connection, Change("blog"))
