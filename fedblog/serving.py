"""What the commands do around the application: prepare the data, start the server, run jobs."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from fedblog.publishing import identity
from fedblog.publishing.identity import Founding
from fedblog.settings import Settings, SettingsError, is_loopback, load
from fedblog.storage import migrate, server
from fedblog.storage.errors import SchemaError
from fedblog.storage.store import Store

if TYPE_CHECKING:
    from fedblog.app import Application

T = TypeVar("T")


async def prepare(settings: Settings, founding: Founding | None = None) -> tuple[Settings, bool]:
    """Make data folder, tables, blog, keys and owner where they are missing.

    Gives the settings, with the identity that the database remembers where none was set, and
    whether this was the first start. Raises IdentityChangedError, StorageError, InvalidFieldError.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.is_sqlite:
        await asyncio.to_thread(migrate.upgrade, settings.database)
    elif not await asyncio.to_thread(migrate.is_current, settings.database):
        raise SchemaError("the database is not up to date: run `fedblog migrate` first")
    store = await Store.open(settings.database, listen=False)
    try:
        settings = await _remembered(store, settings)
        made = await identity.ensure_identity(store, settings, founding)
        return settings, made.is_new
    finally:
        await store.close()


async def _remembered(store: Store, settings: Settings) -> Settings:
    written = await store.read(server.get_all)
    unsaid: dict[str, Any] = {
        name: written[name]
        for name in ("base_url", "handle_host")
        if name in written and name not in settings.model_fields_set
    }
    return settings.model_copy(update=unsaid)


async def with_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run *work* on the database of an existing blog; it may be served at the same time."""
    await prepare(settings)
    store = await Store.open(settings.database, listen=False)
    try:
        return await work(store)
    finally:
        await store.close()


def announce(settings: Settings, is_new: bool) -> None:
    """Say where the blog is and how to write for it."""
    where = "" if str(settings.data_dir) == "data" else f" --data {settings.data_dir}"
    lines = [f"fedblog serves {settings.base_url}/ (data in {settings.data_dir.resolve()})"]
    if is_new:
        lines.append("A new blog was made, with an owner called “Owner”.")
    lines.append(f"Get a token to write with: fedblog token create --author Owner{where}")
    port = urlsplit(settings.base_url).port
    listens_on = int(settings.listen.rpartition(":")[2])
    host = urlsplit(settings.base_url).hostname or ""
    if is_loopback(host) and port is not None and port != listens_on:
        lines.append(
            f"Mind: it listens on {settings.listen}, but every address it gives out begins with "
            f"{settings.base_url} (set FEDBLOG_BASE_URL)."
        )
    for line in lines:
        print(line, file=sys.stderr)


def serve(settings: Settings, *, workers: int = 1) -> None:
    """Serve until interrupted. Raises SettingsError for several workers on SQLite."""
    import uvicorn

    if workers > 1 and settings.is_sqlite:
        raise SettingsError(
            "--workers above 1 needs PostgreSQL (FEDBLOG_DATABASE_URL); SQLite is one process"
        )
    host, _, port = settings.listen.rpartition(":")
    os.environ.update(
        {
            f"FEDBLOG_{name.upper()}": str(value)
            for name, value in settings.model_dump(exclude_none=True).items()
        }
    )
    # Started by uvicorn's own means, so that its signals and its workers work as they do anywhere.
    uvicorn.run(
        "fedblog.serving:application",
        factory=True,
        workers=workers,
        host=host.strip("[]"),
        port=int(port),
        lifespan="on",
        log_config=log_config(settings),
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=10,
    )


def application() -> "Application":
    """The application for a worker process; its parent put every setting into the environment."""
    from fedblog.app import Application

    return Application(load())


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
        "loggers": {"fedblog": {"level": "INFO"}},
    }


async def work(settings: Settings) -> None:
    """Run the loops alone until cancelled. Raises SettingsError on SQLite."""
    if settings.is_sqlite:
        raise SettingsError(
            "a worker of its own needs PostgreSQL (FEDBLOG_DATABASE_URL); with SQLite the server "
            "does its jobs itself"
        )
    from fedblog.app import running

    async with running(settings):
        await asyncio.Event().wait()
