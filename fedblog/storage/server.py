"""What the server remembers about itself: single values by name."""

from sqlalchemy import Connection, delete, select

from fedblog.storage.tables import server
from fedblog.storage.upsert import upsert

VERSION = "version"
"""Under this key stands the fedblog that made the tables or changed them last."""


def get(connection: Connection, key: str) -> str | None:
    """The value kept under *key*, or None."""
    return connection.scalar(select(server.c.value).where(server.c.key == key))


def get_all(connection: Connection) -> dict[str, str]:
    """Every value by its key."""
    return {row.key: row.value for row in connection.execute(select(server))}


def put(connection: Connection, key: str, value: str) -> None:
    """Keep *value* under *key*, in place of what stood there."""
    upsert(connection, server, [{"key": key, "value": value}], key=["key"], update=["value"])


def remove(connection: Connection, key: str) -> None:
    """Forget *key*; nothing happens where it is not there."""
    connection.execute(delete(server).where(server.c.key == key))
