"""A dictionary that knows what was stored, what changed since, and how to take one step back.

Handlers change it freely; one activity that fails is undone alone, and in the end exactly what
differs from the database is written.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by key, as they are now; *stored* are those the database already holds. *group* says
    what values are found together by; the values at one key are of one group. *steps* are what was
    done since the last commit."""

    def __init__(
        self,
        stored: Iterable[tuple[K, V]] = (),
        *,
        group: Callable[[V], str] | None = None,
    ) -> None:
        self._stored: dict[K, V] = dict(stored)
        self._now: dict[K, V] = dict(self._stored)
        self.steps: list[tuple[K, V | None]] = []
        self._group = group
        self._keys: dict[str, dict[K, None]] = {}
        if group is not None:
            for key, value in self._now.items():
                self._keys.setdefault(group(value), {})[key] = None

    def get(self, key: K) -> V | None:
        """The value at *key*, or None."""
        return self._now.get(key)

    def __contains__(self, key: K) -> bool:
        return key in self._now

    def __iter__(self) -> Iterator[V]:
        return iter(self._now.values())

    def of(self, group: str) -> list[V]:
        """The values of *group*."""
        return [self._now[key] for key in self._keys.get(group, ()) if key in self._now]

    def put(self, key: K, value: V) -> None:
        """Set the value at *key*."""
        self.steps.append((key, self._now.get(key)))
        self._now[key] = value
        if self._group is not None:
            self._keys.setdefault(self._group(value), {})[key] = None

    def remove(self, key: K) -> None:
        """Take *key* out."""
        self.steps.append((key, self._now.get(key)))
        self._now.pop(key, None)

    def commit(self) -> None:
        """Make what was done since the last commit part of the batch."""
        self.steps.clear()

    def undo(self) -> None:
        """Take back what was done since the last commit."""
        for key, before in reversed(self.steps):
            if before is None:
                self._now.pop(key, None)
            else:
                self._now[key] = before
        self.steps.clear()

    def added(self) -> list[V]:
        """Values the database does not hold yet, in the order they came."""
        return [value for key, value in self._now.items() if key not in self._stored]

    def changed(self) -> list[V]:
        """Values the database holds otherwise."""
        return [
            value
            for key, value in self._now.items()
            if key in self._stored and self._stored[key] is not value
        ]

    def revised(self) -> list[tuple[V, V]]:
        """Values the database holds otherwise: as they stand there, and as they are now."""
        return [
            (self._stored[key], value)
            for key, value in self._now.items()
            if key in self._stored and self._stored[key] is not value
        ]

    def removed(self) -> list[V]:
        """Values the database holds and that are gone."""
        return [value for key, value in self._stored.items() if key not in self._now]

    def fresh(self) -> dict[K, V]:
        """What was added or changed, with its key."""
        return {
            key: value for key, value in self._now.items() if self._stored.get(key) is not value
        }
