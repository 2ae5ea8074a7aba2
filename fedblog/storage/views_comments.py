"""The comments below a post, as a page shows them: threaded, bounded, in a few queries.

What moderators hold back leaves no trace; answers to it move up to the nearest comment that is
shown. What was deleted leaves an empty place where something answers it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from fedblog.storage import comment_pages, counts, views_carried
from fedblog.storage.comment_pages import BYTES, THREADS
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import actors, authors, comments, media
from fedblog.storage.views_carried import Attachment, Emojis, Poll
from fedblog.storage.views_people import Person
from fedblog.storage.visibility import (
    is_public_comment,
    leaves_a_place,
)

LEVELS = 8
"""How deep comments are nested unless the settings say otherwise; deeper ones stay at the last
level."""


@dataclass(frozen=True, slots=True)
class CommentView:
    """One comment in its place. *level* is how deep it is shown (from 0); *answers* names whom a
    comment replies to where its parent is not the one it is shown below. A deleted one has neither
    person nor text. *shows_pictures* is what a moderator decided about its pictures, None where
    nobody has.
    """

    id: str
    uri: str
    level: int
    is_deleted: bool
    person: Person
    url: str
    name: str
    content_html: str
    warning: str
    language: str | None
    published_at: datetime
    edited_at: datetime | None
    attachments: tuple[Attachment, ...]
    likes: int
    shares: int
    answers: str = ""
    sensitive: bool = False
    shows_pictures: bool | None = None
    poll: Poll | None = None
    quotes: tuple[str, ...] = ()
    emojis: Emojis = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """One page of comments in reading order; *is_cut* where more answers exist than it loads.
    *after* is the first-level comment after which it begins (None: the first page), *earlier* and
    *later* are those of the pages beside it: *later* None on the last page, *earlier* None on the
    first and "" on the second."""

    comments: tuple[CommentView, ...]
    after: str | None
    earlier: str | None
    later: str | None
    is_cut: bool


_ROWS = ListStatement(
    lambda listed: (
        select(
            comments.c.id,
            comments.c.uri,
            comments.c.parent_id,
            comments.c.actor_uri,
            comments.c.author_id,
            comments.c.guest_name,
            comments.c.url,
            comments.c.name,
            comments.c.content_html,
            comments.c.summary,
            comments.c.language,
            comments.c.attachments,
            comments.c.sensitive,
            comments.c.media_status,
            comments.c.poll,
            comments.c.quotes,
            comments.c.emojis,
            comments.c.published_at,
            comments.c.edited_at,
            comments.c.deleted_at,
            is_public_comment().label("is_shown"),
            (comments.c.deleted_at.is_not(None)).label("is_deleted"),
            comments.c.status,
            comments.c.visibility,
            actors.c.handle.label("actor_handle"),
            actors.c.host.label("actor_host"),
            actors.c.name.label("actor_name"),
            actors.c.url.label("actor_url"),
            actors.c.avatar_url,
            actors.c.emojis.label("actor_emojis"),
            authors.c.handle.label("author_handle"),
            authors.c.name.label("author_name"),
            media.c.file_name,
        )
        .select_from(
            comments.outerjoin(actors, actors.c.uri == comments.c.actor_uri)
            .outerjoin(authors, authors.c.id == comments.c.author_id)
            .outerjoin(media, media.c.id == authors.c.avatar)
        )
        .where(listed(comments.c.id))
    )
)


def thread(
    connection: Connection,
    post_id: str,
    after: str | None,
    levels: int = LEVELS,
    most_bytes: int = BYTES,
) -> Thread:
    """The comments of a published post: its first-level comments after *after* (None: from the
    first one) with what is below them, nested in at most *levels*. Where what they show gets more
    than *most_bytes*, fewer first-level comments are on the page; of one that alone has more, some
    of the answers are left out."""
    roots = comment_pages.roots_after(connection, post_id, after)
    later = roots[THREADS - 1] if len(roots) > THREADS else None
    roots = roots[:THREADS]
    fitting, below, is_cut = comment_pages.loaded(connection, roots, most_bytes)
    if len(fitting) < len(roots):
        roots, later = fitting, fitting[-1]
    shown = _shown(connection, roots, below, levels)
    earlier = comment_pages.earlier(connection, post_id, roots[0]) if after and roots else None
    return Thread(shown, after, earlier, later, is_cut)


def branch(
    connection: Connection, start: str, levels: int = LEVELS, most_bytes: int = BYTES
) -> Thread:
    """The comment *start* with what is below it, as a page of its own: for those that the page with
    the whole thread leaves out."""
    _, below, is_cut = comment_pages.loaded(connection, [start], most_bytes)
    return Thread(_shown(connection, [start], below, levels), None, "", None, is_cut)


def _shown(
    connection: Connection, roots: list[str], below: list[str], levels: int
) -> tuple[CommentView, ...]:
    rows = {row.id: row for row in _ROWS.run(connection, [*roots, *below])}
    numbers = counts.of(connection, [row.id for row in rows.values() if row.is_shown])
    return _in_order(rows, roots, levels, numbers)


Counted = dict[str, dict[str, int]]


def _in_order(
    rows: dict[str, Any], roots: list[str], levels: int, numbers: Counted
) -> tuple[CommentView, ...]:
    """Depth first, siblings by time; without recursion, for threads of any depth."""
    children: dict[str, list[Any]] = {}
    for row in rows.values():
        if row.parent_id is not None:
            children.setdefault(row.parent_id, []).append(row)
    kept = _kept(rows, children, roots)
    ordered: list[CommentView] = []
    # What is still to be shown, last first, with its depth and the row it is shown below.
    first = sorted((rows[root] for root in roots if root in rows), key=_time, reverse=True)
    stack: list[tuple[Any, int, Any | None]] = [(row, 0, None) for row in first]
    while stack:
        row, depth, parent = stack.pop()
        if row.id in kept:
            ordered.append(_view(row, depth, levels, parent, numbers))
            depth, parent = depth + 1, row
        for child in sorted(children.get(row.id, ()), key=_time, reverse=True):
            stack.append((child, depth, parent))
    return tuple(ordered)


def _kept(rows: dict[str, Any], children: dict[str, list[Any]], roots: list[str]) -> set[str]:
    """What gets a place: what is shown, and the deleted ones above it."""
    kept = {row.id for row in rows.values() if row.is_shown}
    for start in tuple(kept):
        parent = rows[start].parent_id
        while parent in rows and parent not in kept:
            row = rows[parent]
            if leaves_a_place(row):
                kept.add(parent)
            parent = row.parent_id
    return kept


def _time(row: Any) -> tuple[datetime, str]:
    return (row.published_at, row.id)


def _view(row: Any, depth: int, levels: int, parent: Any | None, numbers: Counted) -> CommentView:
    is_deleted = bool(row.is_deleted)
    return CommentView(
        id=row.id,
        uri=row.uri,
        level=min(depth, levels - 1),
        is_deleted=is_deleted,
        person=Person("") if is_deleted else _person(row),
        url="" if is_deleted else row.url,
        name="" if is_deleted else row.name,
        content_html="" if is_deleted else row.content_html,
        warning="" if is_deleted else row.summary,
        language=row.language,
        published_at=row.published_at,
        edited_at=None if is_deleted else row.edited_at,
        attachments=() if is_deleted else views_carried.attachments(row.attachments),
        likes=numbers.get(row.id, counts.NONE).get("likes", 0),
        shares=numbers.get(row.id, counts.NONE).get("shares", 0),
        answers=_person(parent).name if parent is not None and depth >= levels else "",
        sensitive=bool(row.sensitive),
        shows_pictures=None if row.media_status is None else row.media_status == "approved",
        poll=None if is_deleted else views_carried.poll(row.poll),
        quotes=() if is_deleted else views_carried.quotes(row.quotes),
        emojis=() if is_deleted else views_carried.emojis(row.emojis),
    )


def _person(row: Any) -> Person:
    if row.author_id is not None:
        return Person(
            row.author_name,
            row.author_handle,
            author_id=row.author_id,
            avatar_file=row.file_name or "",
        )
    if row.actor_uri is not None:
        return Person(
            row.actor_name or row.actor_handle or "",
            row.actor_handle or "",
            row.actor_host or "",
            row.actor_url or row.actor_uri,
            actor_uri=row.actor_uri,
            avatar_url=row.avatar_url or "",
            emojis=views_carried.emojis(row.actor_emojis),
        )
    return Person(row.guest_name or "")
