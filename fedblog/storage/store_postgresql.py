"""The Store on PostgreSQL: a unit is a transaction, run again where another one was faster."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Self

import psycopg
import sqlalchemy.dialects.postgresql.psycopg  # here, as importing it blocks  # noqa: F401
from sqlalchemy import URL, Connection, event, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fedblog.storage.changes import PENDING, Change
from fedblog.storage.errors import DatabaseError, StoreClosedError
from fedblog.storage.failures import sqlstate, translated, translating
from fedblog.storage.postgresql_feed import PostgresqlFeed
from fedblog.storage.store import P, Store, T
from fedblog.storage.tables import changes

logger = logging.getLogger(__name__)

READERS = 5
WRITERS = 6
SERIALIZATION_TRIES = 12
"""Attempts where a concurrent transaction changed the same rows (40001) or a deadlock (40P01)."""
KEY_TRIES = 3
"""Attempts where a key stands already (23505), or a row that is referred to stands no more (23503):
the next sees the row that was just added or dropped."""
IDLE_SECONDS = 60.0
ALONG_INDEXES = (
    "enable_seqscan",
    "enable_bitmapscan",
    "enable_sort",
    "enable_hashjoin",
    "enable_mergejoin",
    "jit",
)
"""What the planner is to leave, where it can, on connections that read: what is left is to go along
an index, in its order (decision 19); and by one process, as starting others takes longer."""
CONNECTION_TRIES = 3
"""Attempts where the connection had gone before the COMMIT."""


class PostgresqlStore(Store):
    """A PostgreSQL database; opened by ``Store.open``."""

    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._closed = False
        self._readers = _engine(url, READERS, read_only=True)
        self._writers = _engine(url, WRITERS, read_only=False)
        # In line here rather than at the pool, which gives up after a time.
        self._reading = asyncio.Semaphore(READERS)
        self._writing = asyncio.Semaphore(WRITERS)
        self._units: set[asyncio.Task[Any]] = set()
        self._in_use = {"reading": 0, "writing": 0}
        self._most_in_use = dict(self._in_use)
        self._trimming: asyncio.Task[None] | None = None
        conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._feed = PostgresqlFeed(conninfo, self._announce)

    @classmethod
    async def connect(cls, url: URL, *, listen: bool) -> Self:
        """Open the database that *url* names. Raises SchemaError, DatabaseError."""
        store = cls(url)
        try:
            await store.read(lambda connection: connection.execute(select(changes.c.seq).limit(1)))
            if listen:
                await store._feed.listen()
                store._trimming = asyncio.create_task(store._keep_trimmed())
        except BaseException as error:
            await store.close()
            if isinstance(error, psycopg.Error):
                raise DatabaseError(str(error)) from error
            raise
        return store

    async def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See Store.read."""
        if self._closed:
            raise StoreClosedError("the store is closed")
        with translating():
            async with self._reading, self._counted("reading"):
                tries = 0
                while True:
                    tries += 1
                    try:
                        async with self._readers.connect() as connection:
                            return await connection.run_sync(function, *args, **kwargs)
                    except DBAPIError as error:
                        if not error.connection_invalidated or tries >= CONNECTION_TRIES:
                            raise

    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See Store.write."""
        if self._closed:
            raise StoreClosedError("the store is closed")
        begun = asyncio.Event()
        task = asyncio.create_task(self._run(begun, unit, args, kwargs))
        self._units.add(task)
        task.add_done_callback(self._units.discard)
        try:
            result: T = await asyncio.shield(task)
        except asyncio.CancelledError:
            if not begun.is_set():
                task.cancel()
            raise
        return result

    async def close(self) -> None:
        """See Store.close. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._trimming is not None:
            self._trimming.cancel()
        while self._units:
            await asyncio.wait(self._units)
        for _ in range(READERS):  # whoever reads ends first
            await self._reading.acquire()
        await self._feed.close()
        await self._readers.dispose()
        await self._writers.dispose()

    async def close_idle(self) -> None:
        """Close connections where more are open than were used at once since the last call: a
        server keeps a process for each. What is needed again is opened again."""
        for kind, turns, size, engine in (
            ("reading", self._reading, READERS, self._readers),
            ("writing", self._writing, WRITERS, self._writers),
        ):
            most = self._most_in_use[kind]
            self._most_in_use[kind] = self._in_use[kind]
            if self._in_use[kind] or engine.pool.checkedin() <= most:  # type: ignore[attr-defined]
                continue
            for _ in range(size):  # nobody is given one meanwhile
                await turns.acquire()
            try:
                await engine.dispose()
            finally:
                for _ in range(size):
                    turns.release()

    async def _keep_trimmed(self) -> None:
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            try:
                await self.close_idle()
            except SQLAlchemyError:
                logger.exception("idle connections could not be closed")

    @asynccontextmanager
    async def _counted(self, kind: str) -> AsyncIterator[None]:
        self._in_use[kind] += 1
        self._most_in_use[kind] = max(self._most_in_use[kind], self._in_use[kind])
        try:
            yield
        finally:
            self._in_use[kind] -= 1

    async def _run(
        self,
        begun: asyncio.Event,
        unit: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> T:
        async with self._writing, self._counted("writing"):
            begun.set()
            tries = 0
            while True:
                tries += 1
                try:
                    async with self._writers.connect() as connection:
                        value, announced = await connection.run_sync(
                            self._perform, unit, args, kwargs
                        )
                    break
                except SQLAlchemyError as error:
                    if tries >= _tries(error):
                        raise translated(error) from error
                # Apart from each other, so that the same two do not meet again.
                await asyncio.sleep(random.uniform(0, 0.002) * 2 ** min(tries, 6))  # noqa: S311
        if announced:
            self._announce(announced)
        return value

    def _perform(
        self,
        connection: Connection,
        unit: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[T, tuple[Change, ...]]:
        pending: dict[Change, None] = {}
        connection.info[PENDING] = pending
        value = unit(connection, *args, **kwargs)
        if pending:
            self._feed.write(connection, pending)
        try:
            connection.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseError("the connection was lost at the COMMIT") from error
            raise
        return value, tuple(pending)


def _tries(error: SQLAlchemyError) -> int:
    """How often in all a unit that failed by *error* may run."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return CONNECTION_TRIES
    match sqlstate(error):
        case "40001" | "40P01":
            return SERIALIZATION_TRIES
        case "23505" | "23503":
            return KEY_TRIES
    return 1


def _engine(url: URL, size: int, *, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="REPEATABLE READ",
        pool_size=size,
        max_overflow=0,
        query_cache_size=2000,
        use_native_hstore=False,
    )
    if read_only:
        event.listen(engine.sync_engine, "connect", _prepare_reader)
    return engine


def _prepare_reader(connection: Any, _record: Any) -> None:
    connection.set_read_only(True)
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config('max_parallel_workers_per_gather', '0', false), "
        + ", ".join(f"set_config('{it}', 'off', false)" for it in ALONG_INDEXES)
    )
    cursor.close()
    connection.commit()
