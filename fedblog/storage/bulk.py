"""Many rows into one table: the statement's text and what its columns need are made once.

SQLAlchemy looks at every value of every row by its name; for a comment that took longer than
storing it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Table, insert

from fedblog.storage.upsert import ignoring

Values = tuple[Any, ...]
Processor = Callable[[Any], Any]


class BulkInsert:
    """INSERTs rows into *table*: tuples of the values of the columns *names*, in that order, which
    must be the table's. *is_ignoring* leaves out those whose keys stand there already."""

    def __init__(self, table: Table, names: Sequence[str], *, is_ignoring: bool = False) -> None:
        # The order in which SQLAlchemy writes them down.
        self.names = tuple(column.name for column in table.columns if column.name in names)
        if self.names != tuple(names):
            raise ValueError(f"the columns of {table.name} stand in another order")
        self._table = table
        self._plain = None if is_ignoring else insert(table)
        self._text = ""
        self._processors: tuple[tuple[int, Processor], ...] = ()

    def run(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Store *rows*; no statement at all when there are none."""
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            if not self._text:
                self._prepare(connection.dialect)
            connection.exec_driver_sql(self._text, [self._processed(row) for row in rows])
        else:  # psycopg takes values by name
            named = [dict(zip(self.names, row, strict=True)) for row in rows]
            connection.execute(self._statement("postgresql"), named)

    def _prepare(self, dialect: Dialect) -> None:
        statement = self._statement(dialect.name)
        compiled = statement.compile(dialect=dialect, column_keys=list(self.names))
        found = (
            (place, self._table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
            for place, name in enumerate(self.names)
        )
        self._processors = tuple((place, given) for place, given in found if given is not None)
        self._text = str(compiled)  # last: another thread may be looking

    def _statement(self, dialect: str) -> Insert:
        return ignoring(dialect, self._table) if self._plain is None else self._plain

    def _processed(self, row: Values) -> Values:
        values = list(row)
        for place, process in self._processors:
            values[place] = process(values[place])
        return tuple(values)
