"""What browsers and crawlers ask every server for by a name of their own: robots.txt, an icon,
security.txt."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.publishing.site import Site
from fedblog.web.answers import FILE_HEADERS
from fedblog.web.rendering import STATIC_FILES, static_path

ROBOTS = b"User-agent: *\nDisallow: /api/\nDisallow: /interact\n"
"""Everything may be read. Below the two are no pages: one wants a token, one leads elsewhere."""
_FOR_A_DAY = {**FILE_HEADERS, "cache-control": "public, max-age=86400"}
_ICONS = {
    "/favicon.ico": "favicon.ico",
    "/apple-touch-icon.png": "apple-touch-icon.png",
    "/apple-touch-icon-precomposed.png": "apple-touch-icon.png",
}
_SECURITY = ("/.well-known/security.txt", "/security.txt")


def routes(_: Site) -> list[BaseRoute]:
    """The routes of these files."""
    return [
        Route("/robots.txt", _robots),
        *(Route(path, _icon) for path in _ICONS),
        *(Route(path, _no_contact) for path in _SECURITY),
    ]


async def _robots(_: Request) -> Response:
    return Response(ROBOTS, media_type="text/plain", headers=_FOR_A_DAY)


async def _icon(request: Request) -> Response:
    name = static_path(_ICONS[request.url.path]).rpartition("/")[2]
    media_type, body = STATIC_FILES[name]
    return Response(body, media_type=media_type, headers=_FOR_A_DAY)


async def _no_contact(_: Request) -> Response:
    """Whom to tell of a weakness (RFC 9116) cannot be set yet."""
    return Response(
        b"This server names nobody to tell of a weakness.\n",
        404,
        media_type="text/plain",
        headers=_FOR_A_DAY | {"cache-control": "public, max-age=3600"},
    )
