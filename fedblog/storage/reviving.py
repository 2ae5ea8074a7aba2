"""A host that was parked is back: what waits for it goes out now, as long work in slices."""

from datetime import datetime

from sqlalchemy import BigInteger, Connection, select, update

from fedblog.storage import inboxes as inbox_rows
from fedblog.storage import slices
from fedblog.storage.changes import Change, record
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.lists import is_among
from fedblog.storage.slices import State, Step
from fedblog.storage.tables import deliveries, inboxes

REVIVE = "revive"
"""The kind of job; its key is the host's name."""
_WAITING_FOR_ONE = 10
"""About what waits for one inbox."""


def begin(connection: Connection, name: str, now: datetime) -> None:
    """Let what waits for the host *name* go out, in the present unit and in slices."""
    state = {"name": name, "after": 0, "at": now.isoformat()}
    slices.begin(connection, REVIVE, name, revive, state, now, slices.Allowance())


def revive(connection: Connection, state: State, limit: int) -> Step:
    """One step for a host (`slices.Work`)."""
    size = max(1, limit // _WAITING_FOR_ONE)
    now = datetime.fromisoformat(state["at"])
    host = inbox_rows.host_of(f"https://{state['name']}/")
    rows = connection.execute(
        select(inboxes.c.id, inboxes.c.url)
        .where(inboxes.c.host == host, inboxes.c.id > state["after"])
        .order_by(inboxes.c.id)
        .limit(size)
    ).all()
    ids = [row.id for row in rows if inbox_rows.authority_of(row.url) == state["name"]]
    if ids:
        freed = connection.execute(
            update(deliveries)
            .where(
                IS_WAITING,
                deliveries.c.next_at > now,
                is_among(connection, deliveries.c.inbox_id, BigInteger, ids),
            )
            .values(next_at=now)
        ).rowcount
        if freed:
            record(connection, Change("deliveries"))
    rest = {**state, "after": rows[-1].id} if len(rows) == size else None
    return Step(len(rows) * _WAITING_FOR_ONE, rest)
