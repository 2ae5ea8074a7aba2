"""What was received: the memory that makes a repeated activity harmless.

Rows are keyed by activity *and* actor, so that an id on a foreign host cannot occupy the place of
the real one (security case S37).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Connection, select

from fedblog.domain.frozen import frozen
from fedblog.storage.bulk import BulkInsert
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import received

_BY_ACTIVITY = ListStatement(
    lambda listed: select(received.c.activity_uri, received.c.actor_uri).where(
        listed(received.c.activity_uri)
    )
)
_COLUMNS = ("actor_uri", "activity_uri", "type", "outcome", "reason", "received_at")
_INSERT = BulkInsert(received, _COLUMNS, is_ignoring=True)
_values_of = attrgetter(*_COLUMNS)


@frozen
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
    """Remember *receipts*; one that stands there already stays as it is."""
    _INSERT.run(connection, [_values_of(receipt) for receipt in receipts])
