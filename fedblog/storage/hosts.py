"""What is known of other servers: software, signature scheme, how reachable they were."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import hosts
from fedblog.storage.upsert import insert_ignoring, upsert

_FIND = ListStatement(lambda member: select(hosts).where(member(hosts.c.host)))


@dataclass(frozen=True, slots=True)
class Host:
    """A server. *failures* counts the deliveries that failed since the last one that arrived."""

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


def note_successes(connection: Connection, names: Collection[str], now: datetime) -> None:
    """Remember that the hosts *names* took a delivery at *now*; their failures are forgotten."""
    upsert(
        connection,
        hosts,
        [{"host": name, "failures": 0, "last_success_at": now} for name in sorted(set(names))],
        key=["host"],
        update=["failures", "last_success_at"],
    )


def note_failures(connection: Connection, counts: Mapping[str, int], now: datetime) -> None:
    """Remember that as many deliveries to each host as *counts* says failed at *now*."""
    insert_ignoring(connection, hosts, [{"host": name, "failures": 0} for name in sorted(counts)])
    rows = [{"name": name, "count": count} for name, count in sorted(counts.items())]
    if rows:
        connection.execute(
            update(hosts)
            .where(hosts.c.host == bindparam("name"))
            .values(failures=hosts.c.failures + bindparam("count"), last_failure_at=now),
            rows,
        )


def note_software(connection: Connection, name: str, software: str) -> None:
    """Remember what *software* the host runs."""
    upsert(
        connection,
        hosts,
        [{"host": name, "software": software, "failures": 0}],
        key=["host"],
        update=["software"],
    )


def signature_schemes(connection: Connection, limit: int) -> dict[str, str]:
    """The schemes by which hosts take requests, of at most *limit* hosts of which it is known."""
    rows = connection.execute(
        select(hosts.c.host, hosts.c.signature_scheme)
        .where(hosts.c.signature_scheme.is_not(None))
        .limit(limit)
    )
    return {row.host: row.signature_scheme for row in rows}


def note_signature_schemes(connection: Connection, schemes: Mapping[str, str]) -> None:
    """Remember by which signature scheme each host takes requests."""
    upsert(
        connection,
        hosts,
        [
            {"host": name, "signature_scheme": scheme, "failures": 0}
            for name, scheme in sorted(schemes.items())
        ],
        key=["host"],
        update=["signature_scheme"],
    )
