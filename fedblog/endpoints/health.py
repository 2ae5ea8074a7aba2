"""/healthz and /readyz: whether the process lives, and whether it can do its work.

What watches a server asks often and from anywhere: /healthz touches nothing, /readyz looks once a
second at most, however many ask, writes every few seconds at most, and says which part fails, in
words of our own.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams.json import dump
from fedblog.publishing.site import Site
from fedblog.storage import migrate, server
from fedblog.storage.errors import SchemaError, StorageError, StorageFullError

KEPT_SECONDS = 1.0
PATIENCE = 2.0
"""Seconds that the database may take to answer before it counts as failing."""
FAILED_LATELY = 15.0
WRITTEN_SECONDS = 5.0
"""How long a row that could be written says that rows can be."""
_PROBE = "probed_at"
_NO_STORE = {"cache-control": "no-store"}


class Health:
    """What is known of one process. The loops say here when they fail."""

    def __init__(self, site: Site, clock: Callable[[], float] = time.monotonic) -> None:
        self._site = site
        self._clock = clock
        self._failed: dict[str, float] = {}
        self._looking: asyncio.Task[dict[str, str]] | None = None
        self._looked_at = 0.0
        self._wrote_at: float | None = None
        self._head: str | None = None

    def failed(self, loop: str) -> None:
        """The loop called *loop* failed and begins again."""
        self._failed[loop] = self._clock()

    def routes(self) -> list[BaseRoute]:
        """The routes of both addresses."""
        return [Route("/healthz", _alive), Route("/readyz", self._ready)]

    async def troubles(self) -> Mapping[str, str]:
        """What fails, by the name of the part: nothing where the server can do its work."""
        now = self._clock()
        if self._looking is None or (
            self._looking.done() and now - self._looked_at >= KEPT_SECONDS
        ):
            self._looked_at = now
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _ready(self, request: Request) -> Response:
        found = await self.troubles()
        if not found:
            return Response(b"ready\n", media_type="text/plain", headers=_NO_STORE)
        detail = "; ".join(f"{part}: {what}" for part, what in sorted(found.items()))
        body = {
            "type": "about:blank",
            "title": HTTPStatus.SERVICE_UNAVAILABLE.phrase,
            "status": 503,
            "detail": detail,
        }
        return Response(
            dump(body),
            503,
            {**_NO_STORE, "retry-after": "5"},
            media_type="application/problem+json",
        )

    async def _look(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if trouble := await self._database():
            found["database"] = trouble
        elif trouble := await self._writer():
            found["writer"] = trouble
        now = self._clock()
        failing = sorted(name for name, at in self._failed.items() if now - at < FAILED_LATELY)
        if failing:
            found["loops"] = f"{', '.join(failing)} failed a moment ago"
        if await asyncio.to_thread(self._is_full):
            found["disk"] = "there is hardly any room left in the data folder"
        return found

    async def _database(self) -> str:
        if self._head is None:
            self._head = await asyncio.to_thread(migrate.head)
        try:
            async with asyncio.timeout(PATIENCE):
                standing = await self._site.store.read(migrate.revision)
        except TimeoutError:
            return "does not answer"
        except SchemaError:
            standing = None
        except StorageError:
            return "cannot be read"
        return "" if standing == self._head else "its tables are not those of this version"

    async def _writer(self) -> str:
        """A transaction that writes nothing shows that the writer is there; only one that does,
        that the disk takes it and the database's server is no standby."""
        now = self._clock()
        is_due = self._wrote_at is None or now - self._wrote_at >= WRITTEN_SECONDS
        try:
            async with asyncio.timeout(PATIENCE):
                if is_due:
                    self._wrote_at = None
                    await self._site.store.write(server.put, _PROBE, datetime.now(UTC).isoformat())
                    self._wrote_at = now
                else:
                    await self._site.store.write(migrate.revision)
        except TimeoutError:
            return "is held up"
        except StorageFullError:
            return "there is no room"
        except StorageError:
            return "cannot write"
        return ""

    def _is_full(self) -> bool:
        try:
            free = shutil.disk_usage(self._site.settings.data_dir).free
        except OSError:
            return self._site.settings.is_sqlite  # the folder itself is gone
        return free < self._site.settings.disk_reserve


async def _alive(request: Request) -> Response:
    return Response(b"alive\n", media_type="text/plain", headers=_NO_STORE)
