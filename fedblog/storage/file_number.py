"""The number of an SQLite file, which ties it to the log that lies beside it (decision 25).

SQLite believes any log (`-wal`) beside a file to be the file's. Where somebody put another file in
place after a crash, it would write pages of the former one into it. So every start, every copy and
every hour gives the file a new number, in its header (``PRAGMA user_version``) by a checkpoint of
all of the log, and in a note beside it; a file that does not have the number that was noted last is
not opened while a log stands beside it. All functions here read or write files.

What reads the header opens the file by itself, and when it closes it again the process loses every
lock that SQLite holds on it: `header`, `is_own_log`, `check`, `adopt` and `note_of` are for a
process that has no connection to the file.
"""

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from fedblog.storage.errors import ForeignLogError
from fedblog.storage.failures import of_disk, translated
from fedblog.storage.sqlite_connection import connect

LOGS = ("-wal", "-journal")
"""What SQLite reads beside a file after a crash."""
SIDES = (*LOGS, "-shm")
NOTE = ".number"
_NEW = f"{NOTE}.new"
_MOST = (1 << 31) - 1
_REMEMBERED = 64
_PATIENCE = 2.0
_HEADER = 100
_LOG_HEADER = 32
_FRAME_HEADER = 24


@dataclass(frozen=True, slots=True)
class Header:
    """What the first page of a file says without its log: its *number*, and that of its *schema*,
    which is another in what SQLite's own ways to copy a database make."""

    number: int
    schema: int


@dataclass(frozen=True, slots=True)
class Noted:
    """The note beside a file: the *numbers* and *schemas* one of which it has."""

    numbers: tuple[int, ...]
    schemas: tuple[int, ...]


def beside(path: Path, suffix: str) -> Path:
    """The file beside the database *path* that is named by *suffix*."""
    return path.with_name(path.name + suffix)


def all_of(path: Path) -> list[Path]:
    """The database *path*, and every file that may be beside it and belongs to it."""
    return [path, *(beside(path, suffix) for suffix in (*SIDES, NOTE, _NEW))]


def header(path: Path) -> Header | None:
    """The header of *path*; None where there is no SQLite file."""
    try:
        with path.open("rb") as file:
            page = file.read(_HEADER)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(page) < _HEADER or not page.startswith(b"SQLite format 3\0"):
        return None
    return Header(int.from_bytes(page[60:64], "big"), int.from_bytes(page[40:44], "big"))


def noted(path: Path) -> Noted | None:
    """The note beside *path*; None where there is none, or none that can be read: a file from
    before there were numbers, or one that was moved alone."""
    try:
        written = json.loads(beside(path, NOTE).read_text(encoding="utf-8"))
        numbers, schemas = (tuple(map(int, written[name])) for name in ("numbers", "schemas"))
        return Noted(numbers, schemas)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def has_log(path: Path) -> bool:
    """Whether something stands beside *path* that SQLite would take for its log."""
    return any(_size(beside(path, suffix)) > _LOG_HEADER for suffix in LOGS)


def is_own_log(path: Path) -> bool:
    """Whether the log beside *path* may be its own; also where there is none."""
    head, note = header(path), noted(path)
    if head is None or note is None or not has_log(path):
        return True
    if head.number not in note.numbers:
        return False
    log = beside(path, "-wal")
    if head.schema in note.schemas or _size(log) <= _LOG_HEADER:
        return True
    return head.schema in _schemas_in(log)


def check(path: Path) -> None:
    """Call this before *path* is opened. Raises ForeignLogError where the log beside it is that of
    another file, and names the ways out."""
    if is_own_log(path):
        return
    raise ForeignLogError(
        f"{path} is not the file that was in use here last, and beside it stands what a crash left "
        f"of that one ({path.name}-wal), which would spoil it. Nothing was opened or changed. "
        "To go back to a backup or a copy: fedblog restore FILE. To keep the file that stands "
        f"there, without what the crash left: fedblog restore {path}. To go on with the former "
        "file: put it back in its place"
    )


def adopt(path: Path) -> None:
    """Let the note be about *path*, which nobody uses, where it is about another: a file that was
    put in place while no log was there. Raises StorageError."""
    head, note = header(path), noted(path)
    if head is None or note is None or has_log(path):
        return
    if head.number in note.numbers and head.schema in note.schemas:
        return
    try:
        write(path, Noted((head.number,), (head.schema,)))
    except OSError as error:
        raise of_disk(error) from error


def renew(path: Path) -> int:
    """Give *path* a new number, in it and beside it; others may read and write meanwhile.

    Where readers hold the log up, the note says both numbers until the next time. Raises
    StorageError.
    """
    try:
        with closing(connect(str(path))) as raw:
            return _renew(path, raw)
    except OSError as error:
        raise of_disk(error) from error
    except sqlite3.Error as error:
        raise translated(error) from error


def write(path: Path, note: Noted) -> None:
    """Have the note beside *path* say *note*. Raises OSError."""
    target = beside(path, NOTE)
    temporary = beside(path, _NEW)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(_written(note))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
    sync_folder(target.parent)


def note_of(path: Path) -> bytes:
    """What the note beside *path*, a database without a log, is to hold."""
    head = header(path)
    assert head is not None
    return _written(Noted((head.number,), (head.schema,)))


def sync_folder(folder: Path) -> None:
    """Have the names in *folder* on the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _written(note: Noted) -> bytes:
    return json.dumps(asdict(note)).encode() + b"\n"


def _renew(path: Path, raw: sqlite3.Connection) -> int:
    # SQLite's own lock keeps two processes that do this apart.
    raw.execute("BEGIN IMMEDIATE")
    former, schema = _numbers(raw)
    note = noted(path)
    if note is None or former not in note.numbers:
        note = Noted((former,), (schema,))
    number = former
    while number in note.numbers:
        number = 1 + secrets.randbelow(_MOST)
    numbers, schemas = (*note.numbers, number), (*note.schemas, schema)
    write(path, Noted(numbers[-_REMEMBERED:], tuple(dict.fromkeys(schemas))[-_REMEMBERED:]))
    raw.execute(f"PRAGMA user_version={number}")
    raw.execute("COMMIT")
    end = time.monotonic() + _PATIENCE
    while not (is_in_file := _is_log_in_file(raw)) and time.monotonic() < end:
        time.sleep(0.02)
    if is_in_file:
        raw.execute("BEGIN IMMEDIATE")
        newest, schema = _numbers(raw)
        if newest == number:  # else whoever gave another since writes the note
            write(path, Noted((number,), tuple(dict.fromkeys((*schemas[-1:], schema)))))
        raw.execute("ROLLBACK")
    return number


def _numbers(raw: sqlite3.Connection) -> tuple[int, int]:
    number = int(raw.execute("PRAGMA user_version").fetchone()[0])
    return number, int(raw.execute("PRAGMA schema_version").fetchone()[0])


def _is_log_in_file(raw: sqlite3.Connection) -> bool:
    """Move what the log has into the file, as far as nobody reads it; whether that was all."""
    is_busy, frames, moved = raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return not is_busy and frames == moved


def _schemas_in(log: Path) -> set[int]:
    """The numbers of the schema that first pages in *log* have: whoever changed the schema since
    the note was written left them there."""
    return set(_of_first_pages(log))


def _of_first_pages(log: Path) -> Iterator[int]:
    with log.open("rb") as file:
        head = file.read(_LOG_HEADER)
        page = int.from_bytes(head[8:12], "big") or 1
        while (
            len(frame := file.read(_FRAME_HEADER)) == _FRAME_HEADER and frame[8:16] == head[16:24]
        ):
            start = file.tell()
            if int.from_bytes(frame[:4], "big") == 1:
                yield int.from_bytes(file.read(_HEADER)[40:44], "big")
            file.seek(start + page)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0
