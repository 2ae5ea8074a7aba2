"""Authorizations to interact at their addresses, where other servers verify them (FEP-044f,
FEP-7aa9, GoToSocial's interaction controls).

One that was taken back, or that is about something no longer public, answers 410; what was never
granted answers 404, as if it were not there.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams import writing
from fedblog.activitystreams import writing_authorizations as authorizations
from fedblog.domain.ids import is_id
from fedblog.endpoints.caching import cache_tags
from fedblog.endpoints.negotiation import activity_json, json_error
from fedblog.endpoints.objects import guarded
from fedblog.publishing.site import Site
from fedblog.storage import authorizations as rows
from fedblog.storage.changes import Change


def routes(site: Site) -> list[BaseRoute]:
    """The route of authorizations."""

    async def authorization(request: Request) -> Response:
        id_ = request.path_params["authorization_id"]
        found = await site.store.read(rows.published, site.blog_id, id_) if is_id(id_) else None
        if found is None:
            return json_error(404, "there is no such authorization")
        item, stands = found
        if not stands:
            uri = site.addresses.authorization(item.id)
            when = item.decided_at or item.created_at
            gone = writing.tombstone(uri, item.interaction.authorization, when)
            return activity_json(gone, status=410)
        tags = [Change("authorization", item.id)]
        if item.post_id is not None:
            tags += [Change("post", item.post_id), Change("comments", item.post_id)]
        cache_tags(request.scope, *tags)
        document = authorizations.authorization(item, site.addresses)
        return activity_json({"@context": authorizations.CONTEXT, **document})

    path = "/ap/authorizations/{authorization_id}"
    return [Route(path, guarded(authorization), name="authorization")]
