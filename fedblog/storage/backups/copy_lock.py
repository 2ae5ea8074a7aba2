"""Keeps a restore away from a data folder while a backup of it is being made, and back."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fedblog.storage.backups.contents import COPY_LOCK
from fedblog.storage.errors import BackupError
from fedblog.storage.failures import of_disk


@contextmanager
def shared(data: Path) -> Iterator[None]:
    """Hold the lock as any number of backups may. Raises BackupError during a restore."""
    with _held(data, fcntl.LOCK_SH, "is being restored: wait until that is done"):
        yield


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Hold the lock as one restore may. Raises BackupError during a backup or another restore."""
    with _held(data, fcntl.LOCK_EX, "is being backed up or restored: wait until that is done"):
        yield


@contextmanager
def _held(data: Path, how: int, otherwise: str) -> Iterator[None]:
    try:
        handle = os.open(data / COPY_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise of_disk(error) from error
    try:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"the data folder {data.absolute()} {otherwise}") from None
        yield
    finally:
        os.close(handle)
