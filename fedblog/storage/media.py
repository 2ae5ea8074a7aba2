"""Rows of uploaded pictures; the files lie in the data folder."""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, bindparam, exists, insert, or_, select

from fedblog.domain.media import Media
from fedblog.storage.lists import ListStatement, is_among
from fedblog.storage.tables import authors, comments, media, media_uses, posts
from fedblog.storage.upsert import insert_ignoring
from fedblog.storage.visibility import is_living_post

_NAME = re.compile(r"/media/([A-Za-z0-9_-]+\.[a-z0-9]+)")
_above = posts.alias("above")

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

_BY_NAME = ListStatement(
    lambda listed: select(*COLUMNS).where(
        listed(media.c.file_name), media.c.blog_id == bindparam("blog_id")
    )
)
_MOST_PICTURES = 200


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


def in_texts(connection: Connection, blog_id: int, texts: Iterable[str]) -> dict[str, Media]:
    """The uploaded pictures that stand in *texts* (HTML), by file name: of each text the first two
    hundred."""
    names: dict[str, None] = {}
    for text in texts:
        names |= dict.fromkeys(islice((match[1] for match in _NAME.finditer(text)), _MOST_PICTURES))
    rows: Sequence[Any] = _BY_NAME.run(connection, list(names), blog_id=blog_id) if names else ()
    return {row.file_name: _media(row) for row in rows}


def known_files(connection: Connection, names: Collection[str]) -> frozenset[str]:
    """Those of *names* under which a picture is kept."""
    found = select(media.c.file_name).where(is_among(connection, media.c.file_name, Text, names))
    return frozenset(connection.execute(found).scalars())


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


def note_uses(
    connection: Connection,
    blog_id: int,
    object_id: str,
    texts: Iterable[str],
    also: str | None = None,
) -> None:
    """Remember that the pictures named in *texts*, and the one with the id *also*, stand in the
    post or comment *object_id*. What stood there before stays noted: former versions hold it."""
    names: dict[str, None] = {}
    for text in texts:
        names.update(dict.fromkeys(_NAME.findall(text)))
    ids = {also} if also else set()
    if names:
        named = is_among(connection, media.c.file_name, Text, names)
        found = select(media.c.id).where(media.c.blog_id == blog_id, named)
        ids.update(connection.execute(found).scalars())
    rows = [{"media_id": media_id, "object_id": object_id} for media_id in sorted(ids)]
    insert_ignoring(connection, media_uses, rows)


def is_withdrawn(connection: Connection, file_name: str) -> bool:
    """Whether the picture stored as *file_name* stands in nothing but what is deleted. One that
    was uploaded and stands nowhere yet is not withdrawn."""
    used = exists().where(media_uses.c.media_id == media.c.id)
    row = connection.execute(
        select(media.c.id).where(media.c.file_name == file_name, used, ~_is_seen(), ~_is_avatar())
    ).first()
    return row is not None


def _is_seen() -> ColumnElement[bool]:
    """Whether a picture stands in a post or comment that is not deleted."""
    in_post = exists().where(posts.c.id == media_uses.c.object_id, is_living_post())
    in_comment = exists().where(
        comments.c.id == media_uses.c.object_id,
        comments.c.deleted_at.is_(None),
        _above.c.id == comments.c.post_id,
        is_living_post(_above),
    )
    return exists().where(and_(media_uses.c.media_id == media.c.id, or_(in_post, in_comment)))


def _is_avatar() -> ColumnElement[bool]:
    return exists().where(authors.c.avatar == media.c.id)
