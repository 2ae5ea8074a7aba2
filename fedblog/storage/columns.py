"""Column types that behave the same on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. Takes and gives aware datetimes; refuses naive ones (ValueError).

    On SQLite it is text, ``2026-01-31 12:00:00.000000``, as SQLAlchemy's own type writes
    it, without that one's cost, which was a twentieth of what storing a reply takes.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """To the driver: in UTC, as text on SQLite."""
        return _to_text if dialect.name == "sqlite" else _in_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """From the driver: aware, in UTC."""
        return _from_text if dialect.name == "sqlite" else _in_utc


class octets(FunctionElement[int]):  # noqa: N801
    """``octets(column)``: how many bytes of UTF-8 a text has."""

    type = Integer()
    inherit_cache = True
    name = "octets"


@compiles(octets, "postgresql")
def _octets_postgresql(element: octets, compiler: Any, **how: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **how)})"


@compiles(octets)
def _octets(element: octets, compiler: Any, **how: Any) -> str:
    return f"length(CAST({compiler.process(element.clauses, **how)} AS BLOB))"


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a time without a time zone cannot be stored")
    return value.astimezone(UTC)


def _to_text(value: datetime | None) -> str | None:
    moment = _in_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")[:26]


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)
