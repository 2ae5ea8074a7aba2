"""The application: how the parts are wired, and what runs beside the requests.

`running` opens a site and starts its loops; `Application` is the same as an ASGI application with
a lifespan, page cache outermost, for uvicorn.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from fedblog import __version__, api, web
from fedblog.domain.addresses import INSTANCE
from fedblog.domain.ids import go_on_after
from fedblog.domain.threads import begun_pool
from fedblog.endpoints import (
    actors,
    authorizations,
    authorized,
    collections,
    inbox,
    nodeinfo,
    objects,
    webfinger,
)
from fedblog.endpoints.health import Health
from fedblog.endpoints.queries import Queries
from fedblog.endpoints.trouble import Troubled
from fedblog.federation.batch import Batcher
from fedblog.federation.blocklist import Blocklist
from fedblog.federation.bounds import Bounds
from fedblog.federation.fetching import Fetching
from fedblog.federation.receiving import Receiver
from fedblog.federation.verification import Verifier
from fedblog.federation.words import Limits
from fedblog.jobs.deliveries import DeliveryLoop
from fedblog.jobs.followups import FollowUpLoop
from fedblog.jobs.housekeeping import HousekeepingLoop
from fedblog.jobs.presence import Presence
from fedblog.jobs.schedule import ScheduleLoop
from fedblog.jobs.slices import SliceLoop
from fedblog.publishing.identity import ensure_identity
from fedblog.publishing.keyring import KeyRing
from fedblog.publishing.site import Site
from fedblog.publishing.taking_back import take_back
from fedblog.remote.actors import ActorDirectory
from fedblog.remote.client import RemoteClient
from fedblog.settings import Settings
from fedblog.storage import activities
from fedblog.storage.cutting_off import CUT_OFF, cut_off
from fedblog.storage.erasing import ERASE_ACTOR, erase_actor
from fedblog.storage.erasure import TAKE_BACK
from fedblog.storage.fan_out import FAN_OUT, fan_out
from fedblog.storage.lifting import LIFT, lift
from fedblog.storage.reviving import REVIVE, revive
from fedblog.storage.slices import Work
from fedblog.storage.store import Store
from fedblog.web.cache import PageCache
from fedblog.web.errors import exception_handlers
from fedblog.web.signers import refuse_blocked

log = logging.getLogger(__name__)

Loop = Callable[[], Awaitable[None]]
_PAUSE_AFTER_FAILURE = 1.0
_THREADS = 4
"""For what is not done on the event loop and has no thread of its own."""


def long_work(site: Site) -> Mapping[str, Work]:
    """What is done in slices, by kind of job."""
    return {
        CUT_OFF: cut_off,
        ERASE_ACTOR: erase_actor,
        FAN_OUT: fan_out,
        LIFT: lift,
        REVIVE: revive,
        TAKE_BACK: partial(take_back, site),
    }


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncIterator[Site]:
    """The site that *settings* describe, closed at the end.

    Raises IdentityChangedError where they describe another than the database holds.
    """
    async with AsyncExitStack() as stack:
        store = await Store.open(settings.database)
        stack.push_async_callback(store.close)
        identity = await ensure_identity(store, settings)
        if (last := await store.read(activities.last_id, datetime.now(UTC))) is not None:
            go_on_after(last)
        addresses = identity.addresses
        keys = await KeyRing.load(store, addresses, identity.blog.id)
        stack.callback(keys.close)
        client = RemoteClient(
            settings, user_agent=f"fedblog/{__version__} (+{addresses.base_url}/)"
        )
        stack.push_async_callback(client.close)

        def sign_gets(ring: KeyRing) -> None:
            client.instance_key = ring.signing_key(INSTANCE)

        keys.watch(sign_gets)
        site = Site(
            settings=settings,
            store=store,
            addresses=addresses,
            blog_id=identity.blog.id,
            client=client,
            actors=ActorDirectory(settings, store, client, addresses),
            keys=keys,
        )
        stack.push_async_callback(site.darkroom.close)
        yield site


def all_routes(site: Site, inboxes: inbox.Inbox, health: Health | None = None) -> list[BaseRoute]:
    """Every route, most asked for first."""
    health = health if health is not None else Health(site)
    return [
        *inbox.routes(inboxes),
        *objects.routes(site),
        *authorizations.routes(site),
        *actors.routes(site),
        *collections.routes(site),
        *webfinger.routes(site),
        *nodeinfo.routes(site),
        *health.routes(),
        *api.routes(site),
        *web.routes(site),
    ]


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Site, ASGIApp]]:
    """A site with its loops and the application that serves it, all ended at the end."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(begun_pool("fedblog", _THREADS))
    async with open_site(settings) as site:
        batcher = Batcher(
            site.store,
            site.addresses,
            site.blog_id,
            forward_replies=site.settings.forward_replies,
            limits=Limits.of(site.settings),
            bounds=Bounds.of(site.settings),
        )
        blocklist = Blocklist(site.store, site.blog_id)
        fetching = Fetching(site, batcher, blocklist)
        receiver = Receiver(site, batcher, blocklist)
        inboxes = inbox.Inbox(site, receiver)
        health = Health(site)
        routes = all_routes(site, inboxes, health)
        routed = Starlette(
            routes=routes,
            exception_handlers=exception_handlers(site),
        )
        # Starlette would redirect by the Host header (S33); web/errors.py does it by the base URL.
        routed.router.redirect_slashes = False
        refuses = refuse_blocked(blocklist)
        served: ASGIApp = PageCache(
            routed,
            site.store,
            max_bytes=settings.page_cache_bytes,
            remade_bytes=settings.remade_bytes,
            remade_wait=settings.remade_wait,
            queries=Queries(routes),
            refuses=refuses,
        )
        if settings.authorized_fetch:
            verifier = Verifier(site, blocklist)
            served = authorized.AuthorizedFetch(served, routed, verifier, refuses)
        presence = Presence(site)
        loops: dict[str, Loop] = {
            "inbox": batcher.run,
            "keys": site.keys.run,
            "deliveries": DeliveryLoop(site, presence).run,
            "schedule": ScheduleLoop(site).run,
            "follow-ups": FollowUpLoop(site, fetching.jobs, presence).run,
            "long work": SliceLoop(site, long_work(site)).run,
            "housekeeping": HousekeepingLoop(site).run,
        }
        alive = asyncio.create_task(_kept_running("presence", presence.run, health))
        tasks = [
            asyncio.create_task(_kept_running(name, loop, health)) for name, loop in loops.items()
        ]
        try:
            yield site, Troubled(inbox.InboxFirst(served, inboxes))
        finally:
            await _end(*tasks)
            # Last: when this process is struck off, others take up what it has under way still.
            await _end(alive)


async def _end(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _kept_running(name: str, loop: Loop, health: Health) -> None:
    """A loop that fails begins again: what it had claimed comes back when its lease ends."""
    while True:
        try:
            await loop()
        except Exception:
            log.exception("a loop of the server (%s) failed and begins again", name)
            health.failed(name)
        await asyncio.sleep(_PAUSE_AFTER_FAILURE)


class Application:
    """The ASGI application; the site opens when the lifespan begins."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inner: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or live through the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        assert self._inner is not None
        await self._inner(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with running(self._settings) as (_, self._inner):
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            if self._inner is None:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
            else:
                await send({"type": "lifespan.shutdown.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})
