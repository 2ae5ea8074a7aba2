"""The comments below a post, as a page shows them: threaded, bounded, in a few queries.

What moderators hold back leaves no trace; answers to it move up to the nearest comment that is
shown. What was deleted leaves an empty place where something answers it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from fedblog.storage import counts, views_carried
from fedblog.storage.columns import octets
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import actors, authors, comments, media
from fedblog.storage.views_carried import Attachment, Emojis, Poll
from fedblog.storage.views_people import Person
from fedblog.storage.visibility import (
    is_public_comment,
    leaves_a_place,
)

THREADS = 100
"""First-level comments on one page."""
ANSWERS = 1000
"""Most answers below them that one page loads."""
BYTES = 256 << 10
"""Bytes of the texts on one page unless the settings say otherwise."""
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


_child = comments.alias("child")
_ROOTS = select(comments.c.id).where(
    comments.c.post_id == bindparam("post_id"),
    comments.c.parent_id.is_(None),
    or_(
        is_public_comment(),
        # Not EXISTS, for which PostgreSQL would gather the answers to all comments first.
        select(_child.c.id)
        .where(_child.c.parent_id == comments.c.id)
        .limit(1)
        .scalar_subquery()
        .is_not(None),
    ),
)
_ROOTS_AFTER = (
    _ROOTS.where(comments.c.id > bindparam("place"))
    .order_by(comments.c.id)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_PLACE = select(comments.c.id).where(
    comments.c.id == bindparam("place"),
    comments.c.post_id == bindparam("post_id"),
    comments.c.parent_id.is_(None),
)
_ROOTS_BEFORE = (
    _ROOTS.where(comments.c.id < bindparam("place"))
    .order_by(comments.c.id.desc())
    .limit(bindparam("limit"))
)


def _below(listed: Any) -> Any:
    tree = select(comments.c.id).where(listed(comments.c.parent_id)).cte("tree", recursive=True)
    tree = tree.union_all(
        select(_child.c.id).join_from(_child, tree, _child.c.parent_id == tree.c.id)
    )
    return select(tree.c.id).limit(ANSWERS + 1)


_BELOW = ListStatement(_below)
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


_SHOWN = ("content_html", "name", "summary", "url", "attachments", "poll", "quotes", "emojis")
"""What a comment has on the page that may be long."""
_SIZE = reduce(add, (octets(func.coalesce(comments.c[name], "")) for name in _SHOWN))
_SIZES = ListStatement(
    lambda listed: select(comments.c.id, comments.c.parent_id, _SIZE.label("size")).where(
        listed(comments.c.id)
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
    wanted = {"post_id": post_id, "place": after or "", "limit": THREADS + 1, "offset": 0}
    roots = list(connection.execute(_ROOTS_AFTER, wanted).scalars())
    later = roots[THREADS - 1] if len(roots) > THREADS else None
    roots = roots[:THREADS]
    below = [row[0] for row in _BELOW.run(connection, roots)]
    is_cut = len(below) > ANSWERS
    fitting, shown_below, is_full = _fitting(connection, roots, below[:ANSWERS], most_bytes)
    if len(fitting) < len(roots):
        roots, later = fitting, fitting[-1]
    is_cut = is_cut or is_full
    rows = {row.id: row for row in _ROWS.run(connection, [*roots, *shown_below])}
    numbers = counts.of(connection, [row.id for row in rows.values() if row.is_shown])
    shown = _in_order(rows, roots, levels, numbers)
    earlier = _earlier(connection, post_id, roots[0]) if after and roots else None
    return Thread(shown, after, earlier, later, is_cut)


def _fitting(
    connection: Connection, roots: list[str], below: list[str], most_bytes: int
) -> tuple[list[str], list[str], bool]:
    """Of *roots*, as many from the first on as fit with what is below them into *most_bytes*, at
    least one; which of *below* hang there; and whether some of the one did not fit."""
    found = {row.id: row for row in _SIZES.run(connection, [*roots, *below])}
    sizes = {root: found[root].size for root in roots if root in found}
    root_of = {root: root for root in roots}
    below = [id_ for id_ in below if id_ in found]
    for id_ in below:
        way = []
        above: str | None = id_
        while above is not None and above in found and above not in root_of:
            way.append(above)
            above = found[above].parent_id
        root = root_of.get(above or "", "")
        root_of.update(dict.fromkeys(way, root))
        sizes[root] = sizes.get(root, 0) + found[id_].size
    fitting: list[str] = []
    total = 0
    for root in roots:
        total += sizes.get(root, 0)
        if fitting and total > most_bytes:
            break
        fitting.append(root)
    wanted = set(fitting)
    there = [id_ for id_ in below if root_of.get(id_) in wanted]
    if len(fitting) > 1 or sizes.get(roots[0] if roots else "", 0) <= most_bytes:
        return fitting, there, False
    left = most_bytes - (found[roots[0]].size if roots[0] in found else 0)
    kept: list[str] = []
    for id_ in there:  # nearest first: what answers something comes after it
        left -= found[id_].size
        if left < 0:
            break
        kept.append(id_)
    return fitting, kept, len(kept) < len(there)


def is_place(connection: Connection, post_id: str, after: str) -> bool:
    """Whether *after* is a first-level comment of the post, shown or not: who makes ids up would
    have the same page made under any number of addresses."""
    wanted = {"post_id": post_id, "place": after}
    return connection.execute(_PLACE, wanted).first() is not None


def after_page(connection: Connection, post_id: str, number: int) -> str | None:
    """The first-level comment after which page *number* (from 2) begins, None past the last."""
    wanted = {"post_id": post_id, "place": "", "limit": 2, "offset": (number - 1) * THREADS - 1}
    roots = connection.execute(_ROOTS_AFTER, wanted).scalars().all()
    return roots[0] if len(roots) == 2 else None


def _earlier(connection: Connection, post_id: str, first: str) -> str:
    wanted = {"post_id": post_id, "place": first, "limit": THREADS + 1}
    above = connection.execute(_ROOTS_BEFORE, wanted).scalars().all()
    return above[THREADS] if len(above) > THREADS else ""


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
