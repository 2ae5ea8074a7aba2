"""Hostile text in every place that pages and feeds show (security case S25)."""

import json
from xml.etree import ElementTree

import feedparser
import pytest
from sqlalchemy import Connection, insert, update
from support.pages import Element, Readers, parse
from support.world import World

from fedblog.domain.post import Byline, Post
from fedblog.storage import authors, blogs
from fedblog.storage import tables as t
from fedblog.text import sanitise
from fedblog.web.answers import SCRIPTS
from fedblog.web.rendering import static_path

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "<!-- unclosed <script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "<style>@import 'https://evil.example/x.css'</style>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "{{ 7*7 }}{% raw %}",
    "\u202eevil\u2066 \ufeff",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "%(number)s %s %",
    "\x01\x08\x1f]]>",
]
URLS = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "//evil.example/",
    "https://",
    "http://[",
    '"onmouseover="alert(1)',
]
OWN_SCRIPTS = {static_path(name) for name in SCRIPTS}
SAFE_SCHEMES = ("/", "#", "http://", "https://")


def check_inert(page: Element, *, in_feed: bool = False) -> None:
    """Nothing on the page runs, loads from elsewhere, or leads to a script."""
    scripts = [item for item in page.all("script") if item.attributes.get("src") not in OWN_SCRIPTS]
    assert all("src" not in item.attributes for item in scripts)
    assert all(item.attributes["type"] == "application/ld+json" for item in scripts)
    for item in scripts:
        json.loads(item.text)
    for name in ("iframe", "object", "embed", "svg", "math", "style", "base"):
        assert not page.all(name), name
    assert {form.attributes["action"] for form in page.all("form")} <= {"/interact"}
    for element in page.all():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), (element.name, name)
            assert name not in ("style", "srcdoc", "formaction"), name
            if name in ("href", "src", "action", "cite"):
                assert value.startswith(SAFE_SCHEMES) or (name, value) == ("href", ""), value
                assert name != "src" or in_feed or value.startswith("/"), value
                assert name == "href" or not value.startswith("//"), value


async def hostile_post(world: World, payload: str, url: str) -> Post:
    """A post with *payload* wherever a text stands, and *url* wherever an address stands."""
    clean = payload.replace("\x01\x08\x1f", "")
    site = world.site
    post = await world.post(
        clean,
        summary=clean,
        excerpt=clean,
        tags=("Tag",),
        content_html=sanitise.author_html(payload + f'<a href="{url}">x</a><img src="{url}">'),
        bylines=(Byline("", world.authors["ada"].id), Byline(clean, url=url)),
        featured_media=world.picture(alt=clean, caption=clean, credit=clean),
    )
    await world.comment(
        post,
        content_html=sanitise.remote_html(payload),
        name=clean,
        summary=clean,
        url=url,
        language='en" onload="x',
        attachments=json.dumps([{"url": url, "name": clean, "mediaType": "image/png"}]),
    )
    await world.comment(post, guest_name=clean)
    await world.react(post, "like", "rin")

    def unit(connection: Connection) -> None:
        connection.execute(
            insert(t.actors).values(
                uri="https://peer.example/users/rin",
                type="Person",
                handle=clean,
                host="peer.example",
                name=clean,
                url=url,
                avatar_url=url,
                summary=clean,
                inbox="https://peer.example/inbox",
                also_known_as="[]",
                fetched_at=post.created_at,
            )
        )
        connection.execute(update(t.post_terms).values(name=clean))

    await site.store.write(unit)
    await site.store.write(
        blogs.update_blog,
        1,
        {"title": clean, "tagline": clean, "group_name": clean, "about": clean},
    )
    await site.store.write(
        authors.update_author,
        world.authors["ada"].id,
        {"name": clean, "about": clean, "url": url, "fediverse": clean},
    )
    return post


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_s25_hostile_text_is_inert_on_every_page(
    world: World, readers: Readers, payload: str
) -> None:
    post = await hostile_post(world, payload, "https://fine.example/")
    await world.post("Next")
    for path in ("/", post.path, "/authors/ada/", "/authors/blog/", "/tags/tag/", "/nowhere"):
        response = await readers.get(path or "")
        check_inert(parse(response.text))
    page = parse((await readers.get(post.path or "")).text)
    assert page.one("h1").text == " ".join(payload.replace("\x01\x08\x1f", "").split())


@pytest.mark.parametrize("url", URLS)
async def test_s25_hostile_address_is_never_a_link(
    world: World, readers: Readers, url: str
) -> None:
    post = await hostile_post(world, "Name", url)
    for path in ("/", post.path, "/authors/ada/", "/authors/blog/"):
        check_inert(await readers.page(path or ""))


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_s25_hostile_text_is_inert_in_every_feed(
    world: World, readers: Readers, payload: str
) -> None:
    post = await hostile_post(world, payload, "https://fine.example/")
    clean = payload.replace("\x01\x08\x1f", "")
    for path in ("/feed/", "/feed/atom/"):
        response = await readers.get(path)
        ElementTree.fromstring(response.text)
        feed = feedparser.parse(response.content, sanitize_html=False)
        assert not feed.bozo, feed.get("bozo_exception")
        assert feed.entries[0].link == f"http://localhost:8000{post.path}"
        check_inert(parse(feed.entries[0].content[-1].value), in_feed=True)
    document = (await readers.get("/feed.json")).json()
    assert document["title"] == clean
    check_inert(parse(document["items"][0]["content_html"]), in_feed=True)


@pytest.mark.parametrize(
    "path",
    [
        "/<script>alert(1)</script>",
        "/%3Cscript%3Ealert(1)%3C/script%3E/",
        "/tags/%3Cscript%3E/",
        "/authors/%22onload=%22/",
        "/%E2%80%AE/",
        "//evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/feed/%0d%0aset-cookie:a=b",
    ],
)
async def test_s25_hostile_path_is_not_reflected(readers: Readers, path: str) -> None:
    response = await readers.http.get(f"http://elsewhere.test{path}", headers={"accept": "*/*"})
    assert response.status_code == 404
    check_inert(parse(response.text))
    assert "alert(1)" not in response.text
    assert "set-cookie" not in response.headers
