"""JSON for authors' tools: /api/v1."""

from starlette.routing import BaseRoute, Route

from fedblog.api import authorizations, comments, media, network, posts
from fedblog.api.endpoint import Unknown
from fedblog.publishing.site import Site


def routes(site: Site) -> list[BaseRoute]:
    """The routes below /api/v1; every other address below /api is a 404 problem."""
    return [
        *posts.routes(site),
        *media.routes(site),
        *comments.routes(site),
        *network.routes(site),
        *authorizations.routes(site),
        Route("/api", Unknown()),
        Route("/api/{rest:path}", Unknown()),
    ]
