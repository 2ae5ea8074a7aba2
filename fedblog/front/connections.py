"""The connections that are open, and who of them has to go.

Once a second `Connections.sweep` looks at all of them: who takes too long over a request's head or
body, or reads nothing of an answer, is let go. Where all together have too much (connections,
bodies under way, answers that nobody reads), those of the client that has most give way first.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Protocol

from fedblog.front.bounds import Bounds, Trusted, client_of

TICK = 1.0
"""Seconds between two sweeps; times are as exact as that."""
LINGER = 5.0
"""Seconds in which the rest of what was refused is read and thrown away, so that the refusal is
not lost with it."""
LINGER_BYTES = 4 << 20
"""Most bytes of a body that are read while that lasts."""


class Phase(IntEnum):
    """What a connection waits for."""

    IDLE = 0
    """The next request, as long as the server keeps idle connections."""
    HEAD = 1
    BODY = 2
    WHOLE = 3
    """The answer."""
    LINGER = 4
    """The rest of a body that is no longer wanted."""


class Connection(Protocol):
    """What the registry sees of a connection."""

    phase: Phase
    since: float
    """When the phase began."""
    body: int
    """Bytes of the request's body that came."""
    held: int
    """Bytes of bodies that are held for it until they are answered."""
    unsent: int
    """Bytes that waited to be read by the peer at the last sweep."""
    stuck_since: float | None
    """Since when nothing of them was read; None while nothing waits."""

    def is_read_paused(self) -> bool:
        """Whether it is we who do not read."""

    def close(self, status: int) -> None:
        """End it, with an answer of *status* where none has begun (0: without one)."""

    def abort(self) -> None:
        """End it at once."""

    def is_closing(self) -> bool:
        """Whether it ends once what is written is read."""

    def count_unsent(self) -> int:
        """Bytes that wait to be read by the peer."""


class Connections:
    """All open connections of this process within *bounds*; *clock* gives seconds."""

    def __init__(self, bounds: Bounds, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.bounds = bounds
        self.now = clock()
        self.bodies_bytes = 0
        self._clock = clock
        self._trusted = Trusted(bounds.trusted)
        self._open: dict[Connection, str | None] = {}
        self._by_client: dict[str, dict[Connection, None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection, address: str | None) -> int:
        """Count a new *connection* from *address*. Gives 0, or the status that refuses it."""
        client = client_of(address, self._trusted)
        if client is not None:
            mine = self._by_client.get(client)
            if mine is not None and len(mine) >= self.bounds.connections_per_address:
                return 429
        if len(self._open) >= self.bounds.connections and not self._make_room(client):
            return 503
        self._open[connection] = client
        if client is not None:
            self._by_client.setdefault(client, {})[connection] = None
        if self._timer is None:
            self.now = self._clock()
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
        return 0

    def forget(self, connection: Connection) -> None:
        """*connection* is closed."""
        self.release(connection)
        client = self._open.pop(connection, None)
        if client is not None and (mine := self._by_client.get(client)) is not None:
            mine.pop(connection, None)
            if not mine:
                del self._by_client[client]

    def hold(self, connection: Connection, size: int) -> None:
        """Count *size* bytes of a body; where there are too many, somebody gives way (503)."""
        connection.held += size
        self.bodies_bytes += size
        while self.bodies_bytes > self.bounds.bodies_bytes:
            found = self._heaviest(lambda one: one.held)
            if found is None:
                return
            self.release(found)
            found.close(503)

    def release(self, connection: Connection) -> None:
        """What was held for *connection* is not any more."""
        self.bodies_bytes -= connection.held
        connection.held = 0

    def sweep(self) -> None:
        """Let those go who take too long."""
        now = self.now = self._clock()
        bounds = self.bounds
        unsent = 0
        for one in list(self._open):
            if one.stuck_since is not None or one.is_closing():
                waiting = one.count_unsent()
                if one.stuck_since is None or waiting < one.unsent:
                    one.stuck_since = now
                elif now - one.stuck_since > bounds.send_seconds:
                    one.abort()
                    continue
                one.unsent = waiting
                unsent += waiting
            if one.is_closing():
                continue
            if one.is_read_paused():
                one.since += TICK
                continue
            passed = now - one.since
            if one.phase == Phase.HEAD:
                if passed > bounds.head_seconds:
                    one.close(408)
            elif one.phase == Phase.BODY:
                if passed > bounds.body_seconds + one.body / bounds.body_rate:
                    one.close(408)
            elif one.phase == Phase.LINGER:
                if passed > LINGER:
                    one.close(0)
            elif one.phase == Phase.IDLE and passed > bounds.idle_seconds:
                one.close(0)
        while unsent > bounds.unsent_bytes:
            found = self._heaviest(lambda one: one.unsent)
            if found is None:
                break
            unsent -= found.unsent
            found.unsent = 0
            found.abort()

    def _tick(self) -> None:
        self._timer = None
        self.sweep()
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)

    def _make_room(self, client: str | None) -> bool:
        """End a connection of whoever has most, one that is not in the middle of a request if
        there is one. Where *client* will have as many as those who have most, only the one of
        theirs that has been idle longest. False where no connection has to go."""
        most = max(map(len, self._by_client.values()), default=0)
        mine = len(self._by_client.get(client, ())) if client is not None else 0
        theirs = [ones for ones in self._by_client.values() if len(ones) == most]
        found: Connection | None = None
        if most > mine + 1:
            waiting = (one for one in theirs[0] if one.phase in (Phase.IDLE, Phase.HEAD))
            found = next(waiting, None) or next(iter(theirs[0]))
        elif most == mine + 1:
            idle = (one for ones in theirs for one in ones if one.phase == Phase.IDLE)
            found = min(idle, key=lambda one: one.since, default=None)
        if found is None:
            return False
        self.forget(found)
        found.abort()
        return True

    def _heaviest(self, weight: Callable[[Connection], int]) -> Connection | None:
        """The oldest connection, among those with any *weight*, of the client with most of it."""
        totals: dict[str | None, int] = {}
        for one, client in self._open.items():
            if heavy := weight(one):
                totals[client] = totals.get(client, 0) + heavy
        if not totals:
            return None
        most = max(totals, key=lambda name: totals[name])
        theirs: Iterable[Connection] = (
            one for one, client in self._open.items() if client == most and weight(one)
        )
        return min(theirs, key=lambda one: one.since)
