"""What is known of other servers: which signature scheme they take, and for how many days they
have been silent. A host is known by its name, with the port where that is not the scheme's own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fedblog.storage.changes import Change, record
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import hosts
from fedblog.storage.upsert import upsert

_FIND = ListStatement(lambda member: select(hosts).where(member(hosts.c.host)))


@dataclass(frozen=True, slots=True)
class Host:
    """A server. *failures* counts the different days on which it was silent since the last delivery
    that it took, or the last thing that it sent; *last_failure_at* is in the last of them."""

    host: str
    software: str | None
    signature_scheme: str | None
    failures: int
    last_failure_at: datetime | None
    last_success_at: datetime | None


def find(connection: Connection, names: Collection[str]) -> dict[str, Host]:
    """The known ones of the hosts *names*."""
    return {
        row.host: Host(
            host=row.host,
            software=row.software,
            signature_scheme=row.signature_scheme,
            failures=row.failures,
            last_failure_at=row.last_failure_at,
            last_success_at=row.last_success_at,
        )
        for row in _FIND.run(connection, names)
    }


def signature_schemes(connection: Connection, limit: int) -> dict[str, str]:
    """The schemes by which hosts take requests, of at most *limit* hosts of which it is known."""
    rows = connection.execute(
        select(hosts.c.host, hosts.c.signature_scheme)
        .where(hosts.c.signature_scheme.is_not(None))
        .limit(limit)
    )
    return {row.host: row.signature_scheme for row in rows}


def note_signature_schemes(
    connection: Connection, schemes: Mapping[str, str], now: datetime
) -> None:
    """Remember by which signature scheme each host takes requests, as it did at *now*."""
    upsert(
        connection,
        hosts,
        [
            {"host": name, "signature_scheme": scheme, "failures": 0, "last_success_at": now}
            for name, scheme in sorted(schemes.items())
        ],
        key=["host"],
        update=["signature_scheme", "last_success_at"],
    )


def silences(connection: Connection) -> dict[str, tuple[int, datetime | None]]:
    """The hosts that are silent: on how many days, and when last."""
    rows = connection.execute(
        select(hosts.c.host, hosts.c.failures, hosts.c.last_failure_at).where(hosts.c.failures > 0)
    )
    return {row.host: (row.failures, row.last_failure_at) for row in rows}


def note_silence(connection: Connection, names: Collection[str], now: datetime) -> None:
    """Count the day (UTC) of *now* as one of silence of *names*, once however often it is said."""
    midnight = datetime.combine(now.date(), time(), now.tzinfo)
    engine = sqlite if connection.dialect.name == "sqlite" else postgresql
    for name in sorted(set(names)):
        fresh = engine.insert(hosts).values(host=name, failures=1, last_failure_at=now)
        connection.execute(
            fresh.on_conflict_do_update(
                index_elements=["host"],
                set_={"failures": hosts.c.failures + 1, "last_failure_at": now},
                where=or_(hosts.c.last_failure_at.is_(None), hosts.c.last_failure_at < midnight),
            )
        )
    record(connection, *(Change("hosts", name) for name in sorted(set(names))))


def end_silence(connection: Connection, names: Collection[str], now: datetime) -> list[str]:
    """Forget the silent days of *names*; gives those that had any."""
    ended = list(
        connection.execute(
            update(hosts)
            .where(hosts.c.host.in_(sorted(set(names))), hosts.c.failures > 0)
            .values(failures=0, last_failure_at=None, last_success_at=now)
            .returning(hosts.c.host)
        ).scalars()
    )
    record(connection, *(Change("hosts", name) for name in ended))
    return sorted(ended)
