"""The collections beneath actors and objects, paged by cursor.

A collection names its size and its ``first`` page. Who follows is nobody's business: ``followers``
has a first page (without one, Mastodon takes the collection, size and all, for hidden), but that
page is empty. ``likes`` and ``shares`` list the activities; ``replies`` the comments that everyone
may read, of a post all of them at any depth (peers that fetch a thread find it whole here),
``context`` the post as well (FEP-7888), ``moderators`` the authors.

A cursor is the id after which a page begins. One that no page could have ended with is 404 before
anything is read for it: there are as many as somebody cares to make up. Of likes and shares it
leads to the place before it, since the one that stood there may have been undone.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams import writing
from fedblog.activitystreams.writing_collections import EMBEDDED_REPLIES
from fedblog.activitystreams.writing_collections import replies as replies_collection
from fedblog.domain.addresses import BLOG, INSTANCE, READERS
from fedblog.domain.ids import is_id
from fedblog.domain.post import PostStatus
from fedblog.endpoints.caching import cache_tags
from fedblog.endpoints.negotiation import activity_json, json_error
from fedblog.endpoints.objects import activity_bytes, guarded
from fedblog.endpoints.queries import Pairs, Query, QueryRoute, Values
from fedblog.publishing.site import Site
from fedblog.storage import authors as author_rows
from fedblog.storage import documents, public_activities, usage
from fedblog.storage.changes import Change
from fedblog.storage.documents import Page, ReactionsName

OUTBOX_PAGE = 10
LIST_PAGE = 100
_EMPTY = ("following", "featured")

Json = dict[str, Any]
Answer = Callable[[Request, str, "Cursor"], Awaitable[Response]]
IsPlace = Callable[[str, str], Awaitable[bool]]
"""Whether a collection of whom or what is named first goes on after the id that is named second."""


def _canonical_cursor(values: Values) -> Pairs:
    if "cursor" in values:
        given = values["cursor"]
        return [("cursor", given[0] if len(given) == 1 and is_id(given[0]) else "")]
    return [("page", "1" if values["page"] in (["1"], ["true"]) else "")]


CURSOR = Query(frozenset({"page", "cursor"}), _canonical_cursor)
"""Which page of a collection: ``page=1`` or ``cursor=ID``; empty is one that cannot be."""


class Cursor:
    """Which page of a collection is asked for: none, the first (``?page=1``) or one after an id."""

    def __init__(self, request: Request) -> None:
        self.after = request.query_params.get("cursor")
        page = request.query_params.get("page")
        self.is_page = self.after is not None or page is not None
        self.is_valid = page in (None, "1", "true") and (self.after is None or is_id(self.after))

    def address(self, collection: str) -> str:
        """The address of this page of *collection*."""
        return f"{collection}?page=1" if self.after is None else _next(collection, self.after)


def _next(collection: str, cursor: str) -> str:
    return f"{collection}?cursor={cursor}"


class _Actors:
    """The collections of local actors."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def exists(self, owner: str) -> bool:
        if owner in (BLOG, READERS, INSTANCE):
            return True
        return is_id(owner) and bool(await self._site.store.read(author_rows.find, [owner]))

    async def outbox(self, request: Request, owner: str, cursor: Cursor) -> Response:
        site = self._site
        address = site.addresses.collection(owner, "outbox")
        cache_tags(request.scope, Change("post", "*"))
        if owner != BLOG:
            cache_tags(request.scope, Change("comments", "*"))
        if not cursor.is_page:
            total = await site.store.read(public_activities.count_outbox, site.blog_id, owner)
            return activity_json(
                writing.ordered_collection(address, total, first=f"{address}?page=1")
            )
        found, following = await site.store.read(
            public_activities.outbox,
            site.blog_id,
            owner,
            cursor.after,
            OUTBOX_PAGE,
            site.settings.page_bytes,
        )
        items = [orjson.Fragment(activity_bytes(activity)) for activity in found]
        return activity_json(
            writing.ordered_collection_page(
                cursor.address(address),
                address,
                items,
                next_page=_next(address, following) if following else None,
            )
        )

    async def is_in_outbox(self, owner: str, after: str) -> bool:
        site = self._site
        return await site.store.read(public_activities.is_in_outbox, site.blog_id, owner, after)

    async def followers(self, request: Request, owner: str, cursor: Cursor) -> Response:
        site = self._site
        address = site.addresses.collection(owner, "followers")
        cache_tags(request.scope, Change("followers", owner))
        if cursor.is_page:
            return activity_json(
                writing.ordered_collection_page(cursor.address(address), address, [])
            )
        total = await site.store.read(usage.count_followers, site.blog_id, owner)
        return activity_json(writing.ordered_collection(address, total, first=f"{address}?page=1"))

    async def moderators(self, request: Request) -> Response:
        """Who may post to the group (FEP-1b12, ``postingRestrictedToMods``): the authors."""
        site = self._site
        cache_tags(request.scope, Change("author", "*"))
        people = await site.store.read(author_rows.list_all, site.blog_id)
        address = site.addresses.collection(BLOG, "moderators")
        return activity_json(
            writing.ordered_collection(address, len(people))
            | {"orderedItems": [site.addresses.actor(person.id) for person in people]}
        )

    def empty(self, name: str) -> Answer:
        """A collection that nothing can come into yet: whom it follows, what it pins."""

        async def answer(request: Request, owner: str, cursor: Cursor) -> Response:
            address = self._site.addresses.collection(owner, name)
            cache_tags(request.scope, Change("blog"))
            if cursor.is_page:
                page = writing.ordered_collection_page(cursor.address(address), address, [])
                return activity_json(page)
            return activity_json(writing.ordered_collection(address, 0) | {"orderedItems": []})

        return answer


class _Objects:
    """The collections of posts and of comments written here."""

    def __init__(self, site: Site, kind: str) -> None:
        self._site = site
        self._kind = kind

    def _address(self, id_: str, name: str) -> str:
        addresses = self._site.addresses
        owner = addresses.post(id_) if self._kind == "post" else addresses.comment(id_)
        return f"{owner}/{name}"

    async def refusal(self, id_: str) -> Response | None:
        """Why there is nothing to show of the object *id_*."""
        site = self._site
        if self._kind == "comment":
            if is_id(id_) and await site.store.read(documents.is_comment_public, site.blog_id, id_):
                return None
            return json_error(404, "there is no such comment")
        state = await site.store.read(documents.post_state, site.blog_id, id_)
        if state is None:
            return json_error(404, "there is no such post")
        return json_error(410, "the post is gone") if state is PostStatus.DELETED else None

    async def is_reply(self, id_: str, after: str) -> bool:
        return await self._site.store.read(documents.is_reply, after, **self._on(id_))

    async def is_reaction(self, id_: str, after: str) -> bool:
        return await self._site.store.read(documents.is_reaction, after, **self._on(id_))

    async def place_before(self, id_: str, name: str, after: str) -> str | None:
        """Where the collection *name* goes on in place of *after*, which it does not have: a like
        with which a page ended may have been undone since. None where nothing was before it."""
        if name not in ("likes", "shares"):
            return None
        of: ReactionsName = "likes" if name == "likes" else "shares"
        found = await self._site.store.read(documents.reaction_before, of, after, **self._on(id_))
        return None if found is None else _next(self._address(id_, name), found)

    def _on(self, id_: str) -> dict[str, str]:
        return {f"{self._kind}_id": id_}

    def _tags(self, id_: str, kind: str) -> Sequence[Change]:
        if self._kind == "post":
            return Change("post", id_), Change(kind, id_)
        return Change("post", "*"), Change("comments", "*"), Change(kind, "*")

    async def replies(self, request: Request, id_: str, cursor: Cursor) -> Response:
        read = self._site.store.read
        of_post = self._kind == "post"
        address = self._address(id_, "replies")
        cache_tags(request.scope, *self._tags(id_, "comments"))
        fetch = documents.post_replies if of_post else documents.comment_replies
        page = await read(fetch, id_, cursor.after, EMBEDDED_REPLIES)
        if cursor.is_page:
            return _list_page(cursor, address, page)
        count = documents.count_replies if of_post else documents.count_comment_replies
        total = await read(count, id_)
        item = replies_collection(address, total, page.uris, next_cursor=page.next)
        return activity_json(item)

    async def context(self, request: Request, id_: str, cursor: Cursor) -> Response:
        site = self._site
        address = self._address(id_, "context")
        cache_tags(request.scope, *self._tags(id_, "comments"))
        page = await site.store.read(documents.post_replies, id_, cursor.after, EMBEDDED_REPLIES)
        if cursor.after is None:
            page = Page((site.addresses.post(id_), *page.uris), page.next)
        if cursor.is_page:
            return _list_page(cursor, address, page)
        total = 1 + await site.store.read(documents.count_replies, id_)
        item = replies_collection(address, total, page.uris, next_cursor=page.next)
        return activity_json(item | {"attributedTo": site.addresses.actor(BLOG)})

    def reactions(self, name: ReactionsName) -> Answer:
        """Likes or shares."""

        async def answer(request: Request, id_: str, cursor: Cursor) -> Response:
            read = self._site.store.read
            address = self._address(id_, name)
            cache_tags(request.scope, *self._tags(id_, "reactions"))
            on = self._on(id_)
            if not cursor.is_page:
                total = await read(documents.count_reactions, name, **on)
                return activity_json(writing.collection(address, total, first=f"{address}?page=1"))
            page = await read(
                documents.reactions_page, name, after=cursor.after, limit=LIST_PAGE, **on
            )
            return _list_page(cursor, address, page)

        return answer


def _list_page(cursor: Cursor, address: str, page: Page) -> Response:
    following = _next(address, page.next) if page.next else None
    return activity_json(
        writing.collection_page(cursor.address(address), address, page.uris, next_page=following)
    )


async def _nowhere(owner: str, after: str) -> bool:
    """For collections that have one page."""
    return False


def routes(site: Site) -> list[BaseRoute]:
    """The routes of collections."""
    of_actors = _Actors(site)
    found: list[BaseRoute] = []

    def add_actors(name: str, answer: Answer, is_place: IsPlace = _nowhere) -> None:
        async def endpoint(request: Request) -> Response:
            owner = request.path_params.get("author_id") or request.url.path.split("/")[2]
            cursor = Cursor(request)
            if not cursor.is_valid:
                return json_error(400, "there is no such page")
            if not await of_actors.exists(owner):
                return json_error(404, "there is no such actor")
            if cursor.after is not None and not await is_place(owner, cursor.after):
                return json_error(404, "there is no such page")
            return await answer(request, owner, cursor)

        for path in (BLOG, READERS, INSTANCE, "authors/{author_id}"):
            address = f"/ap/{path}/{name}"
            found.append(
                QueryRoute(address, guarded(endpoint), query=CURSOR, name=f"{path} {name}")
            )

    def add_objects(
        objects: _Objects, kind: str, name: str, answer: Answer, is_place: IsPlace
    ) -> None:
        async def endpoint(request: Request) -> Response:
            id_ = request.path_params["id"]
            cursor = Cursor(request)
            if not cursor.is_valid:
                return json_error(400, "there is no such page")
            if (refusal := await objects.refusal(id_)) is not None:
                return refusal
            if cursor.after is not None and not await is_place(id_, cursor.after):
                place = await objects.place_before(id_, name, cursor.after)
                if place is None:
                    return json_error(404, "there is no such page")
                return RedirectResponse(place, 302)
            return await answer(request, id_, cursor)

        path = f"/ap/{kind}s/{{id}}/{name}"
        found.append(QueryRoute(path, guarded(endpoint), query=CURSOR, name=f"{kind} {name}"))

    add_actors("outbox", of_actors.outbox, of_actors.is_in_outbox)
    add_actors("followers", of_actors.followers)
    for name in _EMPTY:
        add_actors(name, of_actors.empty(name))
    moderators = guarded(of_actors.moderators)
    found.append(Route("/ap/blog/moderators", moderators, name="moderators"))
    for kind in ("post", "comment"):
        objects = _Objects(site, kind)
        add_objects(objects, kind, "replies", objects.replies, objects.is_reply)
        add_objects(objects, kind, "likes", objects.reactions("likes"), objects.is_reaction)
        add_objects(objects, kind, "shares", objects.reactions("shares"), objects.is_reaction)
    of_posts = _Objects(site, "post")
    add_objects(of_posts, "post", "context", of_posts.context, of_posts.is_reply)
    return found
