"""One look at an address: whatever comes is an observation, nothing an exception."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fedblog.activitystreams.vocabulary import ACCEPT
from fedblog.remote import askings, documents, guard
from fedblog.remote.client import Fetched, RemoteClient, canonical
from fedblog.remote.documents import Document
from fedblog.remote.errors import BlockedAddressError, RemoteError, RemoteStatusError
from fedblog.settings import Settings


@dataclass(frozen=True, slots=True)
class Look:
    """What an address gave: an answer, or the *problem*. *status* is None without any answer;
    *document* is the JSON object in it, whatever its media type."""

    url: str
    fetched: Fetched | None
    status: int | None
    problem: str
    document: Document | None

    @property
    def media_type(self) -> str:
        """The Content-Type as it came, or nothing."""
        return self.fetched.media_type[:100] if self.fetched else ""

    @property
    def is_activity(self) -> bool:
        """Whether a peer takes it for an ActivityPub document (S2)."""
        return self.document is not None and documents.is_activity_type(self.media_type)


class Eyes:
    """Looks at addresses through *client*, with and without our signature."""

    def __init__(self, client: RemoteClient, settings: Settings) -> None:
        self.client = client
        self.settings = settings

    @property
    def can_sign(self) -> bool:
        """Whether there is a key to sign with."""
        return self.client.instance_key is not None

    async def look(
        self, url: str, *, accept: str = ACCEPT, signed: bool = False, as_json: bool = True
    ) -> Look:
        """GET *url*."""
        try:
            with askings.on_behalf_of(askings.OURSELVES):
                fetched = await self.client.get(url, accept=accept, signed=signed)
        except RemoteStatusError as error:
            return Look(url, None, error.status, f"it answered {error.status}", None)
        except RemoteError as error:
            return Look(url, None, None, str(error), None)
        try:
            document = documents.parse(fetched, self.settings) if as_json else None
        except RemoteError as error:
            return Look(url, fetched, fetched.status, str(error), None)
        return Look(url, fetched, fetched.status, "", document)


def host_of(url: object) -> str:
    """The host of *url* with its port, or nothing where it is no http(s) URL."""
    try:
        return guard.host_of(url) if isinstance(url, str) else ""
    except BlockedAddressError:
        return ""


def authority_of(url: str) -> str:
    """What the Host header says for *url*."""
    return urlsplit(canonical(url)).netloc


def are_same(one: object, other: object) -> bool:
    """Whether both are one address as they are sent."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    try:
        return canonical(one) == canonical(other)
    except BlockedAddressError:
        return False
