"""The feed of changes on SQLite: what this process wrote, and what others wrote beside it."""

import sqlite3
from datetime import UTC, datetime

from sqlalchemy import Connection

from fedblog.storage.bulk import BulkInsert
from fedblog.storage.changes import Change
from fedblog.storage.tables import changes

_INSERT = BulkInsert(changes, ("kind", "key", "at"))


class SqliteFeed:
    """Writes and reads ``changes`` on the writing connection, whose *raw* half it is given.

    ``PRAGMA data_version`` on a connection moves only when *another* connection committed, so the
    writer's own commits cost no look at the table.
    """

    def __init__(self, connection: Connection, raw: sqlite3.Connection) -> None:
        self._connection = connection
        self._raw = raw
        self._version = self._data_version()
        self._seen: int = raw.execute("SELECT coalesce(max(seq), 0) FROM changes").fetchone()[0]
        self._written = self._seen

    def write(self, pending: dict[Change, None]) -> list[Change]:
        """Write *pending* in the transaction under way.

        Gives it, after what other processes committed since we last looked.
        """
        now = datetime.now(UTC)
        _INSERT.run(self._connection, [(kind, key, now) for kind, key in pending])
        # Nobody else can write until our COMMIT, so our rows have consecutive numbers.
        last: int = self._raw.execute("SELECT last_insert_rowid()").fetchone()[0]
        first = last - len(pending) + 1
        missed = self._between(self._seen, first) if first > self._seen + 1 else []
        self._written = last
        return [*missed, *pending]

    def committed(self) -> None:
        """What was written last counts now."""
        self._seen = self._written

    def poll(self) -> list[Change]:
        """What other processes committed since we last looked (outside a transaction)."""
        version = self._data_version()
        if version == self._version:
            return []
        self._version = version
        rows = self._raw.execute("SELECT max(seq) FROM changes").fetchone()
        last = rows[0] or 0
        if last <= self._seen:
            return []
        found = self._between(self._seen, last + 1)
        self._seen = self._written = last
        return found

    def _between(self, after: int, before: int) -> list[Change]:
        rows = self._raw.execute(
            "SELECT kind, key FROM changes WHERE seq > ? AND seq < ? ORDER BY seq", (after, before)
        )
        return list(dict.fromkeys(Change(kind, key) for kind, key in rows))

    def _data_version(self) -> int:
        version: int = self._raw.execute("PRAGMA data_version").fetchone()[0]
        return version
