"""Every request to another server: guarded, bounded, signed where it is a GET.

With posting.py the only module that sends anything. The transport is called directly: an
httpx.AsyncClient would keep cookies and follow the environment's proxies.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, TypeVar

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from fedblog.aside.calls import MODULE, call
from fedblog.aside.errors import BusyError, EndedError
from fedblog.aside.process import Process
from fedblog.aside.room import Room
from fedblog.domain.entities import decoded
from fedblog.domain.lane import Lane, LaneFullError
from fedblog.domain.origins import counted_host
from fedblog.domain.rates import TokenBuckets
from fedblog.remote import guard, posting
from fedblog.remote.askings import Askings
from fedblog.remote.connections import Connections, Opened
from fedblog.remote.errors import (
    RedirectError,
    RemoteStatusError,
    ShortError,
    SlowHostError,
    TooLargeError,
    UnreachableError,
    WrongMediaTypeError,
)
from fedblog.remote.failures import ClosedConnectionError, translated
from fedblog.remote.posting import Answer
from fedblog.remote.schemes import CAVAGE, REFUSALS, RFC9421, Schemes, other
from fedblog.settings import Settings
from fedblog.signatures import cavage
from fedblog.signatures.keys import SigningKey

T = TypeVar("T")

_MOST_ANSWERED = 4 << 20
_WAIT = 30.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OWN_GETS = 16


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer to a GET. *url* is the address that gave it, after redirects; *headers* have
    lower-case names; *media_type* is the Content-Type as it came."""

    url: str
    status: int
    media_type: str
    headers: Mapping[str, str]
    body: bytes


def canonical(url: str) -> str:
    """*url* as the client sends it (yarl's quoting, lower-case IDNA host, no fragment).

    The transport re-quotes what it is given, so a signature must be made over this form.
    Raises BlockedAddressError where it is no http(s) URL. It does not say that it may be asked.
    """
    return str(guard.normalise(url))


@lru_cache(maxsize=1024)  # an entry holds some 2 kB
def _request_url(url: str) -> httpx.URL:
    return httpx.URL(url)


class RemoteClient:
    """Asks other servers. Build one for the whole process; call `close` at the end.

    *instance_key* signs GETs (draft-cavage over ``(request-target) host date``, as GoToSocial and
    Mastodon in secure mode demand, or RFC 9421); without it they go out unsigned. *schemes*
    remembers which hosts take which signatures.
    """

    def __init__(self, settings: Settings, *, user_agent: str) -> None:
        self.instance_key: SigningKey | None = None
        self.schemes = Schemes()
        self._settings = settings
        self._user_agent = user_agent
        self.askings = Askings(settings)
        self._connections = Connections(
            ca_file=settings.ca_file,
            allow_loopback=settings.allow_private_network,
            get_limit=self.askings.most_at_once + _OWN_GETS,
            post_limit=max(settings.delivery_concurrency, 1),
            name_servers=settings.name_servers.split(",") if settings.name_servers else (),
        )
        self.texts = Room(
            "texts",
            Process(MODULE, seconds=settings.text_timeout, most_bytes=_MOST_ANSWERED),
            budget=TokenBuckets(1000 * settings.text_seconds, 1000 * settings.text_seconds_burst),
            waiting=settings.text_waiting,
            waiting_each=settings.text_waiting_each,
            waiting_bytes=settings.text_waiting_bytes,
        )
        self._lane = Lane(
            "documents",
            waiting=settings.text_waiting,
            waiting_each=settings.text_waiting_each,
            waiting_bytes=settings.text_waiting_bytes,
        )

    async def close(self) -> None:
        """Close every connection. The client cannot be used after it."""
        self._lane.close()
        await self.texts.close()
        await self._connections.close()

    async def aside(self, url: str, work: Callable[..., T], *arguments: Any) -> T:
        """What ``work(*arguments)`` gives or raises, done on a thread: what *url* gave, where it is
        bounded and small, in turn with that of other domains. Raises ShortError where too much
        waits."""
        domain = counted_host(guard.host_of(url))
        try:
            return await self._lane.run(domain, work, *arguments)
        except LaneFullError:
            raise ShortError("too much waits to be read", retry_after=_WAIT) from None

    async def far_aside(
        self,
        url: str,
        function: Callable[..., T],
        content: bytes,
        *,
        raises: tuple[type[Exception], ...],
        **keywords: Any,
    ) -> T:
        """The same for large *content*, by a function that can be called in another process
        (aside/calls.py). Raises those of *raises* besides."""
        domain = counted_host(guard.host_of(url))
        try:
            return await call(
                self.texts, domain, function, content, keywords, raises=raises, is_first=True
            )
        except BusyError as error:
            raise ShortError(str(error), retry_after=error.retry_after) from None
        except EndedError as error:
            raise ShortError(f"{url} could not be read: {error}", retry_after=_WAIT) from None

    # --- GET ------------------------------------------------------------------------------------

    async def get(
        self, url: str, *, accept: str, signed: bool = True, max_bytes: int | None = None
    ) -> Fetched:
        """GET *url*, following at most ``fetch_max_redirects`` redirects, each hop checked.

        The whole takes at most ``fetch_timeout`` seconds and *max_bytes* (``fetch_max_bytes``)
        of body, packed or unpacked. Only a 2xx answer is given back. Raises RemoteError; its kind
        ShortError where askings.py bounds it.
        """
        limit = self._settings.fetch_max_bytes if max_bytes is None else max_bytes
        first = self._checked(url)
        hops: list[_Hop] = []
        try:
            async with self.askings.turn(_host_header(first)):
                try:
                    async with asyncio.timeout(self._settings.fetch_timeout):
                        return await self._follow(first, hops, accept, signed, limit)
                except TimeoutError:
                    raise UnreachableError(f"{url} took too long") from None
        except (UnreachableError, SlowHostError) as error:
            host, seconds = _slowest(hops)
            if rest := self.askings.failed(host, seconds):
                error.retry_after = rest
            raise

    async def _follow(
        self, first: URL, hops: list["_Hop"], accept: str, signed: bool, limit: int
    ) -> Fetched:
        """Ask *first*, and where it leads; each place goes into *hops*."""
        target = first
        for _ in range(self._settings.fetch_max_redirects + 1):
            hops.append(_Hop(_host_header(target), asyncio.get_running_loop().time()))
            response = await self._knock(target, accept, signed)
            self.askings.answered(_host_header(target))
            try:
                if response.status_code in _REDIRECTS:
                    target = self._redirected(target, response)
                    continue
                if not response.is_success:
                    raise RemoteStatusError(response.status_code, str(target))
                return Fetched(
                    url=str(target),
                    status=response.status_code,
                    media_type=response.headers.get("content-type", ""),
                    headers=dict(response.headers),
                    body=await _body(response, limit),
                )
            finally:
                await _release(response)
        raise RedirectError(
            f"{first} redirects more than {self._settings.fetch_max_redirects} times"
        )

    def _checked(self, url: str) -> URL:
        return guard.check_url(url, allow_private=self._settings.allow_private_network)

    def _redirected(self, source: URL, response: httpx.Response) -> URL:
        """Where *response* leads: an address that may be asked, never from https to http."""
        location = decoded(response.headers.get("location", ""))
        try:
            target = source.join(URL(location)) if location else None
        except (ValueError, UnicodeError):
            target = None
        if target is None:
            raise RedirectError(f"{source} redirects to no URL")
        if target.scheme not in ("http", "https"):
            raise RedirectError(f"{source} redirects to a {target.scheme} URL")
        if source.scheme == "https" and target.scheme != "https":
            raise RedirectError(f"{source} redirects from https to http")
        return self._checked(str(target))

    async def _knock(self, target: URL, accept: str, signed: bool) -> httpx.Response:
        """Ask *target*; where it refuses the signature (400, 401) once more by the other scheme."""
        key = self.instance_key if signed else None
        if key is None:
            return await self._send_get(target, accept, None, CAVAGE)
        host = _host_header(target)
        # This key is RSA: hosts that verify Ed25519 too get the scheme with RSA.
        scheme = CAVAGE if self.schemes.of(host) == CAVAGE else RFC9421
        response = await self._send_get(target, accept, key, scheme)
        if response.status_code not in REFUSALS:
            return response
        await _release(response)
        again = other(scheme)
        response = await self._send_get(target, accept, key, again)
        if response.is_success:
            self.schemes.learn(host, again)
        return response

    async def _send_get(
        self, target: URL, accept: str, key: SigningKey | None, scheme: str
    ) -> httpx.Response:
        self.askings.take(_host_header(target))
        headers = {
            "Host": _host_header(target),
            "User-Agent": self._user_agent,
            "Accept": accept,
            "Accept-Encoding": "gzip",
        }
        if key is not None:
            now = datetime.now(UTC)
            headers["Date"] = format_datetime(now, usegmt=True)
            if scheme == CAVAGE:
                headers["Signature"] = cavage.sign(
                    key,
                    method="GET",
                    target=target.raw_path_qs,
                    headers=headers,
                    covered=("(request-target)", "host", "date"),
                )
            else:
                from fedblog.signatures import messages

                headers |= messages.sign(
                    key,
                    method="GET",
                    url=str(target),
                    headers=headers,
                    body=None,
                    created=int(now.timestamp()),
                    algorithm=messages.RSA_V1_5_SHA256,
                )
        request = httpx.Request("GET", _request_url(str(target)), headers=headers)
        transport = await self._connections.for_gets()
        return await _handle(transport, request)

    # --- POST -----------------------------------------------------------------------------------

    async def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST *body* to *url* with *headers*, which are signed already. Follows no redirect.

        A POST that met a kept-alive connection which the peer had closed is tried once again.
        Takes at most ``delivery_timeout`` seconds. Raises RemoteError where no answer came.
        """
        target = self._checked(url)
        sent = {"User-Agent": self._user_agent, "Accept": "*/*", **headers}
        opened = Opened()
        try:
            async with asyncio.timeout(self._settings.delivery_timeout):
                session = await self._connections.for_posts()
                with opened:
                    try:
                        return await posting.post(session, target, sent, body)
                    except ClosedConnectionError:
                        if opened.count:
                            raise
                        return await posting.post(session, target, sent, body)
        except TimeoutError:
            raise UnreachableError(f"{target} took too long") from None


@dataclass(frozen=True, slots=True)
class _Hop:
    """A host that was asked, and since when."""

    host: str
    since: float


def _slowest(hops: list[_Hop]) -> tuple[str, float]:
    """Which of *hops* took longest until now, and how many seconds: where a request came to
    nothing, not the place it was led to at the last moment."""
    ends = [*(hop.since for hop in hops[1:]), asyncio.get_running_loop().time()]
    taken = [(end - hop.since, hop.host) for hop, end in zip(hops, ends, strict=True)]
    seconds, host = max(taken)
    return host, seconds


def _host_header(target: URL) -> str:
    return target.raw_authority


async def _handle(transport: AiohttpTransport, request: httpx.Request) -> httpx.Response:
    """Send *request*; every failure of the libraries becomes a RemoteError."""
    try:
        return await transport.handle_async_request(request)
    except TimeoutError:
        raise  # the timeout around the whole answers for it
    except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
        raise translated(error, request.url) from error


async def _release(response: httpx.Response) -> None:
    """Give the connection back (a half-read one is closed); its failures no longer matter."""
    try:
        await response.stream.aclose()  # type: ignore[union-attr]
    except (httpx.HTTPError, aiohttp.ClientError, OSError):
        return


def _raw(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body's bytes as they come, without httpx's (unbounded) decoding."""
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    return stream.__aiter__()


async def _body(response: httpx.Response, limit: int) -> bytes:
    """The body, at most *limit* bytes of it packed and unpacked; gzip is the only encoding."""
    url = response.request.url
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit:
        raise TooLargeError(f"{url} has {length} bytes, more than {limit}")
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        raise WrongMediaTypeError(f"{url} has the content encoding {encoding[:50]}")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding.endswith("gzip") else None
    body = bytearray()
    received = 0
    try:
        async for chunk in _raw(response):
            received += len(chunk)
            body += chunk if unpack is None else unpack.decompress(chunk, limit + 1 - len(body))
            if received > limit or len(body) > limit:
                raise TooLargeError(f"{url} has more than {limit} bytes")
    except TimeoutError:
        raise
    except zlib.error:
        raise WrongMediaTypeError(f"{url} is not the gzip it says it is") from None
    except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
        raise translated(error, response.request.url) from error
    if unpack is not None and (not unpack.eof or unpack.unused_data) and received:
        raise WrongMediaTypeError(f"{url} is not one whole gzip member")
    return bytes(body)
