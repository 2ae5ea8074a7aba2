"""Rows of a PostgreSQL database out of one snapshot, and into tables that were just made.

Rows travel as COPY has them (text), in pieces of a few megabytes, so that neither way needs more
memory than that; no tools of the server are needed.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, MetaData

from fedblog.storage import counting, migrate
from fedblog.storage.backups import replaced
from fedblog.storage.backups.archive import BLOCK, DATABASE, Packing, TableOf
from fedblog.storage.backups.progress import Tell
from fedblog.storage.errors import BackupError, DatabaseError, StorageFullError
from fedblog.storage.postgresql_feed import SERVED
from fedblog.storage.tables import metadata

PIECE = 4 << 20
"""Bytes of rows in one file of the archive, but for a row that is larger."""


def tables(connection: Connection) -> tuple[TableOf, ...]:
    """Our tables in the order in which their rows can be put back, with what numbers them."""
    reflected = MetaData()
    reflected.reflect(connection, only=lambda name, _: name in metadata.tables)
    found = []
    for table in reflected.sorted_tables:
        if table.name not in metadata.tables:
            continue
        columns = tuple(column.name for column in table.columns)
        rows = _one(connection, f'SELECT count(*) FROM "{table.name}"')  # noqa: S608
        found.append(
            TableOf(table.name, int(rows), columns, tuple(_sequences(connection, table.name)))
        )
    return tuple(found)


def dump(connection: Connection, wanted: Sequence[TableOf], into: Packing, tell: Tell) -> None:
    """Add the rows of the tables *wanted* to an archive, as the transaction under way sees them."""
    raw = _driver(connection)
    done, every = 0, sum(table.rows for table in wanted)
    for table in wanted:
        number, piece = 0, bytearray()
        query = sql.SQL("COPY {} ({}) TO STDOUT").format(
            sql.Identifier(table.name), _names(table.columns)
        )
        with _translating(), raw.cursor() as cursor, cursor.copy(query) as rows:
            for row in rows:
                piece += row
                if len(piece) >= PIECE:
                    number += 1
                    into.add_bytes(_piece(table.name, number), bytes(piece))
                    piece.clear()
                    tell("database", min(done, every), every)
                done += 1
        if piece:
            into.add_bytes(_piece(table.name, number + 1), bytes(piece))
        tell("database", min(done, every), every)


class Loading:
    """Puts pieces of rows, in the order they were made, into the tables *wanted*."""

    def __init__(self, connection: Connection, wanted: Sequence[TableOf], tell: Tell) -> None:
        self._connection = connection
        self._wanted = {table.name: table for table in wanted}
        self._tell = tell
        self._done: set[str] = set()
        self._rows = 0
        self._open: tuple[TableOf, Any, Any, Any] | None = None

    def add(self, name: str, content: IO[bytes]) -> None:
        """Add the piece *name* of an archive. Raises BackupError, DatabaseError."""
        table = self._wanted.get(_table_of(name))
        if table is None or table.name in self._done:
            raise BackupError(f"the backup is damaged: {name!r} is not where it belongs")
        if self._open is None or self._open[0] is not table:
            self.close()
            self._begin(table)
        assert self._open is not None
        with _translating(f"the rows of {table.name}"):
            while data := content.read(BLOCK):
                self._open[3].write(data)

    def __enter__(self) -> "Loading":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._open is not None:
            # The server is told that no more comes, so that the transaction can be ended.
            with contextlib.suppress(psycopg.Error):
                self._open[2].__exit__(BackupError, BackupError("given up"), None)
            self._open = None

    def close(self) -> None:
        """End the table under way. Raises BackupError where rows are missing."""
        if self._open is None:
            return
        table, cursor, manager, _ = self._open
        self._open = None
        self._done.add(table.name)
        with _translating(f"the rows of {table.name}"):
            manager.__exit__(None, None, None)
            rows = cursor.rowcount
            cursor.close()
        if rows != table.rows:
            raise BackupError(
                f"the backup is damaged: {rows} rows of {table.name} where there were {table.rows}"
            )
        self._rows += rows
        self._tell("database", self._rows, sum(one.rows for one in self._wanted.values()))

    def finish(self) -> None:
        """End the last table, and let numbers go on where they were. Raises BackupError."""
        self.close()
        for table in self._wanted.values():
            if table.rows and table.name not in self._done:
                raise BackupError(f"the backup is damaged: it lacks the rows of {table.name}")
            for column, last, is_used in table.sequences:
                self._connection.exec_driver_sql(
                    "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)",
                    (f'"{table.name}"', column, last, is_used),
                )

    def _begin(self, table: TableOf) -> None:
        query = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), _names(table.columns)
        )
        cursor = _driver(self._connection).cursor()
        with _translating():
            manager = cursor.copy(query)
            self._open = (table, cursor, manager, manager.__enter__())


def refuse_served(connection: Connection) -> None:
    """Have the database for this transaction alone. Raises BackupError where it is served."""
    if not _one(connection, f"SELECT pg_try_advisory_xact_lock({SERVED})"):
        raise BackupError(
            "the database is in use: a fedblog serve or worker is connected to it, or another "
            "restore is under way. Stop it first, wherever it runs"
        )


def set_aside(connection: Connection, stamp: str) -> str | None:
    """Move our tables, of whatever version, into a schema of their own; gives its name, None where
    there are none."""
    names = _ours(connection)
    if not names:
        return None
    schema = replaced.schema(stamp)
    connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
    counting.remove(connection)
    for name in names:
        connection.exec_driver_sql(f'ALTER TABLE "{name}" SET SCHEMA "{schema}"')
    return schema


def _ours(connection: Connection) -> list[str]:
    """Our tables. Those of a newer version have names that we do not know: where its number is not
    one of ours, all tables count that the same owner has and no extension brought."""
    found = connection.exec_driver_sql(
        "SELECT relname, relowner FROM pg_class WHERE relkind IN ('r', 'p') "
        "AND relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_depend "
        "WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e') "
        "ORDER BY relname"
    )
    owners = {str(row.relname): row.relowner for row in found}
    known = {*metadata.tables, migrate.VERSIONS}
    found_revision = migrate.revision(connection) if migrate.VERSIONS in owners else None
    is_newer = found_revision is not None and not migrate.is_known(found_revision)
    if is_newer and "server" in owners:
        return [name for name, owner in owners.items() if owner == owners["server"]]
    return [name for name in owners if name in known]


def _sequences(connection: Connection, table: str) -> Iterator[tuple[str, int, bool]]:
    found = connection.exec_driver_sql(
        "SELECT a.attname, s.oid::regclass::text FROM pg_class s "
        "JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass "
        "AND d.deptype IN ('a', 'i') JOIN pg_attribute a ON a.attrelid = d.refobjid "
        "AND a.attnum = d.refobjsubid WHERE s.relkind = 'S' AND d.refobjid = %s::regclass",
        (f'"{table}"',),
    )
    for column, sequence in found.all():
        row = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {sequence}").one()  # noqa: S608
        yield str(column), int(row[0]), bool(row[1])


def _one(connection: Connection, query: str) -> Any:
    return connection.exec_driver_sql(query).scalar()


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _piece(table: str, number: int) -> str:
    return f"{DATABASE}/{table}.{number:06}.copy"


def _table_of(piece: str) -> str:
    return piece.removeprefix(f"{DATABASE}/").partition(".")[0]


def is_piece(name: str) -> bool:
    """Whether the file *name* of an archive has rows."""
    return name.startswith(f"{DATABASE}/") and name.endswith(".copy")


@contextmanager
def _translating(what: str = "") -> Iterator[None]:
    try:
        yield
    except psycopg.errors.DiskFull as error:
        raise StorageFullError(str(error)) from error
    except (psycopg.errors.DataError, psycopg.errors.IntegrityError) as error:
        first = str(error).splitlines()[0]
        raise BackupError(f"the backup is damaged: {what} cannot be put back ({first})") from error
    except psycopg.Error as error:
        raise DatabaseError(str(error)) from error
