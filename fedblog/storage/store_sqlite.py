"""The Store on SQLite: one writing thread, and readers of their own with a snapshot each."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Self

from sqlalchemy import URL, Connection

from fedblog.storage.errors import SchemaError, StorageError, StoreClosedError
from fedblog.storage.sqlite_readers import SqliteReaders
from fedblog.storage.sqlite_writer import SqliteWriter
from fedblog.storage.store import P, Store, T


class SqliteStore(Store):
    """A database file; opened by ``Store.open``."""

    dialect = "sqlite"

    def __init__(self, path: str, *, listen: bool) -> None:
        super().__init__()
        self._closed = False
        self._readers = SqliteReaders(path)
        self._writer = SqliteWriter(path, asyncio.get_running_loop(), self._announce, listen=listen)

    @classmethod
    async def connect(cls, url: URL, *, listen: bool) -> Self:
        """Open the file that *url* names. Raises SchemaError, StorageError."""
        path = await asyncio.to_thread(_database_file, url)
        store = cls(path, listen=listen)
        await store._writer.open()
        return store

    async def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See Store.read."""
        if self._closed:
            raise StoreClosedError("the store is closed")
        result: T = await self._readers.run(function, args, kwargs)
        return result

    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See Store.write."""
        if self._closed:
            raise StoreClosedError("the store is closed")
        result: T = await self._writer.submit(unit, args, kwargs)
        return result

    async def close(self) -> None:
        """See Store.close. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        await self._readers.close()
        # Last, so that closing it moves the log into the database file.
        await self._writer.close()


def _database_file(url: URL) -> str:
    if not url.database or url.database == ":memory:":
        raise StorageError("an SQLite database needs a file")
    path = Path(url.database).absolute()
    if not path.exists():
        raise SchemaError(f"there is no database {path}")
    return str(path)
