"""The data folder's lock: one process serves a folder, and says so to the next."""

import contextlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from fasteners import InterProcessLock  # type: ignore[import-untyped]

from fedblog.storage.errors import DataFolderInUseError
from fedblog.storage.failures import of_disk

LOCK_FILE = "fedblog.lock"
NOTE_FILE = "fedblog.lock.json"
"""Beside the lock and not in it: closing any handle of a locked file would end the lock."""


class DataFolderLock:
    """Held by the process that serves *folder*; a context manager.

    The lock is the operating system's and ends with its process, however that dies; the note
    beside it only tells people who holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = InterProcessLock(folder / LOCK_FILE)

    def acquire(self, address: str) -> None:
        """Take the lock and note *address*. Blocks for no longer than a moment.

        Raises DataFolderInUseError, which says who holds the folder; StorageError.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._lock.acquire(blocking=False):
            raise DataFolderInUseError(self._in_use())
        note = {
            "pid": os.getpid(),
            "address": address,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        target = self._folder / NOTE_FILE
        temporary = target.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(note) + "\n", encoding="utf-8")
            temporary.replace(target)  # never half a note
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise of_disk(error) from error

    def release(self) -> None:
        """Give the lock back."""
        if self._lock.acquired:
            with contextlib.suppress(FileNotFoundError):
                (self._folder / NOTE_FILE).unlink()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def _in_use(self) -> str:
        who = "another process"
        try:
            note = json.loads((self._folder / NOTE_FILE).read_text(encoding="utf-8"))
            if _is_alive(int(note["pid"])):
                who = (
                    f"process {note['pid']} at {note['address']}, which began at {note['since']} "
                    "(UTC),"
                )
        except (OSError, ValueError, KeyError, TypeError):
            pass  # the note helps; the lock is what counts
        return (
            f"the data folder {self._folder.absolute()} is served by {who} already. Stop it first, "
            "or give this one a folder of its own (--data, FEDBLOG_DATA_DIR)."
        )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
