"""Which public posts stand on a page of a list, newest first: read along an index, never counted.

A page begins after a post that the address names, so that its cost does not grow with its place,
and a new post does not move what was read.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select, tuple_

from fedblog.storage.columns import UtcDateTime
from fedblog.storage.tables import post_authors, post_terms, posts
from fedblog.storage.visibility import is_public_post


@dataclass(frozen=True, slots=True)
class Place:
    """The posts of one page. *newer* and *older* name the post after which the pages beside it
    begin: *older* is None on the last page, *newer* None on the first and "" on the second."""

    ids: tuple[str, ...]
    newer: str | None
    older: str | None


class Order:
    """A list of posts by the time *at* and *id_*, in which an index has those of *conditions*."""

    def __init__(
        self, at: ColumnElement[Any], id_: ColumnElement[str], *conditions: ColumnElement[bool]
    ) -> None:
        here = tuple_(at, id_)
        anchor = tuple_(bindparam("at", type_=UtcDateTime()), bindparam("id"))
        every = select(at.label("at"), id_.label("id")).where(*conditions)
        downwards = (at.desc(), id_.desc())
        limit: Any = bindparam("limit")
        self.newest = every.order_by(*downwards).limit(limit)
        self.older = every.where(here < anchor).order_by(*downwards).limit(limit)
        self.newer = every.where(here > anchor).order_by(at, id_).limit(limit)
        self.skipping = self.newest.offset(bindparam("offset"))


ALL = Order(
    posts.c.published_at, posts.c.id, posts.c.blog_id == bindparam("blog_id"), is_public_post()
)
BY_AUTHOR = Order(
    post_authors.c.listed_at,
    post_authors.c.post_id,
    post_authors.c.author_id == bindparam("author_id"),
    post_authors.c.listed_at.is_not(None),
)
BY_TERM = Order(
    post_terms.c.listed_at,
    post_terms.c.post_id,
    post_terms.c.kind == bindparam("kind"),
    post_terms.c.slug == bindparam("slug"),
    post_terms.c.listed_at.is_not(None),
)
_WHEN = select(posts.c.published_at).where(
    posts.c.id == bindparam("id"), posts.c.blog_id == bindparam("blog_id")
)


def page(
    connection: Connection, order: Order, before: str | None, size: int, **wanted: Any
) -> Place | None:
    """The page of *size* posts after the post *before*, None for the first page. None where there
    is nothing after it, or no such post; the first page may be empty. *wanted* are the values of
    the order's conditions, *blog_id* among them."""
    if before is None:
        rows = connection.execute(order.newest, {**wanted, "limit": size + 1}).all()
        return Place(_ids(rows[:size]), None, rows[size - 1].id if len(rows) > size else None)
    at = connection.execute(_WHEN, {"id": before, "blog_id": wanted["blog_id"]}).scalar()
    if at is None:
        return None
    anchor = {**wanted, "at": at, "id": before, "limit": size + 1}
    rows = connection.execute(order.older, anchor).all()
    if not rows:
        return None
    first = {**anchor, "at": rows[0].at, "id": rows[0].id}
    above = connection.execute(order.newer, first).all()
    return Place(
        _ids(rows[:size]),
        above[size].id if len(above) > size else "",
        rows[size - 1].id if len(rows) > size else None,
    )


def before_page(
    connection: Connection, order: Order, number: int, size: int, **wanted: Any
) -> str | None:
    """The post after which page *number* (from 2) begins now, or None past the last page."""
    skipped = {**wanted, "limit": 2, "offset": (number - 1) * size - 1}
    rows = connection.execute(order.skipping, skipped).all()
    return rows[0].id if len(rows) == 2 else None


def _ids(rows: Any) -> tuple[str, ...]:
    return tuple(row.id for row in rows)
