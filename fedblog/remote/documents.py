"""ActivityPub documents of other servers: fetched, and believed only from their own address."""

from email.message import Message
from typing import Any, NamedTuple

from fedblog.activitystreams import json, values
from fedblog.activitystreams.errors import ReadingError, TooLargeJsonError
from fedblog.activitystreams.vocabulary import ACCEPT, AS
from fedblog.remote import guard
from fedblog.remote.client import Fetched, RemoteClient, canonical
from fedblog.remote.errors import (
    BlockedAddressError,
    RemoteStatusError,
    TooLargeError,
    WrongDocumentError,
    WrongMediaTypeError,
)
from fedblog.settings import Settings

Document = dict[str, Any]
_MEDIA_TYPE_LENGTH = 256
_PARSED_AT_ONCE = 1 << 14
_MOST_KEPT = 512 << 10
"""Bytes of a large document's members that are read."""


class Part(NamedTuple):
    """What is looked at of a large document: its members *names*, and of every text in them the
    first *longest* characters."""

    names: tuple[str, ...]
    longest: int


async def fetch(
    client: RemoteClient, url: str, *, settings: Settings, part: Part
) -> tuple[str, Document]:
    """The ActivityPub document that *url* leads to, and its id (ActivityPub, section 3.2); of
    a large one its *part*.

    The document is believed only where its id is the address that gave it. Where it says another
    (a human address was asked, or somebody hands out what is not theirs), that one is asked, once
    (S1). The media type must be ActivityStreams' own (S2). Raises RemoteError.
    """
    fetched, document = await _get(client, url, settings, part)
    document_id = _id_of(document, fetched)
    if _vouches(fetched, url, document_id):
        return document_id, document
    try:
        again, document = await _get(client, document_id, settings, part)
    except RemoteStatusError as error:
        if error.status not in (404, 410):
            raise
        # What *url* names is not said to be gone: it answered.
        raise WrongDocumentError(f"{fetched.url} holds a document of {error}") from None
    if _id_of(document, again) == document_id and _vouches(again, document_id, document_id):
        return document_id, document
    raise WrongDocumentError(f"{again.url} holds a document with another id")


def is_activity_type(media_type: str) -> bool:
    """Whether the Content-Type *media_type* says ActivityStreams: ``application/activity+json``,
    or ``application/ld+json`` with its profile (ActivityPub, section 3.2; S2)."""
    if len(media_type) > _MEDIA_TYPE_LENGTH:
        return False
    header = Message()
    header["Content-Type"] = media_type
    essence = header.get_content_type()
    if essence == "application/activity+json":
        return True
    if essence != "application/ld+json":
        return False
    profile = header.get_param("profile")
    return isinstance(profile, str) and AS in profile.split()


def parse(fetched: Fetched, settings: Settings) -> Document:
    """The JSON object in the answer *fetched*. Raises WrongDocumentError, TooLargeError (S17)."""
    try:
        return json.parse(fetched.body, **_bounds(settings))
    except TooLargeJsonError as error:
        raise TooLargeError(f"{fetched.url}: {error}") from None
    except ReadingError as error:
        raise WrongDocumentError(f"{fetched.url}: {error}") from None


async def parsed(
    client: RemoteClient, fetched: Fetched, settings: Settings, part: Part
) -> Document:
    """The same; of a large answer its *part*, made in another process. Raises ShortError where
    that cannot be done now."""
    if len(fetched.body) <= _PARSED_AT_ONCE:
        return parse(fetched, settings)
    try:
        return await client.far_aside(
            fetched.url,
            json.part_of,
            fetched.body,
            raises=(TooLargeJsonError, ReadingError),
            names=part.names,
            longest=part.longest,
            most_bytes=_MOST_KEPT,
            **_bounds(settings),
        )
    except TooLargeJsonError as error:
        raise TooLargeError(f"{fetched.url}: {error}") from None
    except ReadingError as error:
        raise WrongDocumentError(f"{fetched.url}: {error}") from None


def _bounds(settings: Settings) -> dict[str, int]:
    return {
        "max_depth": settings.json_max_depth,
        "max_items": settings.json_max_items,
        "max_nodes": settings.json_max_nodes,
    }


async def _get(
    client: RemoteClient, url: str, settings: Settings, part: Part
) -> tuple[Fetched, Document]:
    fetched = await client.get(url, accept=ACCEPT)
    if not is_activity_type(fetched.media_type):
        raise WrongMediaTypeError(f"{fetched.url} is {fetched.media_type[:80] or 'untyped'}")
    return fetched, await parsed(client, fetched, settings, part)


def _id_of(document: Document, fetched: Fetched) -> str:
    named = document.get("id", document.get("@id"))
    document_id = values.uri(named) if isinstance(named, str) else None
    if document_id is None:
        raise WrongDocumentError(f"{fetched.url} holds a document without id")
    return document_id


def _vouches(fetched: Fetched, asked: str, document_id: str) -> bool:
    """Whether the address that answered may speak for *document_id*: it is that address, or
    another one of the same host to which that address redirected."""
    try:
        name = canonical(document_id)
        same_host = guard.host_of(document_id) == guard.host_of(fetched.url)
        return name == fetched.url or (name == canonical(asked) and same_host)
    except BlockedAddressError:
        raise WrongDocumentError(f"{fetched.url} holds a document whose id is no URL") from None
