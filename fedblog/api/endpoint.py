"""One address of the API: its methods, who may call, and how errors are answered."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fedblog.api.problems import ProblemError, problem_of
from fedblog.domain.blog import Author
from fedblog.domain.ids import is_id
from fedblog.endpoints.trouble import note
from fedblog.publishing.site import Site
from fedblog.publishing.tokens import authenticate
from fedblog.storage.errors import StorageError

logger = logging.getLogger(__name__)

_BEARER = re.compile(r"[Bb]earer +([A-Za-z0-9._~+/=-]{1,512})")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="fedblog"'}


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request: who sends it, and the id in its address (if it has one)."""

    request: Request
    author: Author
    id: str = ""

    def query(self, name: str) -> str | None:
        """The query parameter *name*, or None."""
        return self.request.query_params.get(name)


Handler = Callable[[Call], Awaitable[Response]]


class Endpoint:
    """An ASGI application for one address; *handlers* by method (HEAD goes with GET)."""

    def __init__(self, site: Site, handlers: Mapping[str, Handler]) -> None:
        self._site = site
        self._handlers = dict(handlers)
        if "GET" in self._handlers:
            self._handlers["HEAD"] = self._handlers["GET"]
        self._allow = ", ".join(sorted([*self._handlers, "OPTIONS"]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Exception as error:
            problem = problem_of(error)
            if isinstance(error, StorageError) and problem is not None:
                note(request.url.path, error)
            if problem is None:
                logger.exception("%s %s failed", request.method, request.url.path)
                problem = ProblemError(500, "something went wrong here; the server's log says what")
            response = problem.response()
        if request.method == "HEAD":
            response.body = b""  # the headers, Content-Length too, stay those of GET
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._allow})
        handler = self._handlers.get(request.method)
        if handler is None:
            raise ProblemError(
                405, f"{request.method} is not possible here", headers={"Allow": self._allow}
            )
        author = await _caller(self._site, request)
        id_ = request.path_params.get("id", "")
        if id_ and not is_id(id_):
            raise ProblemError(404, "there is nothing at this address")
        return await handler(Call(request, author, id_))


class Unknown:
    """Answers every other address below /api with a 404."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await ProblemError(404, "there is nothing at this address").response()(scope, receive, send)


def json(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """*document* as an answer that nobody keeps."""
    return ready_json(orjson.dumps(document), status, headers)


def ready_json(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON bytes as an answer that nobody keeps."""
    return Response(
        body,
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def empty() -> Response:
    """204: done, and there is nothing to say."""
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


async def _caller(site: Site, request: Request) -> Author:
    values = request.headers.getlist("authorization")
    if not values:
        raise ProblemError(401, "send Authorization: Bearer TOKEN", headers=_CHALLENGE)
    match = _BEARER.fullmatch(values[0].strip()) if len(values) == 1 else None
    author = await authenticate(site.store, match[1]) if match else None
    if author is None or author.blog_id != site.blog_id:
        raise ProblemError(
            401,
            "the token is not valid",
            headers={
                "WWW-Authenticate": 'Bearer realm="fedblog", error="invalid_token"',
            },
        )
    return author
