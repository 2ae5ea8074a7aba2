"""How pages are answered: the headers that all of them carry, and the numbers in addresses."""

import re
from functools import lru_cache
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fedblog.domain.ids import is_id
from fedblog.endpoints.queries import Pairs, Query, Values
from fedblog.web.rendering import static_path

_NOTHING_ELSE = (
    "default-src 'none'; img-src 'self'; style-src 'self'; font-src 'self'; media-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; "
)
CONTENT_POLICY = f"{_NOTHING_ELSE}form-action 'self'"
"""No script at all, nothing from elsewhere, no framing."""
SCRIPTS = ("handle.js", "comment.js")
"""The only scripts that a browser runs for us."""
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
    """The policy of pages with the forms that lead to a reader's own server: the two scripts of our
    own, one that remembers the handle and one that knows former addresses of comments, and forms
    whose answer may send the browser to another server (browsers hold redirects against
    ``form-action`` too)."""
    schemes = "https:" if base_url.startswith("https:") else "https: http:"
    scripts = " ".join(base_url + static_path(name) for name in SCRIPTS)
    return f"{_NOTHING_ELSE}script-src {scripts}; form-action 'self' {schemes}"


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


PAGES = 50
"""Most pages that are known by their number; further ones only by where they begin."""


def _places(*keys: str) -> Query:
    """``?before=ID`` or ``?after=ID`` of lists for people, and ``?page=N``, which leads there.

    Page 1 is the address alone; page 0, and the place 0, whatever is none."""

    def canonical(values: Values) -> Pairs:
        for key in keys:
            if key in values:
                given = values[key]
                return [(key, given[0] if len(given) == 1 and is_id(given[0]) else "0")]
        given = values["page"]
        if given == ["1"]:
            return ()
        return [("page", given[0] if len(given) == 1 and _NUMBER.fullmatch(given[0]) else "0")]

    return Query(frozenset({*keys, "page"}), canonical)


BEFORE, AFTER = _places("before"), _places("after", "from")
"""The query of lists of posts (newest first), and of a post's comments (oldest first; ``?from=ID``
is one comment with what is below it)."""


def place(request: Request, key: str) -> str | None:
    """The id in ``?before=``, ``?after=`` or ``?from=``, None where there is none; what is no id
    is 404."""
    given = request.query_params.getlist(key)
    if not given:
        return None
    if len(given) > 1 or not is_id(given[0]):
        raise HTTPException(404)
    return given[0]


def page_number(request: Request) -> int:
    """The number in ``?page=``; a page that cannot exist or has no number any more is 404."""
    given = request.query_params.getlist("page")
    if not given:
        return 1
    if len(given) > 1 or not _NUMBER.fullmatch(given[0]) or int(given[0]) > PAGES:
        raise HTTPException(404)
    return int(given[0])


def see_other(url: str) -> Response:
    """The way to what was asked for, for now (303)."""
    return Response(b"", 303, {"location": url, "cache-control": "no-cache", "vary": "Accept"})


def begins_at(path: str, key: str, id_: str | None) -> Response:
    """The way to the page of the list at *path* that begins at *id_*; 404 where there is none. It
    is another one when posts were added."""
    if id_ is None:
        raise HTTPException(404)
    target = f"{quote(path)}?{key}={id_}"
    headers = {"location": target, "cache-control": "no-cache", "vary": "Accept"}
    return Response(b"", 302, headers)


def asked_path(request: Request) -> str:
    """The path that was asked for; one with a NUL, which PostgreSQL cannot compare, is 404."""
    path: str = request.scope["path"]
    if "\0" in path:
        raise HTTPException(404)
    return path
