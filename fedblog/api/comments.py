"""/api/v1/posts/{id}/comments and /api/v1/comments: read, decide, answer, delete."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams.writing import stamp
from fedblog.api import bodies, pages
from fedblog.api.endpoint import Call, Endpoint, empty, json, ready_json
from fedblog.api.problems import ProblemError, invalid
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.ids import is_id
from fedblog.domain.post import PostStatus
from fedblog.publishing import comments, moderation
from fedblog.publishing.once import Once, Replay
from fedblog.publishing.site import Site
from fedblog.storage import comments as comment_rows
from fedblog.storage import posts as post_rows
from fedblog.storage.comments import CommentView
from fedblog.storage.views_carried import attachments


class ReplyModel(BaseModel):
    """An answer to a comment."""

    model_config = ConfigDict(extra="forbid", strict=True)

    content: str
    content_format: Literal["markdown", "html"] = "markdown"


def routes(site: Site) -> list[BaseRoute]:
    """The routes of comments."""
    api = _Comments(site)
    decisions = {
        "approve": CommentStatus.APPROVED,
        "hold": CommentStatus.HELD,
        "spam": CommentStatus.SPAM,
    }
    return [
        Route("/api/v1/posts/{id}/comments", Endpoint(site, {"GET": api.list_of_post})),
        Route("/api/v1/comments", Endpoint(site, {"GET": api.list_all})),
        Route("/api/v1/comments/{id}", Endpoint(site, {"GET": api.read, "DELETE": api.delete})),
        Route("/api/v1/comments/{id}/reply", Endpoint(site, {"POST": api.reply})),
        *(
            Route(f"/api/v1/comments/{{id}}/{name}", Endpoint(site, {"POST": api.decide(status)}))
            for name, status in decisions.items()
        ),
        *(
            Route(
                f"/api/v1/comments/{{id}}/{name}", Endpoint(site, {"POST": api.show_media(shown)})
            )
            for name, shown in (("approve-media", True), ("hold-media", False))
        ),
    ]


class _Comments:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def list_of_post(self, call: Call) -> Response:
        return await self._list(call, call.id)

    async def list_all(self, call: Call) -> Response:
        return await self._list(call, None)

    async def read(self, call: Call) -> Response:
        return json(await self._shown(call.id))

    async def delete(self, call: Call) -> Response:
        await comments.delete(self._site, call.id)
        return empty()

    def decide(self, status: CommentStatus) -> Callable[[Call], Awaitable[Response]]:
        async def handle(call: Call) -> Response:
            await moderation.decide(self._site, call.id, status)
            return json(await self._shown(call.id))

        return handle

    def show_media(self, shown: bool) -> Callable[[Call], Awaitable[Response]]:
        async def handle(call: Call) -> Response:
            await moderation.decide_media(self._site, call.id, shown=shown)
            return json(await self._shown(call.id))

        return handle

    async def reply(self, call: Call) -> Response:
        key = bodies.idempotency_key(call.request)
        body, document = await bodies.read_json(call.request, self._site.settings)
        asked = bodies.validated(ReplyModel, document)
        once = None
        if key is not None:

            def answer(connection: Connection, made: Comment) -> tuple[int, bytes]:
                view = comment_rows.view(connection, self._site.blog_id, made.id)
                assert view is not None
                return 201, orjson.dumps(comment_json(self._site, view))

            once = Once(call.author.id, key, bodies.request_hash(call.request, body), answer)
        made = await comments.reply(
            self._site, call.author, call.id, asked.content, asked.content_format, once
        )
        if isinstance(made, Replay):
            return ready_json(made.body, made.status)
        return json(await self._shown(made.id), 201, {"Location": f"/api/v1/comments/{made.id}"})

    async def _list(self, call: Call, post_id: str | None) -> Response:
        size = pages.limit(call)
        status = call.query("status")
        if status is not None and status not in [item.value for item in CommentStatus]:
            raise invalid("status", "takes approved, held or spam")
        after = None
        if (parts := pages.cursor(call, 2)) is not None:
            if not is_id(parts[1]):
                raise invalid("cursor", "is none that was given out here")
            after = (pages.moment_of(parts[0]), parts[1])

        def load(connection: Connection) -> list[CommentView] | None:
            if post_id is not None:
                post = post_rows.get(connection, self._site.blog_id, post_id)
                if post is None or post.status is PostStatus.DELETED:
                    return None
            return comment_rows.list_page(
                connection,
                self._site.blog_id,
                post_id,
                status=CommentStatus(status) if status else None,
                after=after,
                limit=size + 1,
            )

        found = await self._site.store.read(load)
        if found is None:
            raise ProblemError(404, "there is no such post")
        return json(
            pages.page(
                found,
                size,
                lambda view: [view.comment.published_at.isoformat(), view.comment.id],
                lambda view: comment_json(self._site, view),
                self._site.settings.page_bytes,
            )
        )

    async def _shown(self, comment_id: str) -> dict[str, Any]:
        view = await self._site.store.read(comment_rows.view, self._site.blog_id, comment_id)
        if view is None:
            raise ProblemError(404, "there is no such comment")
        return comment_json(self._site, view)


def comment_json(site: Site, view: CommentView) -> dict[str, Any]:
    """A comment as the API shows it."""
    comment = view.comment
    page = site.addresses.comment_page(view.path, comment.id)
    parent = view.parent_uri or site.addresses.post(comment.post_id or "")
    return {
        "id": comment.id,
        "activitypub_id": comment.uri,
        "post": comment.post_id,
        "author": _writer(site, view),
        "content": comment.content_html,
        "summary": comment.summary,
        "sensitive": comment.sensitive,
        "language": comment.language,
        "url": comment.url if comment.actor_uri is not None else page,
        "page": page,
        "in_reply_to": parent,
        "depth": comment.depth,
        "status": comment.status.value,
        "attachments": orjson.loads(comment.attachments),
        "media_status": _media_status(site, comment),
        "poll": orjson.loads(comment.poll) if comment.poll else None,
        "quotes": orjson.loads(comment.quotes) if comment.quotes else [],
        "emojis": orjson.loads(comment.emojis) if comment.emojis else [],
        "published": stamp(comment.published_at),
        "updated": stamp(comment.edited_at) if comment.edited_at else None,
    }


def _media_status(site: Site, comment: Comment) -> str | None:
    """Whether readers see the pictures of a comment; None where it has none."""
    if not any(item.is_picture for item in attachments(comment.attachments)):
        return None
    if comment.media_status is not None:
        return comment.media_status
    return "approved" if site.settings.comment_pictures == "shown" else "held"


def _writer(site: Site, view: CommentView) -> dict[str, str]:
    comment, addresses = view.comment, site.addresses
    if comment.actor_uri is not None:
        handle = f"@{view.actor_handle}@{view.actor_host}" if view.actor_handle else ""
        return {
            "name": view.actor_name or view.actor_handle or comment.actor_uri,
            "handle": handle,
            "url": view.actor_url or comment.actor_uri,
            "avatar": view.actor_avatar_url,
        }
    if comment.author_id is not None:
        return {
            "name": view.author_name,
            "handle": f"@{addresses.acct(view.author_handle)}",
            "url": addresses.author_page(view.author_handle),
            "avatar": addresses.media(view.author_avatar) if view.author_avatar else "",
        }
    return {"name": comment.guest_name or "", "handle": "", "url": comment.url, "avatar": ""}
