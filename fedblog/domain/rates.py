"""How often something may be done: token buckets, bounded in number."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


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
        self._size = size
        self._clock = clock
        # Tokens left, and when that was; the longest unused first. Not a Memory: several tokens are
        # taken for each request, and this costs a twentieth.
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return sum(self._at(entry, self._clock()) < self._burst for entry in self._left.values())

    def wait(self, key: Hashable, cost: float = 1) -> float:
        """What `take` would give; nothing is counted."""
        entry = self._left.get(key)
        left = self._burst if entry is None else self._at(entry, self._clock())
        return max(0.0, (cost - left) / self._per_second)

    def take(self, key: Hashable, cost: float = 1) -> float:
        """Take *cost* tokens of *key*. Gives 0.0 where they were there and are counted, else the
        seconds until they will be (never less than it takes to fill the bucket, where *cost* is
        more than a bucket holds)."""
        now = self._clock()
        entries = self._left
        entry = entries.get(key)
        left = self._burst if entry is None else self._at(entry, now)
        wait = (cost - left) / self._per_second if left < cost else 0.0
        entries[key] = (left if wait else left - cost, now)
        if entry is not None:
            entries.move_to_end(key)
            return wait
        for _ in range(2):  # more than the one that came: so the full ones go
            oldest = next(iter(entries))
            if oldest == key or (
                len(entries) <= self._size and self._at(entries[oldest], now) < self._burst
            ):
                break
            del entries[oldest]
        return wait

    def spend(self, key: Hashable, cost: float) -> None:
        """Count *cost* tokens of *key* that were used already, be they there or not: what is
        missing has to come back first (of no more than another bucket)."""
        self.take(key, 0)
        left, now = self._left[key]
        self._left[key] = (max(left - cost, -self._burst), now)

    def give_back(self, key: Hashable, cost: float = 1) -> None:
        """Put *cost* tokens back that were taken and turned out not to count."""
        entry = self._left.get(key)
        if entry is not None:
            now = self._clock()
            self._left[key] = (min(self._burst, self._at(entry, now) + cost), now)

    def _at(self, entry: tuple[float, float], now: float) -> float:
        """The tokens that *entry* has grown to by *now*."""
        left, since = entry
        grown = left + (now - since) * self._per_second
        return grown if grown < self._burst else self._burst
