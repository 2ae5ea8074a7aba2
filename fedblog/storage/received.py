"""What was received: the memory that makes a repeated activity harmless.

Rows are keyed by activity *and* actor, so that an id on a foreign host cannot occupy the place of
the real one (security case S37).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import received

_BY_ACTIVITY = ListStatement(
    lambda listed: select(received.c.activity_uri, received.c.actor_uri).where(
        listed(received.c.activity_uri)
    )
)
_INSERT = insert(received)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One activity as received: *activity_uri* is its id, or a digest where it has none."""

    activity_uri: str
    actor_uri: str
    type: str
    outcome: str
    reason: str
    received_at: datetime


def find(connection: Connection, activity_uris: Collection[str]) -> set[tuple[str, str]]:
    """The pairs (activity, actor) among *activity_uris* that were received before."""
    rows = _BY_ACTIVITY.run(connection, activity_uris)
    return {(row.activity_uri, row.actor_uri) for row in rows}


def insert_all(connection: Connection, receipts: Sequence[Receipt]) -> None:
    """Remember *receipts*, none of which may stand there already."""
    if receipts:
        connection.execute(_INSERT, [_row(receipt) for receipt in receipts])


def forget_before(connection: Connection, moment: datetime) -> int:
    """Drop what was received before *moment*; gives the number of rows."""
    return connection.execute(delete(received).where(received.c.received_at < moment)).rowcount


def _row(receipt: Receipt) -> dict[str, Any]:
    return {
        "activity_uri": receipt.activity_uri,
        "actor_uri": receipt.actor_uri,
        "type": receipt.type,
        "outcome": receipt.outcome,
        "reason": receipt.reason,
        "received_at": receipt.received_at,
    }
