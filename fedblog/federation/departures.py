"""An inbox says that it is elsewhere, or that there is none: those who have it are asked.

Who names another inbox is sent to there. Who is gone there is gone here, where the server can be
believed: one that answers "gone" to everything (a proxy in trouble, a domain without its server)
says nothing of one person. It counts as silent, and only when it has been silent for as many days
as park a host its people are taken for gone (decision 0022).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection

from fedblog.domain.origins import counted_host
from fedblog.federation.blocklist import Blocklist
from fedblog.publishing.site import Site
from fedblog.remote import guard
from fedblog.remote.errors import (
    ActorGoneError,
    BlockedAddressError,
    RemoteError,
    RemoteStatusError,
    ShortError,
)
from fedblog.storage import actors as actor_rows
from fedblog.storage import erasing, hosts, inbox_moves, jobs, slices
from fedblog.storage import inboxes as inbox_rows
from fedblog.storage.inbox_moves import ELSEWHERE, NOBODY

log = logging.getLogger(__name__)

ASK_INBOX = "ask_inbox"
"""The follow-up job that asks those who have an inbox."""
ASK_FOLLOWER = "ask_follower"
"""The follow-up job that asks one who has not been heard of for long."""
_ASKED_FIRST = 3
"""Of those who share an inbox so many are asked before all of them are."""
_ASKED_AT_ONCE = 20
_WITNESSES = 3
_NODEINFO = "/.well-known/nodeinfo"
_NOT_FOUND = 404


class Verdict(Enum):
    """What one of those who have an inbox said of it."""

    MOVED = "names another inbox"
    SAME = "names the same inbox"
    GONE = "is gone"
    UNSURE = "is gone, as everything is there"


@dataclass(frozen=True, slots=True)
class _Inbox:
    id: int
    url: str
    host: str
    arrived: bool


def ask(
    connection: Connection,
    inbox_id: int,
    url: str,
    now: datetime,
    *,
    arrived: bool = False,
    after: str = "",
) -> None:
    """Have those who have the inbox *url* asked (those with ids above *after*), on behalf of its
    own domain: what a server's answers have us do is bounded as all that it has us do. *arrived*
    says that something got there by a redirect, so that its host is not silent."""
    asker = counted_host(inbox_rows.authority_of(url))
    key = f"{inbox_id} {after}".rstrip()
    payload = {"inbox": inbox_id, "url": url, "after": after, "arrived": arrived}
    jobs.add(connection, ASK_INBOX, key, payload, now, asker=asker)


def ask_followers(connection: Connection, uris: Sequence[tuple[str, str]], now: datetime) -> None:
    """Have followers (id and host) asked, each on behalf of its own domain."""
    for uri, host in uris:
        jobs.add(connection, ASK_FOLLOWER, uri, {"uri": uri}, now, asker=counted_host(host))


class Departures:
    """Does the job that the delivery loop writes down."""

    def __init__(self, site: Site, blocklist: Blocklist) -> None:
        self._site = site
        self._blocklist = blocklist

    async def ask_inbox(self, payload: Mapping[str, Any]) -> None:
        """Ask the people of the inbox ``payload["url"]``, the next ones above ``payload["after"]``,
        and do what follows. Raises RemoteError where another try may help."""
        url, after = str(payload["url"]), str(payload["after"])
        host, arrived = inbox_rows.authority_of(url), bool(payload.get("arrived", False))
        inbox = _Inbox(int(payload["inbox"]), url, host, arrived)
        store = self._site.store
        await self._blocklist.refresh()
        if self._blocklist.forbids(url):
            return
        size = _ASKED_AT_ONCE if after else _ASKED_FIRST
        people = await store.read(
            inbox_moves.people_at, inbox.id, inbox.url, inbox.host, after, size
        )
        verdicts: dict[str, Verdict] = {}
        for uri in people:
            verdict = await self._verdict(uri, inbox)
            if verdict is Verdict.UNSURE and await self._is_silent_for_good(inbox):
                await self._remove(uri, inbox, keeps_words=True)
                verdict = Verdict.GONE
            verdicts[uri] = verdict
            log.info("%s: %s %s", inbox.url, uri, verdict.value)
        now = datetime.now(UTC)
        stays = {Verdict.SAME, Verdict.UNSURE}.intersection(verdicts.values())
        if not stays and len(people) == size:
            await store.write(_ask_others, inbox, now, people[-1])
        if not stays and not after and not people:
            await store.write(inbox_moves.end, inbox.id, NOBODY)

    async def ask_follower(self, payload: Mapping[str, Any]) -> None:
        """Fetch ``payload["uri"]`` again: who is behind a shared inbox may be gone, or be somewhere
        else, without any answer of that saying so. Raises ShortError where it cannot be asked
        now."""
        uri = str(payload["uri"])
        await self._blocklist.refresh()
        if self._blocklist.holds_for(uri):
            return
        try:
            await self._site.actors.actor(uri, fresh=True)
        except ActorGoneError as error:
            if await self._is_told_apart(uri, error.status):
                keeps_words = error.status == _NOT_FOUND
                await self._site.store.write(_remove_follower, uri, keeps_words, datetime.now(UTC))
        except ShortError:
            raise
        except RemoteError as error:  # it is asked again in some weeks
            log.info("%s cannot be asked: %s", uri, error)

    async def _verdict(self, uri: str, inbox: _Inbox) -> Verdict:
        store = self._site.store
        try:
            actor = await self._site.actors.actor(uri, fresh=True)
        except ActorGoneError as error:
            if await self._is_told_apart(uri, error.status):
                await self._remove(uri, inbox, keeps_words=error.status == _NOT_FOUND)
                return Verdict.GONE
            await self._note_silence(inbox)
            return Verdict.UNSURE
        except ShortError:
            raise
        except RemoteError as error:
            await self._note_silence(inbox)
            if error.is_passing:
                raise
            log.info("%s cannot be asked: %s", uri, error)
            return Verdict.SAME
        if inbox.url in (actor.inbox, actor.shared_inbox) or not actor.inbox:
            await self._note_silence(inbox)
            return Verdict.SAME
        new = actor.shared_inbox or actor.inbox
        await store.write(_carry, inbox, new, actor.host, datetime.now(UTC))
        return Verdict.MOVED

    async def _is_told_apart(self, uri: str, status: int) -> bool:
        """Whether the server of *uri*, which answered *status* ("gone"), answers otherwise of
        somebody else there who is known here, or of its NodeInfo. That does not count after 404
        where none of the others is found either: so answers a server that lost its people."""
        unknown: RemoteError | None = None
        try:
            host = guard.host_of(uri)
        except BlockedAddressError:
            return False
        others = await self._site.store.read(actor_rows.others_at, host, uri, _WITNESSES)
        for other in others:
            try:
                await self._site.actors.actor(other, fresh=True)
                return True
            except ActorGoneError as error:
                if error.status != status:
                    return True
            except RemoteError as error:
                unknown = error if error.is_passing else unknown
        if others and status == _NOT_FOUND:
            if unknown is not None:
                raise unknown
            return False
        parts = urlsplit(uri)
        try:
            await self._site.client.get(
                f"{parts.scheme}://{parts.netloc}{_NODEINFO}", accept="application/json"
            )
            return True
        except RemoteStatusError as error:
            if error.is_passing:
                raise
            if error.status != status:
                return True
        except RemoteError as error:
            unknown = error if error.is_passing else unknown
        if unknown is not None:
            raise unknown
        return False

    async def _is_silent_for_good(self, inbox: _Inbox) -> bool:
        known = (await self._site.store.read(hosts.find, [inbox.host])).get(inbox.host)
        return known is not None and known.failures >= self._site.settings.silent_days

    async def _note_silence(self, inbox: _Inbox) -> None:
        if not inbox.arrived:
            await self._site.store.write(hosts.note_silence, [inbox.host], datetime.now(UTC))

    async def _remove(self, uri: str, inbox: _Inbox, *, keeps_words: bool) -> None:
        await self._site.store.write(_remove, uri, inbox, keeps_words, datetime.now(UTC))


def _ask_others(connection: Connection, inbox: _Inbox, now: datetime, after: str) -> None:
    ask(connection, inbox.id, inbox.url, now, arrived=inbox.arrived, after=after)


def _carry(connection: Connection, inbox: _Inbox, url: str, host: str, now: datetime) -> None:
    new_id = inbox_rows.ensure(connection, [url])[url]
    inbox_moves.carry(connection, inbox.id, new_id, now)
    inbox_moves.end_where_nobody_is(connection, inbox.id, inbox.url, host, ELSEWHERE)


def _remove_follower(connection: Connection, uri: str, keeps_words: bool, now: datetime) -> None:
    erasing.remove_actor(connection, uri, now, slices.Allowance(), keeps_words=keeps_words)


def _remove(
    connection: Connection, uri: str, inbox: _Inbox, keeps_words: bool, now: datetime
) -> None:
    erasing.remove_actor(connection, uri, now, slices.Allowance(), keeps_words=keeps_words)
    inbox_moves.end_where_nobody_is(connection, inbox.id, inbox.url, inbox.host, NOBODY)
