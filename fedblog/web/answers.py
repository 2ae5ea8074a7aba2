"""How pages are answered: the headers that all of them carry, and the numbers in addresses."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

CONTENT_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; font-src 'self'; media-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
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


def page(html: str, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An HTML page."""
    return Response(
        html, status, {**HTML_HEADERS, **(headers or {})}, media_type="text/html; charset=utf-8"
    )


def moved(path: str) -> Response:
    """The permanent way to *path* on this server."""
    return Response(b"", 301, {"location": path, "cache-control": "no-cache", "vary": "Accept"})


def page_number(request: Request) -> int:
    """The number in ``?page=``; a page that cannot exist is not found (404)."""
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
