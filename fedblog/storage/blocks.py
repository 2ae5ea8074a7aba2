"""Rows of blocks: domains with their subdomains, and single actors."""

from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
)

from fedblog.domain.block import Block
from fedblog.domain.origins import bare_host
from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import actors, blocks, followers
from fedblog.storage.tables import inboxes as inbox_rows

_HELD = ListStatement(
    lambda listed: select(blocks.c.domain, blocks.c.actor_uri, blocks.c.id).where(
        blocks.c.blog_id == bindparam("blog_id"),
        or_(listed(blocks.c.domain), listed(blocks.c.actor_uri)),
    )
)

_COLUMNS = (
    blocks.c.id,
    blocks.c.blog_id,
    blocks.c.domain,
    blocks.c.actor_uri,
    blocks.c.created_at,
)


def all_of(connection: Connection, blog_id: int) -> list[Block]:
    """Every block of a blog, oldest first."""
    return list_page(connection, blog_id, after=None, limit=None)


def list_page(
    connection: Connection, blog_id: int, *, after: str | None, limit: int | None
) -> list[Block]:
    """Blocks by id, beginning above the id *after*."""
    query = select(*_COLUMNS).where(blocks.c.blog_id == blog_id).order_by(blocks.c.id)
    if after is not None:
        query = query.where(blocks.c.id > after)
    if limit is not None:
        query = query.limit(limit)
    return [Block(*row) for row in connection.execute(query)]


def find(
    connection: Connection, blog_id: int, *, domain: str | None, actor_uri: str | None
) -> Block | None:
    """The block of just this domain or actor, or None."""
    column, value = (
        (blocks.c.domain, domain) if domain is not None else (blocks.c.actor_uri, actor_uri)
    )
    row = connection.execute(
        select(*_COLUMNS).where(blocks.c.blog_id == blog_id, column == value)
    ).first()
    return Block(*row) if row else None


def held(connection: Connection, blog_id: int, actors: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Those of *actors* (id and host) that are blocked, by themselves or by a domain."""
    names = {uri: [uri, *_levels(host)] for uri, host in actors}
    asked = {name for listed in names.values() for name in listed}
    rows = _HELD.run(connection, asked, blog_id=blog_id)
    found = {value for row in rows for value in (row.domain, row.actor_uri)}
    return frozenset(uri for uri, listed in names.items() if not found.isdisjoint(listed))


def holding(
    connection: Connection, blog_id: int, actors: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Those of *actors* (id and host) that are blocked, and by which block."""
    names = {uri: [uri, *_levels(host)] for uri, host in actors}
    asked = {name for listed in names.values() for name in listed}
    found: dict[str, str] = {}
    for row in _HELD.run(connection, asked, blog_id=blog_id):
        found[row.domain if row.domain is not None else row.actor_uri] = row.id
    return {uri: found[name] for uri, listed in names.items() for name in listed if name in found}


def domains(connection: Connection, blog_id: int) -> frozenset[str]:
    """The blocked domains."""
    return frozenset(connection.execute(_DOMAINS, {"blog_id": blog_id}).scalars())


def is_below(host: str, domains: Collection[str]) -> bool:
    """Whether *host* or a domain above it is among *domains*."""
    return any(name in domains for name in _levels(host))


def inboxes(connection: Connection, blog_id: int) -> frozenset[str]:
    """The inboxes that are a blocked actor's own."""
    return frozenset(connection.execute(_INBOXES, {"blog_id": blog_id}).scalars())


def has_own_inbox() -> ColumnElement[bool]:
    """Whether an actor's inbox is its alone: there are servers where all have one, as their shared
    one or only as that of each."""
    others = exists().where(
        inbox_rows.c.url == actors.c.inbox,
        followers.c.inbox_id == inbox_rows.c.id,
        followers.c.actor_uri != actors.c.uri,
    )
    return and_(actors.c.inbox.is_distinct_from(actors.c.shared_inbox), ~others)


_DOMAINS = select(blocks.c.domain).where(
    blocks.c.blog_id == bindparam("blog_id"), blocks.c.domain.is_not(None)
)
_INBOXES = (
    select(actors.c.inbox)
    .join(blocks, blocks.c.actor_uri == actors.c.uri)
    .where(blocks.c.blog_id == bindparam("blog_id"), has_own_inbox())
)


def _levels(host: str) -> Iterator[str]:
    """The name of *host* and those above it."""
    name = bare_host(host).rstrip(".")
    while name:
        yield name
        name = name.partition(".")[2]


def insert_block(connection: Connection, block: Block) -> None:
    """Store a new block."""
    connection.execute(
        insert(blocks).values(
            id=block.id,
            blog_id=block.blog_id,
            domain=block.domain,
            actor_uri=block.actor_uri,
            created_at=block.created_at,
        )
    )
    record(connection, Change("blocks"))


def delete_block(connection: Connection, blog_id: int, block_id: str) -> bool:
    """Lift a block; whether there was one."""
    number = connection.execute(
        delete(blocks).where(blocks.c.blog_id == blog_id, blocks.c.id == block_id)
    ).rowcount
    if number:
        record(connection, Change("blocks"))
    return number > 0
