"""How pages are answered: the headers that all of them carry, and the numbers in addresses."""

import re
from functools import lru_cache

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fedblog.endpoints.queries import Pairs, Query, Values
from fedblog.web.rendering import static_path

_NOTHING_ELSE = (
    "default-src 'none'; img-src 'self'; style-src 'self'; font-src 'self'; media-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
)
CONTENT_POLICY = f"{_NOTHING_ELSE}form-action 'self'"
"""No script at all, nothing from elsewhere, no framing."""
HTML_HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
    "vary": "Accept, Accept-Encoding",
}
FILE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "public, max-age=31536000, immutable",
}
"""For files whose address changes with their content; other servers may show them."""
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@lru_cache(maxsize=8)
def content_policy(base_url: str) -> str:
    """The policy of pages with the forms that lead to a reader's own server: one script, the one
    that remembers the handle, and forms whose answer may send the browser to another server
    (browsers hold redirects against ``form-action`` too)."""
    schemes = "https:" if base_url.startswith("https:") else "https: http:"
    script = base_url + static_path("handle.js")
    return f"{_NOTHING_ELSE}script-src {script}; form-action 'self' {schemes}"


def page(
    html: str, *, base_url: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """An HTML page; with *base_url* one that has the forms of `content_policy`."""
    policy = content_policy(base_url) if base_url else CONTENT_POLICY
    given = {**HTML_HEADERS, "content-security-policy": policy, **(headers or {})}
    return Response(html, status, given, media_type="text/html; charset=utf-8")


def moved(path: str) -> Response:
    """The permanent way to *path* on this server."""
    return Response(b"", 301, {"location": path, "cache-control": "no-cache", "vary": "Accept"})


def _canonical_page(values: Values) -> Pairs:
    given = values["page"]
    if given == ["1"]:
        return ()
    return [("page", given[0] if len(given) == 1 and _NUMBER.fullmatch(given[0]) else "0")]


PAGE = Query(frozenset({"page"}), _canonical_page)
"""``?page=N`` of pages for people; page 1 is the address alone, page 0 whatever is no number."""


def page_number(request: Request) -> int:
    """The number in ``?page=`` (`PAGE`); a page that cannot exist is not found (404)."""
    given = request.query_params.getlist("page")
    if not given:
        return 1
    if len(given) > 1 or not _NUMBER.fullmatch(given[0]):
        raise HTTPException(404)
    return int(given[0])


def asked_path(request: Request) -> str:
    """The path that was asked for; one with a NUL, which PostgreSQL cannot compare, is 404."""
    path: str = request.scope["path"]
    if "\0" in path:
        raise HTTPException(404)
    return path
