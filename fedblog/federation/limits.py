"""How much one sender may send: token buckets, bounded in number."""

import time
from collections import OrderedDict

_MOST_BUCKETS = 20_000


class TokenBuckets:
    """One bucket for each name: *burst* at once, then *rate* a minute.

    The least recently used bucket is dropped when there are too many; a full one is worth nothing,
    so little is lost by it.
    """

    def __init__(self, rate: float, burst: int, most: int = _MOST_BUCKETS) -> None:
        self._per_second = rate / 60
        self._burst = float(burst)
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float | None = None) -> float:
        """Take one token of *name*. Gives 0, or the seconds until there is one again."""
        moment = time.monotonic() if now is None else now
        tokens, since = self._buckets.get(name, (self._burst, moment))
        tokens = min(self._burst, tokens + (moment - since) * self._per_second)
        if tokens < 1:
            self._buckets[name] = (tokens, moment)
            return (1 - tokens) / self._per_second
        self._buckets[name] = (tokens - 1, moment)
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0
