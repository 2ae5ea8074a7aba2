"""Which comments stand on which page below a post: a page begins after a first-level comment, and
has as many of the next ones as its bounds allow, with what is below them."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal, or_, select

from fedblog.domain.comment import CommentStatus
from fedblog.domain.post import PostStatus
from fedblog.storage.columns import octets
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import comments, posts
from fedblog.storage.visibility import PUBLIC, is_public_comment

THREADS = 100
"""First-level comments on one page."""
ANSWERS = 1000
"""Most answers below them that one page loads."""
BYTES = 256 << 10
"""Bytes of the texts on one page unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page of comments: the one that begins after the first-level comment *after*, the one that
    begins with the comment *start*, or the first one."""

    after: str | None = None
    start: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A comment that anyone may read, on the page *place* of the comments of its post. *uri* is its
    id, which is another server's where it was not written here (*is_local*)."""

    place: Place
    uri: str
    is_local: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """A comment that anyone could read and that is deleted, or its post."""

    uri: str
    is_local: bool
    when: datetime


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


_COMMENT = (
    select(
        comments.c.uri,
        comments.c.actor_uri,
        comments.c.status,
        comments.c.visibility,
        comments.c.deleted_at,
        comments.c.post_id,
        posts.c.path,
        posts.c.published_at,
        posts.c.status.label("post_status"),
        posts.c.deleted_at.label("post_deleted_at"),
    )
    .join_from(comments, posts, posts.c.id == comments.c.post_id)
    .where(comments.c.id == bindparam("comment_id"), comments.c.blog_id == bindparam("blog_id"))
)


def _above() -> Any:
    """The way up from a comment, as far as a page can reach down."""
    above = (
        select(comments.c.id, comments.c.parent_id, literal(0).label("steps"))
        .where(comments.c.id == bindparam("comment_id"))
        .cte("above", recursive=True)
    )
    above = above.union_all(
        select(_child.c.id, _child.c.parent_id, above.c.steps + 1)
        .join_from(above, _child, _child.c.id == above.c.parent_id)
        .where(above.c.steps < ANSWERS)
    )
    return select(above.c.id).where(above.c.parent_id.is_(None))


_ROOT_OF = _above()
_SHOWN = ("content_html", "name", "summary", "url", "attachments", "poll", "quotes", "emojis")
"""What a comment has on the page that may be long."""
_SIZE = reduce(add, (octets(func.coalesce(comments.c[name], "")) for name in _SHOWN))
_SIZES = ListStatement(
    lambda listed: select(comments.c.id, comments.c.parent_id, _SIZE.label("size")).where(
        listed(comments.c.id)
    )
)


def find(
    connection: Connection, blog_id: int, path: str, comment_id: str, most_bytes: int = BYTES
) -> Standing | Gone | None:
    """The comment *comment_id* below the post at *path*. None where there is none, and for what was
    never shown to everyone, as if it were not there (S30)."""
    row = connection.execute(_COMMENT, {"comment_id": comment_id, "blog_id": blog_id}).first()
    if row is None or row.path != path or row.published_at is None:
        return None
    if row.status != CommentStatus.APPROVED.value or row.visibility != PUBLIC:
        return None
    is_local = row.actor_uri is None
    if row.deleted_at is not None:
        return Gone(row.uri, is_local, row.deleted_at)
    if row.post_status == PostStatus.DELETED.value:
        return Gone(row.uri, is_local, row.post_deleted_at or row.published_at)
    if row.post_status != PostStatus.PUBLISHED.value:
        return None
    place = page_with(connection, row.post_id, comment_id, most_bytes)
    return Standing(place, row.uri, is_local)


def page_with(
    connection: Connection, post_id: str, comment_id: str, most_bytes: int = BYTES
) -> Place:
    """The page of the post's comments that shows *comment_id*, one that anyone may read: the first
    page where that does, else the one that begins with the first-level comment above it, else the
    one that begins with itself. What this costs does not grow with the number of comments."""
    root = connection.execute(_ROOT_OF, {"comment_id": comment_id}).scalar_one_or_none()
    if root is None:
        return Place(start=comment_id)
    roots = roots_after(connection, post_id, None)[:THREADS]
    if root in roots and _is_loaded(connection, roots, comment_id, most_bytes):
        return Place()
    wanted = {"post_id": post_id, "place": root, "limit": 1}
    before = connection.execute(_ROOTS_BEFORE, wanted).scalar_one_or_none()
    roots = roots_after(connection, post_id, before)[:THREADS]
    if before is not None and _is_loaded(connection, roots, comment_id, most_bytes):
        return Place(after=before)
    return Place(start=comment_id)


def roots_after(connection: Connection, post_id: str, after: str | None) -> list[str]:
    """The first-level comments after *after* (None: from the first one), one more than a page."""
    wanted = {"post_id": post_id, "place": after or "", "limit": THREADS + 1, "offset": 0}
    return list(connection.execute(_ROOTS_AFTER, wanted).scalars())


def loaded(
    connection: Connection, roots: list[str], most_bytes: int
) -> tuple[list[str], list[str], bool]:
    """Of *roots* those that one page loads, what it loads of what is below them, and whether it
    leaves out some of that."""
    below = [row[0] for row in _BELOW.run(connection, roots)]
    fitting, shown_below, is_full = _fitting(connection, roots, below[:ANSWERS], most_bytes)
    return fitting, shown_below, is_full or len(below) > ANSWERS


def _is_loaded(connection: Connection, roots: list[str], comment_id: str, most_bytes: int) -> bool:
    fitting, below, _ = loaded(connection, roots, most_bytes)
    return comment_id in fitting or comment_id in below


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


def is_start(connection: Connection, post_id: str, start: str) -> bool:
    """Whether *start* is a comment of the post that anyone may read."""
    query = select(comments.c.id).where(
        comments.c.id == start, comments.c.post_id == post_id, is_public_comment()
    )
    return connection.execute(query).first() is not None


def after_page(connection: Connection, post_id: str, number: int) -> str | None:
    """The first-level comment after which page *number* (from 2) begins, None past the last."""
    wanted = {"post_id": post_id, "place": "", "limit": 2, "offset": (number - 1) * THREADS - 1}
    roots = connection.execute(_ROOTS_AFTER, wanted).scalars().all()
    return roots[0] if len(roots) == 2 else None


def earlier(connection: Connection, post_id: str, first: str) -> str:
    """The place after which the page before the one that begins with *first* begins; "" for the
    first page."""
    wanted = {"post_id": post_id, "place": first, "limit": THREADS + 1}
    above = connection.execute(_ROOTS_BEFORE, wanted).scalars().all()
    return above[THREADS] if len(above) > THREADS else ""
