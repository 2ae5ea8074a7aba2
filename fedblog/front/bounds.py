"""The bounds on connections, as the settings say them."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from fedblog.domain.origins import client_network
from fedblog.settings import Settings

EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one connection, one client and all of them together may take; times in seconds."""

    connections: int = 2000
    connections_per_address: int = 200
    head_bytes: int = 32 << 10
    headers: int = 100
    target_bytes: int = 8 << 10
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    body_rate: float = 10_000.0
    bodies_bytes: int = 64 << 20
    idle_seconds: float = 150.0
    send_seconds: float = 60.0
    unsent_bytes: int = 32 << 20
    trusted: str = "127.0.0.1"

    @classmethod
    def of(cls, settings: Settings, *, idle_seconds: float) -> "Bounds":
        """The bounds that *settings* give; idle connections are kept for *idle_seconds*."""
        return cls(
            idle_seconds=idle_seconds,
            connections=settings.connections_max,
            connections_per_address=settings.connections_per_address,
            head_bytes=settings.header_max_bytes,
            headers=settings.header_max_count,
            target_bytes=settings.target_max_bytes,
            head_seconds=settings.header_timeout,
            body_seconds=settings.body_timeout,
            body_rate=settings.body_min_rate,
            bodies_bytes=settings.bodies_max_bytes,
            send_seconds=settings.send_timeout,
            unsent_bytes=settings.unsent_max_bytes,
            trusted=settings.trusted_proxies,
        )


class Trusted:
    """The proxies that others connect through: their connections are not one client's. *listed*
    means what it means to uvicorn, which believes what they say of who they are."""

    def __init__(self, listed: str) -> None:
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for item in filter(None, (part.strip() for part in listed.split(","))):
            try:
                self._networks.append(ip_network(item))
            except ValueError:
                self._names.add(item)

    def __contains__(self, address: str) -> bool:
        if EVERYONE in self._names or address in self._names:
            return True
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped in network for network in self._networks)


def client_of(address: str | None, trusted: Trusted) -> str | None:
    """What the connections of the peer at *address* are counted under: its network, or None for
    a proxy that is trusted and for a peer without an address (a socket's file)."""
    if not address or address in trusted:
        return None
    return client_network(address)
