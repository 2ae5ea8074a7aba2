"""Whom a blog does not talk with: a domain with its subdomains, or one actor."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Block:
    """One block; exactly one of *domain* (lower-case A-labels, no port) and *actor_uri* is set."""

    id: str
    blog_id: int
    domain: str | None
    actor_uri: str | None
    created_at: datetime


def bare_host(host: str) -> str:
    """*host* in lower case without its port and without the brackets of an IPv6 address."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def covers(domain: str, host: str) -> bool:
    """Whether a block of *domain* holds for *host* (with or without a port) or is above it."""
    name = bare_host(host).rstrip(".")
    return name == domain or name.endswith("." + domain)
