"""The one thread that writes to an SQLite database.

Units that wait together run in one transaction. When one fails, all are rolled back and each runs
again in a savepoint of its own, so that a failing one fails alone. Callers are answered after the
COMMIT, all of them by one call into the event loop.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from fedblog.storage.changes import EVERYTHING, PENDING, Change
from fedblog.storage.errors import StorageError
from fedblog.storage.failures import ends_everything, translated
from fedblog.storage.sqlite_connection import connect
from fedblog.storage.sqlite_feed import SqliteFeed

BATCH_LIMIT = 256
POLL_SECONDS = 0.4
_NO_CHANGES: Sequence[Change] = ()

logger = logging.getLogger(__name__)


class Waiting(NamedTuple):
    """A unit in the queue and the future of its caller."""

    future: "asyncio.Future[Any]"
    unit: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Outcome(NamedTuple):
    """What became of a batch: each unit's value, or its error by its place in the batch."""

    values: list[Any]
    errors: dict[int, Exception]
    announced: Sequence[Change]


class TransactionEndedError(StorageError):
    """A unit, or a failure that it kept to itself, ended the transaction it ran in."""


class SqliteWriter:
    """Owns the writing connection; made and used from the event loop *loop*."""

    def __init__(
        self,
        path: str,
        loop: asyncio.AbstractEventLoop,
        announce: Callable[[Sequence[Change]], None],
        *,
        listen: bool,
    ) -> None:
        self._path = path
        self._loop = loop
        self._announce = announce
        self._listen = listen
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._thread = threading.Thread(target=self._run, name="fedblog-writer", daemon=True)
        self._next_poll = 0.0
        self._engine: Engine
        self._connection: Connection
        self._raw: sqlite3.Connection
        self._feed: SqliteFeed

    # --- on the event loop -----------------------------------------------------------------

    async def open(self) -> None:
        """Start the thread and wait for its connection. Raises DatabaseError."""
        await self._loop.run_in_executor(None, self._thread.start)
        await asyncio.shield(self._opened)

    def submit(
        self, unit: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> "asyncio.Future[Any]":
        """Put a unit in the queue; cancelling the future drops it as long as it has not begun."""
        future = self._loop.create_future()
        self._queue.put(Waiting(future, unit, args, kwargs))
        return future

    async def close(self) -> None:
        """Let what is in the queue run, then end the thread."""
        self._queue.put(None)
        await asyncio.shield(self._ended)

    def _answer(self, batch: list[Waiting], outcome: Outcome) -> None:
        values, errors, announced = outcome
        if announced:
            self._announce(announced)
        for index, waiting in enumerate(batch):
            future = waiting.future
            if future.done():  # its caller was cancelled meanwhile
                continue
            if errors and index in errors:
                future.set_exception(errors[index])
            else:
                future.set_result(values[index])

    # --- on the writer's thread ------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._connect()
        except Exception as error:  # whoever opens the store hears of it
            self._tell(_settle, self._opened, translated(error))
            return
        self._tell(_settle, self._opened, None)
        try:
            while (batch := self._take()) is not None:
                if batch and not self._tell(self._answer, batch, self._perform(batch)):
                    return
                if self._listen and time.monotonic() >= self._next_poll:
                    self._poll()
        finally:
            self._disconnect()
            self._tell(_settle, self._ended, None)

    def _tell(self, function: Callable[..., None], *args: Any) -> bool:
        """Have *function* called on the event loop; False when the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            logger.warning("the event loop ended before the database's writer")
            return False
        return True

    def _take(self) -> list[Waiting] | None:
        """The units that wait (none when it is time to look around), or None at the end."""
        waiting_queue = self._queue
        try:
            item = waiting_queue.get(timeout=POLL_SECONDS if self._listen else None)
        except queue.Empty:
            return []
        if item is None:
            return None
        batch = [item]
        # This thread alone takes from the queue, so what is not empty stays so.
        while len(batch) < BATCH_LIMIT and not waiting_queue.empty():
            item = waiting_queue.get()
            if item is None:
                waiting_queue.put(None)  # nothing comes after it: the next turn ends
                break
            batch.append(item)
        return batch

    def _perform(self, batch: list[Waiting]) -> Outcome:
        """Run *batch* in one transaction; where a unit fails, each in a savepoint."""
        connection, raw = self._connection, self._raw
        values: list[Any] = []
        announced = _NO_CHANGES
        pending: dict[Change, None] = {}
        connection.info[PENDING] = pending
        try:
            transaction = connection.begin()
        except Exception as error:
            return _all_failed(batch, error)
        try:
            for future, unit, args, kwargs in batch:
                if future.cancelled():
                    values.append(None)
                    continue
                values.append(unit(connection, *args, **kwargs))
                if not raw.in_transaction:
                    raise TransactionEndedError("a unit ended the transaction it ran in")
            if pending:
                announced = self._feed.write(pending)
            transaction.commit()
        except BaseException as error:  # whatever it is, every caller must hear of it
            fatal = not raw.in_transaction or ends_everything(error) or len(values) == len(batch)
            self._roll_back(transaction.rollback)
            if fatal or len(batch) == 1:
                return _all_failed(batch, error)
        else:
            if pending:
                self._feed.committed()
            return Outcome(values, {}, announced)
        return self._perform_apart(batch, begun=len(values) + 1)

    def _perform_apart(self, batch: list[Waiting], begun: int) -> Outcome:
        """Run each unit of *batch* in a savepoint; the first *begun* ones ran before."""
        connection, raw = self._connection, self._raw
        values: list[Any] = []
        errors: dict[int, Exception] = {}
        announced = _NO_CHANGES
        pending: dict[Change, None] = {}
        try:
            transaction = connection.begin()
        except Exception as error:
            return _all_failed(batch, error)
        try:
            for index, (future, unit, args, kwargs) in enumerate(batch):
                values.append(None)
                if index >= begun and future.cancelled():
                    continue
                own: dict[Change, None] = {}
                connection.info[PENDING] = own
                savepoint = connection.begin_nested()
                try:
                    values[index] = unit(connection, *args, **kwargs)
                    if not raw.in_transaction:
                        raise TransactionEndedError("a unit ended the transaction it ran in")
                    savepoint.commit()
                except BaseException as error:
                    if not raw.in_transaction or ends_everything(error):
                        raise
                    savepoint.rollback()
                    errors[index] = translated(error)
                else:
                    pending |= own
            if pending:
                announced = self._feed.write(pending)
            transaction.commit()
        except BaseException as error:
            self._roll_back(transaction.rollback)
            return _all_failed(batch, error)
        if pending:
            self._feed.committed()
        return Outcome(values, errors, announced)

    def _roll_back(self, roll_back: Callable[[], None]) -> None:
        """Leave no transaction behind, on a new connection where this one cannot go on."""
        try:
            roll_back()
            if self._raw.in_transaction:
                self._raw.rollback()
        except Exception:
            logger.exception("the database's writer could not roll back; it connects anew")
            try:
                self._disconnect()
                self._connect()
                self._tell(self._announce, [EVERYTHING])  # some may have been missed
            except Exception:  # the next unit fails at its BEGIN and says why
                logger.exception("the database's writer could not connect anew")

    def _poll(self) -> None:
        self._next_poll = time.monotonic() + POLL_SECONDS
        try:
            found = self._feed.poll()
        except sqlite3.Error:
            logger.exception("could not look for changes of other processes")
            return
        if found:
            self._tell(self._announce, found)

    def _connect(self) -> None:
        self._engine = create_engine(
            "sqlite+pysqlite://",
            creator=lambda: connect(self._path),
            poolclass=NullPool,
            query_cache_size=2000,
        )
        event.listen(self._engine, "connect", _prepare_connection)
        event.listen(self._engine, "begin", _begin_immediate)
        self._connection = self._engine.connect()
        raw = self._connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        self._raw = raw
        self._feed = SqliteFeed(self._connection, raw)

    def _disconnect(self) -> None:
        try:
            self._raw.execute("PRAGMA optimize")
            self._connection.close()
            self._engine.dispose()
        except Exception:
            logger.exception("the database's writer could not close its connection")


def _prepare_connection(raw: sqlite3.Connection, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        raw.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    # Straight to the driver: this runs for every transaction.
    connection.connection.driver_connection.execute("BEGIN IMMEDIATE")  # type: ignore[union-attr]


def _all_failed(batch: list[Waiting], error: BaseException) -> Outcome:
    return Outcome([], {index: translated(error) for index in range(len(batch))}, _NO_CHANGES)


def _settle(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
