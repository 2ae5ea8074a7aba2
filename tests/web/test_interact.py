"""From a page to the reader's own server, over real HTTP."""

import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from support.pages import BROWSER, Element, parse
from support.people import People
from support.servers import Server
from support.waiting import PATIENCE

FEP = "https://w3id.org/fep/3b86/"
Send = Callable[..., Any]


@pytest.fixture
def send(server: Server) -> Send:
    """``await send(object=…, action=…, handle=…)``: send the form as a browser does."""

    async def post(headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        sent = {"accept": BROWSER, "origin": server.base_url, "sec-fetch-site": "same-origin"}
        if headers is not None:
            sent = {"accept": BROWSER} | headers
        async with httpx.AsyncClient(
            base_url=server.base_url, timeout=PATIENCE, verify=False
        ) as reader:
            return await reader.post("/interact", data=fields, headers=sent)

    return post


def subscribe(people: People) -> dict[str, str]:
    return {
        "rel": "http://ostatus.org/schema/1.0/subscribe",
        "template": f"{people.base_url}/authorize_interaction?uri={{uri}}",
    }


def intent(people: People, name: str) -> dict[str, str]:
    return {"rel": FEP + name, "href": f"{people.base_url}/{name.lower()}?object={{object}}"}


async def page(server: Server, path: str) -> Element:
    answer = await server.anonymous(path, accept=BROWSER)
    assert answer.status_code == 200
    return parse(answer.text)


def fields(form: Element) -> dict[str, str]:
    return {item.attributes["name"]: item.attributes.get("value", "") for item in form.all("input")}


async def test_every_form_of_a_page_leads_to_the_readers_server(
    server: Server, people: People, send: Send
) -> None:
    post = await server.publish()
    names = ("Follow", "Object", "Like", "Announce")
    handle = people.webfinger("bo", [subscribe(people), *(intent(people, n) for n in names)])
    blog = f"{server.base_url}/ap/blog"
    shown = await page(server, post["url"][len(server.base_url) :])
    seen = {}
    for form in shown.all("form"):
        assert form.attributes["method"] == "post"
        assert form.attributes["action"] == "/interact"
        for button in form.all("button"):
            given = fields(form) | {"handle": handle, "action": button.attributes["value"]}
            answer = await send(**given)
            assert answer.status_code == 303, answer.text
            assert answer.headers["cache-control"] == "no-store"
            seen[button.text] = answer.headers["location"]
    object_uri = post["activitypub_id"]
    assert seen == {
        "Reply": f"{people.base_url}/object?object={object_uri}",
        "Like": f"{people.base_url}/like?object={object_uri}",
        "Boost": f"{people.base_url}/announce?object={object_uri}",
        "Follow": f"{people.base_url}/follow?object={blog}",
    }


async def test_subscribe_template_is_taken_where_there_are_no_intents(
    server: Server, people: People, send: Send
) -> None:
    handle = people.webfinger("bo", [subscribe(people)])
    blog = f"{server.base_url}/ap/blog"
    answer = await send(object=blog, action="follow", handle=handle)
    assert answer.headers["location"] == f"{people.base_url}/authorize_interaction?uri={blog}"


async def test_author_is_followed_from_their_page(
    server: Server, people: People, send: Send
) -> None:
    await server.publish()
    handle = people.webfinger("bo", [intent(people, "Follow")])
    form = (await page(server, "/authors/owner/")).all("form")[0]
    answer = await send(**fields(form) | {"handle": handle, "action": "follow"})
    assert "/ap/authors/" in answer.headers["location"]


async def test_comment_of_another_server_is_answered_by_its_own_id(
    server: Server, people: People, send: Send
) -> None:
    post = await server.publish()
    people.add("ann")
    note = people.note("ann", post["activitypub_id"], "<p>Hm</p>")
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    (comment,) = await server.comments(post)
    handle = people.webfinger("bo", [subscribe(people)])
    asked = f"{server.base_url}/ap/comments/{comment['id']}"
    (link,) = (await page(server, post["url"][len(server.base_url) :])).all("a", rel="nofollow")
    assert link.text == "Reply"
    assert link.attributes["href"] == f"/interact?action=reply&object={asked}"
    shown = await page(server, link.attributes["href"])
    assert shown.one("h1").text == "Reply to “Ann”"
    answer = await send(object=asked, action="reply", handle=handle)
    assert answer.headers["location"].endswith(f"?uri={note['id']}")


async def test_comment_of_an_author_is_answered_under_the_authors_name(
    server: Server, people: People
) -> None:
    post = await server.publish()
    people.add("ann")
    note = people.note("ann", post["activitypub_id"], "<p>Hm</p>")
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    (comment,) = await server.comments(post)
    said = await server.api("POST", f"/comments/{comment['id']}/reply", json={"content": "Ah"})
    name = said.json()["author"]["name"]
    shown = await page(server, f"/interact?action=reply&object={said.json()['activitypub_id']}")
    assert shown.one("h1").text == f"Reply to “{name}”"


async def test_link_to_the_form_names_what_it_is_about(server: Server) -> None:
    post = await server.publish("On rivers")
    uri = post["activitypub_id"]
    for action, heading in (
        ("like", "Like “On rivers”"),
        ("boost", "Boost “On rivers”"),
        ("nonsense", "Reply to “On rivers”"),
    ):
        shown = await page(server, f"/interact?action={action}&object={uri}")
        assert shown.one("h1").text == heading
        (form,) = shown.all("form")
        assert fields(form) == {"object": uri, "handle": ""}


@pytest.mark.parametrize(
    "handle", ["", "bo", "@bo", "bo@", "@@bo@x.example", "<script>@x.example", "bo@[", "a@b@c.d"]
)
async def test_what_is_no_account_is_told_and_stays_in_the_form(
    server: Server, send: Send, handle: str
) -> None:
    answer = await send(object=f"{server.base_url}/ap/blog", action="follow", handle=handle)
    assert answer.status_code == 422
    shown = parse(answer.text)
    assert shown.one("p", role="alert").text.startswith("An account is written like this")
    field = shown.one("input", name="handle")
    assert field.attributes["value"] == handle
    assert field.attributes["aria-invalid"] == "true"
    assert field.attributes["aria-describedby"] == shown.one("p", role="alert").attributes["id"]


async def test_trouble_with_the_readers_server_is_told(
    server: Server, people: People, send: Send
) -> None:
    host = people.base_url.removeprefix("http://")
    blog = f"{server.base_url}/ap/blog"
    expected = {f"nobody@{host}": "does not know this account"}
    people.webfinger("broken", status=500)
    expected[f"broken@{host}"] = "answered with an error"
    people.webfinger("html", media_type="text/html")
    expected[f"html@{host}"] = "does not answer as a server"
    people.webfinger("plain")
    expected[f"plain@{host}"] = "does not say where this is done"
    expected["bo@127.0.0.1:9"] = "does not answer. Is it written right?"
    expected["bo@10.0.0.1"] = "is not a server of the public internet"
    expected["bo@printer.local"] = "is not a server of the public internet"
    expected[f"owner@{server.base_url.removeprefix('http://')}"] = "an account of this blog"
    for handle, sentence in expected.items():
        answer = await send(object=blog, action="follow", handle=handle)
        assert answer.status_code == 422, handle
        shown = parse(answer.text)
        assert sentence in shown.one("p", role="alert").text, handle
        assert shown.one("input", name="handle").attributes["value"] == handle


async def test_closed_comments_take_no_replies_but_likes(
    server: Server, people: People, send: Send
) -> None:
    post = await server.publish(comments="closed")
    handle = people.webfinger("bo", [subscribe(people)])
    shown = await page(server, post["url"][len(server.base_url) :])
    assert "reply" not in {item.attributes["value"] for item in shown.all("button")}
    answer = await send(object=post["activitypub_id"], action="reply", handle=handle)
    assert answer.status_code == 422
    assert "closed" in parse(answer.text).one("p", role="alert").text
    answer = await send(object=post["activitypub_id"], action="like", handle=handle)
    assert answer.status_code == 303


async def test_s13_reader_is_told_another_host_before_going_there(
    server: Server, people: People, send: Send
) -> None:
    blog = f"{server.base_url}/ap/blog"
    link = subscribe(people) | {"template": "https://elsewhere.example/go?uri={uri}"}
    handle = people.webfinger("bo", [link])
    answer = await send(object=blog, action="follow", handle=handle)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    shown = parse(answer.text)
    (link_there,) = [
        item
        for item in shown.all("a", class_="button")
        if "href" in item.attributes and item.attributes["href"].startswith("https://elsewhere")
    ]
    assert link_there.attributes["href"] == f"https://elsewhere.example/go?uri={blog}"
    assert "elsewhere.example" in link_there.text


@pytest.mark.parametrize(
    "template",
    ["javascript:alert(1)//{uri}", "https://{uri}/", "https://10.1.2.3/{uri}", "//x.example/{uri}"],
)
async def test_s13_hostile_template_leads_nowhere(
    server: Server, people: People, send: Send, template: str
) -> None:
    handle = people.webfinger("bo", [subscribe(people) | {"template": template}])
    answer = await send(object=f"{server.base_url}/ap/blog", action="follow", handle=handle)
    assert answer.status_code == 422
    assert "location" not in answer.headers
    assert template.partition("{")[0] not in answer.text


async def test_s13_only_what_is_ours_is_carried_to_another_server(
    server: Server, people: People, send: Send
) -> None:
    handle = people.webfinger("bo", [subscribe(people)])
    draft = (await server.api("POST", "/posts", json={"title": "Not yet", "content": "x"})).json()
    for uri in (
        "https://evil.example/",
        f"{people.base_url}/notes/1",
        f"{server.base_url}/ap/posts/01KAXJ5C2N6V0Q3T8W9Y4Z7B1D",
        f"{server.base_url}/ap/posts/{draft['id']}",
        f"{server.base_url}/ap/authors/01KAXJ5C2N6V0Q3T8W9Y4Z7B1D",
        f"{server.base_url}/ap/instance",
        f"{server.base_url}/ap/blog\0",
        "",
    ):
        before = len(people.requests)
        answer = await send(object=uri, action="follow", handle=handle)
        assert answer.status_code == 404, uri
        assert len(people.requests) == before
        path = "/interact?" + str(httpx.QueryParams({"object": uri, "action": "follow"}))
        assert (await server.anonymous(path, accept=BROWSER)).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "BASE"},
    ],
)
async def test_s28_form_of_another_site_is_refused(
    server: Server, people: People, send: Send, headers: dict[str, str]
) -> None:
    handle = people.webfinger("bo", [subscribe(people)])
    given = {name: value.replace("BASE", server.base_url) for name, value in headers.items()}
    answer = await send(given, object=f"{server.base_url}/ap/blog", handle=handle)
    assert answer.status_code == 403
    assert not people.requests


async def test_browser_that_says_only_its_origin_is_believed(
    server: Server, people: People, send: Send
) -> None:
    handle = people.webfinger("bo", [subscribe(people)])
    answer = await send(
        {"origin": server.base_url}, object=f"{server.base_url}/ap/blog", handle=handle
    )
    assert answer.status_code == 303


async def held_back_after_twenty(ask: Callable[[], Awaitable[int]]) -> None:
    """Twenty at once, and on a machine that is slow what comes back meanwhile: ten a minute."""
    began = time.monotonic()
    statuses = [await ask()]
    while statuses[-1] == 303:
        statuses.append(await ask())
        assert len(statuses) <= 22 + (time.monotonic() - began) / 6
    assert statuses[-1] == 429
    assert len(statuses) > 20


async def test_s28_one_reader_cannot_have_others_asked_without_end(
    server: Server, people: People, send: Send
) -> None:
    handle = people.webfinger("bo", [subscribe(people)])
    blog = f"{server.base_url}/ap/blog"

    async def asked() -> int:
        return (await send(object=blog, action="follow", handle=handle)).status_code

    await held_back_after_twenty(asked)
    answer = await send(object=blog, action="follow", handle=handle)
    assert int(answer.headers["retry-after"]) > 0
    assert parse(answer.text).one("input", name="handle").attributes["value"] == handle


async def test_s28_one_network_of_ipv6_is_one_reader(
    server: Server, people: People, send: Send
) -> None:
    handle = people.webfinger("bo", [subscribe(people)])
    blog = f"{server.base_url}/ap/blog"

    async def asked(address: str) -> int:
        headers = {"origin": server.base_url, "x-forwarded-for": address}
        answer = await send(headers, object=blog, action="follow", handle=handle)
        return answer.status_code

    numbers = itertools.count()

    async def asked_by_the_next() -> int:
        n = next(numbers)
        return await asked(f"2001:db8:7:7:{n:x}::{n:x}")

    await held_back_after_twenty(asked_by_the_next)
    assert await asked("2001:db8:7:8::1") == 303
    assert await asked("192.0.2.7") == 303


async def test_bodies_of_forms_are_bounded(server: Server) -> None:
    async with httpx.AsyncClient(
        base_url=server.base_url, timeout=PATIENCE, verify=False
    ) as reader:
        headers = {"origin": server.base_url, "accept": BROWSER}
        form = {"content-type": "application/x-www-form-urlencoded"}

        async def status(body: bytes, **more: Any) -> int:
            answer = await reader.post("/interact", content=body, headers=headers | more)
            return answer.status_code

        assert await status(b"handle=" + b"x" * 5000, **form) == 413
        assert await status(b"a=1&" * 20, **form) == 400
        assert await status(b"handle=\xff", **form) == 400
        assert await status(b"{}", **{"content-type": "application/json"}) == 415
        assert (await reader.put("/interact", headers=headers)).status_code == 405


async def test_pages_with_forms_run_one_script_and_may_lead_away(server: Server) -> None:
    answer = await server.anonymous("/", accept=BROWSER)
    policy = answer.headers["content-security-policy"]
    (script,) = [item for item in parse(answer.text).all("script") if "src" in item.attributes]
    path = script.attributes["src"]
    assert f"script-src {server.base_url}{path} " in policy
    assert "form-action 'self' https:" in policy
    assert "'unsafe" not in policy
    served = await server.anonymous(path)
    assert served.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "localStorage" in served.text
    form = await server.anonymous(f"/interact?object={server.base_url}/ap/blog", accept=BROWSER)
    assert form.headers["content-security-policy"] == policy
    assert form.headers["cache-control"] == "no-store"
