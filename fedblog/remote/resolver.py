"""Names to addresses: /etc/hosts, then the name servers of the system or of the settings.

c-ares asks, on sockets: a name whose servers do not answer costs a timer. getaddrinfo would hold a
thread for up to half a minute, which nothing can take back, and a few such names would hold up
every other (docs/decisions/0013). Nothing is checked here: the connector checks each address it
connects to (connections.py).
"""

import socket
from collections.abc import Sequence

import aiodns
from aiohttp.abc import AbstractResolver, ResolveResult

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
SECONDS = 2.0
_TRIES = 2


class NoAnswerError(OSError):
    """Whoever knows the name did not say in time."""


class NoNameServerError(OSError):
    """No name server of our own can be asked."""


_KINDS: dict[int, type[OSError]] = {
    aiodns.error.ARES_ECONNREFUSED: NoNameServerError,
    aiodns.error.ARES_ENOMEM: NoNameServerError,
    aiodns.error.ARES_ESERVFAIL: NoAnswerError,
    aiodns.error.ARES_ETIMEOUT: NoAnswerError,
}


class NameResolver(AbstractResolver):
    """Asks c-ares, in the running loop. Close it when its last connector is closed."""

    def __init__(self, name_servers: Sequence[str] = ()) -> None:
        self._resolver = aiodns.DNSResolver(
            list(name_servers) or None, timeout=SECONDS, tries=_TRIES
        )

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of *host*. Raises NoAnswerError, NoNameServerError, and OSError where it
        has none."""
        try:
            found = await self._resolver.getaddrinfo(
                host, port=port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
            )
        except aiodns.error.DNSError as error:
            number, text = (*error.args, "")[:2]
            raise _KINDS.get(int(number), OSError)(None, f"{host}: {text}") from None
        return [
            ResolveResult(
                hostname=host,
                host=node.addr[0].decode("ascii"),
                port=port,
                family=node.family,
                proto=0,
                flags=_NUMERIC,
            )
            for node in found.nodes
        ]

    async def close(self) -> None:
        """Take no more questions."""
        await self._resolver.close()
