"""The objects that other servers fetch by their ids: posts, local comments, activities.

What was published once never answers 404 (Mastodon would delete its copy): 410 when it is deleted,
503 when the database is in trouble. What was never public answers 404, as if it were not there
(security case S30).
"""

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from fedblog.activitystreams import writing
from fedblog.activitystreams.documents import Mention
from fedblog.activitystreams.json import dump
from fedblog.activitystreams.vocabulary import ACTIVITY_JSON
from fedblog.activitystreams.writing_collections import EMBEDDED_REPLIES
from fedblog.domain.ids import is_id
from fedblog.endpoints.caching import cache_tags
from fedblog.endpoints.negotiation import activity_json, json_error
from fedblog.endpoints.trouble import note, trouble_of
from fedblog.publishing.site import Site
from fedblog.storage import blogs as blog_rows
from fedblog.storage import documents, public_activities
from fedblog.storage.changes import Change
from fedblog.storage.documents import Reception
from fedblog.storage.errors import StorageError
from fedblog.storage.public_activities import ActivityDocument

Endpoint = Callable[[Request], Awaitable[Response]]


def guarded(endpoint: Endpoint) -> Endpoint:
    """*endpoint*, answering 503 where the database fails."""

    async def guarding(request: Request) -> Response:
        try:
            return await endpoint(request)
        except StorageError as error:
            note(request.scope["path"], error)
            trouble = trouble_of(error)
            response = json_error(trouble.status, trouble.detail)
            response.headers["retry-after"] = str(trouble.retry_after)
            return response

    return guarding


async def post_answer(site: Site, scope: Scope, post_id: str) -> Response:
    """The post *post_id* as an Article, or what is left of it."""
    found = None
    if is_id(post_id):
        found = await site.store.read(documents.post, site.blog_id, post_id, EMBEDDED_REPLIES)
    if found is None:
        return json_error(404, "there is no such post")
    post = found.post
    if found.reception is None:
        assert post.deleted_at is not None
        gone = writing.tombstone(site.addresses.post(post.id), "Article", post.deleted_at)
        return activity_json(gone, status=410)
    blog = await site.store.read(blog_rows.get, site.blog_id)
    item = writing.article(
        post, blog, site.addresses, found.pictures, counts=_counts(found.reception)
    )
    cache_tags(
        scope,
        Change("post", post.id),
        Change("comments", post.id),
        Change("reactions", post.id),
        *(Change("author", byline.author_id) for byline in post.bylines if byline.author_id),
    )
    return activity_json(item)


async def comment_answer(site: Site, scope: Scope, comment_id: str) -> Response:
    """The comment *comment_id* as a Note, where it was written here, or what is left of it."""
    found = None
    if is_id(comment_id):
        found = await site.store.read(documents.comment, site.blog_id, comment_id, EMBEDDED_REPLIES)
    if found is None:
        return json_error(404, "there is no such comment")
    comment = found.comment
    if found.reception is None:
        when = comment.deleted_at or comment.edited_at or comment.published_at
        return activity_json(writing.tombstone(comment.uri, "Note", when), status=410)
    answered = found.answered
    mentions = []
    if answered is not None:
        mentions.append(Mention(answered.actor_uri, f"@{answered.handle}@{answered.host}"))
    also_to = []
    if comment.author_id is not None:
        also_to.append(site.addresses.collection(comment.author_id, "followers"))
    item = writing.note_for_comment(
        comment,
        site.addresses,
        found.path,
        mentions=mentions,
        also_to=also_to,
        counts=_counts(found.reception),
    )
    assert comment.post_id is not None
    cache_tags(
        scope,
        Change("post", comment.post_id),
        Change("comments", comment.post_id),
        Change("reactions", comment.post_id),
    )
    return activity_json(item)


def activity_bytes(found: ActivityDocument) -> bytes:
    """An activity as it was sent; where it carries a text that its author has changed since, with
    the address of the object in its place."""
    if found.is_current or found.object_uri is None:
        return found.body
    return dump(orjson.loads(found.body) | {"object": found.object_uri})


def _counts(reception: Reception) -> writing.Counts:
    return writing.Counts(
        reception.replies,
        reception.likes,
        reception.shares,
        reception.first_replies.uris,
        reception.first_replies.next,
    )


def routes(site: Site) -> list[BaseRoute]:
    """The routes of objects."""

    async def post(request: Request) -> Response:
        return await post_answer(site, request.scope, request.path_params["post_id"])

    async def comment(request: Request) -> Response:
        return await comment_answer(site, request.scope, request.path_params["comment_id"])

    async def activity(request: Request) -> Response:
        activity_id = request.path_params["activity_id"]
        found = None
        if is_id(activity_id):
            found = await site.store.read(public_activities.activity, site.blog_id, activity_id)
        if found is None:
            return json_error(404, "there is no such activity")
        if not found.is_readable:
            return json_error(410, "what this was about is gone")
        if found.post_id is not None:
            tags = (Change("post", found.post_id), Change("comments", found.post_id))
            cache_tags(request.scope, *tags)
        return Response(activity_bytes(found), media_type=ACTIVITY_JSON)

    return [
        Route("/ap/posts/{post_id}", guarded(post), name="post object"),
        Route("/ap/comments/{comment_id}", guarded(comment), name="comment object"),
        Route("/ap/activities/{activity_id}", guarded(activity), name="activity"),
    ]
