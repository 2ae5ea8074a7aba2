"""Who makes way where there is too much of something: whoever has most of it."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def surplus(held: Mapping[K, int], most: int) -> dict[K, int]:
    """How many each in *held* gives up so that all together have *most*: those who have most come
    down to one level, and who has no more than that keeps everything."""
    over = sum(held.values()) - most
    if over <= 0:
        return {}
    ranked = sorted(held.items(), key=lambda entry: entry[1], reverse=True)
    total = givers = 0
    for givers, (_, number) in enumerate(ranked, 1):
        total += number
        following = ranked[givers][1] if givers < len(ranked) else 0
        if total - givers * following >= over:
            break
    level, rest = divmod(total - over, givers)
    kept = [level + (place < rest) for place in range(givers)]
    return {
        name: number - left
        for (name, number), left in zip(ranked, kept, strict=False)
        if number > left
    }
