"""Pages for people: posts, feeds, and the page cache in front of everything."""

from starlette.routing import BaseRoute

from fedblog.publishing.site import Site
from fedblog.web import (
    avatars,
    comments,
    enclosures,
    feeds,
    files,
    interact,
    marks,
    pages,
    well_known,
)


def routes(site: Site) -> list[BaseRoute]:
    """Every route for people."""
    return [
        *pages.routes(site),
        *comments.routes(site),
        *interact.routes(site),
        *feeds.routes(site),
        *files.routes(site),
        *avatars.routes(site),
        *enclosures.routes(site),
        *marks.routes(site),
        *well_known.routes(site),
    ]
