"""From somebody's handle to the place on their own server where they follow, answer, like or boost:
FEP-3b86 activity intents, else the OStatus subscribe template.

What a server names is checked before anybody is sent there (S13): https, a host of the public
internet that stands in the template itself, nothing of ours outside the places meant for it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fedblog.domain.entities import decoded
from fedblog.remote import guard, webfinger
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import BlockedAddressError, RemoteError
from fedblog.remote.webfinger import Handle
from fedblog.settings import Settings

SUBSCRIBE = "http://ostatus.org/schema/1.0/subscribe"
INTENT = "https://w3id.org/fep/3b86/"
WANTED: Mapping[str, tuple[str, ...]] = {
    "follow": ("Follow",),
    "reply": ("Create", "Object"),
    "like": ("Like", "Object"),
    "boost": ("Announce", "Object"),
}
"""The intents that serve an action, the best first."""

_MOST_TEMPLATE = 2048
_MOST_LINKS = 100
_PLACE = re.compile(r"\{([^{}]*)\}")
_BEFORE_PATH = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)


class NoIntentError(RemoteError):
    """The server names no place where its people do this."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to send somebody. *is_same_host* says whether it is the host of the handle itself."""

    url: str
    host: str
    is_same_host: bool


@dataclass(frozen=True, slots=True)
class Intents:
    """What a server says of *handle*: templates by the name of their intent (lower case), and the
    subscribe template."""

    handle: Handle
    templates: Mapping[str, str] = field(default_factory=dict)
    subscribe: str = ""


async def look_up(client: RemoteClient, handle: Handle, *, settings: Settings) -> Intents:
    """The places that *handle*'s server names. Raises RemoteError."""
    document = await webfinger.descriptor(client, handle, settings=settings)
    return read(handle, document.get("links"))


def read(handle: Handle, links: Any) -> Intents:
    """The places named by the links of a WebFinger answer. A template stands in ``href``
    (FEP-3b86) or ``template`` (OStatus, and what some servers do)."""
    templates: dict[str, str] = {}
    subscribe = ""
    for link in links[:_MOST_LINKS] if isinstance(links, list) else []:
        if not isinstance(link, dict) or not isinstance(link.get("rel"), str):
            continue
        found = link.get("template") or link.get("href")
        if not isinstance(found, str) or not 0 < len(found) <= _MOST_TEMPLATE:
            continue
        relation, found = link["rel"], decoded(found)
        if relation == SUBSCRIBE:
            subscribe = subscribe or found
        elif relation.lower().startswith(INTENT):
            templates.setdefault(relation[len(INTENT) :].lower(), found)
    return Intents(handle, templates, subscribe)


def destination(
    intents: Intents, action: str, *, object_uri: str, page: str, allow_private: bool
) -> Destination:
    """Where the person does *action* (a key of WANTED) to *object_uri*, and may come back to
    *page* afterwards. The first place that holds is taken.

    Raises NoIntentError where there is none, BlockedAddressError where all that are named lead
    where nobody is sent.
    """
    values = {
        "object": object_uri,
        "uri": object_uri,
        "inReplyTo": object_uri,
        "on-success": page,
        "on-cancel": page,
    }
    named = [(name, intents.templates.get(name.lower(), "")) for name in WANTED[action]]
    named.append(("", intents.subscribe))
    refused: BlockedAddressError | None = None
    for name, template in named:
        places = {"inReplyTo"} if name == "Create" else {"object", "uri"}
        if not places.intersection(_PLACE.findall(template)):
            continue  # it would lead there without saying what for
        try:
            url = _filled(template, values, allow_private=allow_private)
        except BlockedAddressError as error:
            refused = error
            continue
        host = guard.host_of(url)
        return Destination(url, host, host == intents.handle.host)
    raise refused or NoIntentError(f"{intents.handle.host} names no place for this")


def _filled(template: str, values: Mapping[str, str], *, allow_private: bool) -> str:
    """*template* with its places filled, percent-encoded; unknown ones are left empty (FEP-3b86,
    section 3.2). Raises BlockedAddressError."""
    authority = _BEFORE_PATH.match(template)
    if authority is None or "{" in authority[1]:
        raise BlockedAddressError("the template names no host of its own")
    url = _PLACE.sub(lambda place: quote(values.get(place[1], ""), safe=""), template)
    return str(guard.check_url(url, allow_private=allow_private))
