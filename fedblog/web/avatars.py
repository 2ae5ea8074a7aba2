"""Faces of remote people, fetched once and served from here: readers' browsers ask nobody else.

Only actors that this server knows have one. For a picture that cannot be had comes a transparent
pixel, and the initials that stand behind every avatar remain.
"""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.publishing.pictures.tasks import Task
from fedblog.publishing.site import Site
from fedblog.storage import views_post
from fedblog.web import proxied
from fedblog.web.answers import FILE_HEADERS
from fedblog.web.emoji import picture_version
from fedblog.web.rendering import web_url

SIDE = 96
"""Pixels of a side: twice the largest face on a page."""
MAX_FILES = 20_000
"""Files kept in the folder (about 3 kB each); the oldest go first."""


def routes(site: Site) -> list[BaseRoute]:
    """The route of faces."""
    return [Route("/proxy/avatars/{who}/{version}", Avatars(site).answer)]


class Avatars:
    """The faces kept in ``cache/avatars`` of the data folder."""

    def __init__(self, site: Site) -> None:
        self._site = site
        settings = site.settings
        self.faces = proxied.Proxied(
            site,
            settings.data_dir / "cache" / "avatars",
            Task("square", SIDE, SIDE, settings.face_max_pixels, settings.face_max_decoded),
            max_bytes=settings.face_max_bytes,
            max_files=MAX_FILES,
        )

    async def answer(self, request: Request) -> Response:
        """A face; 404 where the actor is not known, has none, or another by now."""
        uri = actor_uri(request.path_params["who"])
        actor = await self._site.store.read(views_post.face, uri) if uri else None
        if actor is None or not web_url(actor.avatar_url):
            raise HTTPException(404)
        if picture_version(actor.avatar_url) != request.path_params["version"]:
            raise HTTPException(404)
        body = await self.faces.picture(actor.avatar_url)
        if body is None:
            headers = proxied.FOR_A_WHILE
            return Response(proxied.NOTHING, headers=headers, media_type="image/gif")
        return Response(body, headers=FILE_HEADERS, media_type="image/webp")


def actor_uri(who: str) -> str | None:
    """The actor that *who*, a part of an address here, stands for."""
    try:
        uri = urlsafe_b64decode(who + "=" * (-len(who) % 4)).decode()
    except (Base64Error, ValueError):
        return None
    return None if "\0" in uri else uri
