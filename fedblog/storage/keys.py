"""Key pairs of local actors."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from fedblog.domain.ids import new_id
from fedblog.storage.changes import Change, record
from fedblog.storage.tables import keys


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key pair as PEM; *kind* is ``rsa`` or ``ed25519``, *fragment* ends the key's id."""

    owner: str
    fragment: str
    kind: str
    private_pem: str
    public_pem: str


_COLUMNS = (keys.c.owner, keys.c.fragment, keys.c.kind, keys.c.private_pem, keys.c.public_pem)
_NEWEST_FIRST = (keys.c.created_at.desc(), keys.c.id.desc())
_SIGNING = (
    select(*_COLUMNS)
    .where(
        keys.c.blog_id == bindparam("blog"),
        keys.c.owner == bindparam("whose"),
        keys.c.kind == bindparam("of_kind"),
        keys.c.retired_at.is_(None),
    )
    .order_by(*_NEWEST_FIRST)
    .limit(1)
)


def active(connection: Connection, blog_id: int) -> list[StoredKey]:
    """Every key of the blog's actors that is in use; of several of a kind the newest, which signs,
    comes first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(keys.c.blog_id == blog_id, keys.c.retired_at.is_(None))
        .order_by(*_NEWEST_FIRST)
    )
    return [StoredKey(*row) for row in rows]


def of_owner(connection: Connection, blog_id: int, owner: str) -> list[StoredKey]:
    """The keys of one actor that are in use, in the order of `active`."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(keys.c.blog_id == blog_id, keys.c.owner == owner, keys.c.retired_at.is_(None))
        .order_by(*_NEWEST_FIRST)
    )
    return [StoredKey(*row) for row in rows]


def signing(connection: Connection, blog_id: int, owner: str, kind: str) -> StoredKey | None:
    """The key of *kind* that signs for one actor."""
    wanted = {"blog": blog_id, "whose": owner, "of_kind": kind}
    row = connection.execute(_SIGNING, wanted).first()
    return None if row is None else StoredKey(*row)


def count_of_owner(connection: Connection, blog_id: int, owner: str) -> int:
    """How many keys an actor has had, of every kind."""
    return (
        connection.execute(
            select(func.count())
            .select_from(keys)
            .where(keys.c.blog_id == blog_id, keys.c.owner == owner)
        ).scalar()
        or 0
    )


def retire(
    connection: Connection, blog_id: int, owner: str, fragments: list[str], now: datetime
) -> None:
    """Put keys of an actor out of use for good: their private halves are deleted."""
    connection.execute(
        update(keys)
        .where(keys.c.blog_id == blog_id, keys.c.owner == owner, keys.c.fragment.in_(fragments))
        .values(retired_at=now, private_pem="")
    )
    record(connection, Change("keys"))


def insert_keys(
    connection: Connection, blog_id: int, items: list[StoredKey], now: datetime
) -> None:
    """Store new key pairs."""
    connection.execute(
        insert(keys),
        [
            {
                "id": new_id(),
                "blog_id": blog_id,
                "owner": item.owner,
                "fragment": item.fragment,
                "kind": item.kind,
                "private_pem": item.private_pem,
                "public_pem": item.public_pem,
                "created_at": now,
            }
            for item in items
        ],
    )
    record(connection, Change("keys"))
