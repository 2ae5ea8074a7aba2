"""Pictures of other servers, fetched once, developed anew and kept: readers' browsers ask nobody
else, and nothing but a raster picture of bounded size leaves here (security cases S13, S27)."""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from fedblog.domain.memory import Memory
from fedblog.domain.origins import counted_host
from fedblog.publishing.pictures.errors import BusyError, PictureError, WrongKindError
from fedblog.publishing.pictures.tasks import Task
from fedblog.publishing.site import Site
from fedblog.remote.errors import RemoteError, ShortError
from fedblog.web.answers import FILE_HEADERS

FETCHES = 4
"""Pictures of a kind fetched and held at once."""
WAITING = 64
"""Pictures waited for; over it 503."""
FAILURE_SECONDS = 600.0
"""How long a picture that failed is not tried again."""
MAX_FAILURES = 5_000
NOTHING = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b"
)
"""A transparent pixel."""
FOR_A_WHILE = {**FILE_HEADERS, "cache-control": "public, max-age=600"}
P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)


class Proxied:
    """Pictures of one kind, kept as WebP in *folder*; *task* makes them small."""

    def __init__(
        self,
        site: Site,
        folder: Path,
        task: Task,
        *,
        max_bytes: int,
        max_files: int,
    ) -> None:
        self.max_files = max_files
        self._client = site.client
        self._darkroom = site.darkroom
        self._folder = folder
        self._task = task
        self._max_bytes = max_bytes
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix=folder.name)
        self._fetches = asyncio.Semaphore(FETCHES)
        self._waiting: dict[str, asyncio.Event] = {}
        self._failed: Memory[str, bool] = Memory(MAX_FAILURES)
        self._kept = 0

    async def picture(self, url: str) -> bytes | None:
        """The picture at *url* as WebP, or None where it cannot be had. Raises HTTPException
        (503) where too many are waited for."""
        name = hashlib.blake2b(url.encode(), digest_size=20).hexdigest()
        path = self._folder / name[:2] / f"{name}.webp"
        kept = await self._on_pool(_read, path)
        if kept is not None:
            return kept
        if (other := self._waiting.get(name)) is not None:
            await other.wait()
            # Where it came to nothing for others (they went away, they may not ask), we ask.
            return await self.picture(url)
        if self._failed.get(name):
            return None
        if len(self._waiting) >= WAITING:
            raise HTTPException(503, headers={"retry-after": "5"})
        done = self._waiting[name] = asyncio.Event()
        try:
            return await self._fetch(url, path)
        except BusyError:
            raise HTTPException(503, headers={"retry-after": "5"}) from None
        except ShortError as error:
            again = str(int(error.retry_after) + 1)
            raise HTTPException(503, headers={"retry-after": again}) from None
        except (RemoteError, PictureError) as error:
            log.info("no picture from %s: %s", url, error)
            self._failed.put(name, True, seconds=FAILURE_SECONDS)
            return None
        finally:
            del self._waiting[name]
            done.set()

    async def _fetch(self, url: str, path: Path) -> bytes:
        # Held until it is small: what was fetched stays in memory until its turn.
        async with self._fetches:
            fetched = await self._client.get(url, accept="image/*", max_bytes=self._max_bytes)
            if not fetched.media_type.lower().startswith("image/"):
                raise WrongKindError("it is not a picture")
            whose = counted_host(urlsplit(url).netloc)
            small = (await self._darkroom.develop(self._task, fetched.body, whose=whose)).content
        await self._on_pool(_write, path, small)
        self._kept += 1
        if self._kept % 500 == 1:
            await self._on_pool(_prune, self._folder, self.max_files)
        return small

    async def _on_pool(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() or None  # empty after a power cut: it is fetched again
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
        log.warning("a picture cannot be kept: %s", error)


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
