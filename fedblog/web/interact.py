"""The way from a page to the reader's own server: to follow, reply, like or boost from there.

A reader names their account; its server says by WebFinger where such things are done
(`remote/intents.py`), and the browser is sent there. Nothing is kept. Where a server names a place
on another host than the account's, the reader is told that host first (S13: no open redirect).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from fedblog.domain.origins import client_network, counted_host
from fedblog.domain.rates import TokenBuckets
from fedblog.endpoints.queries import QueryRoute, first_of
from fedblog.publishing.site import Site
from fedblog.remote import askings, intents, webfinger
from fedblog.remote.errors import (
    BlockedAddressError,
    RemoteError,
    RemoteStatusError,
    ShortError,
    UnreachableError,
    WrongDocumentError,
)
from fedblog.remote.intents import Destination, NoIntentError
from fedblog.remote.webfinger import Handle
from fedblog.storage import resolving, views, views_interaction
from fedblog.storage.views_interaction import Named
from fedblog.web import answers, rendering
from fedblog.web.languages import Language, language
from fedblog.web.origin import is_from_here

_MOST_FORM = 4096
_FORM_SECONDS = 10.0
_MOST_HANDLE = 320
_MOST_ADDRESS = 2048
_PER_READER = (10.0, 20)
"""Look-ups a minute from one address (of IPv6 one /64), and at once."""
_PER_HOST = (60.0, 60)
"""Look-ups a minute at the servers of one registrable domain, by all readers together."""
_OF_OBJECTS = ("reply", "like", "boost")


@dataclass(frozen=True, slots=True)
class Target:
    """What a reader wants to do something to: *address* as it stands in our forms, *uri* as the
    reader's server knows it, and the *page* to come back to."""

    address: str
    uri: str
    page: str
    named: Named
    actions: tuple[str, ...]


class RefusedError(Exception):
    """The reader cannot be sent on; *sentence* says why, in their language."""

    def __init__(self, sentence: Markup, *, status: int = 422, retry_after: float = 0) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence
        self.status = status
        self.retry_after = retry_after


def routes(site: Site) -> list[BaseRoute]:
    """The route of the forms."""
    interact = Interact(site)
    asked = first_of("object", "action", longest=_MOST_ADDRESS)
    return [
        QueryRoute("/interact", interact.form, query=asked),
        Route("/interact", interact.go, methods=["POST"]),
    ]


class Interact:
    """Handlers over a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._readers = TokenBuckets(*_PER_READER)
        self._hosts = TokenBuckets(*_PER_HOST)

    async def form(self, request: Request) -> Response:
        """The form alone: for links to it."""
        asked = {name: request.query_params.get(name, "") for name in ("object", "action")}
        target = await self._target(asked["object"])
        return await self._page(target, _action(target, asked["action"]))

    async def go(self, request: Request) -> Response:
        """Send the reader to their own server (303), or say what is in the way; what they typed
        stays in the form."""
        base_url = self._site.addresses.base_url
        if not is_from_here(request, base_url):
            raise HTTPException(403, "the form was sent from another site")
        form = await _read(request)
        target = await self._target(form.get("object", ""))
        action = _action(target, form.get("action", ""))
        typed = form.get("handle", "").strip()[:_MOST_HANDLE]
        blog = await self._site.store.read(views.blog, self._site.blog_id)
        words = await language(blog.language, blog.time_zone)
        reader = request.client.host if request.client is not None else ""
        try:
            if action == "reply" and not target.named.takes_replies:
                raise RefusedError(words.text("Replies to this article are closed."))
            handle = self._handle(typed, words)
            self._spend(reader, handle, words)
            found = await self._destination(handle, action, target, words, reader)
        except RefusedError as refusal:
            return await self._page(target, action, typed=typed, refusal=refusal)
        if not found.is_same_host:
            return await self._page(target, action, typed=typed, found=found)
        return Response(b"", 303, {"location": found.url, "cache-control": "no-store"})

    async def _target(self, address: str) -> Target:
        """What *address*, one of ours, names; 404 where it is nothing that a reader can see."""
        site = self._site
        found = await site.store.read(resolving.one, site.addresses, site.blog_id, address)
        looks = {
            "actor": (views_interaction.actor, ("follow",)),
            "post": (views_interaction.post, _OF_OBJECTS),
            "comment": (views_interaction.comment, _OF_OBJECTS),
        }
        if found is None or found.kind not in looks:
            raise HTTPException(404)
        look, actions = looks[found.kind]
        named = await site.store.read(look, site.blog_id, found.key)
        if named is None:
            raise HTTPException(404)
        page = site.addresses.page(named.path)
        return Target(address, found.uri, page, named, actions)

    def _handle(self, typed: str, words: Language) -> Handle:
        try:
            handle = webfinger.parse_handle(typed)
        except WrongDocumentError:
            raise RefusedError(
                words.text("An account is written like this: @you@your.server")
            ) from None
        addresses = self._site.addresses
        if handle.host in (addresses.host.lower(), addresses.handle_host.lower()):
            raise RefusedError(
                words.text("That is an account of this blog. Use one on another server.")
            )
        return handle

    def _spend(self, reader: str, handle: Handle, words: Language) -> None:
        asked = counted_host(handle.host)
        wait = self._readers.take(client_network(reader)) or self._hosts.take(asked)
        if wait:
            sentence = words.text("That was tried too often. Wait a minute and try again.")
            raise RefusedError(sentence, status=429, retry_after=wait)

    async def _destination(
        self, handle: Handle, action: str, target: Target, words: Language, reader: str
    ) -> Destination:
        settings = self._site.settings
        host = handle.host
        try:
            with askings.on_behalf_of(askings.of_client(reader)):
                found = await intents.look_up(self._site.client, handle, settings=settings)
            return intents.destination(
                found,
                action,
                object_uri=target.uri,
                page=target.page,
                allow_private=settings.allow_private_network,
            )
        except ShortError as error:
            sentence = words.text("That was tried too often. Wait a minute and try again.")
            raise RefusedError(sentence, status=429, retry_after=error.retry_after) from None
        except BlockedAddressError:
            sentence = words.text("%(host)s is not a server of the public internet.", host=host)
        except NoIntentError:
            sentence = words.text(
                "%(host)s does not say where this is done there. "
                "Put the address below into its search instead.",
                host=host,
            )
        except RemoteStatusError as error:
            if error.status in (404, 410):
                sentence = words.text("%(host)s does not know this account.", host=host)
            else:
                sentence = words.text(
                    "%(host)s answered with an error. Try again later.", host=host
                )
        except UnreachableError:
            sentence = words.text("%(host)s does not answer. Is it written right?", host=host)
        except RemoteError:
            sentence = words.text(
                "%(host)s does not answer as a server of the fediverse would.", host=host
            )
        raise RefusedError(sentence)

    async def _page(
        self,
        target: Target,
        action: str,
        *,
        typed: str = "",
        refusal: RefusedError | None = None,
        found: Destination | None = None,
    ) -> Response:
        site = self._site
        blog = await site.store.read(views.blog, site.blog_id)
        html = await rendering.render(
            "interact.html",
            blog,
            site.addresses,
            target=target,
            action=action,
            typed=typed,
            error=refusal.sentence if refusal is not None else "",
            found=found,
        )
        headers = {"cache-control": "no-store"}
        if refusal is not None and refusal.retry_after:
            headers["retry-after"] = str(max(1, round(refusal.retry_after)))
        return answers.page(
            html,
            base_url=site.addresses.base_url,
            status=refusal.status if refusal is not None else 200,
            headers=headers,
        )


def _action(target: Target, asked: str) -> str:
    return asked if asked in target.actions else target.actions[0]


async def _read(request: Request) -> Mapping[str, str]:
    """The fields of a form, read within bounds."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = bytearray()
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_FORM:
                    raise HTTPException(413)
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=8))
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(408) from None
    except ValueError:
        raise HTTPException(400) from None
