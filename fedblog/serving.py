"""What the commands do around the application: prepare the data, start the server, run jobs."""

import asyncio
import contextlib
import ctypes
import errno
import gc
import logging
import logging.config
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from fedblog.domain.errors import NotFoundError
from fedblog.publishing import identity
from fedblog.publishing.identity import Founding
from fedblog.settings import Settings, SettingsError, is_loopback, load
from fedblog.storage import authors, blogs, file_number, migrate, server
from fedblog.storage.backups import JOURNAL, WORK
from fedblog.storage.errors import SchemaError, UnusableDatabaseError
from fedblog.storage.lock import DataFolderLock
from fedblog.storage.sqlite_connection import database_file
from fedblog.storage.store import Store

if TYPE_CHECKING:
    from fedblog.app import Application

T = TypeVar("T")

_OF_UPGRADES = ("alembic.runtime.migration", "fedblog.storage.counting", "fedblog.storage.migrate")
KEEP_ALIVE_SECONDS = 150
"""How long an idle connection is kept. A proxy in front sends a POST on a connection that we close
at the same moment to nowhere, so it must be the one who closes: Caddy does after two minutes."""
_LOOK_EVERY = 0.05
# Of <malloc.h>.
_ARENA_MAX = -8
_MMAP_THRESHOLD = -3


@dataclass(frozen=True, slots=True)
class Prepared:
    """A blog that can be served. *settings* have the identity that the database remembers where
    none was set; *owner* is a handle that `fedblog token create` takes."""

    settings: Settings
    is_new: bool
    owner: str


async def prepare(settings: Settings, founding: Founding | None = None) -> Prepared:
    """Make data folder, tables, blog, keys and owner where they are missing.

    Raises IdentityChangedError, StorageError, InvalidFieldError.
    """
    await asyncio.to_thread(settings.data_dir.mkdir, parents=True, exist_ok=True, mode=0o700)
    try:
        with migrate.reading(settings.database):
            return await _prepared(settings, founding)
    except UnusableDatabaseError as error:
        await asyncio.to_thread(identity.refuse_lost, settings, error.what)
        raise


async def _prepared(settings: Settings, founding: Founding | None) -> Prepared:
    await _ready_tables(settings)
    store = await Store.open(settings.database, listen=False)
    try:
        settings = await _remembered(store, settings)
        made = await identity.ensure_identity(store, settings, founding)
        await identity.remember(store, settings)
        people = await store.read(authors.list_all, made.blog.id)
        owner = next((person.handle for person in people if person.role == "owner"), "")
        return Prepared(settings, made.is_new, owner)
    finally:
        await store.close()


def has_database(settings: Settings) -> bool:
    """Whether there is a database; the one on a server is said to be there, an empty file is
    none."""
    if not settings.is_sqlite:
        return True
    file = Path(settings.database.removeprefix("sqlite:///"))
    return file.exists() and file.stat().st_size > 0


async def has_blog(settings: Settings) -> bool:
    """Whether there is a blog already. An SQLite file is brought up to this version by it.

    Raises StorageError.
    """
    if not has_database(settings):
        return False
    await _ready_tables(settings)
    store = await Store.open(settings.database, listen=False)
    try:
        return await store.read(blogs.first) is not None
    finally:
        await store.close()


def upgrade(settings: Settings) -> Path | None:
    """Bring the tables up to this version, or make them; gives the copy that was made before, if
    one was. Blocks.

    Raises IdentityChangedError where the data folder remembers a blog and this cannot be its
    database, StorageError.
    """
    standing = _standing(settings)
    if standing is migrate.Standing.CURRENT:
        return None
    if standing is migrate.Standing.OLDER:
        tell_of_upgrades()
    return migrate.upgrade(settings.database, backups_kept=settings.backups_kept)


def settle(settings: Settings, *, is_held: bool = False) -> None:
    """End what a restore that was killed began to put in place; everybody does so before they use
    the data folder. *is_held*: its lock is. Blocks; raises StorageError."""
    is_pending = (settings.data_dir / JOURNAL).exists()
    if not is_pending and not (is_held and (settings.data_dir / WORK).exists()):
        return
    from fedblog.storage.backups import restoring

    if is_held:
        restoring.finish(settings)
        return
    with DataFolderLock(settings.data_dir) as lock:
        lock.acquire("fedblog restore")
        restoring.finish(settings)


def is_current(settings: Settings) -> bool:
    """Whether the tables are those of this version. Blocks; raises what `upgrade` raises."""
    return _standing(settings) is migrate.Standing.CURRENT


def _standing(settings: Settings) -> migrate.Standing:
    """How far the database is. Blocks; raises what `upgrade` raises."""
    settle(settings)
    try:
        standing = migrate.standing(settings.database)
    except UnusableDatabaseError as error:
        identity.refuse_lost(settings, error.what)
        raise
    if standing is migrate.Standing.EMPTY:
        identity.refuse_lost(settings, "is empty" if has_database(settings) else "is missing")
    return standing


async def _ready_tables(settings: Settings) -> None:
    """Have the tables of this version: on SQLite they are made, on a server `fedblog migrate` is
    asked for. Raises what `upgrade` raises."""
    if settings.is_sqlite:
        await asyncio.to_thread(upgrade, settings)
    else:
        await _refuse_other_version(settings)


async def _refuse_other_version(settings: Settings) -> None:
    if not await asyncio.to_thread(is_current, settings):
        raise SchemaError("the database is not of this version: run `fedblog migrate` first")


async def _remembered(store: Store, settings: Settings) -> Settings:
    written = await store.read(server.get_all)
    unsaid: dict[str, Any] = {
        name: written[name]
        for name in ("base_url", "handle_host")
        if name in written and name not in settings.model_fields_set
    }
    return settings.model_copy(update=unsaid)


async def with_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run *work* on the database of an existing blog; it may be served at the same time.

    Makes nothing. Raises NotFoundError where there is no blog, StorageError.
    """
    missing = NotFoundError(
        f"there is no blog in {settings.data_dir} yet; run fedblog init or fedblog serve first"
    )
    if not has_database(settings):
        raise missing
    await _refuse_other_version(settings)
    store = await Store.open(settings.database, listen=False)
    try:
        if await store.read(blogs.first) is None:
            raise missing
        settings = await _remembered(store, settings)
        await identity.ensure_identity(store, settings)
        return await work(store)
    finally:
        await store.close()


def number(settings: Settings) -> None:
    """Give an SQLite file that is about to be served a number of its own (decision 25). Blocks;
    raises StorageError."""
    file = database_file(settings.database)
    if file is not None:
        file_number.renew(file)


def _announce(prepared: Prepared) -> None:
    """Say where the blog is and how to write for it."""
    settings = prepared.settings
    where = "" if str(settings.data_dir) == "data" else f" --data {settings.data_dir}"
    lines = [f"fedblog serves {settings.base_url}/ (data in {settings.data_dir.resolve()})"]
    if prepared.is_new:
        lines.append(f"A new blog was made, with an owner whose handle is {prepared.owner}.")
    lines.append(
        f"Get a token to write with: fedblog token create --author {prepared.owner}{where}"
    )
    port = urlsplit(settings.base_url).port
    listens_on = int(settings.listen.rpartition(":")[2])
    host = urlsplit(settings.base_url).hostname or ""
    if is_loopback(host) and port is not None and port != listens_on:
        lines.append(
            f"Mind: it listens on {settings.listen}, but every address it gives out begins with "
            f"{settings.base_url} (set FEDBLOG_BASE_URL)."
        )
    print("\n".join(lines), file=sys.stderr, flush=True)


def check_workers(settings: Settings, workers: int) -> None:
    """Raise SettingsError for several processes on SQLite."""
    if workers > 1 and settings.is_sqlite:
        raise SettingsError(
            "--workers above 1 needs PostgreSQL (FEDBLOG_DATABASE_URL); SQLite is one process"
        )


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Sockets bound to ``listen``, one for each address of its host. Raises SettingsError."""
    host, _, port = settings.listen.rpartition(":")
    sockets: list[socket.socket] = []
    refused = f"cannot listen on {settings.listen}: "
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _name, address in dict.fromkeys(found):
            bound = socket.socket(family, kind, protocol)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(address)
    except OSError as error:
        for bound in sockets:
            bound.close()
        if error.errno == errno.EADDRINUSE:
            refused += "another program has the port; choose one with --listen HOST:PORT"
        else:
            refused += str(error.strerror or error)
        raise SettingsError(refused) from None
    try:
        yield sockets
    finally:
        for bound in sockets:
            bound.close()


def protocol(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told of how HTTP is spoken here."""
    from fedblog.front.bounds import Bounds
    from fedblog.front.protocol import Front

    return {
        "http": Front(Bounds.of(settings, idle_seconds=KEEP_ALIVE_SECONDS)),
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_graceful_shutdown": 10,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    }


@contextmanager
def _once_it_listens(bound: socket.socket, tell: Callable[[], None]) -> Iterator[None]:
    """Call *tell* on a thread as soon as something takes connections where *bound* is bound; never
    where nothing does before this ends."""
    address, ended = bound.getsockname()[:2], threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY):
            try:
                socket.create_connection(address, timeout=1).close()
            except OSError:
                continue
            tell()
            return

    threading.Thread(target=look, name="listens", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def serve(prepared: Prepared, sockets: list[socket.socket], *, workers: int = 1) -> None:
    """Serve on *sockets* until interrupted (SIGINT, SIGTERM), and say so once that is so. Raises
    SystemExit."""
    import uvicorn

    settings = prepared.settings

    os.environ.update(
        {
            f"FEDBLOG_{name.upper()}": str(value)
            for name, value in settings.model_dump(exclude_none=True).items()
        }
    )
    how: dict[str, Any] = {
        "factory": True,
        "lifespan": "on",
        "log_config": log_config(settings),
        **protocol(settings),
    }
    application = "fedblog.serving:application"
    listens = _once_it_listens(sockets[0], lambda: _announce(prepared))
    with suppress(KeyboardInterrupt), listens:  # uvicorn gives back the signal that it ended by
        if workers > 1:
            for bound in sockets:  # its workers are given one that uvicorn itself makes
                bound.close()
            host, _, port = settings.listen.rpartition(":")
            uvicorn.run(application, workers=workers, host=host.strip("[]"), port=int(port), **how)
            return
        running = uvicorn.Server(uvicorn.Config(application, **how))
        running.run(sockets=sockets)
        if not running.started:
            sys.exit(1)


def _allow_many_connections() -> None:
    """Raise the soft limit of open files to the hard one: a delivery to a thousand servers wants a
    thousand connections, and the usual soft limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _give_memory_back() -> None:
    """Have glibc take large bodies and pages from the system and give them back at once. By itself
    it keeps what threads free, each thread's apart, and with the sizes that it has seen more."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        options = ctypes.CDLL(None).mallopt
        options(_ARENA_MAX, 4)  # with two, threads wait for each other: 3 % of an inbox
        options(_MMAP_THRESHOLD, 1 << 20)


def application() -> "Application":
    """The application for a worker process; its parent put every setting into the environment."""
    from fedblog.app import Application

    _allow_many_connections()
    # What was imported stays for good: the collector need not walk through it again.
    gc.freeze()
    # Each 700 new objects, as it is by default, take a twentieth of an inbox's time.
    gc.set_threshold(5000)
    gc.enable()
    # A reader's thread that wants the interpreter back after a statement need not wait 5 ms for it.
    sys.setswitchinterval(0.001)
    _give_memory_back()
    return Application(load())


def tell_of_upgrades() -> None:
    """Have an upgrade of the database say how far it is: large blogs wait for most of a minute."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for name in _OF_UPGRADES:
        logging.getLogger(name).setLevel(logging.INFO)


def log_config(settings: Settings) -> dict[str, object]:
    """Logging of the server: one line an event, as text or as JSON."""
    formatter: dict[str, object] = {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    if settings.log_format == "json":
        formatter = {"()": "fedblog.logs.JsonLines"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": logging.WARNING, "handlers": ["stderr"]},
        # What uvicorn warns of is said by anyone who sends nonsense.
        "loggers": {"fedblog": {"level": "INFO"}, "uvicorn.error": {"level": "ERROR"}},
    }


async def work(settings: Settings) -> None:
    """Run the loops alone until interrupted (SIGINT, SIGTERM). Raises SettingsError on SQLite."""
    if settings.is_sqlite:
        raise SettingsError(
            "a worker of its own needs PostgreSQL (FEDBLOG_DATABASE_URL); with SQLite the server "
            "does its jobs itself"
        )
    from fedblog.app import running

    _allow_many_connections()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    settings = (await prepare(settings)).settings
    logging.config.dictConfig(log_config(settings))
    async with running(settings):
        print(f"fedblog does the jobs of {settings.base_url}/", file=sys.stderr, flush=True)
        await ended.wait()
