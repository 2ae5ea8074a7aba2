"""Key pairs of local actors."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

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


def active(connection: Connection, blog_id: int) -> list[StoredKey]:
    """Every key of the blog's actors that is in use."""
    rows = connection.execute(
        select(
            keys.c.owner, keys.c.fragment, keys.c.kind, keys.c.private_pem, keys.c.public_pem
        ).where(keys.c.blog_id == blog_id, keys.c.retired_at.is_(None))
    )
    return [StoredKey(*row) for row in rows]


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
