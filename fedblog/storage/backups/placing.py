"""Where a restore unpacks, and which renames then put it in place."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from fedblog.settings import Settings
from fedblog.storage import file_number, folder
from fedblog.storage.backups import WORK, replaced
from fedblog.storage.backups.archive import BLOCK, Member
from fedblog.storage.backups.switching import Journal, Move
from fedblog.storage.errors import BackupError
from fedblog.storage.sqlite_connection import database_file

_OWN = (folder.FILE, "media", "cache")
"""What goes with a database, also where a backup has none of it. Other things in the data folder
are replaced where the backup has them."""


class Place:
    """The folders of one restore, begun at *now*: everything is unpacked in *files*, but for the
    *database* of SQLite, which is unpacked beside where it will be."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._data = settings.data_dir.absolute()
        self._target = database_file(settings.database)
        self.stamp = replaced.stamp(now)
        self._work = self._data / WORK
        self.files = self._work / "files"
        self._beside = self._work
        self._base = self._data
        if self._target is not None and not self._target.is_relative_to(self._data):
            self._base = self._target.parent
            self._beside = self._base / WORK
        self.database = self._beside / "database"
        self._kept: list[Path] = []

    def make(self) -> None:
        """Make them, empty. Raises OSError."""
        for work in {self._work, self._beside}:
            if work.exists():
                shutil.rmtree(work)
            work.mkdir(mode=0o700, parents=True)
        self.files.mkdir(mode=0o700)

    def unpack(self, member: Member, target: Path, mode: int) -> None:
        """Put *member* of an archive at *target*. Raises OSError, BackupError."""
        try:
            if member.is_folder:
                target.mkdir(parents=True, exist_ok=True)
                target.chmod(mode | 0o700)
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except (FileExistsError, NotADirectoryError):
            raise BackupError(f"the backup is damaged: {member.name!r} is two things") from None
        with os.fdopen(handle, "wb") as file:
            while data := member.content.read(BLOCK):
                file.write(data)
            os.fchmod(handle, mode | 0o600)
        os.utime(target, (member.changed_at, member.changed_at))

    def plan(self, *, is_whole: bool) -> Journal:
        """The renames: what stands there goes to what is kept, then what was unpacked takes its
        place. Without *is_whole* it is about the database alone. Raises BackupError where a rename
        could not be done."""
        out: list[Move] = []
        into: list[Move] = []
        if self._target is not None:
            aside = replaced.folder(self._base, self.stamp)
            for path in file_number.all_of(self._target):
                if os.path.lexists(path):
                    out.append(self._move(path, aside / path.relative_to(self._base)))
            for path in file_number.all_of(self.database):
                if path.exists():
                    name = path.name.removeprefix(self.database.name)
                    into.append(self._move(path, file_number.beside(self._target, name)))
        if is_whole:
            more_out, more_into = self._of_files()
            out, into = [*more_out, *out], [*more_into, *into]
        work = tuple(dict.fromkeys(map(self._within, (self._work, self._beside))))
        stamp = "" if self._target is not None else self.stamp
        return Journal((*out, *into), work, stamp)

    def kept(self) -> list[Path]:
        """Where the last plan put what it replaced."""
        return list(dict.fromkeys(self._kept))

    def sync(self) -> None:
        """Have everything that was unpacked on the disk, and its owner that of the data folder
        where root restores. Raises OSError."""
        owner = self._data.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            for path in _all_in(self._work, self._beside):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        os.sync()

    def is_of_database(self, name: str) -> bool:
        """Whether *name* in the data folder is that of the database, or of what stands beside it:
        nothing else in an archive takes its place."""
        return self._target is not None and self._data / name in file_number.all_of(self._target)

    def _of_files(self) -> tuple[list[Move], list[Move]]:
        aside = replaced.folder(self._data, self.stamp)
        brought = {path.name for path in self.files.iterdir()}
        out = [
            self._move(self._data / name, aside / name)
            for name in sorted({*brought, *_OWN} - {replaced.FOLDER})
            if os.path.lexists(self._data / name)
        ]
        into = [
            self._move(self.files / name, self._data / name)
            for name in sorted(brought - {replaced.FOLDER})
        ]
        if replaced.FOLDER in brought:  # copies that are there already are the same
            into += [
                self._move(path, self._data / replaced.FOLDER / path.name)
                for path in sorted((self.files / replaced.FOLDER).iterdir())
                if not os.path.lexists(self._data / replaced.FOLDER / path.name)
            ]
        return out, into

    def _move(self, here: Path, there: Path) -> Move:
        if os.path.ismount(here):
            raise BackupError(
                f"{here} is a file system of its own and cannot be put aside; unmount it, or "
                "restore into another folder (--data DIR) and carry it over"
            )
        near = there.parent
        while not near.exists():
            near = near.parent
        if near.stat().st_dev != here.parent.stat().st_dev:
            raise BackupError(f"{near} and {here.parent} are on different file systems")
        self._kept += [one for one in there.parents if one.name.startswith(replaced.PREFIX)]
        return Move(self._within(here), self._within(there))

    def _within(self, path: Path) -> str:
        """*path* as a name in the data folder, which may be moved, if it is there."""
        is_within = path.is_relative_to(self._data)
        return str(path.relative_to(self._data) if is_within else path)


def clear(settings: Settings) -> None:
    """Remove what a restore that did not come to its end unpacked. Raises OSError."""
    target = database_file(settings.database)
    for where in {settings.data_dir, *([target.parent] if target is not None else [])}:
        shutil.rmtree(where / WORK, ignore_errors=True)


def _all_in(*folders: Path) -> Iterator[Path]:
    for place in dict.fromkeys(folders):
        for root, _folders, files in os.walk(place):
            yield Path(root)
            for name in files:
                yield Path(root) / name
