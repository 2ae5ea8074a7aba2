"""How the writer and the readers of an SQLite database connect to it."""

import sqlite3
from urllib.parse import quote

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
