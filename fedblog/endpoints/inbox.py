"""The inboxes: shared, the blog's and the authors' (ActivityPub, section 7)."""

import asyncio
from http import HTTPStatus

import orjson
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fedblog.domain.ids import is_id
from fedblog.endpoints.begun import Begun
from fedblog.endpoints.client import client_of
from fedblog.endpoints.trouble import note, trouble_of
from fedblog.endpoints.whole import WholeAnswer
from fedblog.federation.errors import ReceivingError, TooLargeError, TooSlowError
from fedblog.federation.receiving import Receiver
from fedblog.publishing.site import Site
from fedblog.storage import authors
from fedblog.storage.errors import StorageError

_SMALL = 1 << 16
_BUSIEST = frozenset({"/ap/inbox", "/ap/blog/inbox"})
_WORTHLESS = frozenset({400, 401, 413, 415})
_ACCEPTED = WholeAnswer(202, [(b"content-length", b"0"), (b"cache-control", b"no-store")])


class Inbox:
    """An ASGI application that takes POSTs; 202 once what came of them is committed."""

    def __init__(self, site: Site, receiver: Receiver) -> None:
        self._site = site
        self._receiver = receiver
        self._limit = site.settings.inbox_max_bytes
        self._timeout = site.settings.inbox_timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        author_id = scope.get("path_params", {}).get("author_id")
        try:
            if author_id is not None and not await self._is_author(author_id):
                await _refuse(send, 404, "there is no such inbox")
                return
            # A small body is there already, and once it is read the connection can be kept. A large
            # one is not waited for where its head is refused.
            body = None if _is_large(scope) else await self._body_in_time(scope, receive)
            signed = await self._receiver.admit(
                scope.get("raw_path", scope["path"].encode()).split(b"?")[0].decode("latin-1"),
                scope["query_string"].decode("latin-1"),
                scope["headers"],
                client_of(scope),
            )
            if body is None:
                body = await self._body_in_time(scope, receive)
            await self._receiver.receive(signed, body)
        except ReceivingError as refusal:
            if refusal.status in _WORTHLESS:
                self._receiver.refused(client_of(scope))
            await _refuse(send, refusal.status, refusal.detail, refusal.retry_after)
            return
        except StorageError as error:
            note(scope["path"], error)
            trouble = trouble_of(error)
            await _refuse(send, trouble.status, trouble.detail, trouble.retry_after)
            return
        await _ACCEPTED.send(scope, send)

    async def _is_author(self, author_id: str) -> bool:
        if not is_id(author_id):
            return False
        return bool(await self._site.store.read(authors.find, [author_id]))

    async def _body_in_time(self, scope: Scope, receive: Receive) -> bytes:
        reading = Begun(self._body(scope, receive))
        if reading.is_done:  # as nearly all are: no timer then
            return reading.result
        try:
            async with asyncio.timeout(self._timeout):
                return await reading
        except TimeoutError:
            raise TooSlowError(f"a body must arrive within {self._timeout:g} seconds") from None

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._limit:
                raise TooLargeError(f"a body may have {self._limit} bytes")
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ReceivingError("the body did not arrive whole")
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise TooLargeError(f"a body may have {self._limit} bytes")
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


def _is_large(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return not value.isdigit() or len(value) > 15 or int(value) > _SMALL
    return True


async def _refuse(send: Send, status: int, detail: str, retry_after: float | None = None) -> None:
    body = orjson.dumps({"title": HTTPStatus(status).phrase, "status": status, "detail": detail})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if retry_after is not None:
        headers.append((b"retry-after", str(int(retry_after) + 1).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class InboxFirst:
    """An ASGI layer that hands POSTs to the two busiest inboxes to *inbox* before routing.

    Routing and its middleware cost more than checking a signature does.
    """

    def __init__(self, app: ASGIApp, inbox: Inbox) -> None:
        self._app = app
        self._inbox = inbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in _BUSIEST:
            await self._inbox(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def routes(inbox: Inbox) -> list[BaseRoute]:
    """The inboxes' routes."""
    return [
        Route("/ap/inbox", inbox, methods=["POST"], name="shared inbox"),
        Route("/ap/blog/inbox", inbox, methods=["POST"], name="blog inbox"),
        Route("/ap/authors/{author_id}/inbox", inbox, methods=["POST"], name="author inbox"),
    ]
