"""What the server has written down about itself: one value for each key."""

from sqlalchemy import Connection, delete, insert, select

from fedblog.storage.tables import server


def get(connection: Connection, key: str) -> str | None:
    """The value under *key*, or None."""
    return connection.execute(select(server.c.value).where(server.c.key == key)).scalar()


def put(connection: Connection, key: str, value: str) -> None:
    """Write *value* under *key*, over what stands there."""
    connection.execute(delete(server).where(server.c.key == key))
    connection.execute(insert(server).values(key=key, value=value))
