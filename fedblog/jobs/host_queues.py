"""Which claimed delivery goes next: hosts take turns, and none of them holds all senders."""

import time
from collections import deque
from collections.abc import Callable, Iterable

from fedblog.domain.memory import Memory
from fedblog.storage.dispatch import ClaimedDelivery

TROUBLED_SECONDS = 900.0
_MOST_TROUBLED = 10_000


class _Host:
    """What waits here for one host, and how much of it is under way."""

    __slots__ = ("active", "is_listed", "is_troubled", "name", "waiting")

    def __init__(self, name: str, is_troubled: bool) -> None:
        self.name = name
        self.waiting: deque[ClaimedDelivery] = deque()
        self.active = 0
        self.is_listed = False
        self.is_troubled = is_troubled


class HostQueues:
    """Claimed deliveries by host.

    At most *per_host* deliveries to one host are under way at once. Hosts that lately gave no
    answer share *troubled_limit* among them, so that the others never wait for their timeouts.
    """

    def __init__(
        self,
        *,
        per_host: int,
        troubled_limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_host = per_host
        self._troubled_limit = troubled_limit
        self._hosts: dict[str, _Host] = {}
        self._ready: deque[_Host] = deque()
        self._ready_troubled: deque[_Host] = deque()
        self._troubled_active = 0
        self._troubled: Memory[str, bool] = Memory(_MOST_TROUBLED, clock=clock)
        self._waiting = 0
        self._waiting_retries = 0

    def __len__(self) -> int:
        """How many deliveries wait here (those under way not counted)."""
        return self._waiting

    @property
    def retries(self) -> int:
        """How many of them were tried before."""
        return self._waiting_retries

    @property
    def ready_hosts(self) -> int:
        """How many hosts without trouble could be sent to now."""
        return len(self._ready)

    def waiting_for(self, name: str) -> int:
        """How many deliveries wait here for the host *name*."""
        host = self._hosts.get(name)
        return 0 if host is None else len(host.waiting)

    @property
    def has_ready(self) -> bool:
        """Whether `take` would give something."""
        return bool(self._ready) or (
            bool(self._ready_troubled) and self._troubled_active < self._troubled_limit
        )

    def add(self, deliveries: Iterable[ClaimedDelivery]) -> None:
        """Let *deliveries* wait for their turn."""
        for delivery in deliveries:
            host = self._hosts.get(delivery.host)
            if host is None:
                host = _Host(delivery.host, bool(self._troubled.get(delivery.host)))
                self._hosts[delivery.host] = host
            host.waiting.append(delivery)
            self._waiting += 1
            if delivery.attempts:
                self._waiting_retries += 1
            if not host.is_listed:
                self._list(host)

    def take(self, limit: int) -> list[ClaimedDelivery]:
        """At most *limit* deliveries that may be sent now; each is under way until `done`."""
        taken: list[ClaimedDelivery] = []
        while len(taken) < limit:
            if self._ready:
                host = self._ready.popleft()
            elif self._ready_troubled and self._troubled_active < self._troubled_limit:
                host = self._ready_troubled.popleft()
            else:
                break
            host.is_listed = False
            if not host.waiting:
                continue
            delivery = host.waiting.popleft()
            taken.append(delivery)
            self._waiting -= 1
            if delivery.attempts:
                self._waiting_retries -= 1
            host.active += 1
            if host.is_troubled:
                self._troubled_active += 1
            self._list(host)
        return taken

    def done(self, delivery: ClaimedDelivery, *, answered: bool) -> None:
        """*delivery* is no longer under way; *answered* says whether the host gave any answer."""
        host = self._hosts[delivery.host]
        host.active -= 1
        if host.is_troubled:
            self._troubled_active -= 1
        if host.is_troubled is answered:
            self._turn(host, is_troubled=not answered)
        if not host.is_listed:
            self._list(host)
        if not host.active and not host.waiting:
            del self._hosts[host.name]

    def drop(self, delivery: ClaimedDelivery) -> None:
        """*delivery* is no longer under way, and nothing was learnt about its host."""
        host = self._hosts[delivery.host]
        self.done(delivery, answered=not host.is_troubled)

    def crowded(self, limit: int) -> list[str]:
        """The hosts for which *limit* or more deliveries wait here."""
        return [host.name for host in self._hosts.values() if len(host.waiting) >= limit]

    def _list(self, host: _Host) -> None:
        if host.waiting and host.active < self._per_host:
            host.is_listed = True
            (self._ready_troubled if host.is_troubled else self._ready).append(host)

    def _turn(self, host: _Host, *, is_troubled: bool) -> None:
        """Move *host* between the troubled and the others, with all it has under way."""
        if host.is_listed:
            (self._ready_troubled if host.is_troubled else self._ready).remove(host)
            host.is_listed = False
        host.is_troubled = is_troubled
        if is_troubled:
            self._troubled_active += host.active
            self._troubled.put(host.name, True, seconds=TROUBLED_SECONDS)
        else:
            self._troubled_active -= host.active
            self._troubled.drop(host.name)
