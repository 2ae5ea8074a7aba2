"""The tokens of authors' tools: made, named, listed, revoked, and who sends one."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from sqlalchemy import Connection

from fedblog.domain.blog import Author
from fedblog.domain.errors import ConflictError, InvalidFieldError, TakenError
from fedblog.domain.ids import is_id, new_id
from fedblog.publishing.identity import find_author, only_blog
from fedblog.storage import tokens as token_rows
from fedblog.storage.store import Store
from fedblog.storage.tokens import TokenInfo
from fedblog.text.letters import composed

NAME_LENGTH = 100
_PREFIX = "fedblog_"
_USE_NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new *token*, which is told this once, with its *id* and *name*."""

    token: str
    id: str
    name: str


async def issue(store: Store, author: str, name: str | None = None) -> Issued:
    """A new token for the tools of the author whom *author* names; only its hash is stored.

    Without a *name* it is “token”, “token 2”… Raises NotFoundError, InvalidFieldError, and
    TakenError where a token of this author that opens something has the name.
    """
    holder = await find_author(store, author)
    asked = None if name is None else _checked(name)
    token, token_id, now = _PREFIX + secrets.token_urlsafe(32), new_id(), datetime.now(UTC)

    def unit(connection: Connection) -> Issued:
        taken = token_rows.names(connection, holder.id)
        if asked in taken:
            raise TakenError("name", f"another token of {holder.handle} is called {asked}")
        given = asked or next(free for free in _defaults() if free not in taken)
        token_rows.insert_token(connection, token_id, holder.id, given, _hash(token), now)
        return Issued(token, token_id, given)

    return await store.write(unit)


async def list_tokens(
    store: Store, author: str | None = None, *, with_revoked: bool = False
) -> list[TokenInfo]:
    """The tokens of all authors, or of the one whom *author* names, oldest first. Raises
    NotFoundError."""
    blog = await only_blog(store)
    author_id = None if author is None else (await find_author(store, author)).id
    found = await store.read(token_rows.list_all, blog.id)
    return [
        token
        for token in found
        if author_id in (None, token.author_id) and (with_revoked or token.revoked_at is None)
    ]


async def revoke_token(store: Store, token: str, author: str | None = None) -> int:
    """Revoke the token with the id or the name *token*, or given as itself; with *author* only one
    of that author. From the commit on it opens nothing.

    Gives how many were revoked (0: there is no such token, or it is revoked already). Raises
    NotFoundError for an unknown author, ConflictError where several authors' tokens have the name.
    """
    now, blog = datetime.now(UTC), await only_blog(store)
    holder_id = None if author is None else (await find_author(store, author)).id
    name, by_hash = composed(token.strip()), _hash(token)

    def unit(connection: Connection) -> int:
        if number := token_rows.revoke(connection, now, token_hash=by_hash, author_id=holder_id):
            return number
        if number := token_rows.revoke(connection, now, token_id=token, author_id=holder_id):
            return number
        found = [
            one
            for one in token_rows.list_all(connection, blog.id, name=name)
            if one.revoked_at is None and holder_id in (None, one.author_id)
        ]
        if len(found) > 1:
            owners = ", ".join(one.author_handle for one in found)
            raise ConflictError(f"tokens of {owners} are called {name}; say whose (--author)")
        return sum(token_rows.revoke(connection, now, token_id=one.id) for one in found)

    return await store.write(unit)


async def authenticate(store: Store, token: str) -> Author | None:
    """The author whose tool sends *token*, or None.

    It is looked up every time: a revoked token is dead at once, in every process. That it was used
    is noted once an hour.
    """
    found = await store.read(token_rows.holder, _hash(token))
    if found is None:
        return None
    author, token_id, last_used_at = found
    now = datetime.now(UTC)
    if last_used_at is None or now - last_used_at > _USE_NOTED_EVERY:
        await store.write(token_rows.touch, token_id, now)
    return author


def table(found: Sequence[TokenInfo]) -> list[str]:
    """*found* as lines of text, with a heading; none where there is nothing."""
    rows = [
        (
            token.id,
            token.author_handle,
            _day(token.created_at),
            _day(token.last_used_at) if token.last_used_at else "never",
            token.name if token.revoked_at is None else f"{token.name} (revoked)",
        )
        for token in found
    ]
    if not rows:
        return []
    rows.insert(0, ("id", "author", "made", "last used", "name"))
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    return [
        "  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=False)] + [row[-1]])
        for row in rows
    ]


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _checked(name: str) -> str:
    """*name* on one line. Raises InvalidFieldError, also for what would read as an id or a token:
    tokens are revoked by any of the three."""
    line = composed(" ".join(name.split()))
    if not line or len(line) > NAME_LENGTH or not line.isprintable():
        raise InvalidFieldError("name", f"takes one line of 1 to {NAME_LENGTH} characters")
    if is_id(line) or line.startswith(_PREFIX):
        raise InvalidFieldError("name", "may not look like a token or its id")
    return line


def _defaults() -> Iterator[str]:
    yield "token"
    for number in count(2):
        yield f"token {number}"


def _hash(token: str) -> str:
    return sha256(token.strip().encode()).hexdigest()
