"""A copy of an SQLite database that is in use, and whether a copy is whole."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from fedblog.storage import file_number
from fedblog.storage.backups.archive import TableOf
from fedblog.storage.backups.progress import Tell
from fedblog.storage.errors import BackupError, DamagedError
from fedblog.storage.failures import translated
from fedblog.storage.sqlite_connection import connect

_PAGES = 1024
_MAGIC = b"SQLite format 3\0"


def is_database(start: bytes) -> bool:
    """Whether a file that begins with *start* is an SQLite database."""
    return start.startswith(_MAGIC)


def copy(source: Path, target: Path, tell: Tell) -> None:
    """Copy the database *source* as it is at this moment to *target*, a file without a log, while
    others read and write it; *source* has another number afterwards.

    Raises StorageError; then *target* may be there in part.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(connect(str(source))) as raw, closing(connect(str(target))) as into:
            # Within a transaction the copy is of one moment, however many steps it takes.
            raw.execute("BEGIN")
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
            raw.backup(
                into,
                pages=_PAGES,
                progress=lambda _status, left, pages: tell("database", pages - left, pages),
                sleep=0,
            )
            raw.execute("ROLLBACK")
            into.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise translated(error) from error
    file_number.renew(source)


def verify(path: Path, tell: Tell) -> None:
    """Raise BackupError where the database *path*, which nobody writes, is not sound."""
    tell("checking the database", 0, 0)
    try:
        with closing(_look_at(path)) as raw:
            found = [str(row[0]) for row in raw.execute("PRAGMA integrity_check(1)")]
            lost = raw.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        if not isinstance(translated(error), DamagedError):
            raise translated(error) from error
        found, lost = [str(error)], None
    if found != ["ok"]:
        raise BackupError(f"the database is damaged ({found[0]})")
    if lost is not None:
        raise BackupError(f"the database is damaged: a row of {lost[0]} lacks its {lost[2]}")


def tables(path: Path) -> tuple[TableOf, ...]:
    """The tables of *path* with the number of their rows. Raises StorageError."""
    try:
        with closing(_look_at(path)) as raw:
            names = raw.execute(
                "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%' "
                "ORDER BY name"
            ).fetchall()
            return tuple(
                TableOf(name, int(raw.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]))  # noqa: S608
                for (name,) in names
            )
    except sqlite3.Error as error:
        raise translated(error) from error


def _look_at(path: Path) -> sqlite3.Connection:
    """A connection that reads *path* alone: no log beside it, no lock."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
