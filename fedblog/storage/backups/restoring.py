"""Restores a backup, or a copy of an SQLite database, in the place of what a data folder holds.

Everything is unpacked beside what is there, checked and brought up to this version before anything
that is there is touched. What it replaces is kept in ``backups/replaced-…``, on PostgreSQL the
tables in a schema of their own.
"""

import io
import os
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from fedblog.settings import Settings
from fedblog.storage import file_number, folder, migrate, recounting, server
from fedblog.storage.backups import (
    contents,
    copy_lock,
    placing,
    postgresql_copy,
    sqlite_copy,
    switching,
)
from fedblog.storage.backups.archive import BLOCK, Manifest, Member, Unpacking
from fedblog.storage.backups.progress import Tell
from fedblog.storage.errors import BackupError, StorageError, StorageFullError
from fedblog.storage.failures import of_disk
from fedblog.storage.sqlite_connection import connect, database_file


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: the blog, when the backup was made (unknown of a bare copy), where what it
    replaced is *kept*, how many counts were off and put right, and whether it was *migrated*."""

    base_url: str
    handle: str
    made_at: str
    kept: tuple[str, ...]
    counts_off: int
    is_migrated: bool


def restore(settings: Settings, file: Path | None, tell: Tell) -> Restored:
    """Restore *file*, None for what comes on standard input. Hold the data folder's lock.

    It can be called again after it failed or was killed. Raises BackupError where *file* cannot be
    restored here, StorageError; then everything is as it was.
    """
    data = settings.data_dir
    with copy_lock.alone(data):
        finish(settings)
        try:
            with _opened(file) as source:
                start = source.peek(16)[:16]
                if not sqlite_copy.is_database(start):
                    how_far = _how_far(file, source, tell)
                    return _Archive(settings, Unpacking(source), tell, how_far).restore()
            if file is None:
                raise BackupError("a copy of a database is restored from a file")
            return _restore_copy(settings, file, tell)
        except OSError as error:
            raise (error if error.filename else of_disk(error)) from error
        finally:
            if not switching.is_pending(data):
                placing.clear(settings)


def finish(settings: Settings) -> None:
    """End what a restore that was killed left behind. Hold the data folder's lock. Raises
    StorageError."""

    def is_restored(stamp: str) -> bool:
        with migrate.opened(settings.database) as engine, engine.connect() as connection:
            names = migrate.tables(connection)
            return "server" in names and server.get(connection, switching.RESTORED) == stamp

    switching.finish(settings.data_dir, is_restored)


def _restore_copy(settings: Settings, file: Path, tell: Tell) -> Restored:
    """Restore a bare copy of an SQLite database: one from before an upgrade, or of other tools."""
    if not settings.is_sqlite:
        raise _other_engine("sqlite")
    target = database_file(settings.database)
    assert target is not None
    place = placing.Place(settings, datetime.now(UTC))
    is_log_its_own = file_number.is_own_log(file)
    if is_log_its_own and target.exists() and os.path.samefile(file, target):
        raise BackupError(f"{file} is the blog's database itself")
    place.make()
    for suffix in ("", *(file_number.LOGS if is_log_its_own else ())):
        source = file_number.beside(file, suffix)
        if source.exists():
            _need_room(place.database.parent, source.stat().st_size)
            _copy(source, file_number.beside(place.database, suffix), tell)
    return _put_in_place(settings, place, None, tell)


class _Archive:
    """An archive under way to its place."""

    def __init__(
        self, settings: Settings, archive: Unpacking, tell: Tell, how_far: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._archive = archive
        self._manifest = archive.manifest
        self._tell = tell
        self._how_far = how_far
        self._place = placing.Place(settings, datetime.now(UTC))

    def restore(self) -> Restored:
        """Raises BackupError, StorageError, OSError."""
        manifest = self._manifest
        if manifest.engine != ("sqlite" if self._settings.is_sqlite else "postgresql"):
            raise _other_engine(manifest.engine)
        if not migrate.is_known(manifest.revision):
            raise BackupError(
                f"the backup was made by fedblog {manifest.version}, whose tables (revision "
                f"{manifest.revision}) this version does not know; install fedblog "
                f"{manifest.version} or later"
            )
        written = {name: getattr(manifest, name) for name in ("id", "base_url", "handle")}
        _refuse_other_blog(self._settings, written)
        self._place.make()
        if self._settings.is_sqlite:
            self._unpack_files()
            _verify_rows(self._place.database, manifest)
            return _put_in_place(self._settings, self._place, manifest, self._tell)
        return self._restore_rows()

    def _unpack_files(self) -> None:
        for member in self._archive:
            self._unpack(member)

    def _unpack(self, member: Member) -> None:
        self._how_far()
        place, name = self._place, member.name
        _need_room(place.files, member.size)
        if self._settings.is_sqlite and name == self._manifest.database:
            place.unpack(member, place.database, 0o600)
        elif contents.is_kept(name) and not place.is_of_database(name):
            place.unpack(member, place.files / name, member.mode)

    def _restore_rows(self) -> Restored:
        manifest = self._manifest
        with (
            migrate.opened(self._settings.database) as engine,
            migrate.reading(self._settings.database),
            engine.begin() as connection,
        ):
            postgresql_copy.refuse_served(connection)
            schema = postgresql_copy.set_aside(connection, self._place.stamp)
            migrate.make_tables(connection, manifest.revision)
            with postgresql_copy.Loading(connection, manifest.tables, self._tell) as loading:
                for member in self._archive:
                    if postgresql_copy.is_piece(member.name):
                        loading.add(member.name, member.content)
                    else:
                        self._unpack(member)
                loading.finish()
            is_older = manifest.revision != migrate.head()
            self._tell("checking the counts", 0, 0)
            off = 0 if is_older else _counts_off(connection)
            migrate.bring_up(connection)
            server.put(connection, switching.RESTORED, self._place.stamp)
            moves = self._place.plan(is_whole=True)
            self._place.sync()
            switching.write(self._settings.data_dir, moves)
        finish(self._settings)
        kept = [f"the schema {schema}"] if schema else []
        kept += map(str, self._place.kept())
        return Restored(
            manifest.base_url, manifest.handle, manifest.made_at, tuple(kept), off, is_older
        )


def _put_in_place(
    settings: Settings, place: placing.Place, manifest: Manifest | None, tell: Tell
) -> Restored:
    """Check the database that was unpacked, bring it up to this version, and switch."""
    with closing(connect(str(place.database))) as raw:
        try:
            raw.execute("PRAGMA journal_mode=DELETE")  # and what its log has is in it
            # Not that of every copy, so that one of a later day is told from it.
            raw.execute(f"PRAGMA schema_version={1000 + secrets.randbelow(1 << 30)}")
        except sqlite3.DatabaseError as error:
            raise BackupError(f"the database is damaged ({error})") from error
    sqlite_copy.verify(place.database, tell)
    url = f"sqlite:///{place.database}"
    written = _written_in(url)
    _refuse_other_blog(settings, written)
    is_older = migrate.standing(url) is migrate.Standing.OLDER
    tell("checking the counts", 0, 0)
    off = 0
    with migrate.opened(url) as engine:
        if not is_older:
            with engine.connect() as connection:
                off = _counts_off(connection)
        if off or is_older:
            with engine.begin() as connection:
                migrate.bring_up(connection)
    if is_older:
        sqlite_copy.verify(place.database, tell)
    file_number.renew(place.database)
    moves = place.plan(is_whole=manifest is not None)
    place.sync()
    switching.write(settings.data_dir, moves)
    finish(settings)
    made_at = manifest.made_at if manifest is not None else ""
    kept = tuple(map(str, place.kept()))
    return Restored(written["base_url"], written["handle"], made_at, kept, off, is_older)


def _written_in(url: str) -> dict[str, str]:
    """What `server` has in the database at *url*. Raises BackupError, SchemaError where it is of a
    newer version, StorageError."""
    if migrate.standing(url) is migrate.Standing.EMPTY:
        raise BackupError("the database is empty: there is nothing to restore in it")
    with migrate.opened(url) as engine, engine.connect() as connection:
        written = server.get_all(connection)
    if "base_url" not in written:
        raise BackupError("the database holds no blog")
    return written


def _refuse_other_blog(settings: Settings, written: dict[str, str]) -> None:
    belonging = folder.read(settings.data_dir)
    if belonging is not None and not folder.belongs(belonging, written):
        raise BackupError(
            f"this is a backup of {written['base_url']} (@{written['handle']}), and the data "
            f"folder belongs to another blog, {belonging.base_url} (@{belonging.handle}). Restore "
            "it into a folder of its own (--data DIR); only where that other blog is to go for "
            f"good, delete {settings.data_dir.absolute() / folder.FILE} first"
        )


def _verify_rows(database: Path, manifest: Manifest) -> None:
    if not database.exists():
        raise BackupError("the backup is damaged: it holds no database")
    expected = {table.name: table.rows for table in manifest.tables}
    try:
        found = {table.name: table.rows for table in sqlite_copy.tables(database)}
    except StorageError as error:
        raise BackupError(
            f"the backup is damaged: its database cannot be read ({error})"
        ) from error
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            raise BackupError(
                f"the backup is damaged: {name} has {found.get(name, 0)} rows, and had "
                f"{expected.get(name, 0)}"
            )


def _counts_off(connection: Connection) -> int:
    """How many kept counts are not as the rows say."""
    off, place = 0, recounting.BEGINNING
    while True:
        found, place = recounting.check(connection, place)
        off += len(found)
        if place == recounting.BEGINNING:
            return off


def _other_engine(engine: str) -> BackupError:
    made, here = ("SQLite", "PostgreSQL") if engine == "sqlite" else ("PostgreSQL", "SQLite")
    return BackupError(
        f"the backup is of a blog on {made}, and this one is on {here} (FEDBLOG_DATABASE_URL); a "
        "blog cannot be carried from one to the other yet"
    )


def _need_room(folder: Path, size: int) -> None:
    if size > shutil.disk_usage(folder).free:
        raise StorageFullError(f"there is no room in {folder} for {size >> 20} MB more")


def _copy(source: Path, target: Path, tell: Tell) -> None:
    size, done = source.stat().st_size, 0
    with source.open("rb") as content, target.open("wb") as into:
        os.fchmod(into.fileno(), 0o600)
        while data := content.read(BLOCK):
            into.write(data)
            done += len(data)
            tell("database", done, size)


def _how_far(file: Path | None, source: io.BufferedReader, tell: Tell) -> Callable[[], None]:
    """Tells how much of *source* has been read."""
    if file is None:
        return lambda: tell("unpacking", 0, 0)
    size = file.stat().st_size
    return lambda: tell("unpacking", source.tell(), size)


@contextmanager
def _opened(file: Path | None) -> Iterator[io.BufferedReader]:
    if file is None:
        with open(sys.stdin.fileno(), "rb", closefd=False) as given:
            yield given
        return
    if file.is_dir():
        raise BackupError(f"{file} is a folder; name the backup in it")
    with file.open("rb") as opened:
        yield opened
