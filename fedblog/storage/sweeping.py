"""Deleting a little at a time: what a condition names, in some order, at most so many rows; and
whose rows go where there are too many: the oldest of the domain that has most."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    delete,
    func,
    literal,
    select,
    tuple_,
)

from fedblog.domain.origins import counted_origin
from fedblog.domain.shares import surplus
from fedblog.storage.lists import is_among

Rows = Table
Moment = Column[Any]
"""A table, and a column of it that holds times, for those who may not know of either."""


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


def of_most(
    connection: Connection,
    key: Column[Any],
    actor: Column[Any],
    *conditions: ColumnElement[bool],
    most: int,
) -> list[Any]:
    """The *key*s, which lie in the order of time, of what is over *most* among the rows for which
    *conditions* hold: the oldest of the domain whose *actor*s have most. For few rows: all are
    counted."""
    there = select(func.count()).select_from(key.table).where(*conditions)
    if connection.execute(there).scalar_one() <= most:
        return []
    actors: dict[str, list[str]] = {}
    held: Counter[str] = Counter()
    numbers = select(actor, func.count()).where(*conditions).group_by(actor).order_by(actor)
    for uri, number in connection.execute(numbers):
        domain = counted_origin(uri or "")
        held[domain] += number
        actors.setdefault(domain, []).append(uri)
    found: list[Any] = []
    for domain, number in surplus(held, most).items():
        theirs = is_among(connection, actor, Text, actors[domain])
        oldest = select(key).where(theirs, *conditions).order_by(key).limit(number)
        found += connection.execute(oldest).scalars()
    return found


def by_age(
    connection: Connection,
    table: Table,
    time: Column[Any],
    after: Sequence[Any] | None,
    limit: int,
) -> tuple[list[tuple[str, tuple[Any, ...]]], Sequence[Any] | None]:
    """Of the *limit* rows of *table* that come after *after* in the order of *time* (None: the
    first): the domain of the actor and the row's key. And what the next stretch comes after, None
    at the end."""
    order = (time, *table.primary_key.columns)
    rows = select(*order).order_by(*order).limit(limit)
    if after is not None:
        place = [literal(value, column.type) for value, column in zip(after, order, strict=True)]
        rows = rows.where(time >= place[0], tuple_(*order) > tuple_(*place))
    found = connection.execute(rows).all()
    owned = [(counted_origin(row.actor_uri), tuple(row[1:])) for row in found]
    return owned, tuple(found[-1]) if len(found) == limit else None


def drop_rows(connection: Connection, table: Table, keys: Sequence[tuple[Any, ...]]) -> None:
    """Delete the rows of *table* with these keys, each of several columns."""
    connection.execute(delete(table).where(tuple_(*table.primary_key.columns).in_(keys)))


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
