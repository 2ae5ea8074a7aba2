"""The people whom pages name: authors over posts, members of the group."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from fedblog.domain.blog import Author
from fedblog.storage import authors as author_rows
from fedblog.storage import counts
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import authors, media, post_authors, posts
from fedblog.storage.visibility import is_public_post

PUBLIC_POST = and_(
    posts.c.blog_id == bindparam("blog_id"),
    is_public_post(),
)
"""What anyone may read of a blog's posts."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is named on a page.

    A local author has *author_id* and perhaps *avatar_file*; a remote actor has *actor_uri*,
    *host* and perhaps *avatar_url*, and *emojis* (shortcode and address) where some stand in
    the name; a guest has a name and perhaps a *url*. *reaction* is the emoji that somebody among
    those who like a post sent instead of a plain like.
    """

    name: str
    handle: str = ""
    host: str = ""
    url: str = ""
    author_id: str | None = None
    actor_uri: str | None = None
    avatar_file: str = ""
    avatar_url: str = ""
    fediverse: str = ""
    emojis: tuple[tuple[str, str], ...] = ()
    reaction: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """An author of the group with what the group page says of them."""

    author: Author
    person: Person
    posts: int


_BYLINES = ListStatement(
    lambda listed: (
        select(
            post_authors.c.post_id,
            post_authors.c.guest_name,
            post_authors.c.guest_url,
            authors.c.id,
            authors.c.name,
            authors.c.handle,
            authors.c.fediverse,
            media.c.file_name,
        )
        .select_from(
            post_authors.outerjoin(authors, authors.c.id == post_authors.c.author_id).outerjoin(
                media, media.c.id == authors.c.avatar
            )
        )
        .where(listed(post_authors.c.post_id))
        .order_by(post_authors.c.post_id, post_authors.c.position)
    )
)
_AUTHOR = (
    select(*author_rows.COLUMNS, media.c.file_name)
    .select_from(authors.outerjoin(media, media.c.id == authors.c.avatar))
    .where(authors.c.blog_id == bindparam("blog_id"))
)
_AUTHOR_BY_HANDLE = _AUTHOR.where(authors.c.handle == bindparam("handle"))
_MEMBERS = _AUTHOR.order_by(authors.c.name, authors.c.id).limit(bindparam("limit"))
MEMBER_LIMIT = 500
"""Most members listed on the page of the group."""


def author(connection: Connection, blog_id: int, handle: str) -> Member | None:
    """The author with *handle* (their posts not counted), or None."""
    row: Any = connection.execute(
        _AUTHOR_BY_HANDLE, {"blog_id": blog_id, "handle": handle.lower()}
    ).first()
    return Member(author_rows.author_of(row), _author(row), 0) if row else None


def members(connection: Connection, blog_id: int, limit: int = MEMBER_LIMIT) -> tuple[Member, ...]:
    """The authors of the blog by name, with the number of their published posts."""
    rows: Sequence[Any] = connection.execute(_MEMBERS, {"blog_id": blog_id, "limit": limit}).all()
    kept = counts.of(connection, [row.id for row in rows])
    numbers = {author_id: found.get("posts", 0) for author_id, found in kept.items()}
    return tuple(
        Member(author_rows.author_of(row), _author(row), numbers.get(row.id, 0)) for row in rows
    )


def faces(connection: Connection, blog_id: int, limit: int) -> tuple[Person, ...]:
    """A few members of the group, by name."""
    rows: Sequence[Any] = connection.execute(_MEMBERS, {"blog_id": blog_id, "limit": limit}).all()
    return tuple(_author(row) for row in rows)


def bylines(connection: Connection, post_ids: Collection[str]) -> dict[str, list[Person]]:
    """Who wrote each of *post_ids*, in the order of the bylines."""
    found: dict[str, list[Person]] = {}
    for row in _BYLINES.run(connection, post_ids):
        person = _author(row) if row.id else Person(row.guest_name or "", url=row.guest_url or "")
        found.setdefault(row.post_id, []).append(person)
    return found


def _author(row: Any) -> Person:
    return Person(
        name=row.name,
        handle=row.handle,
        author_id=row.id,
        avatar_file=row.file_name or "",
        fediverse=row.fediverse,
    )
