"""Puts what a restore unpacked in the place of what stands there, wholly or not at all.

What is to be done is written down first and only then done, rename by rename; whoever next holds
the data folder ends what a crash interrupted. On PostgreSQL the database says whether it is to be
done: what is written down names the restore, and counts once the database does.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from fedblog.storage import file_number
from fedblog.storage.backups import JOURNAL, WORK
from fedblog.storage.errors import BackupError
from fedblog.storage.failures import of_disk

RESTORED = "restored"
"""Under which name `server` has the stamp of the restore that it came from (PostgreSQL)."""


@dataclass(frozen=True, slots=True)
class Move:
    """A rename to do; one whose *there* stands already, or whose *here* does not, is done. Both are
    names in the data folder, which may be moved meanwhile, or lie elsewhere."""

    here: str
    there: str


@dataclass(frozen=True, slots=True)
class Journal:
    """The *moves* that are yet to be done; with *stamp*, once the database says so. *work* are the
    folders to be removed afterwards."""

    moves: tuple[Move, ...]
    work: tuple[str, ...]
    stamp: str = ""


def is_pending(data: Path) -> bool:
    """Whether a restore of the folder *data* was interrupted while it put files in place."""
    return (data / JOURNAL).exists()


def write(data: Path, journal: Journal) -> None:
    """Write down what is to be done in *data*. Raises OSError."""
    temporary = data / f"{JOURNAL}.new"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(asdict(journal)))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(data / JOURNAL)
    file_number.sync_folder(data)


def finish(data: Path, is_restored: Callable[[str], bool]) -> None:
    """End, or take back, what a restore of *data* began, whoever began it. Hold the data folder's
    lock. *is_restored* says whether the database came from the restore with a stamp.

    Raises StorageError.
    """
    file = data / JOURNAL
    try:
        if file.exists():
            journal = _read(file)
            if not journal.stamp or is_restored(journal.stamp):
                for move in journal.moves:
                    _do(data / move.here, data / move.there)
            file.unlink()
            file_number.sync_folder(data)
            for work in journal.work:
                _remove(data / work)
        _remove(data / WORK)
    except OSError as error:
        raise of_disk(error) from error


def _read(file: Path) -> Journal:
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        moves = tuple(Move(str(one["here"]), str(one["there"])) for one in written["moves"])
        return Journal(moves, tuple(map(str, written["work"])), str(written["stamp"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(
            f"{file} says what a restore that was interrupted has yet to do, and cannot be read "
            f"({error}); what it unpacked is in {WORK}, what it replaced in backups"
        ) from error


def _do(here: Path, there: Path) -> None:
    if not os.path.lexists(here) or os.path.lexists(there):
        return
    there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.rename(here, there)
    file_number.sync_folder(there.parent)
    file_number.sync_folder(here.parent)


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
