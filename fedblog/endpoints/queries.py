"""What a route reads of an address's query, and the one form of it.

A page does not depend on keys that its route does not declare: the page cache takes them away
before anything looks at them, so that links with ``utm_source`` and the like are answered from the
copy that everyone gets. What is declared is brought into one form first (``canonical``): in this it
is looked for, kept, and handed to the handler.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.routing import BaseRoute, Route

Values = Mapping[str, list[str]]
"""The values of each declared key that was given, in their order."""
Pairs = Iterable[tuple[str, str]]

_MOST_FIELDS = 32
"""Fields of a query that are looked at; what comes after them is as if it were not there."""
_MEMORY = 512
_LONGEST_REMEMBERED = 400


@dataclass(frozen=True, slots=True)
class Query:
    """The *keys* that a route reads; *canonical* gives the pairs that stand for what was asked.

    Two addresses that get the same answer should have the same pairs, and what cannot be
    answered (a key twice, a number that is none) few of them.
    """

    keys: frozenset[str]
    canonical: Callable[[Values], Pairs]


class QueryRoute(Route):
    """A route whose handler reads the query; other routes are given none."""

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, query: Query, **kwargs: Any
    ) -> None:
        super().__init__(path, endpoint, **kwargs)
        self.query = query


class Queries:
    """Brings the query of an address into its one form, by what the *routes* declare."""

    def __init__(self, routes: Sequence[BaseRoute] = ()) -> None:
        self._routes = [
            (route.path_regex, route.query) for route in routes if isinstance(route, QueryRoute)
        ]
        self._keys = frozenset[str]().union(*(query.keys for _, query in self._routes))
        self._memory: dict[tuple[str, bytes], bytes] = {}

    def canonical(self, path: str, query: bytes) -> bytes:
        """The form of *query* (as it was sent) in which *path* is asked for; often empty."""
        found = self._memory.get((path, query))
        if found is None:
            found = self._canonical(path, query)
            if len(path) + len(query) <= _LONGEST_REMEMBERED:
                if len(self._memory) >= _MEMORY:
                    self._memory.clear()
                self._memory[path, query] = found
        return found

    def _canonical(self, path: str, query: bytes) -> bytes:
        fields = b"&".join(query.split(b"&", _MOST_FIELDS)[:_MOST_FIELDS])
        given = parse_qsl(fields.decode("latin-1"), keep_blank_values=True)
        if self._keys.isdisjoint(name for name, _ in given):
            return b""
        for pattern, declared in self._routes:
            if pattern.match(path):
                values: dict[str, list[str]] = {}
                for name, value in given:
                    if name in declared.keys:
                        values.setdefault(name, []).append(value)
                pairs = sorted(declared.canonical(values)) if values else ()
                return urlencode(pairs).encode("ascii")
        return b""


def first_of(*keys: str, longest: int) -> Query:
    """*keys* with any text of at most *longest* characters; of several values the first."""

    def canonical(values: Values) -> Pairs:
        return [(name, given[0][:longest]) for name, given in values.items()]

    return Query(frozenset(keys), canonical)
