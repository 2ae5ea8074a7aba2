"""The follow-up job of a Move: both accounts are asked, then the follower's place is moved.

Our own rule for what "follows to the new one" means: the entry among the followers goes over to
the new account and its inbox, because nobody here can follow in its name. The new account's own
server may send a Follow as well; it then finds the entry and is answered as usual.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from fedblog.domain.actor import RemoteActor
from fedblog.federation.blocklist import Blocklist
from fedblog.publishing.site import Site
from fedblog.remote.errors import (
    ActorGoneError,
    BlockedAddressError,
    RedirectError,
    RemoteStatusError,
    TooLargeError,
    WrongDocumentError,
    WrongMediaTypeError,
)
from fedblog.storage import followers
from fedblog.storage.changes import Change, record

log = logging.getLogger(__name__)

_FINAL = (
    ActorGoneError,
    BlockedAddressError,
    RedirectError,
    TooLargeError,
    WrongDocumentError,
    WrongMediaTypeError,
)


class Moving:
    """Does the job that handlers/moving.py writes down."""

    def __init__(self, site: Site, blocklist: Blocklist) -> None:
        self._site = site
        self._blocklist = blocklist

    async def move_follower(self, payload: Mapping[str, Any]) -> None:
        """Move the follower ``payload["old"]`` to ``payload["new"]`` where each of both names the
        other: ``movedTo`` on the old one, ``alsoKnownAs`` on the new one. The new one must not
        have moved on itself, so that no chain and no circle is followed (S23).

        Raises RemoteError where another try may help.
        """
        old_uri, new_uri = str(payload["old"]), str(payload["new"])
        await self._blocklist.refresh()
        if self._blocklist.holds_for(old_uri) or self._blocklist.holds_for(new_uri):
            return
        addresses = self._site.addresses
        if addresses.is_local(new_uri) or not await self._site.store.read(
            followers.find, [old_uri]
        ):
            return
        try:
            old = await self._site.actors.actor(old_uri, fresh=True)
            if old.moved_to is None:
                log.info("%s does not say that it moved", old_uri)
                return
            new = await self._site.actors.actor(new_uri, fresh=True)
        except _FINAL as error:
            log.info("%s cannot be moved to %s: %s", old_uri, new_uri, error)
            return
        except RemoteStatusError as error:
            if error.status in (401, 403, 404, 410):
                log.info("%s cannot be moved to %s: %s", old_uri, new_uri, error)
                return
            raise
        if reason := refusal(old, old_uri, new, new_uri):
            log.info("%s is not moved to %s: %s", old_uri, new_uri, reason)
            return
        if self._blocklist.holds_for(new.uri):
            return
        await self._site.store.write(_move, self._site.blog_id, old.uri, new, datetime.now(UTC))


def refusal(old: RemoteActor, old_uri: str, new: RemoteActor, new_uri: str) -> str:
    """Why the follower *old*, asked at *old_uri*, is not moved to *new*, asked at *new_uri*; ""
    where it may be."""
    if old.uri != old_uri or old.uri == new.uri:
        return "the accounts are not two"
    if old.moved_to not in (new.uri, new_uri):
        return "the old account does not say so"
    if old.uri not in new.also_known_as:
        return "the new account does not know the old one"
    if new.moved_to is not None:
        return "the new account moved on"
    if not new.inbox:
        return "the new account has no inbox"
    return ""


def _move(
    connection: Connection, blog_id: int, old_uri: str, new: RemoteActor, now: datetime
) -> None:
    inbox = new.shared_inbox or new.inbox
    for owner in followers.move(connection, blog_id, old_uri, new.uri, inbox, now):
        record(connection, Change("followers", owner))
