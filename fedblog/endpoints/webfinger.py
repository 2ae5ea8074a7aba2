"""WebFinger (RFC 7033) and host-meta (RFC 6415): from a handle or an address to an actor."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.activitystreams.json import dump
from fedblog.activitystreams.vocabulary import ACTIVITY_JSON
from fedblog.activitystreams.writing_actors import READERS_NAME, instance_name
from fedblog.domain.addresses import BLOG, INSTANCE, READERS, Addresses
from fedblog.endpoints.caching import cache_tags
from fedblog.endpoints.negotiation import json_error
from fedblog.endpoints.queries import Pairs, Query, QueryRoute, Values
from fedblog.publishing.site import Site
from fedblog.storage import authors as author_rows
from fedblog.storage.changes import Change

_SELF = "self"
PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
MAX_RESOURCE = 2048
_OPEN = {"access-control-allow-origin": "*"}


class MalformedResourceError(Exception):
    """The resource asked for is neither a handle nor an address."""


@dataclass(frozen=True, slots=True)
class Named:
    """A local actor as asked for: its owner key, its WebFinger name and its page."""

    owner: str
    name: str
    page: str


def _error(status: int, detail: str) -> Response:
    response = json_error(status, detail)
    response.headers.update(_OPEN)
    return response


class WebFinger:
    """Answers /.well-known/webfinger."""

    def __init__(self, site: Site) -> None:
        self._site = site
        addresses = site.addresses
        self._hosts = {addresses.host.lower(), addresses.handle_host.lower()}
        home = addresses.page("/")
        self._fixed = {
            BLOG: Named(BLOG, addresses.handle, home),
            READERS: Named(READERS, READERS_NAME, home),
            INSTANCE: Named(INSTANCE, instance_name(addresses), home),
        }

    async def __call__(self, request: Request) -> Response:
        """Answer one request: 400 without exactly one readable resource, 404 for others'."""
        given = request.query_params.getlist("resource")
        if len(given) != 1 or not given[0] or len(given[0]) > MAX_RESOURCE:
            return _error(400, "one resource is needed, such as resource=acct:name@host")
        try:
            named = await self._find(given[0])
        except MalformedResourceError as error:
            return _error(400, str(error))
        if named is None:
            return _error(404, "nobody here has that name")
        change = Change("blog") if named.owner in self._fixed else Change("author", named.owner)
        cache_tags(request.scope, change)
        document = describe(named, self._site.addresses, request.query_params.getlist("rel"))
        return Response(dump(document), 200, _OPEN, media_type="application/jrd+json")

    async def _find(self, resource: str) -> Named | None:
        scheme, colon, rest = resource.partition(":")
        if not colon or "@" in scheme:
            scheme, rest = "acct", resource
        scheme = scheme.lower()
        if scheme == "acct":
            return await self._by_handle(rest)
        if scheme in ("http", "https"):
            return await self._by_address(resource)
        if not scheme.replace("+", "").replace("-", "").replace(".", "").isalnum():
            raise MalformedResourceError("the resource is neither a handle nor an address")
        return None

    async def _by_handle(self, handle: str) -> Named | None:
        name, _, host = unquote(handle).removeprefix("@").lower().rpartition("@")
        if not name or not host or "@" in name or "/" in host or not (name + host).isprintable():
            raise MalformedResourceError("a handle is written acct:name@host")
        if host not in self._hosts:
            return None
        return await self._by_name(name)

    async def _by_name(self, name: str) -> Named | None:
        for owner in (BLOG, READERS):
            if self._fixed[owner].name == name:
                return self._fixed[owner]
        if not name.isprintable():  # PostgreSQL cannot look for a NUL
            return None
        author = await self._site.store.read(author_rows.by_handle, self._site.blog_id, name)
        if author is None:
            return self._fixed[INSTANCE] if name == self._fixed[INSTANCE].name else None
        return Named(author.id, author.handle, self._site.addresses.author_page(author.handle))

    async def _by_address(self, address: str) -> Named | None:
        try:
            parts = urlsplit(address)
        except ValueError:
            raise MalformedResourceError("the address cannot be read") from None
        if not parts.hostname:
            raise MalformedResourceError("the address has no host")
        local = self._site.addresses.parse(address)
        if local is not None and local.kind == "author":
            return await self._by_name(local.key)
        if local is None or local.kind != "actor":
            return None
        return await self._by_owner(local.key)

    def canonical(self, values: Values) -> Pairs:
        """The query of a request in its one form: a name and a page can be written in many ways,
        and of the relations two are known here."""
        resources = values.get("resource", [])
        if len(resources) != 1 or len(resources[0]) > MAX_RESOURCE:
            return ()
        pairs = [("resource", self._canonical_resource(resources[0]))]
        if asked := values.get("rel"):
            known = {rel for rel in asked if rel in (_SELF, PROFILE_PAGE)}
            pairs += [("rel", rel) for rel in known or {""}]
        return pairs

    def _canonical_resource(self, resource: str) -> str:
        scheme, colon, rest = resource.partition(":")
        if not colon or "@" in scheme:
            scheme, rest = "acct", resource
        if scheme.lower() == "acct":
            return "acct:" + quote(unquote(rest).removeprefix("@").lower(), safe="@")
        addresses = self._site.addresses
        local = addresses.parse(resource)
        if local is not None and local.kind == "author":
            return addresses.author_page(local.key)
        if local is None or local.kind != "actor":
            return resource
        return addresses.actor(local.key)

    async def _by_owner(self, owner: str) -> Named | None:
        if owner in self._fixed:
            return self._fixed[owner]
        found = await self._site.store.read(author_rows.find, [owner])
        if (author := found.get(owner)) is None:
            return None
        return Named(author.id, author.handle, self._site.addresses.author_page(author.handle))


def describe(named: Named, addresses: Addresses, relations: list[str]) -> dict[str, Any]:
    """The JSON resource descriptor of an actor; *relations* choose among its links (RFC 7033,
    section 4.3)."""
    actor = addresses.actor(named.owner)
    links = [
        {"rel": _SELF, "type": ACTIVITY_JSON, "href": actor},
        {"rel": PROFILE_PAGE, "type": "text/html", "href": named.page},
    ]
    # The home page is the blog's own: asked for by it, nobody else is answered.
    is_own_page = named.owner not in (READERS, INSTANCE)
    return {
        "subject": f"acct:{addresses.acct(named.name)}",
        "aliases": [actor, named.page] if is_own_page else [actor],
        "links": [link for link in links if not relations or link["rel"] in relations],
    }


def routes(site: Site) -> list[BaseRoute]:
    """The routes of WebFinger and host-meta."""
    template = f"{site.addresses.base_url}/.well-known/webfinger?resource={{uri}}"
    as_xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" template="{template}"/>\n'
        "</XRD>\n"
    )
    finger = WebFinger(site)
    asked = Query(frozenset({"resource", "rel"}), finger.canonical)
    as_json = dump({"links": [{"rel": "lrdd", "template": template}]})

    async def host_meta(request: Request) -> Response:
        cache_tags(request.scope, Change("blog"))
        return Response(as_xml, 200, _OPEN, media_type="application/xrd+xml")

    async def host_meta_json(request: Request) -> Response:
        cache_tags(request.scope, Change("blog"))
        return Response(as_json, 200, _OPEN, media_type="application/jrd+json")

    return [
        QueryRoute("/.well-known/webfinger", finger.__call__, query=asked, name="webfinger"),
        Route("/.well-known/host-meta", host_meta, name="host-meta"),
        Route("/.well-known/host-meta.json", host_meta_json, name="host-meta json"),
    ]
