"""The page cache, the outermost ASGI layer: ready bytes for anonymous readers.

What may be kept is said by the handlers alone (``endpoints/caching.py``: cache_tags): an answer
200 to GET or HEAD whose handler named what it depends on. What changed is heard from the store;
what time alone will change is kept until then (cache_until). How a page is made is left to the
application behind. Vary and validation as in RFC 9110 and 9111.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fedblog.domain.memory import Memory
from fedblog.domain.rates import TokenBuckets
from fedblog.endpoints.caching import APART, TAGS, UNTIL
from fedblog.endpoints.queries import Queries
from fedblog.storage.changes import EVERYTHING, NEWS, Change
from fedblog.web.ready import (
    Page,
    accepts_gzip,
    is_keepable,
    make_page,
    matches,
    representation,
)

ANY = "*"
"""As the key of a tag: every change of its kind."""

_WATCHED = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"authorization",
        b"cookie",
        b"if-none-match",
        b"signature",
        b"signature-input",
    }
)
_TOLD = ("comments", "reactions")
"""What there is news of."""
_NOT_PAGES = ("/api/", "/media/", "/static/", "/proxy/")
_MEMORY = 512
_LONGEST_HEADER = 400
_UNPROVEN_SHARE = 0.25
_ASKED_ONCE = 4096

V = TypeVar("V")
Listener = Callable[[Sequence[Change]], None]


class ChangeFeed(Protocol):
    """What the cache needs of the store."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with the changes of every commit; returns how to stop it."""


@dataclass(slots=True, eq=False)
class Render:
    """A page being made: what changed meanwhile, what there is news of, and who waits for it.
    *is_wanted* where somebody does."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    changes: set[Change] = field(default_factory=set)
    news: set[Change] = field(default_factory=set)
    is_wanted: bool = False

    def is_poisoned(self, tags: Iterable[Change]) -> bool:
        """Whether one of *tags* changed while the page was being made."""
        return EVERYTHING in self.changes or _are_among(tags, self.changes)

    def is_late(self, tags: Iterable[Change]) -> bool:
        """Whether there is news meanwhile of what one of *tags* stands for."""
        return _are_among(tags, self.news)


def _are_among(tags: Iterable[Change], changes: set[Change]) -> bool:
    return bool(changes) and any(
        tag in changes or (tag.key == ANY and any(change.kind == tag.kind for change in changes))
        for tag in tags
    )


_EMPTY_BODY: Message = {"type": "http.response.body", "body": b"", "more_body": False}
_FORBIDDEN: Message = {
    "type": "http.response.start",
    "status": 403,
    "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")],
}
_Key = tuple[str, bytes, bytes]


class PageCache:
    """Answers from memory what it can, and has *app* answer the rest.

    *store* tells what changed; *max_bytes* bounds the bodies kept (0 turns the cache off).
    *queries* brings addresses into the form that they are kept under, and that *app* is given.
    *refuses* looks at the Signature headers of a signed GET (to turn blocked hosts away, 403);
    other signed requests get what everyone gets. *knows* says whether a Cookie or Authorization
    header is one of ours: with it a page is rendered and never kept. Without *knows* nobody logs
    in, and what a client makes up changes nothing.

    *remade_bytes* of pages a second are made anew because there is news below a post, at once twice
    that; beyond it readers get the copy that there is, for at most *remade_wait* seconds by *clock*
    (decision 3). What has to go is never shown again.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: ChangeFeed,
        *,
        max_bytes: int,
        queries: Queries | None = None,
        refuses: Callable[[bytes], Awaitable[bool]] | None = None,
        knows: Callable[[bytes], Awaitable[bool]] | None = None,
        remade_bytes: int = 2_000_000,
        remade_wait: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self.bytes = 0
        self._max_bytes = max_bytes
        self._canonical = (queries or Queries()).canonical
        self._refuses = refuses
        self._knows = knows
        self._pages: OrderedDict[_Key, Page] = OrderedDict()
        self._unproven: OrderedDict[_Key, None] = OrderedDict()
        self._unproven_bytes = 0
        self._by_tag: dict[Change, set[_Key]] = {}
        self._late: dict[_Key, float] = {}  # since when there is news
        self._remade = TokenBuckets(60 * remade_bytes, 2 * remade_bytes, clock=clock)
        self._remade_wait = remade_wait
        self._clock = clock
        self._renders: dict[_Key, Render] = {}
        self._underway: set[Render] = set()
        self._asked_once: Memory[_Key, bool] = Memory(_ASKED_ONCE)
        self._representations: dict[bytes, bytes] = {}
        self._gzip: dict[bytes, int] = {}
        self.stop_listening = store.listen(self.changed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ASGI request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        if method != "GET" and method != "HEAD":
            await self.app(scope, receive, send)
            return
        path, query = scope["path"], scope["query_string"]
        if path.startswith(_NOT_PAGES):
            await self.app(scope, receive, send if method == "GET" else _bodiless(send))
            return
        if query and (canonical := self._canonical(path, query)) != query:
            query = canonical
            scope = {**scope, "query_string": query}
        accept = encoding = match = signature = b""
        for name, value in scope["headers"]:
            if name in _WATCHED:
                if name == b"accept":
                    accept = accept + b"," + value if accept else value
                elif name == b"accept-encoding":
                    encoding = value
                elif name == b"if-none-match":
                    match = match + b"," + value if match else value
                elif name == b"signature" or name == b"signature-input":
                    signature += value
                elif self._knows is not None and await self._knows(value):
                    await self.app(scope, receive, _private(send))
                    return
        if signature and self._refuses is not None and await self._refuses(signature):
            await send(_FORBIDDEN)
            await send(_EMPTY_BODY)
            return
        kind = self._representations.get(accept)
        if kind is None:
            kind = representation(accept)
            if len(accept) <= _LONGEST_HEADER:
                self._remember(self._representations, accept, kind)
        key = (path, query, kind)
        page = self._pages.get(key)
        if page is not None and page.until is not None and page.until <= datetime.now(UTC):
            self._drop(key)
            page = None
        if self._late and page is not None and key in self._late and self._is_remade(key, page):
            page = None
        if page is None:
            page = await self._make(key, scope, receive, send)
            if page is None:
                return
        else:
            self._pages.move_to_end(key)
            if key in self._unproven:
                self._prove(key, page)
        index = self._gzip.get(encoding)
        if index is None:
            index = int(accepts_gzip(encoding))
            if len(encoding) <= _LONGEST_HEADER:
                self._remember(self._gzip, encoding, index)
        ready = page.encodings[index]
        if match and matches(match, ready.etag):
            await ready.unchanged.send(scope, send)
        else:
            await ready.answer.send(scope, send)

    def changed(self, changes: Sequence[Change]) -> None:
        """Drop what depends on *changes*; what is being made from older facts is not kept. Pages of
        which there is only news are late."""
        news = [Change(kind, one.key) for one in changes if one.kind == NEWS for kind in _TOLD]
        changes = [change for change in changes if change.kind != NEWS]
        for render in self._underway:
            render.changes.update(changes)
            render.news.update(news)
        for change in news:
            for tag in (change, Change(change.kind, ANY)):
                for key in self._by_tag.get(tag, ()):
                    self._late.setdefault(key, self._clock())
        for change in changes:
            if change == EVERYTHING:
                self._pages.clear()
                self._unproven.clear()
                self._by_tag.clear()
                self._late.clear()
                self.bytes = self._unproven_bytes = 0
                return
            for tag in (change, Change(change.kind, ANY)):
                for key in list(self._by_tag.get(tag, ())):
                    self._drop(key)

    def __len__(self) -> int:
        """How many pages are kept."""
        return len(self._pages)

    async def _make(self, key: _Key, scope: Scope, receive: Receive, send: Send) -> Page | None:
        """Have the page made; None when it was sent on its way already and is not kept.

        Those who ask for a page while it is being made wait for it once, then help themselves.
        """
        if self._max_bytes and (other := self._renders.get(key)) is not None:
            other.is_wanted = True
            await other.done.wait()
            if (page := self._pages.get(key)) is not None:
                return page
        render = Render()
        self._renders.setdefault(key, render)
        self._underway.add(render)
        try:
            return await self._render(key, render, scope, receive, send)
        finally:
            self._underway.discard(render)
            if self._renders.get(key) is render:
                del self._renders[key]
            render.done.set()

    async def _render(
        self, key: _Key, render: Render, scope: Scope, receive: Receive, send: Send
    ) -> Page | None:
        is_head = scope["method"] == "HEAD"
        tags: set[Change] = set()
        inner = {**scope, "method": "GET", TAGS: tags}
        start: Message | None = None
        chunks: list[bytes] = []

        async def collect(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                is_apart = APART in inner
                if (
                    tags
                    and message["status"] == 200
                    and is_keepable(message["headers"], is_apart=is_apart)
                ):
                    start = message
                    return
                render.done.set()
            elif start is not None:
                chunks.append(message.get("body", b""))
                return
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app(inner, receive, collect)
        if start is None:
            return None
        page = await make_page(list(start["headers"]), b"".join(chunks), frozenset(tags))
        size = page.size + 2 * (len(key[0]) + len(key[1]) + len(key[2]))
        page = replace(page, size=size, until=inner.get(UNTIL))
        if (
            page.size <= self._max_bytes
            and self._is_asked_again(key, render)
            and not render.is_poisoned(tags)
        ):
            self._keep(key, page)
            if render.is_late(tags):
                self._late[key] = self._clock()
        return page

    def _is_remade(self, key: _Key, page: Page) -> bool:
        """Drop a late *page* where it may be made anew now; gives whether it was."""
        if self._clock() - self._late[key] >= self._remade_wait:
            self._remade.spend("", page.size)
        elif self._remade.take("", page.size):
            return False
        self._drop(key)
        return True

    def _is_asked_again(self, key: _Key, render: Render) -> bool:
        """Whether the page is asked for more than once. Of addresses with a query there are as many
        as somebody cares to read out of lists (each comment is a place to go on after): one by one
        they would fill the memory."""
        if not key[1] or render.is_wanted or self._asked_once.get(key):
            return True
        self._asked_once.put(key, True)
        return False

    def _keep(self, key: _Key, page: Page) -> None:
        """Keep *page*. What nobody has asked for twice fills a part of the memory only: whoever
        goes through all there is, once, does not drive out what is read."""
        self._drop(key)
        self._pages[key] = page
        self._unproven[key] = None
        self.bytes += page.size
        self._unproven_bytes += page.size
        for tag in page.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self.bytes > self._max_bytes:
            is_scan = self._unproven_bytes > self._max_bytes * _UNPROVEN_SHARE
            self._drop(next(iter(self._unproven if is_scan else self._pages)))

    def _prove(self, key: _Key, page: Page) -> None:
        del self._unproven[key]
        self._unproven_bytes -= page.size

    def _drop(self, key: _Key) -> None:
        page = self._pages.pop(key, None)
        if page is None:
            return
        self._late.pop(key, None)
        if key in self._unproven:
            self._prove(key, page)
        self.bytes -= page.size
        for tag in page.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]

    @staticmethod
    def _remember(memory: dict[bytes, V], key: bytes, value: V) -> V:
        if len(memory) >= _MEMORY:
            memory.clear()
        memory[key] = value
        return value


def _bodiless(send: Send) -> Send:
    """For HEAD: everything but the body."""

    async def without_body(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return without_body


def _private(send: Send) -> Send:
    """For who is logged in: nobody else may be shown this answer."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [item for item in message["headers"] if item[0] != b"cache-control"]
            headers.append((b"cache-control", b"private, no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return marked
