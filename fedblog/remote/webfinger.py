"""WebFinger (RFC 7033): from a handle to an actor's address."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote

from fedblog.domain.entities import decoded
from fedblog.remote import documents, guard
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import BlockedAddressError, WrongDocumentError, WrongMediaTypeError
from fedblog.settings import Settings, is_loopback

_MOST_LINKS = 100
_ACCEPT = "application/jrd+json, application/json"
_PART = documents.Part(("subject", "links"), 4096)
_MEDIA_TYPES = frozenset({"application/jrd+json", "application/json"})
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.~-]{0,253}[A-Za-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Handle:
    """``name@host``: *host* in IDNA and lower case, with a port where one was given."""

    name: str
    host: str

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"

    def is_same(self, other: "Handle") -> bool:
        """Whether both name one account (names of accounts are compared without case)."""
        return self.host == other.host and self.name.lower() == other.name.lower()


@dataclass(frozen=True, slots=True)
class Found:
    """What a server says of a handle: its *subject* (the account's real handle) and *actor*."""

    subject: Handle
    actor: str


def parse_handle(text: str) -> Handle:
    """The handle in ``@name@host``, ``name@host`` or ``acct:name@host``.

    Raises WrongDocumentError where it is none (S24: one @, no strange characters).
    """
    bare = text.strip().removeprefix("acct:").removeprefix("@")
    name, at, host = bare.partition("@")
    if not at or "@" in host or not _NAME.fullmatch(name) or re.search(r"[/?#\\\s]", host):
        raise WrongDocumentError(f"{text[:80]!r} is no handle")
    try:
        return Handle(name, guard.host_of(f"https://{host}"))
    except BlockedAddressError:
        raise WrongDocumentError(f"{text[:80]!r} is no handle") from None


async def look_up(client: RemoteClient, handle: Handle, *, settings: Settings) -> Found:
    """What *handle*'s host says of it. Raises RemoteError."""
    document = await descriptor(client, handle, settings=settings)
    subject = document.get("subject")
    links = document.get("links")
    for link in links[:_MOST_LINKS] if isinstance(links, list) else []:
        if not isinstance(link, dict) or link.get("rel") != "self":
            continue
        kind, href = link.get("type"), link.get("href")
        if isinstance(kind, str) and isinstance(href, str) and documents.is_activity_type(kind):
            named = isinstance(subject, str) and subject.startswith("acct:")
            return Found(parse_handle(str(subject)) if named else handle, decoded(href))
    raise WrongDocumentError(f"{handle.host} names no actor for {handle}")


async def descriptor(
    client: RemoteClient, handle: Handle, *, settings: Settings
) -> documents.Document:
    """The JSON resource descriptor that *handle*'s host gives for it. Raises RemoteError."""
    url = (
        f"{scheme(handle.host, settings)}://{handle.host}/.well-known/webfinger"
        f"?resource={quote(f'acct:{handle}', safe='')}"
    )
    fetched = await client.get(url, accept=_ACCEPT, signed=False)
    if fetched.media_type.partition(";")[0].strip().lower() not in _MEDIA_TYPES:
        raise WrongMediaTypeError(f"{fetched.url} is {fetched.media_type[:80] or 'untyped'}")
    return await documents.parsed(client, fetched, settings, _PART)


def scheme(host: str, settings: Settings) -> str:
    """https; plain http only for loopback hosts, where the setting opens them."""
    if not settings.allow_private_network:
        return "https"
    bare = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    bare = bare.strip("[]")
    try:
        return "http" if ip_address(bare).is_loopback else "https"
    except ValueError:
        return "http" if is_loopback(bare) else "https"
