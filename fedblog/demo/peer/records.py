"""What the peer keeps: one SQLite file, plain sqlite3, every call short and under one lock."""

import json
import sqlite3
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fedblog.demo.peer.people import PEOPLE
from fedblog.demo.peer.signing import new_key

_TABLES = """
CREATE TABLE IF NOT EXISTS people (name TEXT PRIMARY KEY, private_pem TEXT, public_pem TEXT);
CREATE TABLE IF NOT EXISTS actors (
  id TEXT PRIMARY KEY, type TEXT, handle TEXT, name TEXT, inbox TEXT, key_id TEXT,
  public_pem TEXT, document TEXT, fetched_at TEXT);
CREATE TABLE IF NOT EXISTS following (
  person TEXT, actor TEXT, activity TEXT, state TEXT, asked_at TEXT, accepted_at TEXT,
  accept_activity TEXT, PRIMARY KEY (person, actor));
CREATE TABLE IF NOT EXISTS received (
  id TEXT PRIMARY KEY, type TEXT, actor TEXT, object TEXT, inbox TEXT, key_id TEXT,
  document TEXT, received_at TEXT);
CREATE TABLE IF NOT EXISTS refused (
  number INTEGER PRIMARY KEY, reason TEXT, body TEXT, refused_at TEXT);
CREATE TABLE IF NOT EXISTS objects (
  id TEXT PRIMARY KEY, type TEXT, author TEXT, name TEXT, content TEXT, url TEXT,
  in_reply_to TEXT, published TEXT, updated TEXT, document TEXT, deleted_at TEXT);
CREATE TABLE IF NOT EXISTS notes (
  id TEXT PRIMARY KEY, person TEXT, content TEXT, in_reply_to TEXT, mention TEXT,
  published TEXT, updated TEXT, deleted_at TEXT);
CREATE TABLE IF NOT EXISTS sent (
  id TEXT PRIMARY KEY, type TEXT, person TEXT, object TEXT, status INTEGER, document TEXT,
  sent_at TEXT);
"""


def now_text() -> str:
    """This moment in UTC to the millisecond, as the tables keep it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Records:
    """The peer's database. Its methods block; callers on an event loop use a thread."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_TABLES)
        known = {row["name"] for row in self.rows("SELECT name FROM people")}
        for person in PEOPLE:
            if person.name not in known:
                self.run("INSERT INTO people VALUES (?, ?, ?)", (person.name, *new_key()))

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    def run(self, statement: str, values: Iterable[Any] = ()) -> int:
        """Run one statement that changes something; gives the number of rows it touched."""
        with self._lock:
            return self._connection.execute(statement, tuple(values)).rowcount

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query."""
        with self._lock:
            return [dict(row) for row in self._connection.execute(query, tuple(values))]

    def row(self, query: str, values: Iterable[Any] = ()) -> dict[str, Any] | None:
        """The first row of a query, or None."""
        found = self.rows(query, values)
        return found[0] if found else None

    # actors of other servers
    def keep_actor(self, document: dict[str, Any], handle: str) -> None:
        """Store an actor as fetched."""
        key = document["publicKey"]
        self.run(
            "INSERT OR REPLACE INTO actors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document["id"],
                document["type"],
                handle,
                document.get("name") or document["preferredUsername"],
                document["inbox"],
                key["id"],
                key["publicKeyPem"],
                json.dumps(document),
                now_text(),
            ),
        )

    # what arrives
    def keep_received(self, document: dict[str, Any], inbox: str, key_id: str) -> bool:
        """Store a verified activity; False when its id is known already."""
        inner = document.get("object")
        return bool(
            self.run(
                "INSERT OR IGNORE INTO received VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document["id"],
                    document["type"],
                    document["actor"],
                    inner.get("id") if isinstance(inner, dict) else inner,
                    inbox,
                    key_id,
                    json.dumps(document),
                    now_text(),
                ),
            )
        )

    def keep_refused(self, reason: str, body: bytes) -> None:
        """Remember a request that did not hold."""
        self.run(
            "INSERT INTO refused (reason, body, refused_at) VALUES (?, ?, ?)",
            (reason, body[:4000].decode("utf-8", "replace"), now_text()),
        )

    def keep_object(self, item: dict[str, Any], author: str) -> None:
        """Store or replace an object; an older version never replaces a newer one."""
        stamp = item.get("updated") or item.get("published") or ""
        held = self.row("SELECT * FROM objects WHERE id = ?", (item["id"],))
        if held is not None and (
            held["author"] != author
            or held["deleted_at"]
            or stamp < (held["updated"] or held["published"] or "")
        ):
            return
        self.run(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                item["id"],
                item.get("type"),
                author,
                item.get("name"),
                item.get("content"),
                item.get("url") if isinstance(item.get("url"), str) else None,
                item.get("inReplyTo"),
                item.get("published"),
                item.get("updated"),
                json.dumps(item),
            ),
        )

    def forget_object(self, uri: str, author: str) -> None:
        """Mark an object deleted by its author."""
        self.run(
            "UPDATE objects SET deleted_at = ?, content = NULL WHERE id = ? AND author = ?",
            (now_text(), uri, author),
        )

    def accept(self, follow: str, actor: str, accept_activity: str) -> None:
        """Note that *actor* accepted the follow with the id *follow*."""
        self.run(
            "UPDATE following SET state = 'accepted', accepted_at = ?, accept_activity = ?"
            " WHERE activity = ? AND actor = ?",
            (now_text(), accept_activity, follow, actor),
        )

    # what is sent
    def keep_sent(self, document: dict[str, Any], person: str, status: int) -> None:
        """Store an activity this server sent and how it was answered."""
        inner = document.get("object")
        self.run(
            "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                document["id"],
                document["type"],
                person,
                inner.get("id") if isinstance(inner, dict) else inner,
                status,
                json.dumps(document),
                now_text(),
            ),
        )
