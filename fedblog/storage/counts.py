"""The kept counts: how many comments, likes, posts, followers there are, without counting them.

Written by triggers alone (counting.py), in the transaction that changes what is counted.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

from sqlalchemy import Connection, bindparam, func, select

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import counts

Kind = Literal[
    "comments", "replies", "likes", "shares", "reached", "posts", "followers", "outbox",
    "local comments",
]  # fmt: skip
"""*comments*, *likes*, *shares* and *reached* (followers whose inbox took its Create) of a post, by
its id; *replies*, *likes* and *shares* of a comment; public *posts* of a blog, an author or a term;
*followers* of a local actor, and what its *outbox* lists; *local comments* of a blog."""
NONE: Final[dict[str, int]] = {}

_BY_KEY = ListStatement(
    lambda listed: (
        select(counts.c.key, counts.c.kind, func.sum(counts.c.number))
        .where(listed(counts.c.key))
        .group_by(counts.c.key, counts.c.kind)
    )
)
_ONE = select(func.coalesce(func.sum(counts.c.number), 0)).where(
    counts.c.key == bindparam("key"), counts.c.kind == bindparam("kind")
)


def of(connection: Connection, keys: Collection[str]) -> dict[str, dict[str, int]]:
    """What is counted of each of *keys*, by kind; what there is none of is left out."""
    found: dict[str, dict[str, int]] = {}
    rows: Sequence[Any] = _BY_KEY.run(connection, keys)
    for key, kind, number in rows:
        found.setdefault(key, {})[kind] = int(number)
    return found


def one(connection: Connection, kind: Kind, key: str) -> int:
    """The count *kind* of *key*."""
    return int(connection.execute(_ONE, {"key": key, "kind": kind}).scalar_one())


def blog_key(blog_id: int) -> str:
    """The key of what is counted of a blog."""
    return str(blog_id)


def owner_key(blog_id: int, owner: str) -> str:
    """The key of what is counted of a local actor."""
    return f"{blog_id}/{owner}"


def term_key(blog_id: int, kind: str, slug: str) -> str:
    """The key of what is counted of a tag or category."""
    return f"{blog_id}/{kind}/{slug}"
