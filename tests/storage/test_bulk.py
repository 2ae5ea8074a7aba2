"""Many rows at once: what is stored is what SQLAlchemy would have stored."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from fedblog.storage.bulk import BulkInsert
from fedblog.storage.errors import ConstraintError
from fedblog.storage.store import Store
from fedblog.storage.tables import received

NAMES = ("actor_uri", "activity_uri", "type", "outcome", "reason", "received_at")
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 250, tzinfo=UTC)


def row(number: int, moment: datetime = MOMENT) -> tuple[object, ...]:
    return ("https://a.example/1", f"https://a.example/{number}", "Like", "stored", "ß", moment)


async def test_rows_are_stored_as_by_the_toolkit(store: Store) -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))

    def unit(connection: Connection) -> None:
        BulkInsert(received, NAMES).run(connection, [row(1), row(2, elsewhere)])
        connection.execute(insert(received), [dict(zip(NAMES, row(3), strict=True))])

    await store.write(unit)
    rows = await store.read(
        lambda connection: connection.execute(
            select(received).order_by(received.c.activity_uri)
        ).all()
    )
    assert [tuple(found)[2:] for found in rows] == [("Like", "stored", "ß", MOMENT)] * 3
    assert [found.activity_uri[-1] for found in rows] == ["1", "2", "3"]


async def test_moments_are_stored_in_one_form_whatever_their_zone(store: Store) -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))

    def unit(connection: Connection) -> None:
        BulkInsert(received, NAMES).run(connection, [row(1), row(2, elsewhere)])

    await store.write(unit)
    found = await store.read(
        lambda connection: connection.execute(
            select(received.c.activity_uri).where(received.c.received_at == MOMENT)
        ).all()
    )
    assert len(found) == 2


async def test_one_row_that_is_refused_is_an_error_of_the_database(store: Store) -> None:
    def unit(connection: Connection) -> None:
        BulkInsert(received, NAMES).run(connection, [row(1), row(1)])

    with pytest.raises(ConstraintError):
        await store.write(unit)


def test_columns_in_another_order_than_the_table_s_are_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        BulkInsert(received, NAMES[::-1])


@pytest.mark.both_engines
async def test_row_whose_key_stands_already_is_left_out_where_that_is_asked_for(
    store: Store,
) -> None:
    def unit(connection: Connection) -> int:
        some = BulkInsert(received, NAMES, is_ignoring=True)
        some.run(connection, [row(1), row(1), row(2)])
        some.run(connection, [row(2), row(3)])
        with pytest.raises(IntegrityError), connection.begin_nested():
            some.run(connection, [(None, *row(4)[1:])])  # what is missing is no repeat
        return len(connection.execute(select(received)).all())

    assert await store.write(unit) == 3
