"""INSERT … ON CONFLICT in the words of the connection's engine."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_ignoring(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert *rows*, leaving out those whose keys stand in *table* already."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    """Insert *rows*; where *key* (a unique index) stands already, set the columns *update*."""
    if rows:
        statement = _insert(connection, table)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(key),
                set_={name: statement.excluded[name] for name in update},
            ),
            list(rows),
        )


def add_up(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    column: str,
) -> None:
    """Insert *rows*; where *key* stands already, add what they have in *column* to it."""
    if rows:
        statement = _insert(connection, table)
        total = table.c[column] + statement.excluded[column]
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(key), set_={column: total}),
            list(rows),
        )


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
