"""What is known of other servers: which signature scheme they take."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import hosts
from fedblog.storage.upsert import upsert

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
