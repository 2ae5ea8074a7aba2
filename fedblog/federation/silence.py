"""Which hosts are silent, and which of them are parked: held in memory, read again when it changes.

A host that took nothing on so many different days (`silent_days`) is parked: nothing is sent to it
any more, until it sends something itself.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from fedblog.domain.actor import RemoteActor
from fedblog.storage import hosts, reviving
from fedblog.storage.changes import EVERYTHING, Change
from fedblog.storage.errors import StorageError
from fedblog.storage.inboxes import authority_of
from fedblog.storage.store import Store

log = logging.getLogger(__name__)

PARKED = "parked: its host has been silent for days, and nothing is sent to it until it sends"


class Silence:
    """The silent hosts, by name (with a port where that is not the scheme's own)."""

    def __init__(self, store: Store, days: int) -> None:
        self._store = store
        self._days = days
        self._silent: dict[str, tuple[int, datetime | None]] = {}
        self._changed: set[str] = set()
        self._is_unread = True
        store.listen(self._hear)

    @property
    def _is_stale(self) -> bool:
        return self._is_unread or bool(self._changed)

    async def refresh(self) -> None:
        """Read again what has changed: all of them once, then single hosts."""
        if self._is_unread:
            self._is_unread = False
            self._changed.clear()
            try:
                self._silent = await self._store.read(hosts.silences)
            except BaseException:
                self._is_unread = True
                raise
        while self._changed:
            # Taken before the look: what changes meanwhile is looked at again.
            names, self._changed = self._changed, set()
            try:
                found = await self._store.read(hosts.find, names)
            except BaseException:
                self._changed |= names
                raise
            for name in names:
                host = found.get(name)
                if host is not None and host.failures > 0:
                    self._silent[name] = (host.failures, host.last_failure_at)
                else:
                    self._silent.pop(name, None)

    def is_parked(self, host: str) -> bool:
        """Whether nothing is sent to *host*."""
        found = self._silent.get(host)
        return found is not None and found[0] >= self._days

    def is_silent(self, host: str) -> bool:
        """Whether *host* has been silent for a day at least."""
        return host in self._silent

    def is_counted(self, host: str, now: datetime) -> bool:
        """Whether the day of *now* counts already as one of silence of *host*."""
        found = self._silent.get(host)
        return found is not None and found[1] is not None and found[1].date() >= now.date()

    async def heard_from(self, actor: RemoteActor) -> None:
        """*actor* has just sent something, proven: its host and those of its inboxes live."""
        if self._is_stale:
            await self._refreshed()
        if not self._silent:
            return
        inboxes = filter(None, (actor.inbox, actor.shared_inbox))
        names = {actor.host, *map(authority_of, inboxes)} & self._silent.keys()
        if not names:
            return
        try:
            await self._store.write(end, names, datetime.now(UTC), self._days)
        except StorageError:  # it is said again by the next thing that it sends
            log.exception("that %s lives cannot be written", ", ".join(sorted(names)))

    async def _refreshed(self) -> None:
        try:
            await self.refresh()
        except StorageError:
            log.exception("which hosts are silent cannot be read")

    def _hear(self, changes: Sequence[Change]) -> None:
        if EVERYTHING in changes:
            self._is_unread = True
        self._changed.update(change.key for change in changes if change.kind == "hosts")


def end(connection: Connection, names: Collection[str], now: datetime, days: int) -> None:
    """*names* are silent no longer; what waits for those that were parked (for *days*) goes out."""
    before = hosts.find(connection, names)
    for name in hosts.end_silence(connection, names, now):
        if name in before and before[name].failures >= days:
            reviving.begin(connection, name, now)
