"""The Store on both engines: units, snapshots, failures, cancelling, closing."""

from sqlalchemy import Connection, insert, select

from fedblog.storage.store import Store
from fedblog.storage.tables import server


def put(connection: Connection, key: str, value: str = "") -> str:
    connection.execute(insert(server), {"key": key, "value": value})
    return key


def keys(connection: Connection) -> list[str]:
    return list(connection.scalars(select(server.c.key).order_by(server.c.key)))


async def test_what_a_unit_wrote_is_read_by_others(store: Store) -> None:
    assert await store.write(put, "a", value="1") == "a"
    assert await store.read(keys) == ["a"]
