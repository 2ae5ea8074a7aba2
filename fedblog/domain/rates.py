"""How often something may be done: token buckets, bounded in number."""

import time
from collections.abc import Callable, Hashable

from fedblog.domain.memory import Memory


class TokenBuckets:
    """One bucket for each key: *burst* at once, then *per_minute*. At most *size* buckets.

    A bucket that is full again is forgotten, and the longest unused one where there are too many.
    A rate of 0 never fills again within a day.
    """

    def __init__(
        self,
        per_minute: float,
        burst: float,
        size: int = 4000,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = max(per_minute / 60, 1 / 86_400)
        self._burst = float(burst)
        self._clock = clock
        self._left: Memory[Hashable, tuple[float, float]] = Memory(size, clock=clock)

    def __len__(self) -> int:
        return len(self._left)

    def wait(self, key: Hashable, cost: float = 1) -> float:
        """What `take` would give; nothing is counted."""
        return self._look(key, cost)[1]

    def take(self, key: Hashable, cost: float = 1) -> float:
        """Take *cost* tokens of *key*. Gives 0.0 where they were there and are counted, else the
        seconds until they will be (never less than it takes to fill the bucket, where *cost* is
        more than a bucket holds)."""
        left, wait = self._look(key, cost)
        if not wait:
            left -= cost
        seconds = (self._burst - left) / self._per_second
        self._left.put(key, (left, self._clock()), seconds=seconds)
        return wait

    def give_back(self, key: Hashable, cost: float = 1) -> None:
        """Put *cost* tokens back that were taken and turned out not to count."""
        left, _ = self._look(key, cost)
        left = min(self._burst, left + cost)
        self._left.put(key, (left, self._clock()), seconds=(self._burst - left) / self._per_second)

    def _look(self, key: Hashable, cost: float) -> tuple[float, float]:
        """The tokens of *key* now, and the seconds until there are *cost* of them."""
        now = self._clock()
        left, since = self._left.get(key) or (self._burst, now)
        left = min(self._burst, left + (now - since) * self._per_second)
        return left, max(0.0, (cost - left) / self._per_second)
