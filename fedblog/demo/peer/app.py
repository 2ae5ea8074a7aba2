"""The peer's HTTP side: what it answers to servers, to people, and to the demo that directs it."""

import functools
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from fedblog.demo.peer.acting import Acting, ActingError
from fedblog.demo.peer.documents import CONTEXT, Documents, plain
from fedblog.demo.peer.fetching import ACTIVITY, FetchError
from fedblog.demo.peer.inbox import Inbox
from fedblog.demo.peer.people import PEOPLE, find, portrait
from fedblog.demo.peer.records import Records

_LIMIT = 1 << 20
_STYLE = (
    "body{font:18px/1.6 Georgia,serif;max-width:40rem;margin:3rem auto;padding:0 1rem;"
    "color:#222;background:#fbfaf7}img{border-radius:50%;vertical-align:middle}"
    "article{border-top:1px solid #ddd;padding:1rem 0}small{color:#666}a{color:#1f4e5f}"
)


class Pages:
    """The handlers, over one set of records."""

    def __init__(self, base_url: str, database: Path, secret: str) -> None:
        self.records = Records(database)
        self._documents = Documents(base_url)
        self._acting = Acting(self.records, self._documents)
        self._inbox = Inbox(self.records, self._documents, self._acting)
        self._secret = secret
        self._portraits = {person.name: portrait(person) for person in PEOPLE}

    async def webfinger(self, request: Request) -> Response:
        """``acct:name@host`` and actor addresses of our people (RFC 7033)."""
        resource = request.query_params.get("resource", "")
        for person in PEOPLE:
            if resource in (
                f"acct:{person.name}@{self._documents.host}",
                self._documents.actor_id(person.name),
            ):
                return JSONResponse(
                    self._documents.webfinger(person), media_type="application/jrd+json"
                )
        return JSONResponse({"error": "nobody of that name"}, 404)

    async def person(self, request: Request) -> Response:
        """An actor."""
        person = find(request.path_params["name"])
        if person is None:
            return JSONResponse({"error": "nobody of that name"}, 404)
        row = await self._row("SELECT public_pem FROM people WHERE name = ?", person.name)
        return _activity(self._documents.person(person, row["public_pem"] if row else ""))

    async def note(self, request: Request) -> Response:
        """A note; 410 with a Tombstone when it was deleted."""
        uri = f"{self._documents.base_url}/users/{request.path_params['name']}"
        uri += f"/notes/{request.path_params['number']}"
        row = await self._row("SELECT * FROM notes WHERE id = ?", uri)
        if row is None:
            return JSONResponse({"error": "no such note"}, 404)
        document = {"@context": CONTEXT, **self._documents.note(row)}
        return _activity(document, 410 if row["deleted_at"] else 200)

    async def collection(self, request: Request) -> Response:
        """Outbox, followers and following: their size is nobody's business here."""
        uri = f"{self._documents.base_url}{request.url.path}"
        return _activity(
            {
                "@context": CONTEXT,
                "id": uri,
                "type": "OrderedCollection",
                "totalItems": 0,
                "orderedItems": [],
            }
        )

    async def portrait(self, request: Request) -> Response:
        """A person's picture."""
        content = self._portraits.get(request.path_params["name"])
        if content is None:
            return Response(status_code=404)
        return Response(content, media_type="image/png", headers={"cache-control": "max-age=3600"})

    async def inbox(self, request: Request) -> Response:
        """A delivery for one person or for all of them."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LIMIT:
                return Response(status_code=413)
        status = await to_thread.run_sync(
            self._inbox.take, request.url.path, dict(request.headers), body
        )
        return Response(status_code=status)

    async def home(self, request: Request) -> Response:
        """A plain page: who lives here and what arrived."""
        objects = await self._rows("SELECT * FROM objects WHERE deleted_at IS NULL ORDER BY rowid")
        people = "".join(
            f'<p><img src="/avatars/{person.name}.png" width="48" alt=""> '
            f'<a href="/@{person.name}">{escape(person.display_name)}</a><br>'
            f"<small>{escape(person.bio)}</small></p>"
            for person in PEOPLE
        )
        arrived = "".join(
            f'<article><a href="{escape(row["url"] or row["id"])}">'
            f"{escape(row['name'] or plain(row['content'] or '')[:80])}</a><br>"
            f"<small>{escape(row['type'])} by {escape(row['author'])}</small></article>"
            for row in objects
        )
        return _page("A small server", f"{people}<h2>What arrived here</h2>{arrived}")

    async def profile(self, request: Request) -> Response:
        """A person's page with what the person wrote."""
        person = find(request.path_params["name"])
        if person is None:
            return _page("Nobody of that name", "", 404)
        notes = await self._rows(
            "SELECT * FROM notes WHERE person = ? AND deleted_at IS NULL ORDER BY published DESC",
            person.name,
        )
        body = f'<p><img src="/avatars/{person.name}.png" width="96" alt=""> '
        body += f"{escape(person.bio)}</p>" + "".join(map(_note_html, notes))
        return _page(person.display_name, body)

    async def note_page(self, request: Request) -> Response:
        """A note for people to read."""
        uri = f"{self._documents.actor_id(request.path_params['name'])}/notes/"
        row = await self._row(
            "SELECT * FROM notes WHERE id = ?", uri + request.path_params["number"]
        )
        if row is None or row["deleted_at"]:
            return _page("No such note", "", 404)
        return _page(f"A note by {row['person']}", _note_html(row))

    async def control(self, request: Request) -> Response:
        """Make a person act: ``POST /control/ACTION`` with a JSON object and the secret."""
        given = request.headers.get("authorization", "")
        if not self._secret or not hmac.compare_digest(given, f"Bearer {self._secret}"):
            return JSONResponse({"error": "the secret is wrong"}, 401)
        actions: dict[str, Callable[..., dict[str, Any]]] = {
            name: getattr(self._acting, name)
            for name in ("resolve", "follow", "reply", "like", "boost", "undo", "edit", "delete")
        }
        action = actions.get(request.path_params["action"])
        if action is None:
            return JSONResponse({"error": "no such action"}, 404)
        try:
            arguments = await request.json()
            result = await to_thread.run_sync(functools.partial(action, **arguments))
        except (FetchError, ActingError) as error:
            return JSONResponse({"error": str(error)}, 502)
        except (TypeError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(result)

    async def _row(self, query: str, *values: str) -> dict[str, Any] | None:
        return await to_thread.run_sync(self.records.row, query, values)

    async def _rows(self, query: str, *values: str) -> list[dict[str, Any]]:
        return await to_thread.run_sync(self.records.rows, query, values)


def build(base_url: str, database: Path, secret: str) -> Starlette:
    """The peer's application."""
    pages = Pages(base_url, database, secret)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        pages.records.close()

    def route(
        path: str, handler: Callable[[Request], Awaitable[Response]], method: str = "GET"
    ) -> Route:
        return Route(path, handler, methods=[method])

    return Starlette(
        routes=[
            route("/", pages.home),
            route("/.well-known/webfinger", pages.webfinger),
            route("/inbox", pages.inbox, "POST"),
            route("/users/{name}", pages.person),
            route("/users/{name}/inbox", pages.inbox, "POST"),
            route("/users/{name}/notes/{number}", pages.note),
            route("/users/{name}/{collection:str}", pages.collection),
            route("/avatars/{name}.png", pages.portrait),
            route("/control/{action}", pages.control, "POST"),
            route("/@{name}", pages.profile),
            route("/@{name}/{number}", pages.note_page),
        ],
        lifespan=lifespan,
    )


def _activity(document: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(document, status, media_type=ACTIVITY)


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>",
        status,
    )


def _note_html(row: dict[str, Any]) -> str:
    return (
        f"<article><p>{escape(row['content'])}</p><small>{escape(row['published'])}, in reply to "
        f'<a href="{escape(row["in_reply_to"])}">{escape(row["in_reply_to"])}</a></small></article>'
    )
