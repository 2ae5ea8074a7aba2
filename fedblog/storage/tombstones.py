"""What was deleted or undone, by whom: so that a late arrival does not bring it back."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import tombstones
from fedblog.storage.upsert import upsert

_BY_URI = ListStatement(lambda listed: select(tombstones).where(listed(tombstones.c.uri)))


def find(connection: Connection, uris: Collection[str]) -> dict[tuple[str, str], datetime]:
    """The tombstones of *uris*: (uri, actor) → the moment until which each holds."""
    return {(row.uri, row.actor_uri): row.until for row in _BY_URI.run(connection, uris)}


def save(connection: Connection, items: Mapping[tuple[str, str], datetime]) -> None:
    """Keep *items*; the term of one that stands there already is renewed."""
    rows = [
        {"uri": uri, "actor_uri": actor_uri, "until": until}
        for (uri, actor_uri), until in items.items()
    ]
    if rows:
        upsert(connection, tombstones, rows, key=("uri", "actor_uri"), update=("until",))
