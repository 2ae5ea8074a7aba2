"""The Store on SQLite: one writing thread, and readers of their own with a snapshot each."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Self
from urllib.parse import quote

import sqlalchemy.dialects.sqlite.aiosqlite  # here, as importing it blocks  # noqa: F401
from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from fedblog.storage.errors import SchemaError, StorageError, StoreClosedError
from fedblog.storage.failures import translating
from fedblog.storage.sqlite_writer import BUSY_SECONDS, SqliteWriter
from fedblog.storage.store import P, Store, T

READERS = 4


class SqliteStore(Store):
    """A database file; opened by ``Store.open``."""

    dialect = "sqlite"

    def __init__(self, path: str, *, listen: bool) -> None:
        super().__init__()
        self._closed = False
        self._readers = _reading_engine(path)
        # In line here rather than at the pool, which gives up after a time.
        self._reading = asyncio.Semaphore(READERS)
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
        with translating():
            async with self._reading, self._readers.connect() as connection:
                return await connection.run_sync(function, *args, **kwargs)

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
        for _ in range(READERS):  # whoever reads ends first
            await self._reading.acquire()
        await self._readers.dispose()
        # Last, so that closing it moves the log into the database file.
        await self._writer.close()


def _database_file(url: URL) -> str:
    if not url.database or url.database == ":memory:":
        raise StorageError("an SQLite database needs a file")
    path = Path(url.database).absolute()
    if not path.exists():
        raise SchemaError(f"there is no database {path}")
    return str(path)


def _reading_engine(path: str) -> AsyncEngine:
    address = URL.create(
        "sqlite+aiosqlite", database=f"file:{quote(path)}", query={"mode": "rw", "uri": "true"}
    )
    engine = create_async_engine(
        address,
        connect_args={
            "isolation_level": None,
            "timeout": BUSY_SECONDS,
            "cached_statements": 512,
        },
        pool_size=READERS,
        max_overflow=0,
        query_cache_size=2000,
    )
    event.listen(engine.sync_engine, "connect", _prepare_reader)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _prepare_reader(raw: Any, _record: Any) -> None:
    cursor = raw.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.execute("PRAGMA cache_size=-512")  # the system keeps the file in memory anyway
    cursor.close()


def _begin(connection: Connection) -> None:
    # Straight to aiosqlite: one hand-over to its thread in place of three.
    driver: Any = connection.connection.driver_connection
    await_only(driver.execute("BEGIN"))
