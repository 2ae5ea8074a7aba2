"""Deleting a little at a time: what a condition names, in some order, at most so many rows."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, tuple_


def delete_some(
    connection: Connection,
    table: Table,
    *conditions: ColumnElement[bool],
    order: ColumnElement[Any],
    limit: int,
) -> int:
    """Delete at most *limit* rows of *table* for which *conditions* hold, by *order*; gives how
    many. An index should lead to them in that order."""
    key = list(table.primary_key.columns)
    chosen = select(*key).where(*conditions).order_by(order).limit(limit)
    which = key[0] if len(key) == 1 else tuple_(*key)
    return connection.execute(delete(table).where(which.in_(chosen))).rowcount


def excess(connection: Connection, table: Table, most: int) -> int:
    """How many rows *table* has over *most*; 0 where it has no more."""
    number = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return max(0, int(number) - most)


def stretch(
    connection: Connection,
    key: ColumnElement[Any],
    condition: ColumnElement[bool],
    after: Any,
    limit: int,
) -> tuple[list[Any], Any]:
    """Of the *limit* rows whose *key* comes after *after* (None: of the first), the keys of those
    for which *condition* holds; and after which key the next stretch begins, None at the end."""
    keys = select(key).order_by(key).limit(limit)
    if after is not None:
        keys = keys.where(key > after)
    looked_at = connection.execute(keys).scalars().all()
    found = connection.execute(select(key).where(key.in_(looked_at), condition)).scalars().all()
    return list(found), looked_at[-1] if len(looked_at) == limit else None
