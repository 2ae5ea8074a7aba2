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
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError

from fedblog.storage import counting
from fedblog.storage.errors import SchemaError, StorageError
from fedblog.storage.failures import translating

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parents[1]
_REVISIONS = re.compile(
    r"""^(?P<name>(?:down_)?revision)\b[^=\n]*= *["'](?P<value>[^"']+)["']""", re.MULTILINE
)
_ADVISORY_LOCK = 7_306_930_442  # any number of our own, the same in every process


def upgrade(database_url: str, *, migrations: Path | None = None) -> Path | None:
    """Make the tables, or bring them up to this version. Blocks; call it before the server starts.

    *migrations* is the folder to take them from, this version's own unless it is given. Gives the
    backup that was made of an SQLite file, if one was. Raises SchemaError where the database was
    made by a newer fedblog, StorageError where it cannot be reached.
    """
    url = _parse(database_url)
    folder = migrations or migrations_folder()
    revisions, head = _revisions(folder)
    if url.get_backend_name() == "sqlite":
        _make_file(Path(url.database or ""))
    with translating(), _engine(url) as engine:
        with engine.connect() as connection:
            current = _revision(connection)
            counts_stand = current == head and counting.stands(connection)
        if counts_stand:
            return None
        if current is not None and current not in revisions:
            raise SchemaError(
                f"the database is of a newer version (revision {current}); install that fedblog, "
                "or restore a backup"
            )
        backup = None
        if current is not None and url.get_backend_name() == "sqlite":
            backup = _back_up(Path(url.database or ""), current)
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            counting.remove(connection)
            _run_alembic(connection, folder)
            counting.install(connection)
            if connection.dialect.name == "sqlite":
                _check_foreign_keys(connection)
        return backup


def is_current(database_url: str) -> bool:
    """Whether the tables are there and those of this version. Blocks.

    Raises StorageError where the database cannot be reached.
    """
    url = _parse(database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return False
    with translating(), _engine(url) as engine, engine.connect() as connection:
        head = _revisions(migrations_folder())[1]
        return _revision(connection) == head and counting.stands(connection)


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


def _run_alembic(connection: Connection, folder: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


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


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


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
    else:
        engine = create_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


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
    target = folder / f"{path.stem}-{revision}-{stamp}.sqlite3"
    _make_file(target)
    with _engine(URL.create("sqlite+pysqlite", database=str(path))) as engine:
        raw = engine.raw_connection()
        try:
            # Into an empty file that is there already, so that its mode holds from the start.
            raw.cursor().execute("VACUUM INTO ?", (str(target),))
        finally:
            raw.close()
    logger.info("the database was copied to %s before its upgrade", target)
    return target


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise SchemaError(f"the upgrade would leave a row of {broken[0]} without its {broken[2]}")
