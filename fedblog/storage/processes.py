"""Which processes share a PostgreSQL database and are alive, so that what a dead one held is taken
over within seconds. All times here are the database's: the machines' clocks may differ.

On SQLite there is one process, which ends all leases when it starts.
"""

from sqlalchemy import BigInteger, Connection, and_, delete, func, insert, select, update

from fedblog.storage.changes import Change, record
from fedblog.storage.delivery_order import IS_WAITING
from fedblog.storage.lists import is_among
from fedblog.storage.tables import deliveries, jobs, processes


def register(connection: Connection) -> int:
    """Enter a new process; gives its number."""
    entered = insert(processes).values(seen_at=func.clock_timestamp()).returning(processes.c.id)
    return int(connection.execute(entered).scalar_one())


def beat(connection: Connection, process: int) -> bool:
    """Say that *process* is alive; False where it was taken for dead meanwhile."""
    seen = update(processes).where(processes.c.id == process).values(seen_at=func.clock_timestamp())
    return connection.execute(seen).rowcount > 0


def bury(connection: Connection, dead_after: float) -> list[int]:
    """Take for dead who gave no sign for *dead_after* seconds, and end what they held; gives their
    numbers."""
    last = func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, dead_after)
    dead = list(
        connection.execute(
            select(processes.c.id)
            .where(processes.c.seen_at < last)
            .order_by(processes.c.id)
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    if dead:
        leave(connection, dead)
    return dead


def leave(connection: Connection, numbers: list[int]) -> None:
    """Strike off processes, and end what they hold still."""
    for table, kind in ((deliveries, "deliveries"), (jobs, "jobs")):
        held = and_(
            is_among(connection, table.c.leased_by, BigInteger, numbers),
            table.c.lease_until.is_not(None),
        )
        if table is deliveries:
            held = and_(IS_WAITING, held)
        ended = connection.execute(
            update(table).where(held).values(lease_until=None, leased_by=None)
        )
        if ended.rowcount:
            record(connection, Change(kind))
    connection.execute(
        delete(processes).where(is_among(connection, processes.c.id, BigInteger, numbers))
    )
