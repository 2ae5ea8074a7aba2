"""Whose turn it is: so many at once, shared fairly between hosts, none of them for long.

Whoever makes others wait holds a place for a while only: when a place is wanted and none is free,
the one that was held longest is taken back, once it was held for *patience* seconds.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fedblog.remote.errors import ShortError, SlowHostError

_AGAIN = 10.0
_TOO_MANY = "too many requests to other servers wait"


class Turns:
    """At most *total* at once, *per_host* of them for one host; *waiting* may wait for at most
    *longest_wait* seconds. The host that has fewest under way is next, then who waited longest.
    """

    def __init__(
        self,
        total: int,
        per_host: int,
        *,
        waiting: int,
        per_host_waiting: int,
        patience: float,
        longest_wait: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self._per_host = per_host
        self._most_waiting = waiting
        self._per_host_waiting = per_host_waiting
        self._patience = patience
        self._longest_wait = longest_wait
        self._clock = clock
        self._active: Counter[str] = Counter()
        self._holders: OrderedDict[object, tuple[float, asyncio.Timeout]] = OrderedDict()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._count_waiting = 0
        self._count_active = 0
        self._taken_back = 0
        self._alarm: asyncio.Handle | None = None

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """A place for *host* while the block runs. Raises ShortError where there is none to be
        had, SlowHostError where it was taken back."""
        await self._take(host)
        holder = object()
        try:
            async with asyncio.timeout(None) as timeout:
                self._holders[holder] = (self._clock(), timeout)
                self._look()
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise SlowHostError(f"{host} is slow while others wait", retry_after=_AGAIN) from None
        finally:
            if self._holders.pop(holder, None) is None:
                self._taken_back -= 1
            self._give_back(host)

    async def _take(self, host: str) -> None:
        if self._count_active < self.total and self._active[host] < self._per_host:
            self._begin(host)
            return
        queue = self._waiting.get(host)
        if self._count_waiting >= self._most_waiting or (
            queue is not None and len(queue) >= self._per_host_waiting
        ):
            raise ShortError(_TOO_MANY, retry_after=_AGAIN)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, deque()).append(place)
        self._count_waiting += 1
        self._look()
        try:
            async with asyncio.timeout(self._longest_wait):
                await place
        except TimeoutError:
            if place.done() and not place.cancelled():
                return  # it was given at the last moment
            raise ShortError(_TOO_MANY, retry_after=_AGAIN) from None
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._give_back(host)
            raise
        finally:
            self._leave(host, place)

    def _leave(self, host: str, place: "asyncio.Future[None]") -> None:
        """Take *place* out of the queue, where it still stands in it."""
        queue = self._waiting.get(host)
        if queue is not None and place in queue:
            queue.remove(place)
            self._count_waiting -= 1
            if not queue:
                del self._waiting[host]

    def _begin(self, host: str) -> None:
        self._active[host] += 1
        self._count_active += 1

    def _give_back(self, host: str) -> None:
        self._count_active -= 1
        self._active[host] -= 1
        if not self._active[host]:
            del self._active[host]
        self._call_next()

    def _call_next(self) -> None:
        while self._count_active < self.total and (host := self._next_host()) is not None:
            queue = self._waiting[host]
            place = queue.popleft()
            self._count_waiting -= 1
            if queue:
                self._waiting.move_to_end(host)
            else:
                del self._waiting[host]
            if not place.done():
                self._begin(host)
                place.set_result(None)

    def _next_host(self) -> str | None:
        """The waiting host with fewest under way, of those that may have more."""
        best, fewest = None, self._per_host
        for host in self._waiting:
            if (active := self._active[host]) < fewest:
                best, fewest = host, active
                if not active:
                    break
        return best

    def _look(self) -> None:
        """Take a place back where somebody waits for one, or look again when one is due."""
        if (
            self._alarm is not None
            or self._count_active < self.total
            or self._taken_back >= self._count_waiting
            or self._next_host() is None
        ):
            return
        holder = next(iter(self._holders), None)
        if holder is None:
            return
        since, timeout = self._holders[holder]
        loop = asyncio.get_running_loop()
        wait = since + self._patience - self._clock()
        if wait > 0:
            self._alarm = loop.call_later(wait, self._look_again)
            return
        del self._holders[holder]
        self._taken_back += 1
        timeout.reschedule(loop.time())
        self._alarm = loop.call_soon(self._look_again)

    def _look_again(self) -> None:
        self._alarm = None
        self._look()
