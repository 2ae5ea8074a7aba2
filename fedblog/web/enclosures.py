"""Pictures and custom emoji of remote comments, served from here through the same doors as faces.

Only what stands in a comment that readers see is fetched; its pictures only once a moderator has
let them through, or where the setting says that nobody need do so.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.domain.ids import is_id
from fedblog.publishing.pictures.tasks import Task
from fedblog.publishing.site import Site
from fedblog.storage import views_carried
from fedblog.storage.views_carried import Emojis
from fedblog.web import proxied
from fedblog.web.answers import FILE_HEADERS
from fedblog.web.avatars import actor_uri
from fedblog.web.emoji import picture_version
from fedblog.web.rendering import web_url

PICTURE_WIDTH, PICTURE_HEIGHT = 1280, 1280
PICTURE_BYTES = 10 << 20
MAX_PICTURES = 5_000
"""Files kept (about 150 kB each); the oldest go first."""
EMOJI_WIDTH, EMOJI_HEIGHT = 192, 48
"""Twice what a line of text is high; some are wide."""
MAX_EMOJIS = 20_000
_REVISED = {**FILE_HEADERS, "cache-control": "public, max-age=3600"}
"""For what a moderator may take back."""


def routes(site: Site) -> list[BaseRoute]:
    """The routes of what comments carry."""
    enclosures = Enclosures(site)
    return [
        Route("/proxy/comments/{comment_id}/pictures/{number}/{version}", enclosures.picture),
        Route("/proxy/comments/{comment_id}/emojis/{number}/{version}", enclosures.emoji),
        Route("/proxy/names/{who}/emojis/{number}/{version}", enclosures.emoji_of_name),
    ]


class Enclosures:
    """Handlers over a site; pictures are kept in ``cache/pictures`` and ``cache/emojis``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        settings = site.settings
        cache = settings.data_dir / "cache"
        self._pictures = proxied.Proxied(
            site,
            cache / "pictures",
            Task(
                "within",
                PICTURE_WIDTH,
                PICTURE_HEIGHT,
                settings.proxied_max_pixels,
                settings.proxied_max_decoded,
            ),
            max_bytes=PICTURE_BYTES,
            max_files=MAX_PICTURES,
        )
        self._emojis = proxied.Proxied(
            site,
            cache / "emojis",
            Task(
                "within",
                EMOJI_WIDTH,
                EMOJI_HEIGHT,
                settings.face_max_pixels,
                settings.face_max_decoded,
            ),
            max_bytes=settings.face_max_bytes,
            max_files=MAX_EMOJIS,
        )

    async def picture(self, request: Request) -> Response:
        """A picture of a comment; 404 while it is held back."""
        found = await self._of_comment(request)
        allowed = found.media_status == "approved" or (
            found.media_status is None and self._site.settings.comment_pictures == "shown"
        )
        number = _number(request)
        url = ""
        for item in found.attachments:
            if allowed and item.number == number and item.is_picture:
                url = item.url
        return await self._answer(self._pictures, request, url, _REVISED)

    async def emoji(self, request: Request) -> Response:
        """A custom emoji of a comment."""
        found = await self._of_comment(request)
        return await self._answer_emoji(request, found.emojis)

    async def emoji_of_name(self, request: Request) -> Response:
        """A custom emoji in somebody's name."""
        uri = actor_uri(request.path_params["who"])
        if not uri:
            raise HTTPException(404)
        found = await self._site.store.read(views_carried.emojis_of_name, uri)
        return await self._answer_emoji(request, found)

    async def _of_comment(self, request: Request) -> views_carried.Pictures:
        comment_id = request.path_params["comment_id"]
        found = None
        if is_id(comment_id):
            found = await self._site.store.read(views_carried.pictures, comment_id)
        if found is None:
            raise HTTPException(404)
        return found

    async def _answer_emoji(self, request: Request, emojis: Emojis) -> Response:
        number = _number(request)
        url = emojis[number][1] if number < len(emojis) else ""
        return await self._answer(self._emojis, request, url, FILE_HEADERS)

    async def _answer(
        self, pictures: proxied.Proxied, request: Request, url: str, headers: dict[str, str]
    ) -> Response:
        if not web_url(url) or picture_version(url) != request.path_params["version"]:
            raise HTTPException(404)
        body = await pictures.picture(url)
        if body is None:
            # Not found, so that a browser shows the text that stands for it.
            raise HTTPException(404, headers={"cache-control": "public, max-age=600"})
        return Response(body, headers=headers, media_type="image/webp")


def _number(request: Request) -> int:
    text = request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise HTTPException(404)
    return int(text)
