"""Errors in words: pages for people, problem+json (RFC 9457) for machines."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fedblog.endpoints import objects
from fedblog.endpoints.negotiation import at_human_address, wants_activity
from fedblog.endpoints.trouble import note, trouble_of
from fedblog.publishing.site import Site
from fedblog.storage import views, views_post
from fedblog.storage.changes import EVERYTHING, Change
from fedblog.storage.errors import StorageError
from fedblog.web import answers, pages, rendering
from fedblog.web.languages import language

_SHOWN = frozenset({"blog", "post", "author"})
"""Kinds of changes that error pages may show."""
Handler = Callable[[Request, Exception], Awaitable[Response]]
_FOR_MACHINES = ("/api/", "/ap/", "/.well-known/", "/nodeinfo", "/proxy/", "/media/", "/static/")


def exception_handlers(site: Site) -> dict[Any, Any]:
    """What answers when a handler raises, or when no route fits."""
    errors = Errors(site)
    return {
        HTTPException: errors.refused,
        StorageError: errors.trouble,
        500: errors.broken,
    }


class Errors:
    """Error answers of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pages: dict[int, str] = {}
        """Made once for each status: there is no end to the addresses where nothing is."""
        self._changes = 0
        site.store.listen(self._changed)

    def _changed(self, changes: Sequence[Change]) -> None:
        if any(change == EVERYTHING or change.kind in _SHOWN for change in changes):
            self._pages.clear()
            self._changes += 1

    async def refused(self, request: Request, error: Exception) -> Response:
        """A refusal that a handler or the router raised."""
        assert isinstance(error, HTTPException)
        try:
            return await self._refused(request, error)
        except StorageError as trouble:
            return await self.trouble(request, trouble)

    async def _refused(self, request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        path = request.scope["path"]
        if (
            error.status_code == 404
            and request.method in ("GET", "HEAD")
            and not path.startswith(_FOR_MACHINES)
        ):
            found = await self._elsewhere(path)
            if isinstance(found, views_post.Gone):
                if wants_activity(request):
                    answer = await objects.post_answer(self._site, request.scope, found.post_id)
                    return at_human_address(request.scope, answer)
                return await pages.gone(self._site, found)
            if found is not None:
                return answers.moved(self._site.addresses.page(found))
        if error.status_code == 404 and path.startswith("/ap/") and request.method != "POST":
            addresses = self._site.addresses
            asked = addresses.base_url + quote(path)
            named = addresses.parse(asked)
            uri = addresses.id_of(named) if named is not None else None
            if uri is not None and uri != asked:
                return answers.moved(uri)
        if not _is_for_people(request):
            return problem(error.status_code, error.detail, headers)
        return await self._page(error.status_code, headers)

    async def trouble(self, request: Request, error: Exception) -> Response:
        """The database failed: 503, never 404, which peers would take for a deletion."""
        assert isinstance(error, StorageError)
        note(request.scope["path"], error)
        trouble = trouble_of(error)
        headers = {"retry-after": str(trouble.retry_after)}
        if not _is_for_people(request):
            return problem(trouble.status, trouble.detail, headers)
        return _alone(trouble.status, headers)

    async def broken(self, request: Request, error: Exception) -> Response:
        """Our own mistake; Starlette hands it on to the log."""
        if not _is_for_people(request):
            return problem(500, "Something broke on our side.", {})
        return _alone(500, {})

    async def _elsewhere(self, path: str) -> str | views_post.Gone | None:
        """Where what was asked for is: under the path it has now, or the same with a slash at its
        end."""
        if "\0" in path:
            return None
        site = self._site
        found = await site.store.read(views_post.elsewhere, site.addresses, site.blog_id, path)
        if isinstance(found, views_post.Moved):
            return found.path
        if found is not None or path.endswith("/"):
            return found
        parts = path.split("/")
        if (len(parts) == 3 and parts[1] in ("authors", "tags", "categories")) or path in (
            "/feed",
            "/feed/atom",
        ):
            return f"{path}/"
        return None

    async def _page(self, status: int, headers: dict[str, str]) -> Response:
        html = self._pages.get(status)
        if html is None:
            changes = self._changes
            html = await self._made(status)
            if changes == self._changes:
                self._pages[status] = html
        return answers.page(
            html, base_url=self._site.addresses.base_url, status=status, headers=headers
        )

    async def _made(self, status: int) -> str:
        blog = await self._site.store.read(views.blog, self._site.blog_id)
        words = await language(blog.language, blog.time_zone)
        heading = words.text("This cannot be done here")
        sentence = words.text("What was asked for is not understood, or not allowed.")
        newest: tuple[views.Card, ...] = ()
        if status == 404:
            heading = words.text("There is nothing at this address")
            sentence = words.text(
                "It may have been mistyped, or it belongs to something that was never published."
            )
            newest = await self._site.store.read(views.newest, self._site.blog_id, 3)
        elif status == 405:
            heading = words.text("This address is only for reading")
            sentence = words.text("What was sent to it has changed nothing.")
        elif status == 410:
            heading = words.text("What was here is gone")
            sentence = words.text("It was deleted, with what it stood in.")
        return await rendering.render(
            "message.html",
            blog,
            self._site.addresses,
            status=status,
            heading=heading,
            sentence=sentence,
            posts=newest,
        )


def problem(status: int, detail: str, headers: dict[str, str]) -> Response:
    """A refusal for machines."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    return Response(
        orjson.dumps(document),
        status,
        {"x-content-type-options": "nosniff", "cache-control": "no-store", **headers},
        media_type="application/problem+json",
    )


def _is_for_people(request: Request) -> bool:
    if request.scope["path"].startswith(_FOR_MACHINES):
        return False
    accept = request.headers.get("accept", "*/*")
    return "html" in accept or "*/*" in accept


def _alone(status: int, headers: dict[str, str]) -> Response:
    """A page that needs neither database nor blog."""
    html = rendering.render_alone(
        "trouble.html",
        status=status,
        heading="Something broke on our side",
        sentence="It has been written down. Try again in a minute.",
    )
    return answers.page(html, status=status, headers={"cache-control": "no-store", **headers})
