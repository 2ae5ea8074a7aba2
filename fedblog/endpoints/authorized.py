"""Authorized fetch: documents for other servers only to who signs the request.

Signing says who asks, so that who is blocked can be told from the others. The instance actor is
open to everyone: its key signs our own requests, and a server that demands signatures as well must
be able to read it first. Of other actors an unsigned request gets what it takes to check their
signatures and proofs, as with Mastodon.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fedblog.domain.addresses import BLOG, INSTANCE, READERS
from fedblog.endpoints.client import client_of
from fedblog.endpoints.negotiation import json_error, prefers_activity
from fedblog.federation.errors import ReceivingError
from fedblog.federation.verification import Verifier

KEYS_ONLY = "fedblog.keys_only"
"""The key of the scope that says: of an actor show the keys and little more."""

_SHOWN_TO_ALL = (
    "id",
    "type",
    "preferredUsername",
    "inbox",
    "publicKey",
    "assertionMethod",
)
_DOCUMENTS = "/ap/"
_OPEN = f"/ap/{INSTANCE}"
_FIXED_ACTORS = frozenset({f"/ap/{BLOG}", f"/ap/{READERS}"})
_AUTHORS = "/ap/authors/"
_NO_PAGES = ("/api/", "/.well-known/", "/nodeinfo", "/media/", "/static/", "/proxy/")
_SIGNATURES = frozenset({b"signature", b"signature-input"})

Refuses = Callable[[bytes], Awaitable[bool]]


def keys_only(actor: dict[str, Any]) -> dict[str, Any]:
    """What everyone is shown of *actor*."""
    return {name: actor[name] for name in _SHOWN_TO_ALL if name in actor}


class AuthorizedFetch:
    """An ASGI layer before the page cache.

    *pages* answers what is open to everyone; *documents*, which keeps nothing, what takes a
    signature. *refuses* looks at Signature headers for blocked hosts before anything is verified.
    """

    def __init__(
        self, pages: ASGIApp, documents: ASGIApp, verifier: Verifier, refuses: Refuses
    ) -> None:
        self._pages = pages
        self._documents = documents
        self._verifier = verifier
        self._refuses = refuses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _is_guarded(scope):
            await self._pages(scope, receive, send)
            return
        signature = b"".join(value for name, value in scope["headers"] if name in _SIGNATURES)
        try:
            if signature:
                if await self._refuses(signature):
                    await json_error(403, "the sender is blocked")(scope, receive, send)
                    return
                await self._prove(scope)
            elif _is_actor(scope["path"]):
                scope = {**scope, KEYS_ONLY: True}
            else:
                detail = "this server gives its documents to signed requests only"
                await json_error(401, detail)(scope, receive, send)
                return
        except ReceivingError as refusal:
            answer = json_error(refusal.status, refusal.detail)
            if refusal.retry_after is not None:
                answer.headers["retry-after"] = str(int(refusal.retry_after) + 1)
            await answer(scope, receive, send)
            return
        await self._documents(scope, receive, _for_the_asker(send))

    async def _prove(self, scope: Scope) -> None:
        """Raises ReceivingError where the signature does not hold or its maker is blocked."""
        raw_path: bytes = scope.get("raw_path", scope["path"].encode())
        await self._verifier.proven(
            scope["method"],
            raw_path.split(b"?")[0].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            scope["headers"],
            None,
            client_of(scope),
        )


def _is_guarded(scope: Scope) -> bool:
    """Whether *scope* asks for a document: by its address, or at a page's address by Accept."""
    if scope["method"] not in ("GET", "HEAD"):
        return False
    path: str = scope["path"]
    if path.startswith(_DOCUMENTS):
        return path != _OPEN
    if path.startswith(_NO_PAGES):
        return False
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return b"json" in accept.lower() and prefers_activity(accept.decode("latin-1"))


def _is_actor(path: str) -> bool:
    return path in _FIXED_ACTORS or (
        path.startswith(_AUTHORS) and "/" not in path.removeprefix(_AUTHORS)
    )


def _for_the_asker(send: Send) -> Send:
    """Nobody between may keep the answer: it is for the one who signed."""

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [item for item in message["headers"] if item[0] != b"cache-control"]
            headers.append((b"cache-control", b"private, no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return marked
