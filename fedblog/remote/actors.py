"""The directory of remote actors and their keys: memory, then database, then their own server."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from fedblog.activitystreams import values
from fedblog.activitystreams.errors import ReadingError
from fedblog.activitystreams.reading import ACTOR_MEMBERS, ActorDocument, read_actor, read_key
from fedblog.activitystreams.vocabulary import ACTOR_TYPES
from fedblog.domain.actor import ActorKey, RemoteActor
from fedblog.domain.addresses import Addresses
from fedblog.domain.memory import Memory
from fedblog.domain.rates import TokenBuckets
from fedblog.remote import askings, documents, guard, webfinger
from fedblog.remote.actor_documents import listed_key, own_keys, remote_actor
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import (
    ActorGoneError,
    KeyNotFoundError,
    RemoteError,
    RemoteStatusError,
    ShortError,
    UnreachableError,
    WrongDocumentError,
)
from fedblog.remote.schemes import IMPLEMENTED
from fedblog.settings import Settings
from fedblog.signatures import keys as signature_keys
from fedblog.signatures.errors import KeyFormatError
from fedblog.signatures.keys import PublicKey
from fedblog.storage import actors as rows
from fedblog.storage.changes import EVERYTHING, Change
from fedblog.storage.store import Store

T = TypeVar("T")

_KEYS_IN_MEMORY = 512  # about 12 kB each, most of it OpenSSL's
_FAILURES_IN_MEMORY = 4000
MAX_AGE = timedelta(days=7)
"""After it an actor or key is fetched anew when it is next asked for, if its server answers."""
_UNREACHABLE_SECONDS = 60.0
_REFUSED_SECONDS = 300.0
_TOMBSTONE = "Tombstone"
_GONE = frozenset({404, 410})
_PART = documents.Part(ACTOR_MEMBERS, 20_000)

_Name = tuple[str, ...]
"""What is asked for, and for whom where only they share it: ("key", id), ("actor", uri)."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key ready for use, and the actor that lists it."""

    actor: RemoteActor
    key: ActorKey
    public_key: PublicKey


class _AbandonedError(Exception):
    """Whoever was fetching for others gave up; one of them has to go on."""


class ActorDirectory:
    """Knows remote actors and their keys.

    Nothing that a server says of another server's actor is believed: an actor comes from the
    address that is its id, a key counts only where its actor lists it (S1, S4).
    """

    def __init__(
        self, settings: Settings, store: Store, client: RemoteClient, addresses: Addresses
    ) -> None:
        self._settings = settings
        self._store = store
        self._client = client
        self._addresses = addresses
        self._keys: Memory[str, KnownKey] = Memory(_KEYS_IN_MEMORY)
        self._failures: Memory[_Name, RemoteError] = Memory(_FAILURES_IN_MEMORY)
        self._refetches_of_key = TokenBuckets(1, 1)
        self._refetches = TokenBuckets(settings.key_refetch_rate, settings.key_refetch_burst)
        self._under_way: dict[_Name, tuple[str, asyncio.Future[Any]]] = {}
        store.listen(self._heard)

    # --- keys -----------------------------------------------------------------------------------

    def cached_key(self, key_id: str) -> KnownKey | None:
        """The key, where it is in memory and not so old that it is fetched anew."""
        known = self._keys.get(key_id)
        if known is not None and datetime.now(UTC) - known.key.fetched_at > MAX_AGE:
            return None
        return known

    async def key(self, key_id: str) -> KnownKey:
        """The key *key_id* with its actor: from memory, the database or its own server.

        Callers that ask for one key at once share one fetch; a failure is remembered for a while.
        Raises KeyNotFoundError (also for our own keys: nobody else signs with them),
        ActorGoneError, RemoteError.
        """
        if (known := self.cached_key(key_id)) is not None:
            return known
        return await self._shared(("key", key_id), lambda: self._find_key(key_id))

    async def refetch_key(self, key_id: str) -> KnownKey:
        """The key as its server gives it now, for a signature that the known one does not fit.

        Once a minute for a key and each who has it asked for, so that garbage in its name does not
        use up what a truly changed one needs; a first fetch does not count (S35). All together so
        many a minute: forged signatures in many names must not take the places of those who are
        asked for the first time. Raises KeyNotFoundError where the first is used up, ShortError
        where the second is, and what `key` raises.
        """
        return await self._shared(("key anew", key_id), lambda: self._find_key_anew(key_id))

    async def _find_key(self, key_id: str) -> KnownKey:
        found = await self._store.read(rows.find_key, key_id)
        if found is None:
            return await self._first_fetch(("key", key_id), lambda: self._fetch_key(key_id))
        actor, key = found
        known = _loaded(actor, key)
        if datetime.now(UTC) - key.fetched_at > MAX_AGE:
            try:
                return await self._first_fetch(("key", key_id), lambda: self._fetch_key(key_id))
            except (UnreachableError, RemoteStatusError, ShortError):
                pass  # what is known is better than nothing
        self._keys.put(key_id, known)
        return known

    async def _find_key_anew(self, key_id: str) -> KnownKey:
        name, whose = ("key anew", key_id), (key_id, askings.asker_name())
        if (failure := self._failures.get(name)) is not None:
            raise failure.bare()
        if self._refetches_of_key.take(whose):
            raise KeyNotFoundError(f"{key_id} was fetched again a moment ago")
        if wait := self._refetches.take(""):
            self._refetches_of_key.give_back(whose)
            raise ShortError("too many keys are fetched again", retry_after=max(1.0, wait))
        try:
            return await self._fetch_key(key_id)
        except ShortError:
            self._refetches_of_key.give_back(whose)  # it was not asked for
            raise
        except RemoteError as error:
            if error.is_passing:
                self._failures.put(name, error.bare(), seconds=_UNREACHABLE_SECONDS)
            raise

    async def _fetch_key(self, key_id: str) -> KnownKey:
        """Ask the key's own server. The key's document is its actor, or a stub that names it."""
        if self._addresses.is_local(key_id):
            raise KeyNotFoundError(f"{key_id} is a key of this server")
        address = key_id.partition("#")[0]
        document = await self._document(address)
        if values.type_of(document) not in ACTOR_TYPES:
            try:
                owner = read_key(document, key_id).owner
            except ReadingError as error:
                raise KeyNotFoundError(f"{key_id} is no key: {error}") from None
            document = await self._document(owner)
        actor_document = await self._client.aside(address, _read, document)
        listed = listed_key(actor_document, key_id)
        if listed is None:
            raise KeyNotFoundError(f"{actor_document.id} does not list the key {key_id}")
        actor, keys = await self._save(actor_document, proven=key_id)
        for key in keys:
            if key.key_id == key_id:
                known = _loaded(actor, key)
                self._keys.put(key_id, known)
                return known
        raise KeyNotFoundError(f"the key {key_id} cannot be read")

    # --- actors ---------------------------------------------------------------------------------

    async def actor(self, uri: str, *, fresh: bool = False) -> RemoteActor:
        """The actor *uri*: as known, or with *fresh* as its server gives it now.

        Raises ActorGoneError where its server answers 404 or 410 (or did so before), RemoteError.
        """
        if not fresh:
            known = (await self._store.read(rows.find, [uri])).get(uri)
            if known is not None and known.deleted_at is not None:
                raise ActorGoneError(f"{uri} is gone")
            if known is not None and datetime.now(UTC) - known.fetched_at <= MAX_AGE:
                return known
            try:
                name = ("actor", uri)
                return await self._shared(
                    name, lambda: self._first_fetch(name, lambda: self._fetch_actor(uri))
                )
            except (UnreachableError, RemoteStatusError, ShortError):
                if known is None:
                    raise
                return known
        return await self._shared(("actor anew", uri), lambda: self._fetch_actor(uri))

    async def resolve_handle(self, handle: str) -> RemoteActor:
        """The actor behind ``@name@host`` (RFC 7033), confirmed from both sides (S24).

        The handle's host names the actor; the actor's own host must name the handle. Raises
        WrongDocumentError where they disagree, RemoteError.
        """
        asked = webfinger.parse_handle(handle)
        found = await webfinger.look_up(self._client, asked, settings=self._settings)
        if not found.subject.is_same(asked):
            # The account is really another (an alias of the host): that one must say so itself.
            real = await webfinger.look_up(self._client, found.subject, settings=self._settings)
            if not real.subject.is_same(found.subject) or real.actor != found.actor:
                raise WrongDocumentError(f"{asked} and {found.subject} disagree")
        actor = await self.actor(found.actor, fresh=True)
        name = webfinger.Handle(actor.handle, actor.host)
        if not found.subject.is_same(name):
            confirmed = await webfinger.look_up(self._client, name, settings=self._settings)
            if not confirmed.subject.is_same(found.subject) or confirmed.actor != actor.uri:
                raise WrongDocumentError(f"{actor.uri} does not call itself {found.subject}")
        return actor

    async def _fetch_actor(self, uri: str) -> RemoteActor:
        if self._addresses.is_local(uri):
            raise WrongDocumentError(f"{uri} is an actor of this server")
        actor_document = await self._client.aside(uri, _read, await self._document(uri))
        actor, _ = await self._save(actor_document)
        return actor

    # --- the common ground ----------------------------------------------------------------------

    async def _document(self, uri: str) -> documents.Document:
        try:
            _, document = await documents.fetch(
                self._client, uri, settings=self._settings, part=_PART
            )
        except RemoteStatusError as error:
            if error.status in _GONE:
                raise ActorGoneError(f"{uri} answered {error.status}", error.status) from None
            raise
        if values.type_of(document) == _TOMBSTONE:  # some answer 200 with it
            raise ActorGoneError(f"{uri} is a {_TOMBSTONE}")
        return document

    async def _save(
        self, document: ActorDocument, *, proven: str = ""
    ) -> tuple[RemoteActor, list[ActorKey]]:
        now = datetime.now(UTC)
        if self._addresses.is_local(document.id):
            raise WrongDocumentError(f"{document.id} is an actor of this server")
        actor, keys = await self._client.aside(
            document.id, _kept_of, document, now, self._settings.allow_private_network, proven
        )
        await self._store.write(_save, actor, keys, [key.id for key in document.keys])
        self._note_schemes(document, actor)
        self._failures.drop(("actor", actor.uri))
        for key in keys:
            self._failures.drop(("key", key.key_id))
            self._failures.drop(("key anew", key.key_id))
        return actor, keys

    def _note_schemes(self, document: ActorDocument, actor: RemoteActor) -> None:
        """Remember which signatures *actor*'s server says that it verifies (FEP-844e)."""
        for address, scheme in IMPLEMENTED.items():
            if address in document.implements:
                for inbox in filter(None, (actor.inbox, actor.shared_inbox)):
                    self._client.schemes.announced(guard.host_of(inbox), scheme)
                return

    async def _first_fetch(self, name: _Name, fetch: Callable[[], Awaitable[T]]) -> T:
        """*fetch*, unless it failed a short while ago (S12)."""
        failure = self._failures.get(name)
        if failure is not None:
            raise failure.bare()
        try:
            return await fetch()
        except ShortError:
            raise  # nothing was learned of it
        except RemoteError as error:
            is_passing = isinstance(error, UnreachableError | RemoteStatusError)
            seconds = _UNREACHABLE_SECONDS if is_passing else _REFUSED_SECONDS
            self._failures.put(name, error.bare(), seconds=seconds)
            raise

    async def _shared(self, name: _Name, work: Callable[[], Awaitable[T]]) -> T:
        """What *work* gives; those who ask under the same *name* meanwhile wait for it.

        It runs in the first caller's task. When that one is cancelled, another goes on. When that
        one may not ask, the others ask on their own behalf: what the first has used up is not
        theirs.
        """
        own = askings.asker_name()
        while (found := self._under_way.get(name)) is not None:
            asker, waiting = found
            try:
                shared: T = await asyncio.shield(waiting)
                return shared
            except _AbandonedError:
                continue
            except ShortError:
                if asker == own:
                    raise
                return await self._shared((*name, own), work)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._under_way[name] = (own, future)
        try:
            result = await work()
        except RemoteError as error:
            future.set_exception(error)
            raise
        except BaseException:
            future.set_exception(_AbandonedError())
            raise
        else:
            future.set_result(result)
            return result
        finally:
            del self._under_way[name]
            if not future.cancelled():
                future.exception()  # seen, even where nobody waits

    def _heard(self, changes: Sequence[Change]) -> None:
        """Forget what a unit has changed."""
        if EVERYTHING in changes:
            self._keys.clear()
            return
        changed = {change.key for change in changes if change.kind == "actor"}
        if changed:
            self._keys.drop_where(lambda known: known.actor.uri in changed)


def _save(
    connection: Connection, actor: RemoteActor, keys: list[ActorKey], still_listed: list[str]
) -> None:
    rows.save(connection, actor, keys, still_listed=still_listed)


def _read(document: documents.Document) -> ActorDocument:
    try:
        return read_actor(document)
    except ReadingError as error:
        raise WrongDocumentError(f"{document.get('id')} is no actor: {error}") from None


def _kept_of(
    document: ActorDocument, now: datetime, allow_private: bool, proven: str
) -> tuple[RemoteActor, list[ActorKey]]:
    actor = remote_actor(document, now, allow_private=allow_private)
    return actor, own_keys(document, now, proven=proven)


def _loaded(actor: RemoteActor, key: ActorKey) -> KnownKey:
    try:
        return KnownKey(actor, key, signature_keys.load_public(key.public_pem))
    except KeyFormatError as error:
        raise KeyNotFoundError(f"the key {key.key_id} cannot be read: {error}") from None
