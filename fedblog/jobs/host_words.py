"""What answers to deliveries say beside the delivery itself: that a host is silent, that it lives,
that an inbox is elsewhere. Gathered, and written with the deliveries' results."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from fedblog.domain.delivery import Answer
from fedblog.federation import departures, silence
from fedblog.federation.deliver import Outcome
from fedblog.federation.silence import Silence
from fedblog.storage import hosts
from fedblog.storage.dispatch import ClaimedDelivery


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be written: hosts that were silent, hosts that took something after silence, and
    inboxes whose people are to be asked (by number the address, and whether something arrived)."""

    silent: frozenset[str] = frozenset()
    alive: frozenset[str] = frozenset()
    asked: dict[int, tuple[str, bool]] = field(default_factory=dict)


class HostWords:
    """Gathers what is said until it is written. *days* of silence park a host."""

    def __init__(self, known: Silence, days: int) -> None:
        self._known = known
        self._days = days
        self._silent: set[str] = set()
        self._alive: set[str] = set()
        self._asked: dict[int, tuple[str, bool]] = {}

    def note(self, host: str, delivery: ClaimedDelivery, outcome: Outcome, now: datetime) -> None:
        """A try to deliver to *host* had this *outcome*."""
        answer = outcome.answer
        if answer is Answer.SILENT:
            if host not in self._alive and not self._known.is_counted(host, now):
                self._silent.add(host)
        elif answer is Answer.TAKEN:
            self._silent.discard(host)
            if self._known.is_silent(host):
                self._alive.add(host)
        if outcome.asks:
            self._asked[delivery.inbox_id] = (delivery.url, outcome.is_delivered)

    def said(self) -> Said:
        """What was said and is not written yet."""
        return Said(frozenset(self._silent), frozenset(self._alive), dict(self._asked))

    def write(self, connection: Connection, said: Said, now: datetime) -> None:
        """Write *said*, in the present unit. Again it changes nothing."""
        if said.silent:
            hosts.note_silence(connection, said.silent, now)
        if said.alive:
            silence.end(connection, said.alive, now, self._days)
        for inbox_id, (url, arrived) in said.asked.items():
            departures.ask(connection, inbox_id, url, now, arrived=arrived)

    def forget(self, said: Said) -> None:
        """*said* is written."""
        self._silent -= said.silent
        self._alive -= said.alive
        for inbox_id in said.asked:
            self._asked.pop(inbox_id, None)
