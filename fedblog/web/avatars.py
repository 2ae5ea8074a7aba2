"""Faces of remote people, fetched once and served from here: readers' browsers ask nobody else.

Only actors that this server knows have one. What comes from outside is re-encoded by Pillow to a
small square on a thread pool of its own; for a picture that cannot be had comes a transparent
pixel, and the initials that stand behind every avatar remain (security cases S13, S27).
"""

import asyncio
import hashlib
import io
import logging
import os
import time
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.publishing.site import Site
from fedblog.remote.errors import RemoteError
from fedblog.storage import views_post
from fedblog.web.answers import FILE_HEADERS
from fedblog.web.rendering import avatar_version, web_url

SIDE = 96
"""Pixels of a side: twice the largest face on a page."""
MAX_BYTES = 4 << 20
"""Largest picture fetched."""
MAX_PIXELS = 20_000_000
"""Most pixels decoded."""
FETCHES = 4
"""Pictures fetched at once."""
WAITING = 64
"""Pictures waited for; over it 503."""
MAX_FILES = 20_000
"""Files kept in the folder (about 3 kB each); the oldest go first."""
FAILURE_SECONDS = 600.0
"""How long a picture that failed is not tried again."""
MAX_FAILURES = 5_000
NOTHING = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)
"""A transparent pixel: the initials behind it are seen."""
_FOR_A_WHILE = {**FILE_HEADERS, "cache-control": "public, max-age=600"}
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)


def routes(site: Site) -> list[BaseRoute]:
    """The route of faces."""
    return [Route("/proxy/avatars/{who}/{version}", Avatars(site).answer)]


class Avatars:
    """The faces kept in ``cache/avatars`` of the data folder."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.settings.data_dir / "cache" / "avatars"
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="avatars")
        self._fetches = asyncio.Semaphore(FETCHES)
        self._waiting: dict[str, asyncio.Event] = {}
        self._failed: dict[str, float] = {}
        self._kept = 0

    async def answer(self, request: Request) -> Response:
        """A face; 404 where the actor is not known, has none, or another by now."""
        uri = _uri(request.path_params["who"])
        actor = await self._site.store.read(views_post.face, uri) if uri else None
        if actor is None or not web_url(actor.avatar_url):
            raise HTTPException(404)
        if avatar_version(actor.avatar_url) != request.path_params["version"]:
            raise HTTPException(404)
        body = await self._picture(actor.avatar_url)
        if body is None:
            return Response(NOTHING, headers=_FOR_A_WHILE, media_type="image/gif")
        return Response(body, headers=FILE_HEADERS, media_type="image/webp")

    async def _picture(self, url: str) -> bytes | None:
        name = hashlib.blake2b(url.encode(), digest_size=20).hexdigest()
        path = self._folder / name[:2] / f"{name}.webp"
        kept = await self._on_pool(_read, path)
        if kept is not None:
            return kept
        if (other := self._waiting.get(name)) is not None:
            await other.wait()
            return await self._on_pool(_read, path)
        if self._failed.get(name, 0.0) > time.monotonic():
            return None
        if len(self._waiting) >= WAITING:
            raise HTTPException(503, headers={"retry-after": "5"})
        done = self._waiting[name] = asyncio.Event()
        try:
            return await self._fetch(url, path)
        except (RemoteError, PictureError) as error:
            log.info("no avatar from %s: %s", url, error)
            self._remember_failure(name)
            return None
        finally:
            del self._waiting[name]
            done.set()

    async def _fetch(self, url: str, path: Path) -> bytes:
        async with self._fetches:
            fetched = await self._site.client.get(url, accept="image/*", max_bytes=MAX_BYTES)
        if not fetched.media_type.lower().startswith("image/"):
            raise PictureError("it is not a picture")
        small = await self._on_pool(small_picture, fetched.body)
        await self._on_pool(_write, path, small)
        self._kept += 1
        if self._kept % 500 == 1:
            await self._on_pool(_prune, self._folder, MAX_FILES)
        return small

    def _remember_failure(self, name: str) -> None:
        if len(self._failed) >= MAX_FAILURES:
            self._failed.clear()
        self._failed[name] = time.monotonic() + FAILURE_SECONDS

    async def _on_pool(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


class PictureError(Exception):
    """What came is no picture that can be shown."""


def small_picture(body: bytes) -> bytes:
    """*body* as a square WebP of at most SIDE pixels, without its metadata.

    Raises PictureError for what cannot be read, has too many pixels, or is no raster picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(body), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureError("it has too many pixels")
            image.draft("RGB", (SIDE * 2, SIDE * 2))
            turned = ImageOps.exif_transpose(image).convert("RGBA")
        side = max(1, min(SIDE, turned.width, turned.height))
        small = ImageOps.fit(turned, (side, side), Image.Resampling.LANCZOS)
        written = io.BytesIO()
        small.save(written, "WEBP", quality=82, method=4)
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError, ArithmeticError) as error:
        raise PictureError("it cannot be read") from error
    except Image.DecompressionBombError as error:
        raise PictureError("it has too many pixels") from error
    return written.getvalue()


def _uri(who: str) -> str | None:
    try:
        uri = urlsafe_b64decode(who + "=" * (-len(who) % 4)).decode()
    except (Base64Error, ValueError):
        return None
    return None if "\0" in uri else uri


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _write(path: Path, body: bytes) -> None:
    """Keep a picture; one that cannot be kept (a full disk) is still shown."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(body)
        os.replace(part, path)
    except OSError as error:
        log.warning("an avatar cannot be kept: %s", error)


def _prune(folder: Path, most: int) -> None:
    """Let the oldest files go until at most *most* are left."""
    files = []
    for path in folder.glob("*/*.webp"):
        try:
            files.append((path.stat().st_mtime, path))
        except OSError:
            continue
    files.sort()
    for _, path in files[: max(0, len(files) - most)]:
        path.unlink(missing_ok=True)
