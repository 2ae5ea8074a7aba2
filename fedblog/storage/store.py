"""The Store: runs units of database work and tells listeners what they changed.

A unit is a plain synchronous function over a SQLAlchemy ``Connection``. It has no effect outside
the database and may be run more than once before it counts. See docs/architecture.md.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from fedblog.storage.changes import Change
from fedblog.storage.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")
Listener = Callable[[Sequence[Change]], None]

logger = logging.getLogger(__name__)


class Store(ABC):
    """One database, open. Belongs to the event loop that opened it."""

    dialect: str

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}

    @classmethod
    async def open(cls, database_url: str, *, listen: bool = True) -> "Store":
        """Open the database at *database_url* (``sqlite:////abs/path`` or ``postgresql://…``).

        The tables must exist (``storage.migrate`` makes them). With *listen* off, changes made by
        other processes are not looked for. Raises SchemaError without tables, and StorageError for
        an address of another kind or a database that cannot be reached.
        """
        try:
            url = make_url(database_url)
        except ArgumentError as error:
            raise StorageError("the database address cannot be read") from error
        # Imported on a thread: the drivers' modules are many files.
        if url.get_backend_name() == "sqlite":
            return await (await asyncio.to_thread(_sqlite))(url, listen=listen)
        if url.get_backend_name() == "postgresql":
            return await (await asyncio.to_thread(_postgresql))(url, listen=listen)
        raise StorageError(f"a database of the kind {url.get_backend_name()} is not supported")

    @abstractmethod
    async def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What *function* gives when it is called with a connection that sees one snapshot.

        Nothing can be written through it. Raises what *function* raises; DatabaseError where the
        database fails; StoreClosedError.
        """

    @abstractmethod
    async def write(
        self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What *unit* gave, after the COMMIT that holds its work.

        Raises what *unit* raised (nothing of it was kept); ConstraintError, StorageFullError,
        DatabaseBusyError or DatabaseError where the database refused; StoreClosedError. A caller
        that is cancelled loses only its answer when the unit had begun.
        """

    @abstractmethod
    async def close(self) -> None:
        """Take no more work, wait for what has begun, and close every connection."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* on the event loop with the changes of every COMMIT that has some.

        It hears of a commit of this process before the writer's caller resumes, and of other
        processes' within a second. It must be quick. Gives the function that ends this.
        """
        mark = object()
        self._listeners[mark] = listener

        def stop() -> None:
            self._listeners.pop(mark, None)

        return stop

    def _announce(self, items: Sequence[Change]) -> None:
        """Tell the listeners; one that fails keeps neither the others nor the writer from it."""
        for listener in tuple(self._listeners.values()):
            try:
                listener(items)
            except Exception:
                logger.exception("a listener to changes failed")


def _sqlite() -> "_Connect":
    from fedblog.storage.store_sqlite import SqliteStore

    return SqliteStore.connect


def _postgresql() -> "_Connect":
    from fedblog.storage.store_postgresql import PostgresqlStore

    return PostgresqlStore.connect


class _Connect(Protocol):
    async def __call__(self, url: URL, *, listen: bool) -> Store: ...
