"""INSERT … ON CONFLICT in the words of the connection's engine."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

_Insert = sqlite.Insert | postgresql.Insert


def insert_ignoring(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert *rows*, leaving out those whose keys stand in *table* already."""
    if rows:
        connection.execute(ignoring(connection.dialect.name, table), list(rows))


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
        made = _replacing(connection.dialect.name, table, tuple(key), tuple(update))
        connection.execute(made, list(rows))


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
        connection.execute(_adding(connection.dialect.name, table, tuple(key), column), list(rows))


# Made once: `excluded` is a copy of the whole table, full of references in circles, which the
# collector has to find; a stream of Follows made it stop everything for 50 ms now and then.


@cache
def ignoring(dialect: str, table: Table) -> _Insert:
    """The INSERT into *table* that leaves out rows whose keys stand there already."""
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _replacing(
    dialect: str, table: Table, key: tuple[str, ...], update: tuple[str, ...]
) -> _Insert:
    statement = _insert(dialect, table)
    return statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in update}
    )


@cache
def _adding(dialect: str, table: Table, key: tuple[str, ...], column: str) -> _Insert:
    statement = _insert(dialect, table)
    total = table.c[column] + statement.excluded[column]
    return statement.on_conflict_do_update(index_elements=list(key), set_={column: total})


def _insert(dialect: str, table: Table) -> _Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
