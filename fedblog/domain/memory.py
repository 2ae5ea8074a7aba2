"""What the process remembers for a while, never more than a bound (S19)."""

import math
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TLRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """At most *size* entries; the longest unused goes first. Each may have a term in seconds.

    *clock* gives seconds; a test may bring its own.
    """

    def __init__(self, size: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: TLRUCache[K, tuple[V, float]] = TLRUCache(
            maxsize=size, ttu=_until, timer=clock
        )

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]

    def get(self, key: K) -> V | None:
        """The entry, unless its term has passed."""
        try:
            return self._entries[key][0]
        except KeyError:
            return None

    def put(self, key: K, value: V, *, seconds: float | None = None) -> None:
        """Remember *value*, for *seconds* at most."""
        self._entries[key] = (value, math.inf if seconds is None else seconds)

    def drop(self, key: K) -> None:
        """Forget the entry, where there is one."""
        self._entries.pop(key, None)

    def drop_where(self, matches: Callable[[V], bool]) -> None:
        """Forget every entry whose value *matches*."""
        for key in [key for key, (value, _) in self._entries.items() if matches(value)]:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def _until(_key: object, entry: tuple[object, float], now: float) -> float:
    return now + entry[1]
