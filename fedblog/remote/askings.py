"""How often, and how many at once, others may have this server ask another one.

Whoever sends something can name any server in it: a key, a parent, an object, an account. Every GET
passes here (client.py), each redirect too, and counts for the domain that is asked and for the one
on whose behalf it is. Those are told by `on_behalf_of`: the domain of a proven sender, else the
network of the client. What is asked for a signature that then holds was the sender's own wish: it
is given back, and the way from that network to that domain is open from then on.

Where a bound is reached ShortError is raised: nothing was asked, and later it may be.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from fedblog.domain.memory import Memory
from fedblog.domain.origins import client_network, counted_host
from fedblog.domain.rates import TokenBuckets
from fedblog.remote.errors import ShortError
from fedblog.remote.turns import Turns
from fedblog.settings import Settings

_REMEMBERED = 4000
_REST_SECONDS = 60.0
_LONGEST_REST = 3600.0
_CHEAP = 1.0
"""Seconds: a failure that took less (a refused connection, no such name) held no place."""
_OUTAGES = (6, 3)
"""Outages a minute, and at once, after which a host that did answer lately is left alone."""
_ANSWER_COUNTS = 3600.0
_WAY_IS_OPEN = 86_400.0
_OF_ONE_ADDRESS = 2
_OF_ONE_HOST = 4
"""What part of all places one client, and one host, may have at once."""


@dataclass(slots=True)
class Asker:
    """On whose behalf others are asked: *name* is "" where nobody knows. *is_proven* says whether
    it is a domain that has proven itself; *spent* what was counted."""

    name: str
    is_proven: bool = True
    is_bounded: bool = True
    spent: list[tuple[TokenBuckets, Hashable]] = field(default_factory=list)


OURSELVES = Asker("", is_bounded=False)
"""The people of this blog: nobody else has us ask."""
_asker: ContextVar[Asker | None] = ContextVar("fedblog_asker", default=None)


def of_host(host: str) -> Asker:
    """The asker for what *host* has proven to have sent."""
    return Asker(f"host {counted_host(host)}")


def of_client(address: str) -> Asker:
    """The asker for what came from *address* and is not proven."""
    return Asker(f"client {client_network(address)}", is_proven=False)


@contextmanager
def on_behalf_of(asker: Asker) -> Iterator[Asker]:
    """Requests made within, in this task, are *asker*'s."""
    token = _asker.set(asker)
    try:
        yield asker
    finally:
        _asker.reset(token)


def asker_name() -> str:
    """On whose behalf this task asks; "" where nobody knows."""
    asker = _asker.get()
    return "" if asker is None else asker.name


class Askings:
    """The bounds of one process. *clock* gives seconds."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._asked = TokenBuckets(
            settings.asked_rate, settings.asked_burst, _REMEMBERED, clock=clock
        )
        self._askers = TokenBuckets(
            settings.asker_rate, settings.asker_burst, _REMEMBERED, clock=clock
        )
        self._of_ways = TokenBuckets(
            settings.asker_rate, settings.asker_burst, _REMEMBERED, clock=clock
        )
        self._outages = TokenBuckets(*_OUTAGES, _REMEMBERED, clock=clock)
        self._clock = clock
        self._answered: Memory[tuple[str, str], bool] = Memory(_REMEMBERED, clock=clock)
        self._resting: Memory[tuple[str, str], float] = Memory(_REMEMBERED, clock=clock)
        self._rests: Memory[tuple[str, str], int] = Memory(_REMEMBERED, clock=clock)
        self._cheap = min(_CHEAP, settings.fetch_patience / 2)
        self._open_ways: Memory[tuple[str, str], bool] = Memory(_REMEMBERED, clock=clock)
        self._pending: Counter[str] = Counter()
        self._most_pending = max(1, settings.unproven_fetches // _OF_ONE_ADDRESS)
        self._turns = {
            is_proven: Turns(
                total,
                min(settings.fetches_at_domain, max(1, total // _OF_ONE_HOST)),
                waiting=total * settings.fetches_waiting,
                per_host_waiting=settings.fetches_waiting_at_domain,
                patience=settings.fetch_patience,
                longest_wait=settings.fetch_timeout / 2,
                clock=clock,
            )
            for is_proven, total in (
                (False, settings.unproven_fetches),
                (True, settings.proven_fetches),
            )
        }

    @property
    def most_at_once(self) -> int:
        """How many requests can be under way, those of our own people not counted."""
        return sum(turns.total for turns in self._turns.values())

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """A place to ask *host* while the block runs. Raises ShortError."""
        asker, name = _asker.get() or Asker(""), counted_host(host)
        if not asker.is_bounded:
            yield
            return
        self._check_rest(host)
        if not asker.is_proven and self._pending[asker.name] >= self._most_pending:
            raise ShortError("too many requests of yours wait", retry_after=5, is_askers=True)
        self._pending[asker.name] += 1
        try:
            async with self._turns[asker.is_proven].turn(name):
                yield
        finally:
            self._pending[asker.name] -= 1
            if not self._pending[asker.name]:
                del self._pending[asker.name]

    def take(self, host: str) -> None:
        """Count one request to *host* (name and port). Raises ShortError where it may not be
        made."""
        asker, name = _asker.get() or Asker(""), counted_host(host)
        if not asker.is_bounded:
            return
        self._check_rest(host)
        way = (asker.name, name)
        if self._open_ways.get(way):
            bounds: list[tuple[TokenBuckets, Hashable]] = [(self._of_ways, way)]
        else:
            bounds = [(self._asked, name), (self._askers, asker.name)]
        for buckets, key in bounds[: 2 if asker.name else 1]:
            if wait := buckets.wait(key):
                is_askers = buckets is not self._asked
                text = "too much is asked on your behalf" if is_askers else f"{name} is busy"
                raise ShortError(text, retry_after=wait, is_askers=is_askers)
        for buckets, key in bounds[: 2 if asker.name else 1]:
            buckets.take(key)
            asker.spent.append((buckets, key))

    def was_right(self, asker: Asker, host: str) -> None:
        """*asker* turned out to be *host*: what it had us ask was its own wish. The tokens come
        back, and the way from there to *host* is open: what others do does not close it."""
        for buckets, key in asker.spent:
            buckets.give_back(key)
        asker.spent.clear()
        way = (asker.name, counted_host(host))
        if self._open_ways.get(way) is None:
            self._open_ways.put(way, True, seconds=_WAY_IS_OPEN)

    def answered(self, host: str) -> None:
        """*host* (name and port) gave an answer, whichever."""
        name = self._outages_of(host)
        self._answered.put(name, True, seconds=_ANSWER_COUNTS)
        self._rests.drop(name)

    def failed(self, host: str, seconds: float) -> float:
        """*host* (name and port) gave no answer, or none in time, for *seconds*. One that never did
        is left alone at once, ever longer; one that did lately after some more; one that took no
        time costs no place. Gives the seconds for which it is left alone.

        Whoever names a host chooses what fails. So it rests under the name and port that failed
        alone (however many of a domain do, they have one domain's places), and for those whose way
        to it is open by their own failures only.
        """
        name = self._outages_of(host)
        if until := self._resting.get(name):
            return until - self._clock()
        if seconds < self._cheap or (self._answered.get(name) and not self._outages.take(name)):
            return 0.0
        count = self._rests.get(name) or 0
        rest: float = min(_LONGEST_REST, _REST_SECONDS * 2**count)
        self._rests.put(name, count + 1, seconds=2 * _LONGEST_REST)
        self._resting.put(name, self._clock() + rest, seconds=rest)
        return rest

    def _check_rest(self, host: str) -> None:
        if until := self._resting.get(self._outages_of(host)):
            wait = max(1.0, until - self._clock())
            raise ShortError(f"{host} did not answer lately", retry_after=wait)

    def _outages_of(self, host: str) -> tuple[str, str]:
        """What outages of *host* count under: for all who name it, or for the one who asks."""
        name = asker_name()
        return (name if self._open_ways.get((name, counted_host(host))) else "", host)
