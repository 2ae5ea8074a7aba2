"""Follow-up jobs of the conversation: what a batch could not wait for is fetched here."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fedblog.activitystreams.json import dump
from fedblog.activitystreams.reading import OBJECT_MEMBERS, Activity, ReadingError
from fedblog.domain.origins import same_host
from fedblog.federation import dear
from fedblog.federation.batch import Batcher
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.departures import ASK_FOLLOWER, ASK_INBOX, Departures
from fedblog.federation.facts import Incoming
from fedblog.federation.handlers.moving import MOVE_FOLLOWER
from fedblog.federation.handlers.talking import REFRESH_ACTOR
from fedblog.federation.moving import Moving
from fedblog.federation.replies import FETCH_OBJECT
from fedblog.federation.words import Limits, TextTooLongError
from fedblog.publishing.site import Site
from fedblog.remote import documents
from fedblog.remote.errors import (
    ActorGoneError,
    BlockedAddressError,
    RedirectError,
    RemoteStatusError,
    TooLargeError,
    WrongDocumentError,
    WrongMediaTypeError,
)
from fedblog.storage import threads

log = logging.getLogger(__name__)

FINAL = (
    ReadingError,
    TextTooLongError,
    ActorGoneError,
    BlockedAddressError,
    RedirectError,
    TooLargeError,
    WrongDocumentError,
    WrongMediaTypeError,
)
"""Errors that another try would meet again."""

Job = Callable[[Mapping[str, Any]], Awaitable[None]]


class Fetching:
    """The jobs by kind, for the loop in jobs/followups.py.

    A job that raises RemoteError is tried again by the loop; what can never succeed ends quietly.
    """

    def __init__(self, site: Site, batcher: Batcher, blocklist: Blocklist) -> None:
        self._site = site
        self._batcher = batcher
        self._blocklist = blocklist
        self._moving = Moving(site, blocklist)
        self._departures = Departures(site, blocklist)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """Every kind of job with what does it."""
        return {
            FETCH_OBJECT: self.fetch_object,
            REFRESH_ACTOR: self.refresh_actor,
            MOVE_FOLLOWER: self._moving.move_follower,
            ASK_INBOX: self._departures.ask_inbox,
            ASK_FOLLOWER: self._departures.ask_follower,
        }

    async def fetch_object(self, payload: Mapping[str, Any]) -> None:
        """Fetch the object at ``payload["uri"]`` from its own host and decide about it as about a
        Create by its author (who must be of that host). Where it is the parent of a reply and came
        meanwhile by another way, what it waits for itself is fetched."""
        site = self._site
        uri, ancestors_left = str(payload["uri"]), int(payload.get("ancestors_left", 0))
        await self._blocklist.refresh()
        while payload.get("is_parent") and (known := await site.store.read(threads.find, [uri])):
            uri, ancestors_left = known[0].in_reply_to_uri, ancestors_left - 1
            if known[0].post_id or ancestors_left < 0 or site.addresses.is_local(uri):
                return
        if self._blocklist.holds_for(uri):
            return
        try:
            limits = Limits.of(site.settings)
            part = documents.Part(OBJECT_MEMBERS, limits.characters + 1)
            _, document = await documents.fetch(site.client, uri, settings=site.settings, part=part)
            item, words = await site.client.far_aside(
                uri,
                dear.item,
                dump(document),
                raises=(ReadingError, TextTooLongError),
                **limits.named,
            )
            author = item.author
            if author is None or item.id is None or not same_host(author, item.id):
                raise WrongDocumentError(f"{uri} names no author of its own host")
            if self._blocklist.holds_for(author):
                return
            actor = await site.actors.actor(author)
        except FINAL as error:
            log.info("%s cannot become a comment: %s", uri, error)
            return
        except RemoteStatusError as error:
            if error.status in (401, 403, 404, 410):
                log.info("%s is not to be had: %s", uri, error)
                return
            raise
        await self._batcher.submit(
            Incoming(
                activity=Activity(
                    id=None,
                    type="Create",
                    actor=author,
                    object_id=item.id,
                    object_ids=(item.id,),
                    object_type=item.type,
                    object=item,
                ),
                actor=actor,
                receipt_key="",
                received_at=datetime.now(UTC),
                ancestors_left=ancestors_left,
                asker=str(payload.get("asker", "")),
                words=words,
            )
        )

    async def refresh_actor(self, payload: Mapping[str, Any]) -> None:
        """Fetch an actor again: its name, its face, its keys. Where it says that it moved, a
        follower is moved, as by a Move: many servers send that to their own followers only."""
        try:
            actor = await self._site.actors.actor(str(payload["uri"]), fresh=True)
        except FINAL as error:
            log.info("%s cannot be refreshed: %s", payload["uri"], error)
            return
        if actor.moved_to is not None:
            await self._moving.move_follower({"old": actor.uri, "new": actor.moved_to})
