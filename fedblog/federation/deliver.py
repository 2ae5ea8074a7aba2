"""Sends ONE delivery: signs the request, posts it, and says what the answer means."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urlsplit

from yarl import URL

from fedblog.domain.delivery import (
    Answer,
    DeliveryState,
    is_retried,
    is_success,
    meaning,
    next_wait,
)
from fedblog.domain.entities import decoded
from fedblog.remote import guard
from fedblog.remote.client import RemoteClient, canonical
from fedblog.remote.errors import BlockedAddressError, RemoteError, ShortError, SlowHostError
from fedblog.remote.schemes import CAVAGE, RFC9421_ED25519
from fedblog.signatures import cavage
from fedblog.signatures.digest import digest_header
from fedblog.signatures.keys import SigningKey
from fedblog.storage.dispatch import ClaimedDelivery, SettledDelivery

CONTENT_TYPE = "application/activity+json"
COVERED = ("(request-target)", "host", "date", "digest")


@dataclass(frozen=True, slots=True)
class Parcel:
    """An activity ready to be signed for any inbox: its bytes and their digest, made once."""

    owner: str
    body: bytes
    digest: str

    @classmethod
    def of(cls, owner: str, body: bytes) -> "Parcel":
        """The parcel of *body*, sent by the local actor *owner*."""
        return cls(owner, body, digest_header(body))


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A POST as it will be sent."""

    url: str
    headers: dict[str, str]
    body: bytes
    scheme: str = CAVAGE

    @property
    def host(self) -> str:
        """Whom it is sent to, with the port: what signature schemes are remembered by."""
        return self.headers["Host"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a try gave: an answer's *status*, or an *error* without one.

    *is_final* is set where no answer came and another try would not help, *is_ours* where none
    came for a reason of ours. *location* is where a redirect leads; *was_led* says that it was
    followed to where the answer came from.
    """

    status: int | None
    error: str | None = None
    retry_after: float | None = None
    is_final: bool = False
    is_ours: bool = False
    location: str = ""
    was_led: bool = False

    @property
    def answer(self) -> Answer:
        """What it means for the inbox and its host."""
        if self.status is None and (self.is_final or self.is_ours):
            return Answer.REFUSED if self.is_final else Answer.LATER
        return meaning(self.status)

    @property
    def asks(self) -> bool:
        """Whether the people of the inbox are to be asked where it is, or whether they are."""
        return self.was_led or self.answer in (Answer.ELSEWHERE, Answer.ABSENT)

    @property
    def is_delivered(self) -> bool:
        """Whether the peer took the activity."""
        return self.status is not None and is_success(self.status)


def http_date(now: datetime) -> str:
    """*now* as a Date header has it (RFC 9110, section 5.6.7)."""
    return format_datetime(now, usegmt=True)


def sign(
    url: str, parcel: Parcel, key: SigningKey, date: str, scheme: str = CAVAGE
) -> SignedRequest:
    """The request that brings *parcel* to the inbox *url*, signed by *scheme* (*date* from
    http_date).

    Raises BlockedAddressError where *url* is no http(s) URL, ValueError where scheme and key do
    not fit.
    """
    sent, host, target = _address(url)
    headers = {
        "Host": host,
        "Date": date,
        "Digest": parcel.digest,
        "Content-Type": CONTENT_TYPE,
    }
    if scheme == CAVAGE:
        headers["Signature"] = cavage.sign(
            key, method="POST", target=target, headers=headers, covered=COVERED
        )
        return SignedRequest(sent, headers, parcel.body)
    from fedblog.signatures import messages

    del headers["Digest"]
    headers |= messages.sign(
        key,
        method="POST",
        url=sent,
        headers=headers,
        body=parcel.body,
        created=int(parsedate_to_datetime(date).timestamp()),
        algorithm=messages.ED25519 if scheme == RFC9421_ED25519 else messages.RSA_V1_5_SHA256,
    )
    return SignedRequest(sent, headers, parcel.body, scheme)


def host_of(url: str) -> str:
    """The host of the inbox *url* as `SignedRequest.host` has it. Raises BlockedAddressError."""
    return _address(url)[1]


def counted(first: Outcome, second: Outcome) -> Outcome:
    """What a try by two schemes amounts to: the second's success or passing trouble, else what was
    said to the first."""
    return second if second.is_delivered or is_retried(second.status) else first


async def send(client: RemoteClient, request: SignedRequest) -> Outcome:
    """Post *request* once. Never raises for what the network or the peer does."""
    try:
        answer = await client.post(request.url, headers=request.headers, body=request.body)
    except BlockedAddressError as error:
        return Outcome(None, str(error), is_final=True)
    except ShortError as error:
        return Outcome(None, str(error), is_ours=not isinstance(error, SlowHostError))
    except RemoteError as error:
        return Outcome(None, str(error))
    if is_success(answer.status):
        return Outcome(answer.status)
    said = f"redirects to {answer.location}" if answer.location else answer.body_excerpt or None
    return Outcome(answer.status, said, answer.retry_after, location=answer.location)


def led_to(request: SignedRequest, location: str, *, allow_private: bool) -> str | None:
    """Where a redirect of *request* to *location* may be followed to: within the registrable domain
    of the inbox, which is all that an answer of it may speak for, and never from https to http.
    Elsewhere only the document of its actor leads."""
    try:
        target = str(URL(request.url).join(URL(decoded(location))))
        parsed = guard.check_url(target, allow_private=allow_private)
        is_worse = request.url.startswith("https:") and parsed.scheme != "https"
        if is_worse or not guard.are_related(request.url, target):
            return None
    except (BlockedAddressError, ValueError, UnicodeError):
        return None
    return str(parsed)


def settled(
    delivery: ClaimedDelivery, outcome: Outcome, now: datetime, *, most_attempts: int
) -> SettledDelivery:
    """What becomes of *delivery* after *outcome*: delivered, tried again later, or failed."""
    if outcome.is_delivered:
        return SettledDelivery(
            delivery.activity_id,
            delivery.inbox_id,
            delivery.attempts,
            DeliveryState.DELIVERED,
            outcome.status,
        )
    wait = None
    if not outcome.is_final and is_retried(outcome.status):
        wait = next_wait(delivery.attempts + 1, outcome.retry_after, most=most_attempts)
    return SettledDelivery(
        delivery.activity_id,
        delivery.inbox_id,
        delivery.attempts,
        DeliveryState.FAILED if wait is None else DeliveryState.WAITING,
        outcome.status,
        outcome.error,
        None if wait is None else now + wait,
    )


@lru_cache(maxsize=8192)
def _address(url: str) -> tuple[str, str, str]:
    """*url* as it is sent, its Host header, and its request target."""
    sent = canonical(url)
    parts = urlsplit(sent)
    target = parts.path or "/"
    return sent, parts.netloc, f"{target}?{parts.query}" if parts.query else target
