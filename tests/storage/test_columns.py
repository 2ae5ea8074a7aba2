"""Times in the database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, insert, select

from fedblog.storage.errors import DatabaseError
from fedblog.storage.store import Store
from fedblog.storage.tables import changes

pytestmark = pytest.mark.both_engines


def put(connection: Connection, moment: datetime) -> None:
    connection.execute(insert(changes), {"kind": "k", "key": "", "at": moment})


def moments(connection: Connection) -> list[datetime]:
    return list(connection.scalars(select(changes.c.at).order_by(changes.c.at)))


async def test_a_time_comes_back_aware_in_utc_to_the_microsecond(store: Store) -> None:
    moment = datetime(2026, 2, 3, 23, 30, 1, 123456, tzinfo=timezone(timedelta(hours=-5)))
    await store.write(put, moment)
    found = (await store.read(moments))[0]
    assert found == moment
    assert found.tzinfo is UTC


async def test_times_of_different_zones_are_ordered_by_the_moment(store: Store) -> None:
    later = datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
    earlier = datetime(2026, 1, 1, 11, 30, tzinfo=timezone(timedelta(hours=2)))
    whole = datetime(2026, 1, 1, 9, 30, 0, 1, tzinfo=UTC)
    for moment in (later, earlier, whole):
        await store.write(put, moment)
    assert await store.read(moments) == [earlier, whole, later]


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(DatabaseError, match="time zone"):
        await store.write(put, datetime(2026, 1, 1))
    assert await store.read(moments) == []
