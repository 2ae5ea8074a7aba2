"""What `fedblog backup` and `fedblog restore` do around the archive: locks, progress, sentences."""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from fedblog.settings import Settings
from fedblog.storage.backups import making, progress, restoring
from fedblog.storage.errors import BackupError
from fedblog.storage.failures import of_disk
from fedblog.storage.lock import DataFolderLock

STANDARD = "-"
"""The name of a FILE that is standard output, or input."""
_NAMED = 3


def backup(settings: Settings, file: str | None) -> list[str]:
    """Make a backup in *file* (STANDARD: to standard output; None: under a name that says which
    blog and when, here); the server may run. Prints the file's name alone on standard output; gives
    what else is to be said.

    Raises StorageError, OSError.
    """
    _be_modest()
    with progress.shown(sys.stderr) as tell:
        if file == STANDARD:
            made = _to_standard_output(settings, tell)
        else:
            target = Path(file) if file is not None else Path()
            if target.is_dir():
                target /= making.name_for(making.blog_of(settings).base_url, datetime.now(UTC))
            made = making.make(settings, target, tell)
            print(target, flush=True)
    said = [_few("Not in it, as it is neither file nor folder", made.passed_over)]
    said.append(_few("These became shorter while they were read", made.changed))
    said.append(
        f"This is a whole copy of {made.base_url} with its private keys: keep it elsewhere, and to "
        "yourself. Its settings are not in it."
    )
    return [sentence for sentence in said if sentence]


def restore(settings: Settings, file: str) -> list[str]:
    """Restore *file* (STANDARD: what comes on standard input); gives what is to be said.

    Raises StorageError, OSError, and what kept it from being restored; then all is as it was.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with DataFolderLock(settings.data_dir) as lock, progress.shown(sys.stderr) as tell:
        lock.acquire("fedblog restore")
        source = None if file == STANDARD else Path(file)
        done = restoring.restore(settings, source, tell)
    when = f" as it was at {done.made_at}" if done.made_at else ""
    said = [f"Restored {done.base_url} (@{done.handle}){when} in {settings.data_dir}."]
    if done.is_migrated:
        said.append("It was of an earlier version and has been brought up to this one.")
    if done.counts_off:
        said.append(f"{done.counts_off} counts were off and were put right.")
    said += [f"What it replaced is kept in {where}." for where in done.kept]
    return said


def _to_standard_output(settings: Settings, tell: progress.Tell) -> making.Made:
    if sys.stdout.isatty():
        raise BackupError("a backup is no text: name a FILE, or lead standard output into one")
    with tempfile.TemporaryDirectory(prefix="fedblog-backup-") as room:
        out = sys.stdout.buffer
        try:
            made = making.pack(settings, out, tell, Path(room) / "database", is_compressed=True)
            out.flush()
        except OSError as error:
            raise (error if error.filename else of_disk(error, "standard output")) from error
    return made


def _be_modest() -> None:
    """Let a server on the same machine go first."""
    if hasattr(os, "nice"):
        os.nice(10)


def _few(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{what}: {', '.join(map(repr, names[:_NAMED]))}{more}."
