"""What the data folder remembers: whose it is. All functions here read or write files.

An emptied database would otherwise become a new blog with new keys at the old address, in silence.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fedblog.storage.errors import StorageError
from fedblog.storage.failures import of_disk

FILE = "fedblog.blog.json"


@dataclass(frozen=True, slots=True)
class Belonging:
    """The blog that a data folder belongs to: *id* stands in its database too."""

    id: str
    base_url: str
    handle: str


def read(folder: Path) -> Belonging | None:
    """What *folder* remembers, None for a new one. Raises StorageError where it cannot be read."""
    file = folder / FILE
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        return Belonging(*(str(written[name]) for name in ("id", "base_url", "handle")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{file.absolute()} says whose data folder this is and cannot be read ({error}); "
            "restore it from a backup, or delete it if you are sure of the database"
        ) from error


def write(folder: Path, belonging: Belonging) -> None:
    """Let *folder* remember *belonging*. Raises StorageError."""
    file = folder / FILE
    temporary = file.with_suffix(".new")
    try:
        with temporary.open("w", encoding="utf-8") as written:
            written.write(json.dumps(asdict(belonging), indent=1) + "\n")
            written.flush()
            os.fsync(written.fileno())
        temporary.replace(file)  # never half of it, nor an empty one after a power cut
    except OSError as error:
        raise of_disk(error) from error


def belongs(belonging: Belonging, written: Mapping[str, str]) -> bool:
    """Whether a folder that remembers *belonging* is that of the database in which `server` has
    *written*. One that has no id yet (of an older version, or restored from a backup of then) goes
    by its names."""
    if written.get("id"):
        return belonging.id == written["id"]
    return (belonging.base_url, belonging.handle) == (written["base_url"], written["handle"])
