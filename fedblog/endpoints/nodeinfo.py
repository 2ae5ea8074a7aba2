"""NodeInfo 2.1: what software this is and how much goes on here (FEP-0151)."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog import __version__
from fedblog.activitystreams.json import dump
from fedblog.domain.addresses import INSTANCE
from fedblog.endpoints.caching import cache_tags
from fedblog.publishing.site import Site
from fedblog.storage import blogs as blog_rows
from fedblog.storage import usage
from fedblog.storage.changes import Change

SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"
APPLICATION = "https://www.w3.org/ns/activitystreams#Application"
"""The instance actor, found from here (FEP-2677)."""
VERSIONS = ("2.1", "2.0")
_OPEN = {"access-control-allow-origin": "*"}


def routes(site: Site) -> list[BaseRoute]:
    """The routes of NodeInfo."""
    base_url = site.addresses.base_url
    links = [{"rel": SCHEMA + name, "href": f"{base_url}/nodeinfo/{name}"} for name in VERSIONS]
    links.append({"rel": APPLICATION, "href": site.addresses.actor(INSTANCE)})
    discovery = dump({"links": links})

    async def discover(request: Request) -> Response:
        cache_tags(request.scope, Change("blog"))
        return Response(discovery, 200, _OPEN, media_type="application/json")

    kept = Kept(site)

    def version(name: str) -> Route:
        async def answer(request: Request) -> Response:
            media_type = f'application/json; profile="{SCHEMA}{name}#"'
            return Response(await kept.document(name), 200, _OPEN, media_type=media_type)

        return Route(f"/nodeinfo/{name}", answer, name=f"nodeinfo {name}")

    return [
        Route("/.well-known/nodeinfo", discover, name="nodeinfo discovery"),
        *(version(name) for name in VERSIONS),
    ]


class Kept:
    """The documents as they were last made: crawlers ask often, and with every comment a figure
    changes that nobody needs to the minute."""

    def __init__(self, site: Site, clock: Callable[[], float] = time.monotonic) -> None:
        self._site = site
        self._clock = clock
        self._documents: dict[str, tuple[float, bytes]] = {}

    async def document(self, version: str) -> bytes:
        """The document of *version*, at most `nodeinfo_seconds` old."""
        found = self._documents.get(version)
        now = self._clock()
        if found is None or now - found[0] >= self._site.settings.nodeinfo_seconds:
            found = now, dump(await _describe(self._site, version))
            self._documents[version] = found
        return found[1]


async def _describe(site: Site, version: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    blog = await site.store.read(blog_rows.get, site.blog_id)
    figures = await site.store.read(
        usage.usage, site.blog_id, now - timedelta(days=30), now - timedelta(days=182)
    )
    software = {"name": "fedblog", "version": __version__}
    return {
        "version": version,
        "software": software,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": ["atom1.0", "rss2.0"]},
        "openRegistrations": False,
        "usage": {
            "users": {
                "total": figures.authors,
                "activeMonth": figures.active_month,
                "activeHalfyear": figures.active_half_year,
            },
            "localPosts": figures.posts,
            "localComments": figures.comments,
        },
        "metadata": {"nodeName": blog.title, "nodeDescription": blog.tagline},
    }
