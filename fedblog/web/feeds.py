"""Feeds with the whole text of the newest posts: RSS 2.0, Atom (RFC 4287), JSON Feed 1.1."""

import re
from email.utils import format_datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog import __version__
from fedblog.domain.addresses import Addresses
from fedblog.endpoints.caching import cache_tags
from fedblog.publishing.site import Site
from fedblog.storage import views
from fedblog.storage.changes import Change
from fedblog.storage.views import Card, FeedPage
from fedblog.storage.views_people import Person
from fedblog.text import figures
from fedblog.web import rendering
from fedblog.web.cache import ANY

POSTS = 20
"""Posts in a feed."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "no-cache",
}
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def routes(site: Site) -> list[BaseRoute]:
    """The feeds' routes."""

    async def page(request: Request) -> FeedPage:
        found = await site.store.read(views.feed, site.blog_id, POSTS)
        cache_tags(request.scope, Change("blog"), Change("post", ANY), Change("author", ANY))
        return found

    async def rss(request: Request) -> Response:
        return _xml("feed.rss.xml", await page(request), site.addresses, "application/rss+xml")

    async def atom(request: Request) -> Response:
        return _xml("feed.atom.xml", await page(request), site.addresses, "application/atom+xml")

    async def json(request: Request) -> Response:
        return Response(
            orjson.dumps(json_feed(await page(request), site.addresses)),
            headers=_HEADERS,
            media_type="application/feed+json",
        )

    return [
        Route("/feed/", rss),
        Route("/feed/atom/", atom),
        Route("/feed.json", json),
    ]


def json_feed(page: FeedPage, addresses: Addresses) -> dict[str, Any]:
    """The document of JSON Feed 1.1."""
    blog = page.blog
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": blog.title,
        "home_page_url": f"{addresses.base_url}/",
        "feed_url": f"{addresses.base_url}/feed.json",
        "language": blog.language,
        "authors": [{"name": blog.group_name, "url": addresses.author_page(blog.handle)}],
        "items": [_item(post, page, addresses) for post in page.posts],
    }
    if blog.tagline:
        document["description"] = blog.tagline
    return document


def _item(post: Card, page: FeedPage, addresses: Addresses) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": addresses.post(post.id),
        "url": addresses.page(post.path),
        "title": post.title,
        "content_html": text(post, page, addresses),
        "date_published": rendering.iso(post.published_at),
        "language": post.language,
        "authors": [_person(person, addresses) for person in post.bylines],
        "tags": [term.name for term in (*post.tags, *post.categories)],
    }
    if post.summary:
        item["summary"] = post.summary
    if post.edited_at is not None:
        item["date_modified"] = rendering.iso(post.edited_at)
    if post.picture is not None:
        item["image"] = addresses.media(post.picture.file_name)
    return item


def _person(person: Person, addresses: Addresses) -> dict[str, str]:
    document = {"name": rendering.person_name(person)}
    if url := person_url(person, addresses):
        document["url"] = url
    return document


def person_url(person: Person, addresses: Addresses) -> str:
    """Where a name in a feed leads."""
    if person.author_id is not None:
        return addresses.author_page(person.handle)
    return rendering.web_url(person.url)


def text(post: Card, page: FeedPage, addresses: Addresses) -> str:
    """The whole text of a post, its featured picture first, with full addresses."""
    base = addresses.base_url
    setting = figures.Setting(addresses.page(post.path), base, post.language, page.pictures)
    html = figures.elsewhere(post.content_html, setting)
    if post.picture is None:
        return html
    return figures.featured(post.picture, base, post.language) + html


def _xml(template: str, page: FeedPage, addresses: Addresses, media_type: str) -> Response:
    blog = page.blog
    changed = [post.edited_at or post.published_at for post in page.posts]
    body = rendering.render_alone(
        template,
        blog=blog,
        base=addresses.base_url,
        group_url=addresses.author_page(blog.handle),
        updated=max(changed, default=blog.updated_at),
        version=__version__,
        rfc822=format_datetime,
        url=lambda post: addresses.page(post.path),
        object_url=lambda post: addresses.post(post.id),
        text=lambda post: text(post, page, addresses),
        person_url=lambda person: person_url(person, addresses),
        media_url=lambda picture: addresses.media(picture.file_name),
        posts=page.posts,
    )
    return Response(
        _NOT_IN_XML.sub("", body), headers=_HEADERS, media_type=f"{media_type}; charset=utf-8"
    )
