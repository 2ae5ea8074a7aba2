"""An activity arrives: who sent it is proven before anything is stored.

From cheap to dear. Before the body is read: its media type and the signature's headers (what they
cover, when they were made, whose key). Then the digest, JSON within bounds, what the activity is
and whose, block lists, and only then the key, which may have to be fetched (verification.py). What
it says is read once its sender is proven, dear texts in a process of their own (dear.py). Then it
goes to the batcher. An activity that another than its actor sent is believed where it carries its
actor's proof, else fetched from its own host.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from fedblog.activitystreams import json
from fedblog.activitystreams.reading import (
    Activity,
    Envelope,
    MalformedJsonError,
    ReadingError,
    TooLargeJsonError,
    read_activity,
    read_envelope,
)
from fedblog.aside.calls import call
from fedblog.aside.errors import BusyError, EndedError
from fedblog.domain.actor import RemoteActor
from fedblog.domain.origins import client_network, counted_host, same_host
from fedblog.domain.rates import TokenBuckets
from fedblog.federation import dear, words
from fedblog.federation.batch import Batcher
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.errors import (
    BlockedError,
    MalformedError,
    MediaTypeError,
    OverloadedError,
    ProcessingError,
    RateLimitedError,
    TooLargeError,
    not_now,
)
from fedblog.federation.facts import Incoming, Outcome
from fedblog.federation.forwarding import as_sent_on, may_be_forwarded
from fedblog.federation.proving import Prover
from fedblog.federation.replies import FETCH_OBJECT
from fedblog.federation.verification import Signed, Verifier, gather
from fedblog.federation.words import Limits, Words
from fedblog.publishing.site import Site
from fedblog.remote import askings
from fedblog.remote.actors import KnownKey
from fedblog.remote.errors import RemoteError
from fedblog.signatures import proofs
from fedblog.storage import actors as actor_rows
from fedblog.storage import jobs

log = logging.getLogger(__name__)
_COST_OF_A_REFUSAL = 4

_WAIT = 30.0
_SMALL = 1 << 14
_MEDIA_TYPE_LENGTH = 256

MEDIA_TYPES = frozenset({"application/activity+json", "application/ld+json", "application/json"})
"""What an inbox takes. Some peers send plain JSON; the signature says what it is worth."""

_TAKING_BACK = frozenset({"Delete", "Undo", "Block"})
"""Counts apart from what else an actor sends: what was written can be taken back as fast."""


class Receiver:
    """Takes what other servers post, for every inbox of this one."""

    def __init__(self, site: Site, batcher: Batcher, blocklist: Blocklist) -> None:
        settings = site.settings
        self._site = site
        self._batcher = batcher
        self._blocklist = blocklist
        self._verifier = Verifier(site, blocklist)
        self._limits = Limits.of(settings)
        self._prover = Prover(site)
        self._unproven = 0
        self._actor_buckets = TokenBuckets(settings.actor_rate, settings.actor_burst)
        self._host_buckets = TokenBuckets(settings.host_rate, settings.host_burst)
        self._address_buckets = TokenBuckets(
            max(settings.address_rate, settings.host_rate),
            max(settings.address_burst, settings.host_burst),
        )
        self._sent_on_buckets = TokenBuckets(
            settings.forward_actor_rate, settings.forward_actor_burst
        )
        self._forward_buckets = TokenBuckets(settings.forwarded_rate, settings.forwarded_burst)

    async def admit(
        self, path: str, query: str, headers: Sequence[tuple[bytes, bytes]], client: str
    ) -> Signed:
        """Look at the head of a POST to an inbox, before its body: *path* is raw, the names of
        *headers* are in lower case, *client* is the address it comes from. Raises ReceivingError
        where nothing of it could be believed."""
        self._check_address(client)
        gathered = gather(headers)
        _check_media_type(gathered.values.get("content-type", ""))
        if self._blocklist.is_stale:
            await self._blocklist.refresh()
        return self._verifier.check_head("POST", path, query, gathered, client)

    async def receive(self, signed: Signed, body: bytes) -> Outcome:
        """Verify and process a request that was admitted, now that its *body* is there. Raises
        ReceivingError where it is refused."""
        self._verifier.check_body(signed, body)
        document, envelope = self._opened(body)
        if self._blocklist.holds_for(envelope.actor):
            raise BlockedError("the sender is blocked")
        if await self._is_about_unknown_actor(envelope, signed.key_id):
            return Outcome("ignored", "about an actor that is not known here")
        with self._held(len(body), signed):
            known = await self._verifier.prove(signed)
        self._check_rate(envelope, known)
        activity, words = await self._read(document, body, known)
        forwarded: bytes | None = None
        if known.actor.uri != activity.actor:
            try:
                prover = await self._proven_by(document, activity, known, body)
            except OverloadedError:
                if not self._can_be_fetched(activity):
                    raise
                prover = None
            if prover is None:
                return await self._forwarded(activity, known)
            actor = prover
            forwarded = self._as_sent_on(activity, document)
        else:
            actor = known.actor
            forwarded = self._as_sent_on(activity, document)
            if forwarded is not None and not await self._is_worth_forwarding(
                document, activity, known, body
            ):
                forwarded = None
        if (
            forwarded is not None
            and activity.type != "Delete"
            and self._sent_on_buckets.take(activity.actor)
        ):
            forwarded = None
        if activity.id is not None and not same_host(activity.id, activity.actor):
            return Outcome("ignored", "the activity's id is of another host")
        outcome = await self._batcher.submit(
            Incoming(
                activity=activity,
                actor=actor,
                receipt_key=_receipt_key(activity, document, signed),
                received_at=datetime.now(UTC),
                ancestors_left=self._site.settings.ancestor_limit,
                forwarded=forwarded,
                sender_uri=known.actor.uri,
                asker=known.actor.host,
                words=words,
            )
        )
        if outcome.result == "failed":
            raise ProcessingError(outcome.reason)
        return outcome

    def _as_sent_on(self, activity: Activity, document: dict[str, Any]) -> bytes | None:
        """What may be forwarded of *document*, once its proof holds; None where nothing may."""
        settings = self._site.settings
        if not settings.forward_replies or not may_be_forwarded(activity, document):
            return None
        return as_sent_on(document, settings.forward_max_bytes)

    async def _proven_by(
        self, document: dict[str, Any], activity: Activity, sender: KnownKey, body: bytes
    ) -> RemoteActor | None:
        """The actor whose proof *document* carries, which came as *body*, asked for on behalf of
        its *sender*. Raises OverloadedError, RateLimitedError."""
        try:
            with askings.on_behalf_of(askings.of_host(sender.actor.host)):
                whose = counted_host(sender.actor.host)
                return await self._prover.actor_of(document, activity, body, whose=whose)
        except RemoteError as error:
            raise not_now(error) from None

    async def _is_worth_forwarding(
        self, document: dict[str, Any], activity: Activity, sender: KnownKey, body: bytes
    ) -> bool:
        try:
            return await self._proven_by(document, activity, sender, body) is not None
        except (OverloadedError, RateLimitedError) as error:
            # It counts without its proof; only nobody else gets it from here.
            log.info(
                "%s is not sent on, as its proof cannot be checked now: %s", activity.id, error
            )
            return False

    @contextmanager
    def _held(self, size: int, signed: Signed) -> Iterator[None]:
        """Count *size* bytes of an activity while the key of *signed* may have to be fetched for
        it. Small ones do not count: how many requests wait for keys is bounded elsewhere."""
        if size <= _SMALL or self._site.actors.cached_key(signed.key_id) is not None:
            yield
            return
        if self._unproven and self._unproven + size > self._site.settings.unproven_bytes:
            raise OverloadedError("too much waits for keys", retry_after=_WAIT)
        self._unproven += size
        try:
            yield
        finally:
            self._unproven -= size

    def _opened(self, body: bytes) -> tuple[dict[str, Any], Envelope]:
        """The JSON in *body*, and what activity it is; nothing of what that says."""
        settings = self._site.settings
        try:
            document = json.parse(
                body,
                max_depth=settings.json_max_depth,
                max_items=settings.json_max_items,
                max_nodes=settings.json_max_nodes,
            )
            return document, read_envelope(document)
        except TooLargeJsonError as error:
            raise TooLargeError(str(error)) from None
        except MalformedJsonError as error:
            raise MalformedError(str(error)) from None
        except ReadingError as error:
            raise MalformedError(f"not an activity: {error}") from None

    async def _read(
        self, document: dict[str, Any], body: bytes, known: KnownKey
    ) -> tuple[Activity, Words | None]:
        """All of the activity in *document*; its words only where they are dear, the batcher makes
        the others together. Dear ones take turns by sender."""
        try:
            if words.is_light(body):
                activity = read_activity(document)
                words.check_length(activity, self._limits)
                if not words.are_markdown(activity):
                    return activity, None
            return await call(
                self._site.texts,
                counted_host(known.actor.host),
                dear.activity,
                body,
                self._limits.named,
                raises=(ReadingError, words.TextTooLongError),
            )
        except ReadingError as error:
            raise MalformedError(f"not an activity: {error}") from None
        except words.TextTooLongError as error:
            raise TooLargeError(str(error)) from None
        except BusyError as error:
            raise OverloadedError(str(error), retry_after=error.retry_after) from None
        except EndedError:
            raise OverloadedError("it could not be read now", retry_after=_WAIT) from None

    async def _is_about_unknown_actor(self, activity: Envelope, key_id: str) -> bool:
        """A Delete or Update of an actor nobody here knows: dropped before its key is fetched.

        Servers send one to everyone they ever met when an account goes.
        """
        if activity.type not in ("Delete", "Update") or activity.object_id != activity.actor:
            return False
        if self._site.actors.cached_key(key_id) is not None:
            return False
        return not await self._site.store.read(actor_rows.find, [activity.actor])

    def refused(self, client: str) -> None:
        """What came from *client* was worth nothing: it counts more than once."""
        self._address_buckets.take(client_network(client), _COST_OF_A_REFUSAL)

    def _check_address(self, client: str) -> None:
        if wait := self._address_buckets.take(client_network(client)):
            raise RateLimitedError("too many requests from your address", retry_after=wait)

    def _check_rate(self, activity: Envelope, known: KnownKey) -> None:
        """Every activity counts, whatever it is about: each is at least remembered."""
        wait = self._host_buckets.take(counted_host(known.actor.host))
        if not wait:
            wait = self._actor_buckets.take((known.actor.uri, activity.type in _TAKING_BACK))
        if wait:
            raise RateLimitedError("too many activities", retry_after=wait)

    async def _forwarded(self, activity: Activity, known: KnownKey) -> Outcome:
        """A valid signature by another than the actor proves nothing about the content: a Create
        or Update is fetched from its own host, everything else is dropped (S3)."""
        uri = activity.object_id
        if uri is None or not self._can_be_fetched(activity):
            return Outcome("ignored", "signed by another than its actor")
        if wait := self._forward_buckets.take(counted_host(known.actor.host)):
            raise RateLimitedError("too many forwarded activities", retry_after=wait)
        await self._site.store.write(
            _fetch_later, uri, self._site.settings.ancestor_limit, known.actor.host
        )
        return Outcome("deferred", "signed by another than its actor, fetched from its own host")

    def _can_be_fetched(self, activity: Activity) -> bool:
        """Whether what *activity* says can be had from its object's own host as well."""
        uri = activity.object_id
        return (
            activity.type in ("Create", "Update")
            and uri is not None
            and not self._site.addresses.is_local(uri)
            and not self._blocklist.holds_for(uri)
            and same_host(uri, activity.actor)
            and (activity.object is None or bool(activity.object.in_reply_to))
        )


def _fetch_later(connection: Connection, uri: str, ancestors_left: int, asker: str) -> None:
    payload = {"uri": uri, "ancestors_left": ancestors_left, "asker": asker}
    now = datetime.now(UTC)
    jobs.add(connection, FETCH_OBJECT, uri, payload, now, asker=counted_host(asker))


def _check_media_type(value: str) -> None:
    if value[:_MEDIA_TYPE_LENGTH].partition(";")[0].strip().lower() not in MEDIA_TYPES:
        raise MediaTypeError("an activity is sent as application/activity+json")


def _receipt_key(activity: Activity, document: Mapping[str, Any], signed: Signed) -> str:
    """What *activity* is remembered by, so that a repeat does nothing.

    Pixelfed, Friendica and PeerTube give every Follow of one pair the same id, also after an Undo;
    others send a Follow again because no Accept came. So a Follow is repeated only by one that was
    made at the same time: when its proof says, where it carries one, since whoever has it may bring
    it under a new signature of their own; else when the request was signed. The bytes of a
    signature are no part of it: one more blank in a header or the twin of a signature by an
    elliptic curve (r, n - s) would make an old Follow a new one.
    """
    stamp = " ".join(map(str, signed.times))
    if activity.id is None:
        return _digest_of(activity, stamp)
    if activity.type == "Follow":
        made = proofs.created_at(document)
        return f"{activity.id} {_digest_of(activity, stamp if made is None else str(made))}"
    return activity.id


def _digest_of(activity: Activity, stamp: str) -> str:
    """What an activity without id is known by: its actor, type and object, and when it was made.

    The time keeps a second Follow after an Undo from being taken for a repeat; that the same Like
    sent twice counts once is held by the reactions' own key.
    """
    inner = activity.inner
    parts = [activity.actor, activity.type, *activity.object_ids, activity.emoji, stamp]
    if inner is not None:
        parts += [inner.actor, inner.type, *inner.object_ids]
    return "sha256:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()
