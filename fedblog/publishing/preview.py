"""The Article that a post is sent as, for a look at it beforehand: drafts as if published now."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from sqlalchemy import Connection

from fedblog.activitystreams import writing
from fedblog.domain.addresses import Addresses, post_path
from fedblog.domain.errors import NotFoundError
from fedblog.domain.post import PostStatus
from fedblog.storage import blogs, media, posts, resolving, server
from fedblog.storage.store import Store
from fedblog.text.letters import composed


async def article_of(store: Store, named: str) -> writing.Json:
    """The Article of the post with the id, slug, path or address *named*.

    Nothing is stored or sent. Raises NotFoundError.
    """
    return await store.read(_article_of, named, datetime.now(UTC))


def _article_of(connection: Connection, named: str, now: datetime) -> writing.Json:
    blog = blogs.first(connection)
    if blog is None:
        raise NotFoundError("there is no blog yet")
    written = server.get_all(connection)
    addresses = Addresses(written["base_url"], blog.handle, written["handle_host"])
    try:
        name = composed(unquote(urlsplit(named).path)).strip("/")
    except ValueError:
        name = ""  # an address that is none
    if "\0" in name:
        name = ""  # no text of a database holds it
    post = posts.named(connection, blog.id, name, f"/{name}/")
    if post is None:
        found = resolving.one(connection, addresses, blog.id, f"{addresses.base_url}/{quote(name)}")
        if found is not None and found.kind == "post":
            post = posts.get(connection, blog.id, found.key)
    if post is None or post.status is PostStatus.DELETED:
        raise NotFoundError(f"there is no post with the id, slug or path {named}")
    if not post.is_public:
        moment = (post.publish_at or now).replace(microsecond=0)
        post = replace(
            post,
            status=PostStatus.PUBLISHED,
            published_at=moment,
            path=post.path or post_path(moment, post.slug, blog.time_zone),
        )
    pictures = media.in_texts(connection, blog.id, [post.content_html])
    return writing.article(post, blog, addresses, pictures)
