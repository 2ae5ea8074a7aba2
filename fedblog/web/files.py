"""Files whose address changes with their content: uploaded pictures, style sheet, icon."""

import asyncio
import re
from pathlib import Path
from stat import S_ISREG

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from fedblog.publishing.site import Site
from fedblog.storage import media as media_rows
from fedblog.web.answers import FILE_HEADERS
from fedblog.web.rendering import STATIC_FILES

MEDIA_TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
"""What is served from the media folder; nothing that a browser could run."""
_MAY_GO = {**FILE_HEADERS, "cache-control": "public, max-age=86400"}
"""A day: what was deleted here is not shown by caches in between for much longer."""
_MEDIA_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}\.([a-z0-9]{1,5})")


def routes(site: Site) -> list[BaseRoute]:
    """The files' routes."""
    folder: Path = site.settings.data_dir / "media"

    async def media(request: Request) -> Response:
        name = request.path_params["name"]
        found = _MEDIA_NAME.fullmatch(name)
        if found is None or found[1] not in MEDIA_TYPES:
            raise HTTPException(404)
        if await site.store.read(media_rows.is_withdrawn, name):
            raise HTTPException(410)
        return await file(folder / name, MEDIA_TYPES[found[1]])

    async def static(request: Request) -> Response:
        found = STATIC_FILES.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        media_type, body = found
        return Response(body, headers=FILE_HEADERS, media_type=media_type)

    return [
        Route("/media/{name}", media),
        Route("/static/{name}", static),
    ]


async def file(path: Path, media_type: str) -> Response:
    """The file at *path*, which never changes, but may go; 404 where there is none."""
    try:
        found = await asyncio.to_thread(path.stat)
    except OSError:
        raise HTTPException(404) from None
    if not S_ISREG(found.st_mode):
        raise HTTPException(404)
    return FileResponse(path, media_type=media_type, headers=_MAY_GO, stat_result=found)
