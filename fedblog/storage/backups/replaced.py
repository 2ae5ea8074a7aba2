"""What restores replaced, and when it goes: folders in ``backups/``, schemas on PostgreSQL."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

FOLDER = "backups"
PREFIX = "replaced-"
SCHEMA = "fedblog_replaced_"
_STAMP = "%Y%m%dT%H%M%S%fZ"


def stamp(now: datetime) -> str:
    """What tells the restore begun at *now* from others."""
    return now.strftime(_STAMP)


def folder(where: Path, stamp: str) -> Path:
    """Where the restore *stamp* keeps what it replaced in the folder *where*."""
    return where / FOLDER / f"{PREFIX}{stamp}"


def schema(stamp: str) -> str:
    """The schema in which it keeps tables."""
    return f"{SCHEMA}{stamp}".lower()


def is_before(name: str, before: datetime) -> bool:
    """Whether the folder or schema *name* is of a restore begun before *before*."""
    text = name.removeprefix(PREFIX).removeprefix(SCHEMA).upper()
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC) < before
    except ValueError:  # somebody's own
        return False


def forget(where: Path, before: datetime) -> list[Path]:
    """Delete what restores begun before *before* replaced in the folder *where*; gives what went.
    Blocks. Raises OSError."""
    found = [
        path
        for path in sorted((where / FOLDER).glob(f"{PREFIX}*"))
        if is_before(path.name, before) and path.is_dir() and not path.is_symlink()
    ]
    for path in found:
        shutil.rmtree(path)
    return found


def schemas(connection: Connection) -> list[str]:
    """The schemas that keep what restores replaced."""
    found = connection.exec_driver_sql(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s) ORDER BY nspname",
        (SCHEMA,),
    )
    return [str(name) for name in found.scalars()]


def drop_schema(connection: Connection, name: str) -> None:
    """Drop one of them with all that is in it."""
    connection.exec_driver_sql(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
