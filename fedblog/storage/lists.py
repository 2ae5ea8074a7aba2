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
    Subquery,
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


def _postgresql_member(kind: type[Text] | type[BigInteger]) -> Member:
    return lambda column: column == any_(bindparam("values", type_=ARRAY(kind)))


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


def pairs_of(connection: Connection, pairs: Collection[tuple[str, int]]) -> Subquery:
    """*pairs* as a table with the columns *first* and *second*, to join with: so that a key of
    two columns is searched by both."""
    if connection.dialect.name == "sqlite":
        listed = func.json_each(literal(orjson.dumps(list(pairs)).decode(), Text))
        pair = listed.table_valued("value").c.value
        first, second = func.json_extract(pair, "$[0]"), func.json_extract(pair, "$[1]")
        return select(first.label("first"), second.label("second")).subquery("pairs")
    texts = literal([text for text, _ in pairs], ARRAY(Text))
    numbers = literal([number for _, number in pairs], ARRAY(BigInteger))
    both = func.unnest(texts, numbers).table_valued("first", "second").render_derived()
    return select(both.c.first, both.c.second).subquery("pairs")


class ListStatement:
    """A statement over the members of one list of texts, or of numbers where *kind* says so.

    *build* gets a function that says "this column is in the list" and gives the statement.
    """

    def __init__(
        self,
        build: Callable[[Member], Executable],
        kind: type[Text] | type[BigInteger] = Text,
    ) -> None:
        self._sqlite = build(_sqlite_member)
        self._postgresql = build(_postgresql_member(kind))

    def run(
        self,
        connection: Connection,
        values: Collection[str] | Collection[int],
        **parameters: Any,
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
