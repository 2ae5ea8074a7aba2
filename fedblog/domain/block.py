"""Whom a blog does not talk with: a domain with its subdomains, or one actor."""

from dataclasses import dataclass
from datetime import datetime

from fedblog.domain.origins import bare_host


@dataclass(frozen=True, slots=True)
class Block:
    """One block; exactly one of *domain* (lower-case A-labels, no port) and *actor_uri* is set."""

    id: str
    blog_id: int
    domain: str | None
    actor_uri: str | None
    created_at: datetime


def covers(domain: str, host: str) -> bool:
    """Whether a block of *domain* holds for *host* (with or without a port) or is above it."""
    name = bare_host(host).rstrip(".")
    return name == domain or name.endswith("." + domain)
