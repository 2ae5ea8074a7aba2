"""The connections that read an SQLite database, each on a thread of its own (aiosqlite's).

A unit runs on the thread as a whole. Statement by statement, as AsyncConnection would, each has to
wait for the event loop four times: on a busy loop a page of fifteen statements waited sixty times.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiosqlite
from sqlalchemy import Connection, NullPool, create_engine, event

from fedblog.storage.failures import translated
from fedblog.storage.sqlite_connection import connect

READERS = 4


@dataclass(frozen=True, slots=True)
class _Reader:
    """A thread with its connection; *connection* is used on the thread alone."""

    thread: aiosqlite.Connection
    connection: Connection

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call *function* on the thread, for which aiosqlite has no public name."""
        return await self.thread._execute(function, *args)  # type: ignore[no-untyped-call]


class SqliteReaders:
    """Up to READERS connections to *path*, opened when they are needed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._engine = create_engine(
            "sqlite+pysqlite://",
            creator=self._connect,
            poolclass=NullPool,
            query_cache_size=2000,
        )
        event.listen(self._engine, "begin", _begin)
        self._free = asyncio.Semaphore(READERS)
        self._idle: list[_Reader] = []

    async def run(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What *function* gives for a Connection with a snapshot of its own.

        A caller that is cancelled loses its answer; its unit runs to the end, and whoever is given
        the connection next waits for it.
        """
        async with self._free:
            reader = self._idle.pop() if self._idle else await self._open()
            try:
                return await reader.run(_on_snapshot, reader.connection, function, args, kwargs)
            finally:
                self._idle.append(reader)

    async def close(self) -> None:
        """Wait for those who read, then close all connections."""
        for _ in range(READERS):
            await self._free.acquire()
        for reader in self._idle:
            await reader.run(reader.connection.close)
            await reader.thread.close()
        self._idle.clear()

    async def _open(self) -> _Reader:
        opened: list[Connection] = []

        def connector() -> sqlite3.Connection:
            opened.append(self._engine.connect())
            raw = opened[0].connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            return raw

        thread = aiosqlite.Connection(connector, iter_chunk_size=64)
        thread._thread.daemon = True  # a process that could not close its store ends all the same
        # What awaiting it does, but for starting the thread here: that waits for the new thread.
        try:
            await asyncio.get_running_loop().run_in_executor(None, thread._thread.start)
        except asyncio.CancelledError:
            thread.stop()
            raise
        await thread._connect()
        return _Reader(thread, opened[0])

    def _connect(self) -> sqlite3.Connection:
        raw = connect(self._path)
        raw.execute("PRAGMA query_only=ON")
        raw.execute("PRAGMA cache_size=-1024")  # the system keeps the file in memory anyway
        return raw


def _begin(connection: Connection) -> None:
    connection.connection.driver_connection.execute("BEGIN")  # type: ignore[union-attr]


def _on_snapshot(
    connection: Connection,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    try:
        with connection.begin() as transaction:
            try:
                return function(connection, *args, **kwargs)
            finally:
                transaction.rollback()
    except BaseException as error:
        raise translated(error)  # noqa: B904
