"""Brings a database's tables up to this version (Alembic, on both engines).

An SQLite file is copied into ``backups/`` beside it before anything in it changes. Alembic is
imported where it runs: a start that finds the tables as they should be does without it.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError

from fedblog import __version__
from fedblog.storage import counting, file_number, server
from fedblog.storage.errors import (
    DamagedError,
    SchemaError,
    StorageError,
    UnusableDatabaseError,
)
from fedblog.storage.failures import translating
from fedblog.storage.tables import metadata

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parents[1]
_REVISIONS = re.compile(
    r"""^(?P<name>(?:down_)?revision)\b[^=\n]*= *["'](?P<value>[^"']+)["']""", re.MULTILINE
)
VERSIONS = "alembic_version"
"""The table that says which revision the others are of."""
_OURS = frozenset({"server", "blogs"})
"""Tables that every version has."""
_CACHE_KB = 65_536
_ADVISORY_LOCK = 7_306_930_442  # any number of our own, the same in every process


class Standing(Enum):
    """How far the tables of a database are."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"


def upgrade(
    database_url: str,
    *,
    migrations: Path | None = None,
    backups_kept: int = 3,
    with_copy: bool = True,
) -> Path | None:
    """Make the tables, or bring them up to this version. Blocks; call it before the server starts.

    *migrations* is the folder to take them from, this version's own unless it is given. Gives the
    copy that was made of an SQLite file *with_copy*, if one was; of all that there are then the
    newest *backups_kept* stay. Raises what `standing` raises, before anything is changed.
    """
    url = _parse(database_url)
    folder = migrations or migrations_folder()
    revisions, head = _revisions(folder)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        file_number.check(path)
        file_number.adopt(path)
        _make_file(path)
    with reading(database_url), _engine(url) as engine:
        with engine.connect() as connection:
            current = _revision(connection, url, revisions)
            counts_stand = current == head and counting.stands(connection)
        if counts_stand:
            return None
        backup = None
        if with_copy and current is not None and url.get_backend_name() == "sqlite":
            backup = _back_up(Path(url.database or ""), current)
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            bring_up(connection, folder)
            if connection.dialect.name == "sqlite":
                _check_foreign_keys(connection)
        if backup is not None:  # and it was not needed
            _forget_backups(backup, backups_kept)
        return backup


def bring_up(connection: Connection, folder: Path | None = None) -> None:
    """Bring the tables up to this version in the caller's transaction."""
    counting.remove(connection)
    make_tables(connection, "head", folder)
    counting.install(connection)
    if server.get(connection, "base_url") is not None:  # a blog: its copies know what they need
        server.put(connection, server.VERSION, __version__)


def make_tables(connection: Connection, revision: str, folder: Path | None = None) -> None:
    """Make the tables of *revision*, or change them to those, in the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    script_location = str(folder or migrations_folder())
    config.set_main_option("script_location", script_location.replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def standing(database_url: str) -> Standing:
    """How far the tables are; a file that is not there is empty. Blocks, and changes nothing.

    Raises SchemaError where they are those of a newer fedblog, UnusableDatabaseError where the file
    is damaged or another application's, ForeignLogError where the log beside it is not its own,
    StorageError where the database cannot be reached.
    """
    url = _parse(database_url)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if not path.exists():
            return Standing.EMPTY
        file_number.check(path)
    revisions, head = _revisions(migrations_folder())
    with reading(database_url), _engine(url) as engine, engine.connect() as connection:
        found = _revision(connection, url, revisions)
        if found is None:
            return Standing.EMPTY
        is_current = found == head and counting.stands(connection)
        return Standing.CURRENT if is_current else Standing.OLDER


@contextmanager
def reading(database_url: str) -> Iterator[None]:
    """Raise this layer's errors for those of the database: UnusableDatabaseError where the file
    turns out to be damaged."""
    try:
        with translating():
            yield
    except DamagedError as error:
        what = f"is damaged, or no database at all ({error})"
        raise _unusable(_parse(database_url), what) from error


@contextmanager
def opened(database_url: str) -> Iterator[Engine]:
    """An engine for the database, for work around the server. Raises StorageError."""
    url = _parse(database_url)
    if url.get_backend_name() == "sqlite":
        file_number.check(Path(url.database or ""))
    with reading(database_url), _engine(url) as engine:
        yield engine


def tables(connection: Connection) -> set[str]:
    """The names of the tables that are there."""
    return set(inspect(connection).get_table_names())


def is_known(revision: str) -> bool:
    """Whether this version knows the tables of *revision*. Reads files."""
    return revision in _revisions(migrations_folder())[0]


def head() -> str:
    """The revision that this version needs. Reads files."""
    return _revisions(migrations_folder())[1]


def revision(connection: Connection) -> str | None:
    """The revision that the tables are of, or None."""
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def migrations_folder() -> Path:
    """The checkout's ``migrations/``, else the one that the wheel carries."""
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").exists() and (checkout / "migrations" / "env.py").exists():
        return checkout / "migrations"
    bundled = _PACKAGE / "_bundled" / "migrations"
    if (bundled / "env.py").exists():
        return bundled
    raise SchemaError("this installation lacks its migrations folder")


def _revisions(folder: Path) -> tuple[set[str], str]:
    """The revisions that *folder* leads to, and the newest: the one that no other builds upon."""
    known: set[str] = set()
    former: set[str] = set()
    for file in (folder / "versions").glob("*.py"):
        for match in _REVISIONS.finditer(file.read_text(encoding="utf-8")):
            (known if match["name"] == "revision" else former).add(match["value"])
    if len(known - former) != 1:
        raise SchemaError(f"the migrations in {folder} do not lead to one newest version")
    return known, (known - former).pop()


def _revision(connection: Connection, url: URL, known: set[str]) -> str | None:
    """The revision that the tables at *url* are of, None where there are none; raises what
    `standing` raises.

    A file belongs to one application. A database on a server may have tables of others in it, as
    long as their names are not ours.
    """
    names = tables(connection)
    found = revision(connection) if VERSIONS in names else None
    others = names - {VERSIONS}
    if found is None:
        is_foreign = bool(others if connection.dialect.name == "sqlite" else others & _names())
    else:
        is_foreign = bool(others) and not others & _OURS
    if is_foreign:
        raise _unusable(url, "is another application's")
    if found is not None and found not in known:
        raise SchemaError(
            f"the database is of a newer version (revision {found}); install "
            f"{_needed(connection, names)}, or restore a backup"
        )
    return found


def _needed(connection: Connection, names: set[str]) -> str:
    """The fedblog that a database of a newer version with the tables *names* needs."""
    version = server.get(connection, server.VERSION) if "server" in names else None
    return "that fedblog" if version is None else f"fedblog {version} or later"


def _names() -> set[str]:
    return set(metadata.tables)


def _unusable(url: URL, what: str) -> UnusableDatabaseError:
    is_file = url.get_backend_name() == "sqlite"
    where = url.database if is_file else url.set(drivername="postgresql").render_as_string()
    return UnusableDatabaseError(
        f"the database {where} {what}. Either set FEDBLOG_DATA_DIR (--data) or "
        "FEDBLOG_DATABASE_URL to the blog's own, or restore a backup (copies from before upgrades "
        "stand in backups/ in the data folder); for a new blog take another data folder or "
        "database",
        what=what,
    )


def _parse(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except ArgumentError as error:
        raise StorageError("the database address cannot be read") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database:
        return url.set(drivername="sqlite+pysqlite", database=str(Path(url.database).absolute()))
    raise StorageError("the database address must be postgresql://… or sqlite:///FILE")


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    if url.get_backend_name() == "sqlite":
        # The driver would end transactions before DDL by itself. Foreign keys stay off: altering
        # a table on SQLite means to make it anew.
        engine = create_engine(url, poolclass=NullPool, connect_args={"isolation_level": None})
        event.listen(engine, "begin", lambda connection: _execute(connection, "BEGIN IMMEDIATE"))
        event.listen(engine, "connect", _give_room)
    else:
        engine = create_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


def _give_room(raw: Any, _record: Any) -> None:
    """Have indexes sorted in memory: with SQLite's two megabytes, making them reads four times as
    much from the disk and writes twice as much."""
    raw.execute(f"PRAGMA cache_size=-{_CACHE_KB}")


def _execute(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _make_file(path: Path) -> None:
    """Make the database file readable by its owner alone: it holds private keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _back_up(path: Path, revision: str) -> Path:
    folder = path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    logger.info("copying the database before its upgrade (%d MB)", path.stat().st_size >> 20)
    target = folder / f"{path.stem}-{revision}-{stamp}.sqlite3"
    _make_file(target)
    with _engine(URL.create("sqlite+pysqlite", database=str(path))) as engine:
        raw = engine.raw_connection()
        try:
            # Into an empty file that is there already, so that its mode holds from the start.
            raw.cursor().execute("VACUUM INTO ?", (str(target),))
        finally:
            raw.close()
    file_number.renew(path)
    logger.info("the database was copied to %s before its upgrade", target)
    return target


def _forget_backups(newest: Path, kept: int) -> None:
    """Delete the oldest copies beside *newest* of the same database, so that *kept* are left."""
    stem = newest.stem.rsplit("-", 2)[0]
    copies = sorted(
        newest.parent.glob(f"{stem}-*-*Z.sqlite3"), key=lambda f: f.stem.rsplit("-")[-1]
    )
    for file in copies[: -max(kept, 1)]:
        file.unlink(missing_ok=True)
        logger.info("the copy %s from before an earlier upgrade was deleted", file)


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise SchemaError(f"the upgrade would leave a row of {broken[0]} without its {broken[2]}")
