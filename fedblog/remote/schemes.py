"""By which scheme each host takes signed requests: learned by asking, remembered."""

import asyncio
from collections.abc import Mapping

from fedblog.activitystreams.vocabulary import RFC_9421, RFC_9421_ED25519

CAVAGE = "cavage"
"""draft-cavage-http-signatures-12 with rsa-sha256: what a host gets that nothing is known of."""
RFC9421 = "rfc9421"
"""HTTP Message Signatures with rsa-v1_5-sha256."""
RFC9421_ED25519 = "rfc9421-ed25519"
"""HTTP Message Signatures with Ed25519, for hosts whose actors say that they verify it."""

IMPLEMENTED = {RFC_9421_ED25519: RFC9421_ED25519, RFC_9421: RFC9421}
"""What a server says in ``implements`` that it verifies (FEP-844e), the better first."""

REFUSALS = frozenset({400, 401})
"""Answers after which the other scheme is tried once."""
MOST_HOSTS = 16_384

_KNOWN = frozenset({CAVAGE, RFC9421, RFC9421_ED25519})


class Schemes:
    """What is remembered, at most *size* hosts: the first learned goes first.

    A host is its authority as the Host header has it. Only hosts that refused a scheme, or that
    announced one, are in here. Looking up is safe on any thread, the rest is for the event loop.
    """

    def __init__(self, size: int = MOST_HOSTS) -> None:
        self._size = size
        self._known: dict[str, str] = {}
        self._unsaved: dict[str, str] = {}
        self._has_unsaved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, host: str) -> str:
        """The scheme to try first."""
        return self._known.get(host, CAVAGE)

    def load(self, stored: Mapping[str, str]) -> None:
        """Remember what the database had; what was learned since comes first."""
        for host, scheme in stored.items():
            if scheme in _KNOWN and host not in self._known:
                self._put(host, scheme)

    def learn(self, host: str, scheme: str) -> None:
        """Remember that *host* took a request of *scheme* after it had refused another."""
        if self._known.get(host) != scheme:
            self._put(host, scheme)
            self._save(host, scheme)

    def announced(self, host: str, scheme: str) -> None:
        """Remember that *host* says it takes *scheme*, unless it has been learned what it does."""
        if host not in self._known:
            self._put(host, scheme)
            self._save(host, scheme)

    async def wait(self) -> None:
        """Wait until something was learned that is to be written down."""
        await self._has_unsaved.wait()

    def take_unsaved(self) -> dict[str, str]:
        """What was learned and is to be written down; it is given once."""
        self._has_unsaved.clear()
        taken, self._unsaved = self._unsaved, {}
        return taken

    def _put(self, host: str, scheme: str) -> None:
        if host not in self._known and len(self._known) >= self._size:
            del self._known[next(iter(self._known))]
        self._known[host] = scheme

    def _save(self, host: str, scheme: str) -> None:
        if host in self._unsaved or len(self._unsaved) < self._size:
            self._unsaved[host] = scheme
            self._has_unsaved.set()


def other(scheme: str) -> str:
    """What is tried after *scheme* was refused."""
    return RFC9421 if scheme == CAVAGE else CAVAGE
