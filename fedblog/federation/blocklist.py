"""Whom the blog does not talk with, held in memory and read again when it changes."""

from collections.abc import Sequence

from sqlalchemy import Connection

from fedblog.domain.block import Block
from fedblog.domain.origins import bare_host
from fedblog.remote import guard
from fedblog.remote.errors import BlockedAddressError
from fedblog.storage import blocks
from fedblog.storage.changes import EVERYTHING, Change
from fedblog.storage.store import Store

_OF_INTEREST = frozenset({Change("blocks"), EVERYTHING})


class Blocklist:
    """The blocks of one blog. A domain's block holds for its subdomains (S32)."""

    def __init__(self, store: Store, blog_id: int) -> None:
        self._store = store
        self._blog_id = blog_id
        self._domains: frozenset[str] = frozenset()
        self._actors: frozenset[str] = frozenset()
        self._inboxes: frozenset[str] = frozenset()
        self._is_stale = True
        self._heard = 0
        store.listen(self._hear)

    async def refresh(self) -> None:
        """Read the blocks again where they have changed. Whoever asks meanwhile reads as well: what
        was known before does not do."""
        if not self._is_stale:
            return
        heard = self._heard
        rows, inboxes = await self._store.read(_load, self._blog_id)
        self._domains = frozenset(row.domain for row in rows if row.domain)
        self._actors = frozenset(guard.identity(row.actor_uri) for row in rows if row.actor_uri)
        self._inboxes = inboxes
        if heard == self._heard:
            self._is_stale = False

    @property
    def is_stale(self) -> bool:
        """Whether refresh() would read."""
        return self._is_stale

    def holds_for(self, uri: str) -> bool:
        """Whether the actor or key *uri* is blocked, by itself in any spelling or by its host (as
        the client would ask it: in IDNA and lower case). What is no URL is nobody's, and can never
        be asked."""
        if self._actors and guard.identity(uri) in self._actors:
            return True
        if not self._domains:
            return False
        try:
            name = bare_host(guard.host_of(uri)).rstrip(".")
        except BlockedAddressError:
            return False
        while name:
            if name in self._domains:
                return True
            name = name.partition(".")[2]
        return False

    def forbids(self, inbox: str) -> bool:
        """Whether nothing may be sent to *inbox*: its host is blocked, or the one actor whose own
        inbox it is."""
        return inbox in self._inboxes or self.holds_for(inbox)

    def _hear(self, changes: Sequence[Change]) -> None:
        # Who comes to follow with the inbox of a blocked actor makes it one of several.
        is_shared = self._inboxes and any(change.kind == "followers" for change in changes)
        # A blocked actor may have another inbox by now.
        is_elsewhere = self._actors and any(
            change.kind == "actor" and guard.identity(change.key) in self._actors
            for change in changes
        )
        if is_shared or is_elsewhere or not _OF_INTEREST.isdisjoint(changes):
            self._is_stale = True
            self._heard += 1


def _load(connection: Connection, blog_id: int) -> tuple[list[Block], frozenset[str]]:
    return blocks.all_of(connection, blog_id), blocks.inboxes(connection, blog_id)
