"""From an actor's document to what is kept of it: bounded, harmless, and only its own."""

from datetime import datetime

from fedblog.activitystreams import carried
from fedblog.activitystreams.reading import ActorDocument, KeyDocument
from fedblog.domain.actor import ActorKey, RemoteActor
from fedblog.remote import guard
from fedblog.remote.client import canonical
from fedblog.remote.errors import BlockedAddressError, WrongDocumentError
from fedblog.signatures import keys as signature_keys
from fedblog.signatures.errors import KeyFormatError
from fedblog.text import names, sanitise

_HANDLE_LENGTH = 100
_SUMMARY_LENGTH = 500
_SUMMARY_READ = 20_000
_NAME_READ = 2000
_MOST_ALIASES = 50


def remote_actor(document: ActorDocument, now: datetime, *, allow_private: bool) -> RemoteActor:
    """What is kept of the actor in *document*, fetched at *now* from its own address.

    Its inbox and its page must lie on its own host or a related one, so that nobody turns our
    deliveries on a third server: another inbox is left out. Raises WrongDocumentError.
    """
    try:
        host = guard.host_of(document.id)
    except BlockedAddressError as error:
        raise WrongDocumentError(f"an actor's id is no URL: {error}") from None
    return RemoteActor(
        uri=document.id,
        type=document.type,
        handle=_handle(document),
        host=host,
        name=_name(document),
        url=document.url if _is_own(document.url, document.id) else document.id,
        avatar_url=document.icon_url,
        summary=sanitise.plain_text(document.summary[:_SUMMARY_READ])[:_SUMMARY_LENGTH],
        inbox=_own_inbox(document.inbox, document.id, allow_private) or "",
        shared_inbox=_own_inbox(document.shared_inbox, document.id, allow_private),
        followers_uri=document.followers,
        moved_to=document.moved_to,
        also_known_as=document.also_known_as[:_MOST_ALIASES],
        fetched_at=now,
        emojis=carried.emojis(document.emojis, document.name[:_NAME_READ])
        if document.emojis
        else None,
    )


def listed_key(document: ActorDocument, key_id: str) -> KeyDocument | None:
    """The key *key_id* if *document*'s actor lists it as its own (S4)."""
    for key in document.keys:
        if key.id == key_id and key.owner == document.id:
            return key
    return None


def own_keys(document: ActorDocument, now: datetime, *, proven: str = "") -> list[ActorKey]:
    """The keys of *document* that can be believed without another look: those that live in it,
    and *proven*, whose own document named this actor as its owner.

    A key id elsewhere could be somebody else's, and would take its place. Unreadable ones are
    left out.
    """
    found = []
    for key in document.keys:
        lives_here = key.id.partition("#")[0] == document.id
        if key.owner != document.id or not (lives_here or key.id == proven):
            continue
        try:
            public_key = signature_keys.load_public(key.public_pem)
        except KeyFormatError:
            continue
        found.append(
            ActorKey(
                key_id=key.id,
                actor_uri=document.id,
                kind=signature_keys.kind(public_key),
                public_pem=signature_keys.spki_pem(public_key),
                fetched_at=now,
            )
        )
    return found


def _handle(document: ActorDocument) -> str:
    """preferredUsername in a form that fits into ``@handle@host`` (S24)."""
    handle = names.account_name(document.preferred_username[: 4 * _HANDLE_LENGTH])[:_HANDLE_LENGTH]
    if not handle:
        last = document.id.rstrip("/").rpartition("/")[2]
        handle = "".join(character for character in last if character.isalnum())[:_HANDLE_LENGTH]
    return handle or "unknown"


def _name(document: ActorDocument) -> str:
    """The name that is shown, "" where nothing of it would be seen."""
    name = sanitise.remote_text(document.name)
    return "" if names.is_blank(name) else name


def _is_own(url: str, actor_uri: str) -> bool:
    try:
        return bool(url) and guard.are_related(url, actor_uri)
    except BlockedAddressError:
        return False


def _own_inbox(url: str | None, actor_uri: str, allow_private: bool) -> str | None:
    """The inbox *url* as it is posted to, if it may be asked and is *actor_uri*'s to name."""
    if not url or not _is_own(url, actor_uri):
        return None
    try:
        guard.check_url(url, allow_private=allow_private)
    except BlockedAddressError:
        return None
    return canonical(url)
