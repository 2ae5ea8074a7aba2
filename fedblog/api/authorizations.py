"""/api/v1/authorizations: who may interact with what is ours, and taking it back."""

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams.writing import stamp
from fedblog.api import pages
from fedblog.api.endpoint import Call, Endpoint, empty, json
from fedblog.api.problems import invalid
from fedblog.domain.authorization import AuthorizationState
from fedblog.publishing import authorizations
from fedblog.publishing.site import Site
from fedblog.storage import authorizations as rows
from fedblog.storage.authorizations import AuthorizationView


def routes(site: Site) -> list[BaseRoute]:
    """The routes of authorizations."""
    api = _Authorizations(site)
    return [
        Route("/api/v1/authorizations", Endpoint(site, {"GET": api.list})),
        Route("/api/v1/authorizations/{id}", Endpoint(site, {"DELETE": api.revoke})),
    ]


class _Authorizations:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def list(self, call: Call) -> Response:
        size = pages.limit(call)
        found = await self._site.store.read(
            rows.list_page,
            self._site.blog_id,
            state=_state(call.query("state")),
            before=pages.id_cursor(call),
            limit=size + 1,
        )
        return json(
            pages.page(
                found,
                size,
                lambda item: [item.authorization.id],
                lambda item: _authorization_json(self._site, item),
                self._site.settings.page_bytes,
            )
        )

    async def revoke(self, call: Call) -> Response:
        await authorizations.revoke(self._site, call.id)
        return empty()


def _state(text: str | None) -> AuthorizationState | None:
    if not text:
        return None
    try:
        return AuthorizationState(text)
    except ValueError:
        raise invalid("state", "takes waiting, granted or revoked") from None


def _authorization_json(site: Site, item: AuthorizationView) -> dict[str, Any]:
    one = item.authorization
    return {
        "id": one.id,
        "activitypub_id": site.addresses.authorization(one.id),
        "type": one.interaction.authorization,
        "state": one.state.value,
        "actor": one.actor_uri,
        "name": item.name or item.handle or one.actor_uri,
        "handle": f"@{item.handle}@{item.host}" if item.handle else "",
        "object": one.object_uri,
        "target": one.target_uri,
        "created_at": stamp(one.created_at),
        "decided_at": stamp(one.decided_at) if one.decided_at else None,
    }
