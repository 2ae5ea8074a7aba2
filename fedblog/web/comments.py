"""The address of a comment: it leads readers to the page that shows it, servers to the object."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams import writing
from fedblog.domain.ids import is_id
from fedblog.endpoints import objects
from fedblog.endpoints.negotiation import activity_json, at_human_address, wants_activity
from fedblog.publishing.site import Site
from fedblog.storage import comment_pages, views
from fedblog.storage.comment_pages import Gone, Place, Standing
from fedblog.web import answers, rendering
from fedblog.web.answers import asked_path
from fedblog.web.languages import language


def routes(site: Site) -> list[BaseRoute]:
    """The route of comments."""

    async def comment(request: Request) -> Response:
        path, _, comment_id = asked_path(request).rstrip("/").rpartition("comments/")
        if not is_id(comment_id):
            raise HTTPException(404)
        most = site.settings.thread_bytes
        found = await site.store.read(comment_pages.find, site.blog_id, path, comment_id, most)
        if found is None:
            raise HTTPException(404)
        if wants_activity(request):
            answer = await _object(site, request, comment_id, found)
            return at_human_address(request.scope, answer)
        if isinstance(found, Gone):
            return await _gone(site)
        return answers.see_other(
            f"{site.addresses.page(path)}{_query(found.place)}#comment-{comment_id}"
        )

    return [Route("/{year}/{month}/{day}/{slug}/comments/{comment_id}/", comment)]


def _query(place: Place) -> str:
    if place.start is not None:
        return f"?from={place.start}"
    return f"?after={place.after}" if place.after is not None else ""


async def _object(
    site: Site, request: Request, comment_id: str, found: Standing | Gone
) -> Response:
    """The comment as an object: one from elsewhere is had from its own server."""
    if found.is_local:
        return await objects.comment_answer(site, request.scope, comment_id)
    if isinstance(found, Gone):
        return activity_json(writing.tombstone(found.uri, "Note", found.when), status=410)
    if not rendering.web_url(found.uri):
        raise HTTPException(404)
    return answers.see_other(found.uri)


async def _gone(site: Site) -> Response:
    """The page of a deleted comment (410)."""
    blog = await site.store.read(views.blog, site.blog_id)
    words = await language(blog.language, blog.time_zone)
    html = await rendering.render(
        "message.html",
        blog,
        site.addresses,
        status=410,
        heading=words.text("This comment is gone"),
        sentence=words.text("It was deleted where it was written, or here."),
        posts=await site.store.read(views.newest, site.blog_id, 3),
    )
    return answers.page(html, base_url=site.addresses.base_url, status=410)
