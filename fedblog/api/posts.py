"""/api/v1/posts: write, list, read, change and delete posts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, cast

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams.writing import stamp
from fedblog.api import bodies, pages
from fedblog.api.endpoint import Call, Endpoint, empty, json, ready_json
from fedblog.api.media import media_json
from fedblog.api.problems import ProblemError, invalid
from fedblog.domain.post import Post, PostStatus
from fedblog.publishing import notices, posts
from fedblog.publishing.fields import Guest, PostFields
from fedblog.publishing.once import Once, Replay
from fedblog.publishing.site import Site
from fedblog.storage import posts as post_rows
from fedblog.storage.posts import PostCounts


def _moment(value: object) -> object:
    """A time with its zone, in ISO 8601 (RFC 3339): the zone is never guessed."""
    if value is None:
        return None
    if not isinstance(value, str) or "T" not in value.upper() or not value[:4].isdigit():
        raise ValueError("takes a time such as 2026-01-31T09:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("takes a time such as 2026-01-31T09:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("needs a time zone, such as 2026-01-31T09:00:00Z")
    return moment


class GuestModel(BaseModel):
    """A byline of someone without an account here."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=200)
    url: str = Field("", max_length=2000)


class PostModel(BaseModel):
    """The fields of a post that a request may name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field("", max_length=1000)
    content: str = ""
    content_format: Literal["markdown", "html"] = "markdown"
    summary: str | None = None
    language: str | None = None
    status: Literal["draft", "published", "scheduled"] = "draft"
    publish_at: Annotated[datetime | None, BeforeValidator(_moment)] = None
    slug: str | None = None
    tags: list[str] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list)
    authors: list[str | GuestModel] = Field(default_factory=list)
    featured_media: str | None = None
    voice: Literal["group", "member"] = "group"
    comments: Literal["open", "held", "closed"] = "open"

    def given(self) -> PostFields:
        """What the request named, and nothing else."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "authors" in fields:
            fields["authors"] = [
                Guest(who.name, who.url) if isinstance(who, GuestModel) else who
                for who in self.authors
            ]
        return cast(PostFields, fields)


def routes(site: Site) -> list[BaseRoute]:
    """The routes of posts."""
    api = _Posts(site)
    return [
        Route("/api/v1/posts", Endpoint(site, {"GET": api.list, "POST": api.create})),
        Route(
            "/api/v1/posts/{id}",
            Endpoint(site, {"GET": api.read, "PATCH": api.revise, "DELETE": api.delete}),
        ),
    ]


class _Posts:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def create(self, call: Call) -> Response:
        key = bodies.idempotency_key(call.request)
        body, document = await bodies.read_json(call.request, self._site.settings)
        fields = bodies.validated(PostModel, document).given()
        once = None
        if key is not None:

            def answer(_connection: Connection, post: Post) -> tuple[int, bytes]:
                return 201, orjson.dumps(post_json(self._site, post, PostCounts(), fields))

            once = Once(call.author.id, key, bodies.request_hash(call.request, body), answer)
        made = await posts.create(self._site, call.author, fields, once)
        if isinstance(made, Replay):
            id_ = orjson.loads(made.body)["id"]
            return ready_json(made.body, made.status, _location(id_))
        return json(post_json(self._site, made, PostCounts(), fields), 201, _location(made.id))

    async def list(self, call: Call) -> Response:
        size = pages.limit(call)
        before = pages.id_cursor(call)
        status = call.query("status")
        if status is not None and status not in ("draft", "published", "scheduled"):
            raise invalid("status", "takes draft, published or scheduled")
        wanted = PostStatus(status) if status else None

        def load(connection: Connection) -> tuple[list[Post], Mapping[str, PostCounts]]:
            found = post_rows.list_page(
                connection, self._site.blog_id, status=wanted, before=before, limit=size + 1
            )
            return found, post_rows.counts(connection, [post.id for post in found])

        found, counts = await self._site.store.read(load)
        return json(
            pages.page(
                found,
                size,
                lambda post: [post.id],
                lambda post: post_json(self._site, post, counts[post.id]),
                self._site.settings.page_bytes,
            )
        )

    async def read(self, call: Call) -> Response:
        return json(await self._shown(call.id, {}))

    async def revise(self, call: Call) -> Response:
        _, document = await bodies.read_json(call.request, self._site.settings)
        fields = bodies.validated(PostModel, document).given()
        await posts.revise(self._site, call.author, call.id, fields)
        return json(await self._shown(call.id, fields))

    async def delete(self, call: Call) -> Response:
        await posts.delete(self._site, call.id)
        return empty()

    async def _shown(self, post_id: str, given: PostFields) -> dict[str, Any]:
        def load(connection: Connection) -> tuple[Post, PostCounts] | None:
            post = post_rows.get(connection, self._site.blog_id, post_id)
            if post is None or post.status is PostStatus.DELETED:
                return None
            return post, post_rows.counts(connection, [post_id])[post_id]

        found = await self._site.store.read(load)
        if found is None:
            raise ProblemError(404, "there is no such post")
        return post_json(self._site, *found, given)


def post_json(
    site: Site, post: Post, counts: PostCounts, given: PostFields | None = None
) -> dict[str, Any]:
    """A post as the API shows it, in answer to a request with the fields *given*."""
    addresses = site.addresses
    is_out = post.is_public and post.path is not None
    return {
        "id": post.id,
        "url": addresses.page(post.path) if is_out and post.path else None,
        "activitypub_id": addresses.post(post.id),
        "status": post.status.value,
        "title": post.title,
        "slug": post.slug,
        "content": post.content_source,
        "content_format": post.content_format,
        "content_html": post.content_html,
        "summary": post.summary,
        "excerpt": post.excerpt,
        "language": post.language,
        "tags": list(post.tags),
        "categories": list(post.categories),
        "authors": [
            {
                "id": byline.author_id,
                "handle": byline.handle,
                "name": byline.name,
                "url": addresses.author_page(byline.handle) if byline.author_id else byline.url,
            }
            for byline in post.bylines
        ],
        "featured_media": post.featured_media.id if post.featured_media else None,
        "image": media_json(site, post.featured_media) if post.featured_media else None,
        "voice": post.voice,
        "comments": post.comments.value,
        "counts": {
            "comments": counts.comments,
            "likes": counts.likes,
            "shares": counts.shares,
            "followers_reached": counts.followers_reached,
        },
        "warnings": [
            {"field": notice.field, "message": notice.message} for notice in notices.of(post, given)
        ],
        "version": post.version,
        "created_at": stamp(post.created_at),
        "updated_at": stamp(post.updated_at),
        "publish_at": stamp(post.publish_at) if post.publish_at else None,
        "published_at": stamp(post.published_at) if post.published_at else None,
        "edited_at": stamp(post.edited_at) if post.edited_at else None,
    }


def _location(post_id: str) -> dict[str, str]:
    return {"Location": f"/api/v1/posts/{post_id}"}
