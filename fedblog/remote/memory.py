"""What the process remembers for a while, never more than a bound (S19)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """At most *size* entries; the longest unused goes first. Each may have a term in seconds."""

    def __init__(self, size: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._clock = clock
        self._entries: OrderedDict[K, tuple[V, float | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The entry, unless its term has passed."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, until = entry
        if until is not None and until <= self._clock():
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V, *, seconds: float | None = None) -> None:
        """Remember *value*, for *seconds* at most."""
        until = None if seconds is None else self._clock() + seconds
        self._entries[key] = (value, until)
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget the entry, where there is one."""
        self._entries.pop(key, None)

    def drop_where(self, matches: Callable[[V], bool]) -> None:
        """Forget every entry whose value *matches*."""
        for key in [key for key, (value, _) in self._entries.items() if matches(value)]:
            del self._entries[key]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


class Allowance(Generic[K]):
    """How often something may be done for each key: *burst* at once, then *per_minute*."""

    def __init__(
        self,
        *,
        per_minute: float,
        burst: int,
        size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._left: Memory[K, tuple[float, float]] = Memory(size, clock=clock)

    def take(self, key: K) -> bool:
        """Whether it may be done once more for *key*; if so it is counted."""
        now = self._clock()
        left, since = self._left.get(key) or (float(self._burst), now)
        left = min(float(self._burst), left + (now - since) * self._rate)
        if left < 1:
            self._left.put(key, (left, now))
            return False
        self._left.put(key, (left - 1, now))
        return True
