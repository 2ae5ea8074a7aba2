"""What stands at a post's path: the post page, a former path, a deleted post, or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, and_, bindparam, exists, func, not_, select, tuple_

from fedblog.domain.addresses import Addresses, comment_path
from fedblog.domain.blog import Blog
from fedblog.domain.media import Media
from fedblog.domain.post import PostStatus
from fedblog.storage import blogs as blog_rows
from fedblog.storage import (
    comment_pages,
    resolving,
    views,
    views_carried,
    views_comments,
    views_people,
)
from fedblog.storage import media as media_rows
from fedblog.storage.columns import UtcDateTime
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import actors, comments, media, permalinks, posts, reactions
from fedblog.storage.views import Card
from fedblog.storage.views_comments import Thread
from fedblog.storage.views_people import Person
from fedblog.storage.visibility import (
    beyond_indexes,
    counts_as_like,
    is_about_post,
    is_like_of_same_person,
    is_public_post,
)

FACES = 12
"""Faces of people who like a post."""
MEMBERS = 4
"""Faces of members in the box of the group."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The post before or after."""

    title: str
    path: str
    language: str


@dataclass(frozen=True, slots=True)
class PostPage:
    """Everything that a post's page shows."""

    blog: Blog
    post: Card
    comments_policy: str
    faces: tuple[Person, ...]
    thread: Thread
    previous: Neighbour | None
    next: Neighbour | None
    members: tuple[Person, ...]
    pictures: dict[str, Media]


@dataclass(frozen=True, slots=True)
class Moved:
    """A former path: the post stands at *path* now."""

    path: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A post that was deleted."""

    blog: Blog
    post_id: str
    deleted_at: datetime | None


_PICTURE = tuple(column.label(f"picture_{column.name}") for column in media_rows.COLUMNS)
_POST = (
    select(posts, *_PICTURE)
    .select_from(posts.outerjoin(media, media.c.id == posts.c.featured_media))
    .where(posts.c.blog_id == bindparam("blog_id"), posts.c.path == bindparam("path"))
)
_POST_ID = select(posts.c.id, posts.c.status).where(
    posts.c.blog_id == bindparam("blog_id"), posts.c.path == bindparam("path")
)
_PLACE_OF_POST = select(posts.c.id, posts.c.path, posts.c.status, posts.c.deleted_at).where(
    posts.c.id == bindparam("id")
)
_PLACE_OF_COMMENT = (
    select(posts.c.path)
    .join_from(comments, posts, posts.c.id == comments.c.post_id)
    .where(comments.c.id == bindparam("id"))
)
_FORMER = (
    select(posts.c.id, posts.c.path, posts.c.status, posts.c.deleted_at)
    .join_from(permalinks, posts, posts.c.id == permalinks.c.post_id)
    .where(permalinks.c.blog_id == bindparam("blog_id"), permalinks.c.path == bindparam("path"))
)
_PUBLISHED = and_(
    posts.c.blog_id == bindparam("blog_id"),
    is_public_post(),
)
_NEIGHBOUR = select(posts.c.title, posts.c.path, posts.c.language)
_PLACE = tuple_(posts.c.published_at, posts.c.id)
_HERE = tuple_(bindparam("at", type_=UtcDateTime()), bindparam("id"))
_PREVIOUS = (
    _NEIGHBOUR.where(
        _PUBLISHED,
        _PLACE < _HERE,
    )
    .order_by(posts.c.published_at.desc(), posts.c.id.desc())
    .limit(1)
)
_NEXT = (
    _NEIGHBOUR.where(
        _PUBLISHED,
        _PLACE > _HERE,
    )
    .order_by(posts.c.published_at, posts.c.id)
    .limit(1)
)
_other = reactions.alias("other")
_IS_SAME_PERSON = is_like_of_same_person(_other)
_EMOJI = select(func.max(_other.c.emoji)).where(_IS_SAME_PERSON).scalar_subquery()
_LIKERS = (
    select(reactions.c.actor_uri, _EMOJI.label("emoji"))
    .where(
        reactions.c.post_id == bindparam("post_id"),
        is_about_post(),
        counts_as_like(),
        not_(exists().where(_IS_SAME_PERSON, beyond_indexes(_other.c.id) > reactions.c.id)),
    )
    .order_by(reactions.c.id.desc())
    .limit(FACES)
)
_ACTORS = ListStatement(
    lambda listed: select(
        actors.c.uri,
        actors.c.handle,
        actors.c.host,
        actors.c.name,
        actors.c.url,
        actors.c.avatar_url,
        actors.c.emojis,
    ).where(listed(actors.c.uri))
)
_READABLE = (PostStatus.PUBLISHED.value, PostStatus.DELETED.value)


def find(
    connection: Connection,
    blog_id: int,
    path: str,
    after: str | None,
    levels: int = views_comments.LEVELS,
    most_bytes: int = comment_pages.BYTES,
    *,
    start: str | None = None,
) -> PostPage | Moved | Gone | None:
    """What stands at *path*, with the comments after the first-level comment *after*, or those from
    the comment *start* down, nested in at most *levels*. None also where there is no such comment,
    or none follows it; a page may be empty where what follows is not shown, and lead on to one that
    is not."""
    row = connection.execute(_POST, {"blog_id": blog_id, "path": path}).first()
    if row is None:
        return former(connection, blog_id, path)
    if row.status == PostStatus.DELETED.value:
        return Gone(blog_rows.get(connection, blog_id), row.id, row.deleted_at)
    if row.status != PostStatus.PUBLISHED.value or row.published_at is None:
        return None
    if after is not None and not comment_pages.is_place(connection, row.id, after):
        return None
    if start is not None:
        if after is not None or not comment_pages.is_start(connection, row.id, start):
            return None
        thread = views_comments.branch(connection, start, levels, most_bytes)
    else:
        thread = views_comments.thread(connection, row.id, after, levels, most_bytes)
    if after is not None and thread.earlier is None:
        return None
    (post,) = views.cards(connection, [row], with_counts=True)
    place = {"blog_id": blog_id, "at": row.published_at, "id": row.id}
    return PostPage(
        blog=blog_rows.get(connection, blog_id),
        post=post,
        comments_policy=row.comments,
        faces=_faces(connection, row.id) if post.likes else (),
        thread=thread,
        previous=_neighbour(connection, _PREVIOUS, place),
        next=_neighbour(connection, _NEXT, place),
        members=views_people.faces(connection, blog_id, MEMBERS),
        pictures=media_rows.in_texts(connection, blog_id, [post.content_html]),
    )


def after_page(connection: Connection, blog_id: int, path: str, number: int) -> str | None:
    """The first-level comment after which page *number* (from 2) of the comments of the post at
    *path* begins. None where there is no such page."""
    found = identify(connection, blog_id, path)
    if not isinstance(found, str):
        return None
    return comment_pages.after_page(connection, found, number)


def identify(connection: Connection, blog_id: int, path: str) -> str | Moved | None:
    """The id of the public (or deleted) post at *path*, or where it went."""
    row: Any = connection.execute(_POST_ID, {"blog_id": blog_id, "path": path}).first()
    if row is not None:
        return str(row.id) if row.status in _READABLE else None
    found = former(connection, blog_id, path)
    return found.post_id if isinstance(found, Gone) else found


def elsewhere(
    connection: Connection, addresses: Addresses, blog_id: int, path: str
) -> Moved | Gone | None:
    """Where what *path*, at which nothing stands, was given out for stands now: a post or comment
    under a former path, or under another spelling of its own."""
    found = resolving.one(connection, addresses, blog_id, addresses.base_url + quote(path))
    if found is None or found.kind not in ("post", "comment"):
        return None
    if found.kind == "post":
        row = connection.execute(_PLACE_OF_POST, {"id": found.key}).first()
        place = None if row is None else _place(connection, blog_id, row)
        return place if place != Moved(path) else None
    row = connection.execute(_PLACE_OF_COMMENT, {"id": found.key}).first()
    if row is None or row.path is None:
        return None
    if comment_pages.find(connection, blog_id, row.path, found.key) is None:
        return None
    now = comment_path(row.path, found.key)
    return Moved(now) if now != path else None


def former(connection: Connection, blog_id: int, path: str) -> Moved | Gone | None:
    """Where the post that once stood at *path* stands now."""
    row = connection.execute(_FORMER, {"blog_id": blog_id, "path": path}).first()
    return None if row is None else _place(connection, blog_id, row)


def _place(connection: Connection, blog_id: int, row: Any) -> Moved | Gone | None:
    if row.path is None:
        return None
    if row.status == PostStatus.DELETED.value:
        return Gone(blog_rows.get(connection, blog_id), row.id, row.deleted_at)
    return Moved(row.path) if row.status == PostStatus.PUBLISHED.value else None


def _neighbour(connection: Connection, statement: Any, place: dict[str, Any]) -> Neighbour | None:
    row = connection.execute(statement, place).first()
    return Neighbour(row.title, row.path, row.language) if row else None


def _faces(connection: Connection, post_id: str) -> tuple[Person, ...]:
    sent = {row.actor_uri: row.emoji for row in connection.execute(_LIKERS, {"post_id": post_id})}
    known = {row.uri: row for row in _ACTORS.run(connection, list(sent))}
    return tuple(
        Person(
            known[uri].name or known[uri].handle,
            known[uri].handle,
            known[uri].host,
            known[uri].url or uri,
            actor_uri=uri,
            avatar_url=known[uri].avatar_url,
            emojis=views_carried.emojis(known[uri].emojis),
            reaction=emoji,
        )
        if uri in known
        else Person("", url=uri, actor_uri=uri, reaction=emoji)
        for uri, emoji in sent.items()
    )


@dataclass(frozen=True, slots=True)
class Face:
    """Where the picture of a remote actor lies."""

    avatar_url: str


def face(connection: Connection, uri: str) -> Face | None:
    """The face of a remote actor whom readers see, or None."""
    if not views_carried.is_shown(connection, uri):
        return None
    rows: Sequence[Any] = _ACTORS.run(connection, [uri])
    return Face(rows[0].avatar_url) if rows else None
