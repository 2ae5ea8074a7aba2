"""The connections to other servers: pinned to checked addresses, without cookies or proxies.

GETs and POSTs have a pool each, so that slow pages do not hold up deliveries. Every socket comes
from `Connections._socket`, which sees each address really connected to, IP literals too (a resolver
alone does not see those), and counts them: past a bound, new requests keep no connection, because
aiohttp bounds only connections in use.
"""

import asyncio
import resource
import socket
import ssl
from collections.abc import Sequence
from contextvars import ContextVar, Token
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import certifi
from httpx_aiohttp import AiohttpTransport

from fedblog.remote import guard
from fedblog.remote.resolver import NameResolver

_KEEPALIVE_SECONDS = 15.0
_GET_KEEPALIVE_SECONDS = 1.0  # documents of a host are seldom asked for again soon
_DNS_SECONDS = 60
_MOST_SOCKETS = 1024  # a kept connection holds about 15 kB
_GET_LIMIT_PER_HOST = 8


class Opened:
    """Counts the sockets opened by the requests made within it, in its task."""

    def __init__(self) -> None:
        self.count = 0
        self._token: Token[Opened | None] | None = None

    def __enter__(self) -> "Opened":
        self._token = _opened.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _opened.reset(self._token)


class _CountedSocket(socket.socket):
    """A socket that is counted in *open_now* until it is closed."""

    def __init__(self, open_now: set[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._open_now = open_now
        open_now.add(id(self))

    def close(self) -> None:
        """Close it; it no longer counts."""
        self._open_now.discard(id(self))
        super().close()

    def detach(self) -> int:
        """Give its descriptor to who closes it, as uvloop has it; it no longer counts."""
        self._open_now.discard(id(self))
        return super().detach()


def _most_sockets() -> int:
    """How many connections may stay open: half of what the process may have of files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST_SOCKETS
    return min(max(16, soft // 2), _MOST_SOCKETS)


_opened: ContextVar[Opened | None] = ContextVar("fedblog_opened", default=None)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """The system's certificate authorities (certifi's where it has none) and *ca_file*'s.

    Reads files: not for the event loop.
    """
    system = ssl.get_default_verify_paths()
    has_own = system.cafile is not None or (
        system.capath is not None and any(Path(system.capath).iterdir())
    )
    context = ssl.create_default_context(cafile=None if has_own else certifi.where())
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


class Connections:
    """The transports, made at their first use (they belong to the running loop): for GETs, for
    POSTs, and one of each that keeps no connection, used while too many are open. GETs and POSTs
    have a resolver each: names that strangers have us look up do not hold up deliveries."""

    def __init__(
        self,
        *,
        ca_file: Path | None,
        allow_loopback: bool,
        get_limit: int,
        post_limit: int,
        name_servers: Sequence[str] = (),
    ) -> None:
        self._ca_file = ca_file
        self._allow_loopback = allow_loopback
        self._get_limit = get_limit
        self._post_limit = post_limit
        self._name_servers = name_servers
        self._gets: AiohttpTransport | None = None
        self._posts: aiohttp.ClientSession | None = None
        self._single_gets: AiohttpTransport | None = None
        self._single_posts: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._resolvers: list[NameResolver] = []
        self._open_now: set[int] = set()
        self._most_sockets = _most_sockets()

    async def for_gets(self) -> AiohttpTransport:
        """The transport for GETs."""
        if self._single_posts is None:
            await self._open()
        transport = self._single_gets if self._is_crowded else self._gets
        assert transport is not None
        return transport

    async def for_posts(self) -> aiohttp.ClientSession:
        """The session for POSTs (straight through aiohttp, posting.py)."""
        if self._single_posts is None:
            await self._open()
        session = self._single_posts if self._is_crowded else self._posts
        assert session is not None
        return session

    @property
    def _is_crowded(self) -> bool:
        return len(self._open_now) >= self._most_sockets

    async def close(self) -> None:
        """Close them all."""
        for transport in (self._gets, self._single_gets):
            if transport is not None:
                await transport.aclose()
        for session in (self._posts, self._single_posts):
            if session is not None:
                await session.close()
        for resolver in self._resolvers:
            await resolver.close()

    async def _open(self) -> None:
        async with self._opening:
            if self._single_posts is not None:
                return
            context = await asyncio.to_thread(tls_context, self._ca_file)
            for_gets, for_posts = NameResolver(self._name_servers), NameResolver(self._name_servers)
            self._resolvers = [for_gets, for_posts]
            gets, posts = (self._get_limit, _GET_LIMIT_PER_HOST), (self._post_limit, 0)
            kept = self._session(context, for_gets, *gets, keep=_GET_KEEPALIVE_SECONDS)
            single = self._session(context, for_gets, *gets, keep=None)
            self._gets = AiohttpTransport(verify=context, trust_env=False, client=kept)
            self._single_gets = AiohttpTransport(verify=context, trust_env=False, client=single)
            self._posts = self._session(context, for_posts, *posts)
            self._single_posts = self._session(context, for_posts, *posts, keep=None)

    def _session(
        self,
        context: ssl.SSLContext,
        resolver: NameResolver,
        limit: int,
        per_host: int,
        *,
        keep: float | None = _KEEPALIVE_SECONDS,
    ) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=context,
            resolver=resolver,
            socket_factory=self._socket,
            limit=limit,
            limit_per_host=per_host,
            keepalive_timeout=keep,
            force_close=keep is None,
            ttl_dns_cache=_DNS_SECONDS,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for the address in *info*, if it may be connected to."""
        family, kind, protocol, _, address = info
        guard.check_address(address[0], allow_loopback=self._allow_loopback)
        opened = _opened.get()
        if opened is not None:
            opened.count += 1
        return _CountedSocket(self._open_now, family=family, type=kind, proto=protocol)
