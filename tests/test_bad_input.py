"""Bad input everywhere: each gets the status that the design says, in words, and changes nothing.

One table over API, inboxes, WebFinger, ActivityPub addresses and pages, against a real server on
both engines. After each request every table has as many rows as before, and the same rows except
where a request may well leave a trace (when a key was fetched, when a token was used).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import Connection, func, select
from support.people import People
from support.servers import Server
from support.waiting import PATIENCE

from fedblog.storage import tables

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
PROBLEM = "application/problem+json"
HTML = "text/html; charset=utf-8"
POSTS = "/api/v1/posts"
NAIVE = "2099-01-01T00:00:00"
KEEPS_TRACES = {"actors", "actor_keys", "hosts", "processes", "tokens"}


@dataclass
class World:
    """A server with a post and a reply; what rows of the table may name."""

    server: Server
    people: People
    post: dict[str, Any]
    comment: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)

    def reply(self, **changes: Any) -> dict[str, Any]:
        """A Create of a reply that would be taken; *changes* are made to the activity."""
        note = self.people.note("ann", self.post["activitypub_id"], "<p>More.</p>")
        return self.people.activity("Create", "ann", note, **changes)


Make = Callable[[World], tuple[bytes, dict[str, str]]]


@dataclass
class Case:
    """A request, and how it must be answered. *about* is what is wrong with it."""

    about: str
    status: int
    method: str
    path: str
    how: dict[str, Any] = field(default_factory=dict)
    """What httpx takes."""
    make: Make | None = None
    """Body and headers of what a peer sends."""
    kind: str | None = PROBLEM
    says: str = ""
    by_owner: bool = False


def api(about: str, status: int, method: str, path: str, says: str = "", **how: Any) -> Case:
    return Case(about, status, method, path, how, says=says, by_owner=True)


def ask(about: str, status: int, path: str, kind: str | None = PROBLEM) -> Case:
    return Case(about, status, "GET", path, kind=kind)


def page(about: str, status: int, path: str, method: str = "GET") -> Case:
    return Case(about, status, method, path, {"headers": {"accept": "text/html"}}, kind=HTML)


def sent(
    about: str,
    status: int,
    *,
    body: bytes | None = None,
    altered: Callable[[bytes], bytes] = lambda body: body,
    by: str = "ann",
    path: str = "/ap/inbox",
    lacks: str = "",
    changes: dict[str, Any] | None = None,
    date: timedelta | None = None,
    **signing: Any,
) -> Case:
    """A POST to an inbox: the reply that would be taken but for what is said here."""

    def make(world: World) -> tuple[bytes, dict[str, str]]:
        signed = json.dumps(world.reply(**(changes or {}))).encode() if body is None else body
        url = f"{world.server.base_url}{path.format(**world.names)}"
        how = dict(signing)
        if "key_id" in how:
            how["key_id"] = how["key_id"].format(ann=world.people.uri("ann"))
        if date is not None:
            how["date"] = datetime.now(UTC) + date
        headers = world.people.signed_headers(by, url, signed, **how)
        headers.pop(lacks, None)
        return altered(signed), headers

    return Case(about, status, "POST", path, make=make, kind=PROBLEM if status != 202 else None)


def poisoned(about: str, text: bytes) -> Case:
    """A reply with *text* (JSON) as its content."""

    def make(world: World) -> tuple[bytes, dict[str, str]]:
        activity = world.reply()
        activity["object"]["content"] = "@@"
        body = json.dumps(activity).encode().replace(b'"@@"', text)
        return body, world.people.signed_headers("ann", world.server.inbox, body)

    return Case(about, 400, "POST", "/ap/inbox", make=make)


def raw(media_type: str, body: bytes, **headers: str) -> dict[str, Any]:
    return {"content": body, "headers": {"content-type": media_type, **headers}}


JSON = "application/json"
BIG = json.dumps({"type": "Create", "content": "x" * (1 << 20)}).encode()
DEEP = b'{"type":"Create","object":' + b"[" * 40 + b"]" * 40 + b"}"
LONG = json.dumps({"type": "Create", "to": ["https://a.example/"] * 1001}).encode()
RFC_9421 = {
    "signature-input": 'sig1=("@method" "@target-uri" "content-digest");created=1;keyid="x"',
    "content-digest": "sha-256=:AAAA:",
}

CASES = [
    # --- the API: who asks
    Case("no token", 401, "GET", POSTS),
    Case("no token, a write", 401, "POST", POSTS, {"json": {"title": "T", "content": "C"}}),
    Case("token of nobody", 401, "GET", POSTS, {"headers": {"authorization": "Bearer x"}}),
    Case("another scheme", 401, "GET", POSTS, {"headers": {"authorization": "Basic eDp5"}}),
    # --- the API: bytes
    api("no body", 400, "POST", POSTS, **raw(JSON, b"")),
    api("half a body", 400, "POST", POSTS, **raw(JSON, b'{"title": "a"')),
    api("a list", 400, "POST", POSTS, **raw(JSON, b"[]")),
    api("the same key twice", 400, "POST", POSTS, **raw(JSON, b'{"title":"a","title":"b"}')),
    api("a NUL", 400, "POST", POSTS, **raw(JSON, b'{"title":"a\\u0000","content":"x"}')),
    api("half a surrogate", 400, "POST", POSTS, **raw(JSON, b'{"title":"\\ud800","content":"x"}')),
    api("no number", 400, "POST", POSTS, **raw(JSON, b'{"title":NaN}')),
    api("no UTF-8", 400, "POST", POSTS, **raw(JSON, b'{"title":"\xff"}')),
    api("too deep", 413, "POST", POSTS, **raw(JSON, b'{"a":' * 40 + b"1" + b"}" * 40)),
    api("too large", 413, "POST", POSTS, json={"title": "T", "content": "x" * (4 << 20)}),
    api("another media type", 415, "POST", POSTS, **raw("text/plain", b"{}")),
    api("no picture", 415, "POST", "/api/v1/media", files={"file": ("a.png", b"hello")}),
    # --- the API: fields
    api("no title", 422, "POST", POSTS, "title", json={"content": "x"}),
    api("title of a number", 422, "POST", POSTS, "title", json={"title": 7, "content": "x"}),
    api("unknown field", 422, "POST", POSTS, "colour", json={"title": "T", "colour": "red"}),
    api("member voice", 422, "POST", POSTS, "voice", json={"title": "T", "voice": "member"}),
    api(
        "a time without a zone",
        422,
        "POST",
        POSTS,
        "publish_at",
        json={"title": "T", "content": "C", "status": "scheduled", "publish_at": NAIVE},
    ),
    api("unknown author", 422, "POST", POSTS, "authors", json={"title": "T", "authors": ["x"]}),
    api("cursor of nowhere", 422, "GET", f"{POSTS}?cursor=x", "cursor"),
    api("block of nothing", 422, "POST", "/api/v1/blocks", "domain", json={}),
    api("reply without words", 422, "POST", "/api/v1/comments/{comment}/reply", json={}),
    # --- the API: what is not there, or does not fit
    api("unknown post", 404, "GET", f"{POSTS}/{UNKNOWN}"),
    api("no id at all", 404, "PATCH", f"{POSTS}/%00", json={"title": "x"}),
    api("unknown comment", 404, "POST", f"/api/v1/comments/{UNKNOWN}/approve"),
    api("unknown block", 404, "DELETE", f"/api/v1/blocks/{UNKNOWN}"),
    api("back to a draft", 409, "PATCH", POSTS + "/{post}", json={"status": "draft"}),
    api(
        "a key used for another post",
        409,
        "POST",
        POSTS,
        json={"title": "Another", "content": "C"},
        headers={"idempotency-key": "used"},
    ),
    api("no such method", 405, "PUT", POSTS + "/{post}", json={"title": "T"}),
    # --- an inbox: bytes
    sent("empty", 400, body=b""),
    sent("half", 400, body=b'{"type":'),
    sent("a list", 400, body=b"[]"),
    sent("a number", 400, body=b"7"),
    sent("no UTF-8", 400, body=b"\xff\xfe{}"),
    sent("no activity", 400, body=b'{"hello": "world"}'),
    sent("nobody's", 400, changes={"actor": ...}),
    sent("without a type", 400, changes={"type": ...}),
    sent("actor that is no address", 400, changes={"actor": "ann"}),
    poisoned("a NUL", b'"\\u0000"'),
    poisoned("half a surrogate", b'"\\ud800"'),
    poisoned("no number", b"NaN"),
    poisoned("beyond all numbers", b"Infinity"),
    poisoned("a number of 400 digits", b"9" * 400),
    poisoned("the same key twice", b'"a", "content": "b"'),
    sent("too large", 413, body=BIG),
    sent("too deep", 413, body=DEEP),
    sent("too long a list", 413, body=LONG),
    sent("plain text", 415, overrides={"content-type": "text/plain"}),
    sent("a form", 415, overrides={"content-type": "application/x-www-form-urlencoded"}),
    sent("no media type", 415, lacks="content-type"),
    # --- an inbox: signatures
    sent("unsigned", 401, lacks="signature"),
    sent("altered after it was signed", 401, altered=lambda body: body + b" "),
    sent("without a digest", 401, covered=("(request-target)", "host", "date")),
    sent("without its target", 401, covered=("host", "date", "digest")),
    sent("without a date", 401, lacks="date"),
    sent("digest of another kind", 401, overrides={"digest": "SHA-512=AAAA"}),
    sent("two digests", 401, overrides={"digest": "SHA-256=AAAA,SHA-256=BBBB"}),
    sent("two hours old", 401, date=timedelta(hours=-2)),
    sent("two hours ahead", 401, date=timedelta(hours=2)),
    sent("a date that is none", 401, overrides={"date": "yesterday"}),
    sent("another algorithm", 401, algorithm="hmac-sha256"),
    sent("signed by another with her key's name", 401, by="mallory", key_id="{ann}#main-key"),
    sent("a key that is nowhere", 401, key_id="{ann}/none#main-key"),
    sent("a key on the inside", 401, key_id="http://10.0.0.1/key"),
    sent("a key that is no address", 401, key_id="file:///etc/passwd"),
    sent("RFC 9421 alone", 401, overrides=RFC_9421),
    sent("made for another inbox", 401, target="/ap/blog/inbox"),
    sent("of a blocked server", 403, changes={"actor": "https://blocked.example/u/1"}),
    sent("of a blocked server's neighbour", 403, changes={"actor": "https://a.blocked.example/1"}),
    sent("to nobody", 404, path=f"/ap/authors/{UNKNOWN}/inbox"),
    sent("to no id", 404, path="/ap/authors/1/inbox"),
    Case("read", 405, "GET", "/ap/inbox"),
    Case("replaced", 405, "PUT", "/ap/blog/inbox", {"content": b"{}"}),
    # --- an inbox: in order, and dropped on purpose
    sent("by another than its actor", 202, by="mallory", changes={"type": "Like"}),
    sent("id on another server", 202, changes={"id": "https://elsewhere.example/1"}),
    # --- WebFinger and NodeInfo
    ask("nothing asked", 400, "/.well-known/webfinger"),
    ask("an empty resource", 400, "/.well-known/webfinger?resource="),
    ask("a name without a host", 400, "/.well-known/webfinger?resource=acct:blog"),
    ask("two at signs", 400, "/.well-known/webfinger?resource=acct:a@b@{host}"),
    ask("half an address", 400, "/.well-known/webfinger?resource=http://[::1"),
    ask("two resources", 400, "/.well-known/webfinger?resource=acct:a@b&resource=acct:c@d"),
    ask("without end", 400, "/.well-known/webfinger?resource=acct:" + "x" * 3000 + "@{host}"),
    ask("nobody", 404, "/.well-known/webfinger?resource=acct:nobody@{host}"),
    ask("a name of a NUL", 400, "/.well-known/webfinger?resource=acct:%00@{host}"),
    ask("a page of a NUL", 404, "/.well-known/webfinger?resource={base}/authors/%2500/"),
    ask("another server", 404, "/.well-known/webfinger?resource=acct:blog@elsewhere.example"),
    ask("a mail address", 404, "/.well-known/webfinger?resource=mailto:blog@{host}"),
    Case("a write", 405, "POST", "/.well-known/webfinger", {"content": b"x"}),
    ask("an unknown version", 404, "/nodeinfo/9.9"),
    # --- ActivityPub addresses
    ask("an unknown post", 404, f"/ap/posts/{UNKNOWN}"),
    ask("a post of a NUL", 404, "/ap/posts/%00"),
    ask("a draft", 404, "/ap/posts/{draft}"),
    ask("an unknown comment", 404, f"/ap/comments/{UNKNOWN}"),
    ask("an unknown activity", 404, "/ap/activities/1"),
    ask("an unknown author", 404, f"/ap/authors/{UNKNOWN}"),
    ask("a page of nowhere", 400, "/ap/blog/outbox?cursor=x"),
    ask("replies of nowhere", 400, "/ap/posts/{post}/replies?page=-1"),
    Case("a write", 405, "POST", "/ap/posts/{post}", {"content": b"{}"}),
    # --- pages
    page("nothing there", 404, "/nothing/"),
    page("a day that is none", 404, "/2026/13/45/x/"),
    page("an address of a NUL", 404, "/%00/"),
    page("a post of a NUL", 404, "/2026/01/01/%00/"),
    page("an unknown author", 404, "/authors/nobody/"),
    page("an unknown tag", 404, "/tags/nothing/"),
    page("page nought", 404, "/?page=0"),
    page("a page of letters", 404, "/?page=two"),
    page("a page beyond all", 404, "/?page=99999999999999999999999"),
    page("something written", 405, "/", "POST"),
    page("something deleted", 405, "/feed/", "DELETE"),
    ask("out of the folder", 404, "/media/..%2f..%2fetc%2fpasswd"),
    ask("out of the style", 404, "/static/%2e%2e%2fcli.py"),
    ask("a face of nobody", 404, "/proxy/avatars/x/y"),
]


async def prepared(server: Server, people: People) -> World:
    """The server with a post, a reply by Ann, a draft, and a blocked domain."""
    people.add("ann")
    people.add("mallory")
    body = {"title": "On rivers", "content": "Water.", "status": "published"}
    made = await server.api("POST", "/posts", json=body, headers={"Idempotency-Key": "used"})
    post = made.json()
    draft = (await server.api("POST", "/posts", json=body | {"status": "draft"})).json()
    await server.api("POST", "/blocks", json={"domain": "blocked.example"})
    for name in ("ann", "mallory"):  # both are known, and their keys
        note = people.note(name, post["activitypub_id"], "<p>First.</p>")
        answer = await people.post(server.inbox, people.activity("Create", name, note), by=name)
        assert answer.status_code == 202
    comment = (await server.comments(post))[0]
    names = {
        "post": post["id"],
        "draft": draft["id"],
        "comment": comment["id"],
        "host": server.base_url.partition("//")[2],
        "base": server.base_url,
    }
    return World(server, people, post, comment, names)


async def stored(server: Server) -> dict[str, Any]:
    """How many rows each table has, and the rows themselves where nothing may touch them."""

    def load(connection: Connection) -> dict[str, Any]:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            if table.name in KEEPS_TRACES
            else sorted(map(repr, connection.execute(select(table))))
            for table in tables.metadata.sorted_tables
        }

    return await server.site.store.read(load)


async def answer_to(world: World, case: Case) -> httpx.Response:
    path = case.path
    for name, value in world.names.items():
        path = path.replace(f"{{{name}}}", value)
    how = case.how
    if case.make is not None:
        body, headers = case.make(world)
        how = {"content": body, "headers": headers}
    # Each by a connection of its own: the server may close one whose body it did not want.
    owner = world.server.http.headers if case.by_owner else None
    async with httpx.AsyncClient(
        base_url=world.server.base_url, timeout=PATIENCE, headers=owner
    ) as client:
        return await client.request(case.method, path, **how)


async def test_bad_input_gets_a_clear_error_and_changes_nothing(
    server: Server, people: People
) -> None:
    world = await prepared(server, people)
    before = await stored(server)
    wrong = []
    for case in CASES:
        answer = await answer_to(world, case)
        said = answer.headers.get("content-type")
        after = await stored(server)
        changed = {name for name in before if before[name] != after[name]}
        if case.status == 202:
            changed.discard("received")
        if (
            answer.status_code != case.status
            or said != case.kind
            or changed
            or case.says not in answer.text
        ):
            wrong.append(
                (case.method, case.path[:80], case.about, answer.status_code, said, changed)
            )
        if said == PROBLEM:
            assert answer.json()["status"] == answer.status_code
            assert answer.json()["detail"]
        before = after
    assert wrong == []
    assert len(CASES) >= 40
    # and what is right is taken, so that nothing was refused for another reason than its own
    good = await people.post(server.inbox, world.reply(), by="ann")
    assert good.status_code == 202
    assert len(await server.comments(world.post)) == 3
