"""The local actors: the blog, its authors, the readers' voice and the instance."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from fedblog.domain.addresses import BLOG, INSTANCE, READERS
from fedblog.endpoints.authorized import KEYS_ONLY, keys_only
from fedblog.endpoints.caching import cache_tags
from fedblog.endpoints.negotiation import activity_json, json_error
from fedblog.publishing import profiles
from fedblog.publishing.site import Site
from fedblog.storage.changes import Change


async def answer(site: Site, scope: Scope, owner: str) -> Response:
    """The document of the local actor *owner* (ActivityPub, section 4), or its keys alone where
    the scope says so; 404 where there is none."""
    item = await site.store.read(profiles.document, site.addresses, site.blog_id, owner)
    if item is None:
        return json_error(404, "there is no such actor")
    if scope.get(KEYS_ONLY):
        return activity_json(keys_only(item))
    is_author = owner not in (BLOG, READERS, INSTANCE)
    cache_tags(scope, Change("author", owner) if is_author else Change("blog"), Change("keys"))
    return activity_json(item)


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
