"""Inboxes of other servers: a number for each URL, so that followers and deliveries stay small."""

from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from fedblog.domain.origins import counted_host
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import inboxes
from fedblog.storage.upsert import insert_ignoring

_BY_URL = ListStatement(
    lambda listed: select(inboxes.c.url, inboxes.c.id).where(listed(inboxes.c.url))
)

_PORTS = {"http": 80, "https": 443}


def ensure(connection: Connection, urls: Collection[str]) -> dict[str, int]:
    """The ids of *urls*; those not known yet are added."""
    found = {row.url: row.id for row in _BY_URL.run(connection, urls)}
    missing = sorted(set(urls) - found.keys())
    if missing:
        insert_ignoring(
            connection,
            inboxes,
            [{"url": url, "host": host_of(url), "domain": domain_of(url)} for url in missing],
        )
        found |= {row.url: row.id for row in _BY_URL.run(connection, missing)}
    return found


def domain_of(url: str) -> str:
    """Whose the host of *url* is: what followers are counted under."""
    return counted_host(host_of(url))


def host_of(url: str) -> str:
    """The host of *url* in lower case and without port: what blocks and senders go by."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def authority_of(url: str) -> str:
    """The host of *url* in lower case, with its port where that is not the scheme's own: what
    other servers are known by (hosts.py). "" where it is no address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if port is None or port == _PORTS.get(parts.scheme) else f"{host}:{port}"
