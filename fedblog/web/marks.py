"""The mark of the blog or an author without a picture: initials on a ground of the blog's colours.

Other servers show it as the face of the actor.
"""

import asyncio
import io
import zlib

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams.writing_actors import MARK_SIDE
from fedblog.endpoints.caching import cache_tags
from fedblog.publishing.site import Site
from fedblog.storage import authors, blogs
from fedblog.storage.changes import Change
from fedblog.text.letters import base_of
from fedblog.web.answers import FILE_HEADERS, asked_path

BLOG_GROUND = "#0a5c51"
GROUNDS = ("#1d4fa3", "#8a2b5b", "#8f4a00", "#3c3f46", "#06443c", "#5b3a8a")
_IN_NO_FONT = "\U0010ffff"
_HEADERS = {**FILE_HEADERS, "cache-control": "public, max-age=3600"}


def routes(site: Site) -> list[BaseRoute]:
    """The route of marks."""

    async def mark(request: Request) -> Response:
        asked_path(request)
        handle = request.path_params["handle"]
        blog = await site.store.read(blogs.get, site.blog_id)
        if handle == blog.handle:
            name, ground = blog.title, BLOG_GROUND
            cache_tags(request.scope, Change("blog"))
        else:
            author = await site.store.read(authors.by_handle, site.blog_id, handle)
            if author is None or author.handle != handle:
                raise HTTPException(404)
            name = author.name
            ground = GROUNDS[zlib.crc32(author.id.encode()) % len(GROUNDS)]
            cache_tags(request.scope, Change("author", author.id))
        body = await asyncio.to_thread(_drawn, name, handle, ground)
        return Response(body, media_type="image/png", headers=_HEADERS)

    return [Route("/marks/{handle}.png", mark, name="mark")]


def initials(name: str) -> str:
    """The first letters of the first and the last word of *name*, upper-case; "•" without any."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "•"
    return "".join(word[0] for word in dict.fromkeys((words[0], words[-1]))).upper()


def is_drawable(text: str) -> bool:
    """Whether the font, which is Pillow's own and has hardly more than ASCII, has all of *text*."""
    from PIL import ImageFont

    font = ImageFont.load_default(MARK_SIDE / 10)
    missing = bytes(font.getmask(_IN_NO_FONT))
    return all(bytes(font.getmask(letter)) != missing for letter in text)


def _drawn(name: str, handle: str, ground: str) -> bytes:
    return draw(shown_letters(name, handle), ground)


def shown_letters(name: str, handle: str) -> str:
    """The initials of *name*, without accents where the font lacks them; where it lacks the letters
    those of the *handle*, which is in ASCII."""
    text = initials(name)
    plain = "".join(map(base_of, text))
    found = (one for one in (text, plain) if is_drawable(one))
    return next(found, initials(handle.strip("_.-")))


def draw(text: str, ground: str) -> bytes:
    """A square PNG of MARK_SIDE pixels: *text* in white on *ground*. Blocks for milliseconds."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (MARK_SIDE, MARK_SIDE), ground)
    font = ImageFont.load_default(MARK_SIDE * (0.5 if len(text) == 1 else 0.4))
    centre = (MARK_SIDE / 2, MARK_SIDE / 2)
    ImageDraw.Draw(image).text(centre, text, fill="#ffffff", font=font, anchor="mm")
    out = io.BytesIO()
    image.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()
