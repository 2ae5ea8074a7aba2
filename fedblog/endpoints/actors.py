"""The local actors: the blog, its authors, the readers' voice and the instance."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from fedblog.activitystreams import writing
from fedblog.domain.addresses import BLOG, INSTANCE, READERS
from fedblog.domain.ids import is_id
from fedblog.endpoints.caching import cache_tags
from fedblog.endpoints.negotiation import activity_json, json_error
from fedblog.publishing.site import Site
from fedblog.signatures.keys import multibase
from fedblog.storage import authors as author_rows
from fedblog.storage import blogs as blog_rows
from fedblog.storage import media as media_rows
from fedblog.storage.changes import Change

_SERVER_ACTORS = {READERS: writing.readers_actor, INSTANCE: writing.instance_actor}


async def answer(site: Site, scope: Scope, owner: str) -> Response:
    """The document of the local actor *owner* (ActivityPub, section 4); 404 where there is none."""
    if owner == BLOG:
        keys = await _keys(site, owner)
        blog = await site.store.read(blog_rows.get, site.blog_id)
        item = writing.blog_actor(blog, site.addresses, keys)
        cache_tags(scope, Change("blog"), Change("keys"))
    elif owner in _SERVER_ACTORS:
        keys = await _keys(site, owner)
        blog = await site.store.read(blog_rows.get, site.blog_id)
        item = _SERVER_ACTORS[owner](blog, site.addresses, keys)
        cache_tags(scope, Change("blog"), Change("keys"))
    else:
        found = await site.store.read(author_rows.find, [owner]) if is_id(owner) else {}
        author = found.get(owner)
        if author is None or author.blog_id != site.blog_id:
            return json_error(404, "there is no such actor")
        icon = None
        if author.avatar is not None:
            pictures = await site.store.read(media_rows.find, site.blog_id, [author.avatar])
            icon = pictures.get(author.avatar)
        item = writing.author_actor(author, site.addresses, await _keys(site, owner), icon=icon)
        cache_tags(scope, Change("author", owner), Change("keys"))
    return activity_json(item)


async def _keys(site: Site, owner: str) -> writing.ActorKeys:
    ring = await site.keys.fresh(owner)
    return writing.ActorKeys(
        ring.public_pem(owner), multibase(ring.public_pem(owner, "ed25519-key"))
    )


def routes(site: Site) -> list[BaseRoute]:
    """The routes of actors."""

    def fixed(owner: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return await answer(site, request.scope, owner)

        return Route(f"/ap/{owner}", endpoint, name=f"actor {owner}")

    async def author(request: Request) -> Response:
        return await answer(site, request.scope, request.path_params["author_id"])

    return [
        fixed(BLOG),
        Route("/ap/authors/{author_id}", author, name="actor author"),
        fixed(READERS),
        fixed(INSTANCE),
    ]
