"""Makes a backup: the database as it is at one moment, then everything else in the data folder.

The database comes first: a picture is in its place before its row is, so whatever a row of that
moment names is there when the files are read, unless it was deleted since.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedblog import __version__
from fedblog.settings import Settings
from fedblog.storage import file_number, folder, migrate, server
from fedblog.storage.backups import contents, copy_lock, postgresql_copy, sqlite_copy
from fedblog.storage.backups.archive import DATABASE, Manifest, Packing, TableOf
from fedblog.storage.backups.progress import Tell
from fedblog.storage.errors import BackupError
from fedblog.storage.failures import of_disk
from fedblog.storage.sqlite_connection import database_file

_TOLD_EVERY = 64


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made: what of the data folder is not in it as it stood there (sockets,
    links that lead nowhere), and which files became shorter while they were read."""

    base_url: str
    passed_over: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def name_for(base_url: str, now: datetime) -> str:
    """The name of a backup that was given none."""
    host = (urlsplit(base_url).hostname or "blog").replace(":", "-")
    return f"fedblog-{host}-{now:%Y%m%dT%H%M%SZ}.tar.gz"


def blog_of(settings: Settings) -> folder.Belonging:
    """Whose database it is. Raises BackupError where there is no blog, StorageError."""
    _refuse_none(settings)
    with migrate.opened(settings.database) as engine, engine.connect() as connection:
        return _blog(connection, settings)


def make(settings: Settings, file: Path, tell: Tell) -> Made:
    """Write a backup to *file*, which must not be there yet, gzipped where its name ends in .gz or
    .tgz. It is there when it is whole, and not before. Raises StorageError."""
    target = file.absolute()
    refuse_place(settings, target)
    partial = target.with_name(f"{target.name}.partial")
    try:
        with ExitStack() as stack:
            out = stack.enter_context(_partial(partial))
            stack.callback(partial.unlink, missing_ok=True)
            is_compressed = target.suffix in (".gz", ".tgz")
            copied = partial.with_suffix(".database")
            made = pack(settings, out, tell, copied, is_compressed=is_compressed)
            out.flush()
            os.fsync(out.fileno())
            _give_name(partial, target)
            file_number.sync_folder(target.parent)
    except OSError as error:  # that of what a full disk did not take comes when the file is closed
        raise (error if error.filename else of_disk(error, "the backup")) from error
    return made


def _refuse_none(settings: Settings) -> None:
    is_there = settings.data_dir.is_dir()
    if not is_there or migrate.standing(settings.database) is migrate.Standing.EMPTY:
        raise BackupError(f"there is no blog in {settings.data_dir} yet")


def refuse_place(settings: Settings, target: Path) -> None:
    """Raises BackupError where a backup cannot be written to *target*."""
    if os.path.lexists(target):
        raise BackupError(f"{target} is there already, and a backup overwrites nothing")
    if not target.parent.is_dir():
        raise BackupError(f"there is no folder {target.parent}")
    data = settings.data_dir.resolve()
    if target.parent.resolve().is_relative_to(data):
        raise BackupError(
            f"{target} would lie in the data folder: it would be lost with it, and every backup "
            "would have the earlier ones in it. Name a place elsewhere: fedblog backup FILE"
        )


def pack(
    settings: Settings, out: IO[bytes], tell: Tell, copied: Path, *, is_compressed: bool
) -> Made:
    """Write a backup to *out*; *copied* is where a copy of an SQLite database is meanwhile. Raises
    StorageError, OSError."""
    _refuse_none(settings)
    with copy_lock.shared(settings.data_dir):
        if settings.is_sqlite:
            with _for_now(copied):
                return _of_sqlite(settings, out, tell, copied, is_compressed)
        return _of_postgresql(settings, out, tell, is_compressed)


def _of_sqlite(
    settings: Settings, out: IO[bytes], tell: Tell, copied: Path, is_compressed: bool
) -> Made:
    source = database_file(settings.database)
    assert source is not None
    sqlite_copy.copy(source, copied, tell)
    sqlite_copy.verify(copied, tell)
    name = _name_in(settings.data_dir, source)
    with migrate.opened(f"sqlite:///{copied}") as engine, engine.connect() as connection:
        tables = sqlite_copy.tables(copied)
        manifest = _manifest(connection, settings, "sqlite", name, tables)
    made = Made(manifest.base_url)
    with Packing(out, manifest, is_compressed=is_compressed) as packing:
        with copied.open("rb") as content:
            found = copied.stat()
            packing.add_file(name, content, found.st_size, 0o600, found.st_mtime)
        packing.add_bytes(f"{name}{file_number.NOTE}", file_number.note_of(copied))
        _add_folder(settings.data_dir, file_number.all_of(source), packing, made, tell)
    return made


def _of_postgresql(settings: Settings, out: IO[bytes], tell: Tell, is_compressed: bool) -> Made:
    with migrate.opened(settings.database) as engine, engine.connect() as plain:
        connection = plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        wanted = postgresql_copy.tables(connection)
        manifest = _manifest(connection, settings, "postgresql", DATABASE, wanted)
        made = Made(manifest.base_url)
        with Packing(out, manifest, is_compressed=is_compressed) as packing:
            postgresql_copy.dump(connection, wanted, packing, tell)
            connection.rollback()
            _add_folder(settings.data_dir, [], packing, made, tell)
    return made


def _add_folder(data: Path, without: list[Path], packing: Packing, made: Made, tell: Tell) -> None:
    every = sum(1 for _ in contents.walk(data, without, []))
    for number, found in enumerate(contents.walk(data, without, made.passed_over)):
        if number % _TOLD_EVERY == 0:
            tell("files", min(number, every), every)
        if found.is_folder:
            packing.add_folder(found.name, found.mode, found.changed_at)
            continue
        try:
            handle = os.open(found.path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:  # deleted since
            continue
        with os.fdopen(handle, "rb") as content:
            size = os.fstat(handle).st_size
            if not packing.add_file(found.name, content, size, found.mode, found.changed_at):
                made.changed.append(found.name)
    tell("files", every, every)


def _manifest(
    connection: Connection,
    settings: Settings,
    engine: str,
    database: str,
    tables: tuple[TableOf, ...],
) -> Manifest:
    blog = _blog(connection, settings)
    return Manifest(
        version=__version__,
        revision=migrate.revision(connection) or "",
        engine=engine,
        database=database,
        id=blog.id,
        base_url=blog.base_url,
        handle=blog.handle,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        tables=tables,
    )


def _blog(connection: Connection, settings: Settings) -> folder.Belonging:
    written = server.get_all(connection)
    if "base_url" not in written:
        raise BackupError(f"there is no blog in {settings.data_dir} yet")
    return folder.Belonging(written.get("id", ""), written["base_url"], written["handle"])


def _name_in(data: Path, file: Path) -> str:
    """The name in an archive of a database *file*, in the data folder or elsewhere."""
    with suppress(ValueError):
        return file.resolve().relative_to(data.resolve()).as_posix()
    return f"{DATABASE}/{file.name}"


@contextmanager
def _for_now(copied: Path) -> Iterator[None]:
    """Have nothing at *copied* before and after, a crash's leftover neither."""

    def remove() -> None:
        for path in file_number.all_of(copied):
            path.unlink(missing_ok=True)

    remove()
    try:
        yield
    finally:
        remove()


@contextmanager
def _partial(path: Path) -> Iterator[IO[bytes]]:
    """*path*, for its owner alone, emptied; what a backup that was killed left there goes. Raises
    BackupError where another one writes it just now."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another backup is being written to {path}") from None
        os.ftruncate(handle, 0)
        os.fchmod(handle, 0o600)
        yield file


def _give_name(partial: Path, target: Path) -> None:
    """Give *partial* its name, unless somebody has it meanwhile."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise BackupError(f"{target} is there already, and a backup overwrites nothing") from None
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise BackupError(
                f"{target} is there already, and a backup overwrites nothing"
            ) from None
        shutil.move(partial, target)
