"""Statements with one list parameter, built once for each engine.

An expanding IN makes a new statement text for every length of the list; one JSON or array
parameter keeps the text constant, so that compiling and preparing happen once.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Row,
    Text,
    any_,
    bindparam,
    func,
    literal,
    select,
)

Member = Callable[[ColumnElement[Any]], ColumnElement[bool]]


def _sqlite_member(column: ColumnElement[Any]) -> ColumnElement[bool]:
    values = func.json_each(bindparam("values", type_=Text)).table_valued("value")
    return column.in_(select(values.c.value))


def _postgresql_member(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column == any_(bindparam("values", type_=ARRAY(Text)))


def is_among(
    connection: Connection,
    column: ColumnElement[Any],
    kind: type[Text] | type[BigInteger],
    values: Collection[Any],
) -> ColumnElement[bool]:
    """*column* is one of *values*, for a statement made for this call: one parameter, however
    many they are."""
    if connection.dialect.name == "sqlite":
        listed = func.json_each(literal(orjson.dumps(list(values)).decode(), Text))
        return column.in_(select(listed.table_valued("value").c.value))
    return column == any_(literal(list(values), ARRAY(kind)))


class ListStatement:
    """A statement over the members of one list of texts.

    *build* gets a function that says "this column is in the list" and gives the statement.
    """

    def __init__(self, build: Callable[[Member], Executable]) -> None:
        self._sqlite = build(_sqlite_member)
        self._postgresql = build(_postgresql_member)

    def run(
        self, connection: Connection, values: Collection[str], **parameters: Any
    ) -> Sequence[Row[Any]]:
        """The rows for *values*; no statement at all when there are none."""
        if not values:
            return ()
        if connection.dialect.name == "sqlite":
            listed: Any = orjson.dumps(list(values)).decode()
            statement = self._sqlite
        else:
            listed = list(values)
            statement = self._postgresql
        result = connection.execute(statement, {"values": listed, **parameters})
        return result.all() if result.returns_rows else ()
