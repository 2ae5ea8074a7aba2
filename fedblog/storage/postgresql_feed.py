"""The feed of changes on PostgreSQL: rows in ``changes``, and NOTIFY for who listens now."""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence

import psycopg
from sqlalchemy import Connection, text

from fedblog.storage.changes import EVERYTHING, Change
from fedblog.storage.errors import DatabaseBusyError

CHANNEL = "fedblog_changes"
SERVED = 7_306_930_443
"""The advisory lock that all who serve the database share, and a restore must have for itself."""
PAYLOAD_BYTES = 7000
"""PostgreSQL takes less than 8,000 bytes in a notification."""
PAYLOAD_LIMIT = 16
"""More notifications than this in a transaction become one that says everything changed."""
RECONNECT_SECONDS = (0.2, 1.0, 2.0, 5.0)

logger = logging.getLogger(__name__)

_WRITE = text(
    f"""
    WITH written AS (
      INSERT INTO changes (kind, key, at)
      SELECT item.kind, item.key, now()
      FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[])) AS item(kind, key)
    )
    SELECT pg_notify('{CHANNEL}', payload) FROM unnest(CAST(:payloads AS text[])) AS payload
    """  # noqa: S608
)


class PostgresqlFeed:
    """Writes the changes of units, and tells *announce* those of other processes.

    Each feed signs its notifications with a token of its own and passes over its own echo: this
    process has heard of them when they come back.
    """

    def __init__(self, conninfo: str, announce: Callable[[Sequence[Change]], None]) -> None:
        self._conninfo = conninfo
        self._announce = announce
        self._token = secrets.token_hex(8)
        self._task: asyncio.Task[None] | None = None

    def write(self, connection: Connection, pending: Iterable[Change]) -> None:
        """Write *pending* in the transaction under way; others hear of it after the COMMIT."""
        items = list(pending)
        connection.execute(
            _WRITE,
            {
                "kinds": [item.kind for item in items],
                "keys": [item.key for item in items],
                "payloads": self._payloads(items),
            },
        )

    async def listen(self) -> None:
        """Begin to hear other processes, and keep restores away. Raises psycopg.Error where there
        is no connection, DatabaseBusyError during a restore."""
        connection = await self._connect()
        self._task = asyncio.create_task(self._hear(connection), name="fedblog-changes")

    async def close(self) -> None:
        """Stop hearing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _connect(self) -> "psycopg.AsyncConnection[tuple[object, ...]]":
        connection = await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
            shared = await connection.execute(f"SELECT pg_try_advisory_lock_shared({SERVED})")
            if await shared.fetchone() == (False,):
                raise DatabaseBusyError("the database is being restored; start again after that")
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _hear(self, first: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
        connection: psycopg.AsyncConnection[tuple[object, ...]] | None = first
        failures = 0
        while True:
            try:
                if connection is None:
                    connection = await self._connect()
                    self._announce([EVERYTHING])  # some may have been missed
                failures = 0
                async with connection:
                    async for notification in connection.notifies():
                        self._receive(notification.payload)
            except (psycopg.Error, DatabaseBusyError) as error:
                logger.warning("lost the connection that hears of changes: %s", error)
            connection = None
            await asyncio.sleep(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)])
            failures += 1

    def _receive(self, payload: str) -> None:
        token, _, body = payload.partition(" ")
        if token == self._token:
            return
        try:
            items = [Change(kind, key) for kind, key in json.loads(body)]
        except ValueError:
            logger.warning("a notification of changes could not be read")
            items = [EVERYTHING]
        self._announce(items)

    def _payloads(self, items: Sequence[Change]) -> list[str]:
        payloads: list[str] = []
        texts: list[str] = []
        size = 0
        for item in items:
            encoded = json.dumps(item, separators=(",", ":"))  # ASCII: characters are bytes
            if texts and size + len(encoded) > PAYLOAD_BYTES:
                payloads.append(self._payload(texts))
                texts, size = [], 0
            texts.append(encoded)
            size += len(encoded) + 1
        payloads.append(self._payload(texts))
        if len(payloads) > PAYLOAD_LIMIT or any(len(one) > PAYLOAD_BYTES + 50 for one in payloads):
            return [self._payload([json.dumps(EVERYTHING)])]
        return payloads

    def _payload(self, texts: Sequence[str]) -> str:
        return f"{self._token} [{','.join(texts)}]"
