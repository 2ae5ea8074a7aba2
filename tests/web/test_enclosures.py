"""What remote comments carry, as readers see it, and the pictures behind our own proxy."""

import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Connection, update
from support.cost import units_of
from support.pages import Element, Readers
from support.servers import listening_socket, serving
from support.world import World

from fedblog.domain.comment import CommentStatus
from fedblog.domain.post import Post
from fedblog.storage import tables as t
from fedblog.storage.changes import Change, record
from fedblog.web import emoji


def picture(size: tuple[int, int] = (300, 200), kind: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, kind)
    return written.getvalue()


class Pictures:
    """A server that has pictures."""

    def __init__(self) -> None:
        self.bodies: dict[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []
        self.base_url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        kind, body = self.bodies.get(scope["path"], ("text/plain", b"no"))
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        status = 200 if scope["path"] in self.bodies else 404
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def pictures() -> AsyncIterator[Pictures]:
    server = Pictures()
    listener = listening_socket()
    server.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serving(server, listener):
        yield server


@pytest.fixture
async def post(world: World) -> Post:
    return await world.post()


async def shown(readers: Readers, post: Post) -> Element:
    """The one comment of *post*."""
    page = await readers.page(post.path or "")
    (comment,) = page.one("section", id="comments").all("article", class_="comment")
    return comment


def emojis(*found: tuple[str, str]) -> str:
    return json.dumps([{"shortcode": code, "url": url} for code, url in found])


def poll(votes: list[int | None], **given: Any) -> str:
    options = [{"name": f"Answer {number}", "votes": n} for number, n in enumerate(votes)]
    found = {"options": options, "multiple": False, "ends_at": None, "is_closed": False}
    return json.dumps({**found, "voters": None, **given})


# Polls


async def test_poll_shows_answers_votes_and_their_share(
    world: World, readers: Readers, post: Post
) -> None:
    await world.comment(post, poll=poll([3, 1]))
    found = (await shown(readers, post)).one("div", class_="poll")
    items = found.all("li")
    assert [item.one("span", class_="option").text for item in items] == ["Answer 0", "Answer 1"]
    assert [item.one("span", class_="votes").text for item in items] == [
        "3 votes, 75%",
        "One vote, 25%",
    ]
    meters = [item.one("meter").attributes for item in items]
    assert [(meter["value"], meter["max"]) for meter in meters] == [("3", "4"), ("1", "4")]
    assert found.one("p", class_="poll-facts").text == "Poll"


async def test_poll_of_several_answers_counts_voters(
    world: World, readers: Readers, post: Post
) -> None:
    await world.comment(post, poll=poll([3, 3], multiple=True, voters=4))
    found = (await shown(readers, post)).one("div", class_="poll")
    assert [item.one("span", class_="votes").text for item in found.all("li")] == [
        "3 votes, 75%",
        "3 votes, 75%",
    ]
    facts = found.one("p", class_="poll-facts").text
    assert facts == "Poll, several answers possible · 4 voters"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ends_at": "2020-01-02T03:04:00+00:00"}, "Poll · ended Jan 2, 2020, 3:04 AM"),
        ({"ends_at": "2098-01-02T03:04:00+00:00"}, "Poll · open until Jan 2, 2098, 3:04 AM"),
        ({"is_closed": True}, "Poll · closed"),
    ],
)
async def test_poll_says_whether_it_is_open(
    world: World, readers: Readers, post: Post, given: dict[str, Any], words: str
) -> None:
    await world.comment(post, poll=poll([None, None], **given))
    found = (await shown(readers, post)).one("div", class_="poll")
    assert found.one("p", class_="poll-facts").text == words
    assert found.all("meter") == []
    assert found.all("span", class_="votes") == []


async def test_s25_answers_of_a_poll_are_text(world: World, readers: Readers, post: Post) -> None:
    hostile = {"name": "<script>alert(1)</script>", "votes": 2**52}
    await world.comment(post, poll=poll([], options=[hostile], voters=1))
    found = (await shown(readers, post)).one("div", class_="poll")
    assert found.one("span", class_="option").text == "<script>alert(1)</script>"
    assert found.all("script") == []
    assert found.one("meter").attributes["value"] == "1"
    assert "100%" in found.text


# Quotes


async def test_quote_is_a_box_that_leads_to_it(world: World, readers: Readers, post: Post) -> None:
    ours = world.site.addresses.post(post.id)
    quotes = ["https://two.example/notes/1", ours, "javascript:alert(1)"]
    await world.comment(
        post,
        quotes=json.dumps(quotes),
        content_html='<p class="quote-inline">RE: <a href="https://two.example/notes/1">it</a></p>',
    )
    comment = await shown(readers, post)
    boxes = comment.all("p", class_="quote")
    assert [box.text for box in boxes] == [
        "Quotes a post on two.example",
        "Quotes something written here",
    ]
    links = [box.one("a").attributes for box in boxes]
    assert links[0]["href"] == "https://two.example/notes/1"
    assert "nofollow" in links[0]["rel"]
    assert links[1] == {"href": ours}
    assert "quoting" in comment.one("div", class_="text").attributes["class"]


# Warnings


async def test_warning_covers_everything_that_the_comment_carries(
    world: World, readers: Readers, post: Post
) -> None:
    await world.comment(
        post,
        summary="Bread",
        poll=poll([1]),
        quotes='["https://two.example/1"]',
        attachments=json.dumps([{"type": "Image", "url": "https://two.example/1.png"}]),
    )
    comment = await shown(readers, post)
    details = comment.one("details")
    assert len(details.all("div", class_="poll")) == len(comment.all("div", class_="poll")) == 1
    assert len(details.all("p", class_="quote")) == 1
    assert len(details.all("ul", class_="attachments")) == 1


# Emoji


async def test_emoji_stands_in_texts_as_a_picture_of_ours(
    world: World, readers: Readers, pictures: Pictures, post: Post
) -> None:
    url = f"{pictures.base_url}/blob.png"
    pictures.bodies["/blob.png"] = ("image/png", picture((400, 100)))
    await world.comment(
        post,
        content_html='<p>:blob: and :other: <a href="https://x.example/:blob:">:blob:</a></p>'
        "<pre><code>:blob:</code></pre>",
        name="Title :blob:",
        summary="Careful :blob:",
        poll=poll([], options=[{"name": ":blob:", "votes": 1}]),
        emojis=emojis(("blob", url)),
    )
    comment = await shown(readers, post)
    images = comment.all("img", class_="emoji")
    assert len(images) == 5
    assert {image.attributes["alt"] for image in images} == {":blob:"}
    text = comment.one("div", class_="text")
    assert text.one("a").attributes["href"] == "https://x.example/:blob:"
    assert text.one("pre").text == ":blob:"
    assert ":other:" in text.text
    (source,) = {image.attributes["src"] for image in images}
    answer = await readers.get(source)
    assert answer.headers["content-type"] == "image/webp"
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (192, 48)


async def test_emoji_in_a_name(world: World, readers: Readers, post: Post) -> None:
    await world.remote_actor("rin")
    url = "https://two.example/star.png"

    def unit(connection: Connection) -> None:
        connection.execute(
            update(t.actors).values(name="Rin :star: <b>", emojis=emojis(("star", url)))
        )

    await world.site.store.write(unit)
    await world.comment(post)
    comment = await shown(readers, post)
    name = comment.one("p", class_="who").all("bdi")[0]
    assert name.one("img").attributes["alt"] == ":star:"
    assert name.one("img").attributes["src"].startswith("/proxy/names/")
    assert name.text.split() == ["Rin", "<b>"]
    assert comment.one("span", class_="avatar").text == "R"
    wrong = name.one("img").attributes["src"][:-1] + "-"
    assert (await readers.get(wrong)).status_code == 404
    assert (await readers.get("/proxy/names/aHR0cHM6Ly94/emojis/0/x")).status_code == 404


async def test_s17_emoji_are_bounded(world: World, readers: Readers, post: Post) -> None:
    await world.comment(
        post,
        content_html="<p>" + ":a:" * 1000 + "</p>",
        emojis=emojis(("a", "https://x.example/a")),
    )
    comment = await shown(readers, post)
    assert len(comment.all("img", class_="emoji")) == emoji.MOST


@pytest.mark.parametrize("text", [":aaaaaaaaa" * 9000, ":aaaaaaaa1:" * 8000, ":" * 90_000])
def test_s17_emoji_cost_little_whatever_the_text(text: str) -> None:
    found = [(f"aaaaaaaa{number}", "https://x.example/a") for number in range(64)]
    assert units_of(lambda: emoji.filler(tuple(found), "/proxy")(text)) < 8


def test_colon_belongs_to_one_emoji_only() -> None:
    filled = emoji.filler((("a", "https://x.example/a"),), "/proxy")
    picture = filled(":a:")
    assert picture.startswith("<img ")
    assert filled("1:a:2:a:a: :b:a") == f"1{picture}2{picture}a: :b:a"
    assert filled("a::a:") == f"a:{picture}"


async def test_s25_emoji_cannot_break_out_of_a_text(
    world: World, readers: Readers, post: Post
) -> None:
    await world.comment(
        post,
        content_html='<p>a &lt;b title=":x:"&gt; :x: <a href="https://y.example/?q=&gt;:x:">y</a></p>',
        emojis=emojis(("x", 'https://x.example/"onerror=alert(1)')),
    )
    comment = await shown(readers, post)
    for image in comment.all("img", class_="emoji"):
        assert set(image.attributes) == {
            *("class", "src", "alt", "title", "height", "loading", "decoding")
        }
    assert comment.one("div", class_="text").one("a").attributes["href"].endswith(">:x:")


# Pictures


def attached(*urls: str, name: str = "") -> str:
    return json.dumps(
        [{"type": "Document", "url": url, "mediaType": "image/png", "name": name} for url in urls]
    )


async def test_pictures_are_links_until_a_moderator_lets_them_through(
    world: World, readers: Readers, pictures: Pictures, post: Post
) -> None:
    url = f"{pictures.base_url}/cow.png"
    pictures.bodies["/cow.png"] = ("image/png", picture((3000, 1500)))
    made = await world.comment(post, attachments=attached(url, name="A cow"))
    comment = await shown(readers, post)
    assert comment.all("div", class_="pictures") == []
    assert comment.one("ul", class_="attachments").text.startswith("Picture on 127.0.0.1")
    source = f"/proxy/comments/{made.id}/pictures/0/{emoji.picture_version(url)}"
    assert (await readers.get(source)).status_code == 404
    assert pictures.asked == []

    await world.change_comment(made, media_status="approved")
    comment = await shown(readers, post)
    assert comment.all("ul", class_="attachments") == []
    image = comment.one("div", class_="pictures").one("img")
    assert (image.attributes["src"], image.attributes["alt"]) == (source, "A cow")
    answer = await readers.get(source)
    with Image.open(io.BytesIO(answer.content)) as sent:
        assert (sent.format, sent.size) == ("WEBP", (1280, 640))
    assert answer.headers["x-content-type-options"] == "nosniff"

    await world.change_comment(made, media_status="held")
    assert (await shown(readers, post)).all("div", class_="pictures") == []
    assert (await readers.get(source)).status_code == 404


async def test_sensitive_pictures_are_covered(world: World, readers: Readers, post: Post) -> None:
    await world.comment(
        post,
        attachments=attached("https://x.example/1.png"),
        sensitive=True,
        media_status="approved",
    )
    details = (await shown(readers, post)).one("details")
    assert "open" not in details.attributes
    assert details.one("summary").text == "Sensitive pictures"
    assert details.one("img").attributes["alt"] == "Picture without a description"


@pytest.mark.parametrize(
    "hidden", [{"status": CommentStatus.HELD}, {"visibility": "private"}, {"deleted_at": "now"}]
)
async def test_s30_nothing_is_fetched_for_a_comment_that_is_not_shown(
    world: World, readers: Readers, pictures: Pictures, post: Post, hidden: dict[str, Any]
) -> None:
    if "deleted_at" in hidden:
        hidden = {"deleted_at": datetime.now(UTC) - timedelta(days=1)}
    url = f"{pictures.base_url}/cow.png"
    pictures.bodies["/cow.png"] = ("image/png", picture())
    made = await world.comment(
        post,
        attachments=attached(url),
        emojis=emojis(("a", url)),
        media_status="approved",
        **hidden,
    )
    version = emoji.picture_version(url)
    for kind in ("pictures", "emojis"):
        assert (
            await readers.get(f"/proxy/comments/{made.id}/{kind}/0/{version}")
        ).status_code == 404
    assert pictures.asked == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>"),
        ("text/html", b"<script>alert(1)</script>"),
        ("image/png", b"GIF89a<script>alert(1)</script>"),
        ("text/html", picture()),
        ("image/bmp", picture(kind="BMP")),
        ("image/png", picture().ljust((2 << 20) + 1, b"\0")),
    ],
)
async def test_s27_what_is_no_picture_is_not_passed_on(
    world: World, readers: Readers, pictures: Pictures, post: Post, kind: str, body: bytes
) -> None:
    url = f"{pictures.base_url}/x.png"
    pictures.bodies["/x.png"] = (kind, body)
    made = await world.comment(post, emojis=emojis(("a", url)))
    source = f"/proxy/comments/{made.id}/emojis/0/{emoji.picture_version(url)}"
    for _ in range(2):
        assert (await readers.get(source)).status_code == 404
    assert pictures.asked == ["/x.png"]


async def test_s13_pictures_at_private_addresses_are_not_fetched(
    world: World, readers: Readers, pictures: Pictures, post: Post
) -> None:
    """0.0.0.0 is closed, and leads to the same server: unguarded, the picture would come."""
    pictures.bodies["/cow.png"] = ("image/png", picture())
    url = pictures.base_url.replace("127.0.0.1", "0.0.0.0") + "/cow.png"
    made = await world.comment(post, attachments=attached(url), media_status="approved")
    source = f"/proxy/comments/{made.id}/pictures/0/{emoji.picture_version(url)}"
    assert (await readers.get(source)).status_code == 404
    assert pictures.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/proxy/comments/x/pictures/0/x",
        "/proxy/comments/01KAXJ9V8W2X6Y0Z4A8B2C6D0E/pictures/0/x",
        "/proxy/comments/01KAXJ9V8W2X6Y0Z4A8B2C6D0E/emojis/-1/x",
        "/proxy/comments/01KAXJ9V8W2X6Y0Z4A8B2C6D0E/emojis/\u0663/x",
    ],
)
async def test_pictures_that_nobody_showed_are_not_found(
    world: World, readers: Readers, path: str
) -> None:
    assert (await readers.get(path)).status_code == 404


async def test_page_is_made_anew_when_a_picture_is_let_through(
    world: World, readers: Readers, post: Post
) -> None:
    made = await world.comment(post, attachments=attached("https://x.example/1.png"))
    await shown(readers, post)

    def unit(connection: Connection) -> None:
        connection.execute(update(t.comments).values(media_status="approved"))
        record(connection, Change("comments", made.post_id or ""))

    await world.site.store.write(unit)
    assert (await shown(readers, post)).all("div", class_="pictures")
