"""What of a data folder goes into a backup: everything but locks and what a restore works with."""

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from fedblog.storage import lock
from fedblog.storage.backups import JOURNAL, WORK, archive

COPY_LOCK = "fedblog.backup.lock"
_NOT_KEPT = frozenset(
    {
        lock.LOCK_FILE,
        lock.NOTE_FILE,
        Path(lock.NOTE_FILE).with_suffix(".new").name,
        COPY_LOCK,
        WORK,
        JOURNAL,
        f"{JOURNAL}.new",
        archive.MANIFEST,
        archive.SUMS,
        archive.DATABASE,
        "lost+found",
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder in the data folder, by its name there; links are what they lead to."""

    name: str
    path: Path
    is_folder: bool
    mode: int
    changed_at: float
    size: int


def walk(folder: Path, without: Collection[Path], passed_over: list[str]) -> Iterator[Found]:
    """Everything in *folder* but *without*, each folder before what is in it. What is neither file
    nor folder, and what a link leads to that is not there, is named in *passed_over*.

    What goes meanwhile is left out. Raises OSError for what cannot be read.
    """
    left_out = {path.absolute() for path in without}
    waiting = [(folder.absolute(), "")]
    seen = {_identity(folder.stat())}
    while waiting:
        place, prefix = waiting.pop()
        try:
            names = sorted(os.listdir(place))
        except FileNotFoundError:
            continue
        inner: list[tuple[Path, str]] = []
        for base in names:
            path, name = place / base, prefix + base
            if path in left_out or not is_kept(name):
                continue
            try:
                found = path.stat()
            except FileNotFoundError:
                if path.is_symlink():
                    passed_over.append(name)
                continue
            is_folder = stat.S_ISDIR(found.st_mode)
            if not is_folder and not stat.S_ISREG(found.st_mode):
                passed_over.append(name)
                continue
            if is_folder:
                if _identity(found) in seen:  # a link into itself
                    passed_over.append(name)
                    continue
                seen.add(_identity(found))
                inner.append((path, f"{name}/"))
            size = 0 if is_folder else found.st_size
            yield Found(name, path, is_folder, found.st_mode & 0o777, found.st_mtime, size)
        waiting.extend(reversed(inner))


def is_kept(name: str) -> bool:
    """Whether a backup has a place for *name* in the data folder."""
    return name.partition("/")[0] not in _NOT_KEPT


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
