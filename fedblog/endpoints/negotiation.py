"""Which representation an asker wants, and answers in ActivityPub's media type."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from fedblog.activitystreams.json import dump
from fedblog.activitystreams.vocabulary import ACTIVITY_JSON, CONTEXT
from fedblog.endpoints.caching import keep_apart

_ACTIVITY_TYPES = frozenset({"application/activity+json", "application/ld+json"})
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_LOOKED_AT = 2048


def wants_activity(request: Request) -> bool:
    """Whether *request*, made to an address for people, asks for the ActivityPub object."""
    return prefers_activity(",".join(request.headers.getlist("accept")))


def prefers_activity(accept: str) -> bool:
    """Whether an Accept header names ActivityPub's media types, and HTML not before them
    (RFC 9110, section 12.5.1). ``*/*`` and plain JSON get HTML. Of a very long header the
    beginning counts."""
    activity: tuple[float, int] | None = None
    html: tuple[float, int] | None = None
    for position, item in enumerate(accept[:_LOOKED_AT].split(",")):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = _weight(parameters)
        if name in _ACTIVITY_TYPES and weight:
            activity = max(activity or (0.0, 0), (weight, -position))
        elif name in _HTML_TYPES and weight:
            html = max(html or (0.0, 0), (weight, -position))
    return activity is not None and (html is None or activity > html)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def activity_json(
    item: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """*item* with its context, as an ActivityPub document."""
    document = item if "@context" in item else {"@context": CONTEXT, **item}
    return Response(dump(document), status, headers, media_type=ACTIVITY_JSON)


def json_error(status: int, detail: str) -> Response:
    """A refusal that a machine can read; never kept by anyone."""
    return Response(
        dump({"status": status, "detail": detail}),
        status,
        {"cache-control": "no-store"},
        media_type="application/problem+json",
    )


def at_human_address(scope: Scope, response: Response) -> Response:
    """*response* as it may be given at an address for people: nobody but our own page cache may
    keep it, because what stands between may show it to someone who asked for the page (security
    case S31)."""
    keep_apart(scope)
    response.headers["vary"] = "Accept"
    response.headers["cache-control"] = "private, no-store"
    return response
