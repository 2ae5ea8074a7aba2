"""/api/v1/followers, deliveries, blocks and reports: the blog among other servers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams.writing import stamp
from fedblog.api import bodies, pages
from fedblog.api.endpoint import Call, Endpoint, json
from fedblog.api.problems import FieldProblem, ProblemError, invalid
from fedblog.domain.block import Block
from fedblog.domain.ids import is_id
from fedblog.publishing import moderation
from fedblog.publishing.site import Site
from fedblog.remote import askings
from fedblog.remote.errors import RemoteError
from fedblog.storage import blocks, deliveries, hosts, network, posts, reports, slices
from fedblog.storage.cutting_off import CUT_OFF
from fedblog.storage.deliveries import DeliveryReport
from fedblog.storage.hosts import Host
from fedblog.storage.inboxes import authority_of
from fedblog.storage.lifting import LIFT, Lifted
from fedblog.storage.network import FollowerView
from fedblog.storage.reports import ReportView
from fedblog.storage.slices import Progress


class BlockModel(BaseModel):
    """Whom to block: a domain, or one actor; *confirm* where that would cut off very much."""

    model_config = ConfigDict(extra="forbid", strict=True)

    domain: str | None = Field(None, max_length=255)
    actor: str | None = Field(None, max_length=2000)
    confirm: bool = False


def routes(site: Site) -> list[BaseRoute]:
    """The routes of followers, deliveries, blocks and reports."""
    api = _Network(site)
    return [
        Route("/api/v1/followers", Endpoint(site, {"GET": api.followers})),
        Route("/api/v1/deliveries", Endpoint(site, {"GET": api.deliveries})),
        Route("/api/v1/blocks", Endpoint(site, {"GET": api.blocks, "POST": api.block})),
        Route("/api/v1/blocks/{id}", Endpoint(site, {"DELETE": api.unblock})),
        Route("/api/v1/reports", Endpoint(site, {"GET": api.reports})),
    ]


class _Network:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def followers(self, call: Call) -> Response:
        size = pages.limit(call)
        parts = pages.cursor(call, 3)
        after = (pages.moment_of(parts[0]), parts[1], parts[2]) if parts else None
        found = await self._site.store.read(
            network.list_followers, self._site.blog_id, after=after, limit=size + 1
        )
        return json(
            pages.page(
                found,
                size,
                lambda item: [item.created_at.isoformat(), item.actor_uri, item.owner],
                lambda item: _follower_json(self._site, item),
                self._site.settings.page_bytes,
            )
        )

    async def deliveries(self, call: Call) -> Response:
        size = pages.limit(call)
        post_id = call.query("post")
        if not post_id:
            raise invalid("post", "is needed: the id of a post")
        place = None
        if (parts := pages.cursor(call, 2)) is not None:
            activity_id, inbox_id = parts
            is_number = inbox_id.isascii() and inbox_id.isdigit() and len(inbox_id) <= 18
            if not is_id(activity_id) or not is_number:
                raise invalid("cursor", "is none that was given out here")
            place = f"{activity_id}.{inbox_id}"

        def load(
            connection: Connection,
        ) -> tuple[list[DeliveryReport], str | None, dict[str, Host]] | None:
            if not is_id(post_id) or posts.get(connection, self._site.blog_id, post_id) is None:
                return None
            found, following = deliveries.for_post(connection, post_id, place, size)
            names = {authority_of(item.inbox) for item in found}
            return found, following, hosts.find(connection, names)

        found = await self._site.store.read(load)
        if found is None:
            raise ProblemError(404, "there is no such post")
        items, following, known = found
        return json(
            {
                "items": [
                    _delivery_json(self._site, item, known.get(authority_of(item.inbox)))
                    for item in items
                ],
                "next": pages.encoded(following.split(".")) if following else None,
            }
        )

    async def blocks(self, call: Call) -> Response:
        size = pages.limit(call)

        def load(connection: Connection) -> tuple[list[Block], dict[str, Progress]]:
            found = blocks.list_page(
                connection, self._site.blog_id, after=pages.id_cursor(call), limit=size + 1
            )
            return found, slices.progress(connection, CUT_OFF, [item.id for item in found])

        found, progress = await self._site.store.read(load)
        return json(
            pages.page(
                found,
                size,
                lambda item: [item.id],
                lambda item: _block_json(item, progress.get(item.id)),
                self._site.settings.page_bytes,
            )
        )

    async def block(self, call: Call) -> Response:
        _, given = await bodies.read_json(call.request, self._site.settings)
        asked = bodies.validated(BlockModel, given)
        if (asked.domain is None) == (asked.actor is None):
            message = "takes either domain or actor"
            problems = [FieldProblem("domain", message), FieldProblem("actor", message)]
            raise ProblemError(422, f"domain, actor: {message}", problems)
        if asked.domain is not None:
            made = await moderation.block_domain(self._site, asked.domain, confirmed=asked.confirm)
        else:
            made = await moderation.block_actor(self._site, await self._actor(asked.actor or ""))
        progress = await self._site.store.read(slices.progress, CUT_OFF, [made.id])
        document = _block_json(made, progress.get(made.id))
        return json(document, 201, {"Location": f"/api/v1/blocks/{made.id}"})

    async def unblock(self, call: Call) -> Response:
        lifted = await moderation.unblock(self._site, call.id)
        progress = await self._site.store.read(slices.progress, LIFT, [call.id])
        return json(_lifted_json(call.id, lifted, progress.get(call.id)))

    async def reports(self, call: Call) -> Response:
        size = pages.limit(call)
        found = await self._site.store.read(
            reports.list_page, self._site.blog_id, before=pages.id_cursor(call), limit=size + 1
        )
        return json(
            pages.page(
                found, size, lambda item: [item.id], _report_json, self._site.settings.page_bytes
            )
        )

    async def _actor(self, text: str) -> str:
        """The id of the actor in *text*; a handle (``@name@host``) is looked up on its server."""
        name = text.strip().removeprefix("@")
        if "://" in name or "@" not in name:
            return text
        try:
            with askings.on_behalf_of(askings.OURSELVES):
                return (await self._site.actors.resolve_handle(name)).uri
        except RemoteError as error:
            raise invalid("actor", f"cannot be looked up: {error}") from None


def _follower_json(site: Site, item: FollowerView) -> dict[str, Any]:
    return {
        "actor": item.actor_uri,
        "name": item.name or item.handle or item.actor_uri,
        "handle": f"@{item.handle}@{item.host}" if item.handle else "",
        "url": item.url,
        "avatar": item.avatar_url,
        "follows": site.addresses.actor(item.owner),
        "created_at": stamp(item.created_at),
    }


def _delivery_json(site: Site, item: DeliveryReport, host: Host | None) -> dict[str, Any]:
    silent_days = host.failures if host is not None else 0
    return {
        "activity": site.addresses.activity(item.activity_id),
        "type": item.activity_type,
        "inbox": item.inbox,
        "host": item.host,
        "state": item.state,
        "attempts": item.attempts,
        "last_status": item.last_status,
        "last_error": item.last_error,
        "next_attempt_at": stamp(item.next_attempt_at) if item.next_attempt_at else None,
        "delivered_at": stamp(item.delivered_at) if item.delivered_at else None,
        "silent_days": silent_days,
        "parked": silent_days >= site.settings.silent_days,
    }


def _block_json(block: Block, progress: Progress | None) -> dict[str, Any]:
    whom = {"domain": block.domain} if block.domain is not None else {"actor": block.actor_uri}
    return {
        "id": block.id,
        **whom,
        "created_at": stamp(block.created_at),
        "state": "done" if progress is None else "at_work",
        "progress": None if progress is None else progress.rows,
    }


def _lifted_json(block_id: str, lifted: Lifted, progress: Progress | None) -> dict[str, Any]:
    people = "1 person" if lifted.followers == 1 else f"{lifted.followers} people"
    return {
        "id": block_id,
        "comments": lifted.comments,
        "reactions": lifted.reactions,
        "followers": lifted.followers,
        "message": f"{people} followed before; they come back only by following again"
        if lifted.followers
        else "nobody who was blocked followed before",
        "state": "done" if progress is None else "at_work",
    }


def _report_json(item: ReportView) -> dict[str, Any]:
    return {
        "id": item.id,
        "activitypub_id": item.activity_uri,
        "actor": item.actor_uri,
        "reporter": {
            "name": item.actor_name or item.actor_handle or item.actor_uri,
            "handle": f"@{item.actor_handle}@{item.actor_host}" if item.actor_handle else "",
        },
        "objects": list(item.objects),
        "content": item.content,
        "created_at": stamp(item.created_at),
    }
