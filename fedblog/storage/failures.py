"""Turns what the drivers raise into this layer's own errors."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from fedblog.storage.errors import (
    ConstraintError,
    DamagedError,
    DatabaseBusyError,
    DatabaseError,
    SchemaError,
    StorageError,
    StorageFullError,
)

_SQLITE_ENDING = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT}
)


def sqlite_code(error: BaseException | None) -> int:
    """SQLite's primary result code in *error*, or 0."""
    if isinstance(error, DBAPIError):
        error = error.orig
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def sqlstate(error: BaseException | None) -> str:
    """PostgreSQL's five-character code in *error*, or ''."""
    if isinstance(error, DBAPIError):
        error = error.orig
    return getattr(error, "sqlstate", None) or ""


def ends_everything(error: BaseException) -> bool:
    """Whether SQLite failed as a whole (no room, disk errors), whatever the unit was."""
    return sqlite_code(error) in _SQLITE_ENDING


def translated(error: BaseException) -> Exception:
    """*error* as callers of the Store see it; what a unit raised by itself stays as it is."""
    if isinstance(error, IntegrityError):
        result: Exception = ConstraintError(str(error.orig))
    elif isinstance(error, SQLAlchemyError | sqlite3.Error):
        code = sqlite_code(error)
        text = str(getattr(error, "orig", None) or error)
        if sqlstate(error) == "42P01" or text.startswith("no such table"):
            result = SchemaError(f"{text}; the tables are not those of this version")
        elif code == sqlite3.SQLITE_FULL or sqlstate(error) == "53100":
            result = StorageFullError(text)
        elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            result = DatabaseBusyError(text)
        elif code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            result = DamagedError(text)
        else:
            result = DatabaseError(text)
    elif not isinstance(error, Exception) or isinstance(error, StopIteration):
        # A future cannot carry these.
        result = StorageError(f"a unit of work ended with {error!r}")
    else:
        return error
    result.__cause__ = error
    return result


def of_disk(error: OSError, what: str = "a file") -> StorageError:
    """*error* of a file of ours (*what*, where it has no name) as callers of this layer see it."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    kind = StorageFullError if is_full else StorageError
    return kind(f"{error.filename or what} cannot be written: {error.strerror or error}")


@contextmanager
def disk() -> Iterator[None]:
    """Raise this layer's errors where a file of ours, or one for the moment, fails."""
    try:
        yield
    except OSError as error:
        raise of_disk(error) from error


@contextmanager
def translating() -> Iterator[None]:
    """Raise this layer's errors in place of the drivers'."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise translated(error) from error
