"""Rows of uploaded pictures; the files lie in the data folder."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, insert, select

from fedblog.domain.media import Media
from fedblog.storage.tables import media

COLUMNS = (
    media.c.id,
    media.c.blog_id,
    media.c.file_name,
    media.c.media_type,
    media.c.width,
    media.c.height,
    media.c.size,
    media.c.alt,
    media.c.caption,
    media.c.credit,
    media.c.created_at,
)


def _media(row: Any) -> Media:
    return Media(*row)


def find(connection: Connection, blog_id: int, ids: Collection[str]) -> dict[str, Media]:
    """The pictures with *ids*, by id; unknown ids are left out."""
    if not ids:
        return {}
    rows = connection.execute(
        select(*COLUMNS).where(media.c.blog_id == blog_id, media.c.id.in_(ids))
    )
    return {row.id: _media(row) for row in rows}


def by_file_name(connection: Connection, file_name: str) -> Media | None:
    """The picture stored as *file_name*, or None."""
    row = connection.execute(select(*COLUMNS).where(media.c.file_name == file_name)).first()
    return _media(row) if row else None


def insert_media(connection: Connection, item: Media) -> None:
    """Store the row of a picture whose file is in its place."""
    connection.execute(
        insert(media).values(
            id=item.id,
            blog_id=item.blog_id,
            file_name=item.file_name,
            media_type=item.media_type,
            width=item.width,
            height=item.height,
            size=item.size,
            alt=item.alt,
            caption=item.caption,
            credit=item.credit,
            created_at=item.created_at,
        )
    )
