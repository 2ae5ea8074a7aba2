"""How the writer and the readers of an SQLite database connect to it."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

BUSY_SECONDS = 10.0


def connect(path: str) -> sqlite3.Connection:
    """A connection that begins and ends no transaction by itself and makes no new file."""
    return sqlite3.connect(
        f"file:{quote(path)}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_SECONDS,
        cached_statements=512,
    )


def database_file(database_url: str) -> Path | None:
    """The file of the database at *database_url*; None for one on a server."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database).absolute()
