"""The thread below a post, as readers see it."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, update
from support.pages import Element, Readers
from support.world import World

from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.post import Post
from fedblog.storage import tables as t
from fedblog.storage import views_interaction
from fedblog.storage.comment_pages import ANSWERS, THREADS
from fedblog.storage.views_carried import Attachment
from fedblog.storage.views_comments import LEVELS


def comments(page: Element) -> list[Element]:
    """The comments in reading order."""
    return page.one("section", id="comments").all("article", class_="comment")


def outline(page: Element) -> list[tuple[int, str]]:
    """Depth and text of each comment, as the lists nest them."""
    found: list[tuple[int, str]] = []
    stack: list[tuple[Element, int]] = [(page.one("section", id="comments"), -1)]
    while stack:
        element, depth = stack.pop()
        if element.name == "ol" and "text" not in element.attributes.get("class", ""):
            depth += 1
        if element.name == "article":
            bodies = element.all("div", class_="text")
            found.append((depth, bodies[0].text if bodies else element.text))
            continue
        children = [child for child in element.children if isinstance(child, Element)]
        stack.extend((child, depth) for child in reversed(children))
    return found


async def say(
    world: World, post: Post, text: str, parent: Comment | None = None, **given: Any
) -> Comment:
    return await world.comment(post, parent, content_html=f"<p>{text}</p>", **given)


@pytest.mark.both_engines
async def test_answers_stand_below_what_they_answer_in_order_of_time(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    first = await say(world, post, "first")
    second = await say(world, post, "second")
    answer = await say(world, post, "answer", first)
    await say(world, post, "other answer", first)
    await say(world, post, "answer to the answer", answer)
    await say(world, post, "below second", second)
    assert outline(await readers.page(post.path or "")) == [
        (0, "first"),
        (1, "answer"),
        (2, "answer to the answer"),
        (1, "other answer"),
        (0, "second"),
        (1, "below second"),
    ]


async def test_comment_shows_who_from_where_and_when(world: World, readers: Readers) -> None:
    await world.remote_actor("rin")
    post = await world.post()
    comment = await say(
        world, post, "Hi", url="https://peer.example/@rin/1", edited_at=post.created_at
    )
    (shown,) = comments(await readers.page(post.path or ""))
    assert shown.attributes["id"] == f"comment-{comment.id}"
    who = shown.one("p", class_="who")
    assert who.one("a").text == "Rin"
    assert who.one("a").attributes["href"] == "https://peer.example/users/rin"
    assert "ugc" in who.one("a").attributes["rel"]
    assert who.one("span", class_="handle").text == "@rin@peer.example"
    when = shown.one("p", class_="when")
    assert when.one("a").attributes["href"] == f"{post.path}comments/{comment.id}/"
    assert "Nov 20, 2026" in when.text
    assert when.text.endswith(", edited")
    assert shown.one("span", class_="avatar").text == "R"
    (origin,) = [a for a in shown.all("a") if a.text == "View on peer.example"]
    assert origin.attributes["href"] == "https://peer.example/@rin/1"


async def test_authors_comment_carries_a_badge_and_was_written_here(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    await say(world, post, "Thanks", author_id=world.authors["ada"].id)
    (shown,) = comments(await readers.page(post.path or ""))
    assert shown.one("span", class_="badge").text == "Author"
    assert shown.one("span", class_="handle").text == "@ada@localhost:8000"
    assert "Written here" in shown.text


async def test_guest_has_a_name_and_no_handle(world: World, readers: Readers) -> None:
    post = await world.post()
    await say(world, post, "Hello", guest_name="Gerda")
    (shown,) = comments(await readers.page(post.path or ""))
    assert shown.one("p", class_="who").text == "Gerda"
    assert not shown.one("p", class_="who").all("a")


async def test_person_who_is_not_known_yet_is_named_by_their_server(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    await say(world, post, "Hello")
    (shown,) = comments(await readers.page(post.path or ""))
    assert shown.one("p", class_="who").one("a").text == "peer.example"


async def test_deleted_comment_keeps_its_place_only_while_something_answers_it(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    gone = await say(world, post, "SECRET", deleted_at=post.created_at)
    await say(world, post, "answer", gone)
    await say(world, post, "SECRET", deleted_at=post.created_at)
    assert outline(await readers.page(post.path or "")) == [(0, "Deleted"), (1, "answer")]


@pytest.mark.parametrize(
    "hidden",
    [
        {"status": CommentStatus.HELD},
        {"status": CommentStatus.SPAM},
        {"visibility": "followers"},
        {"status": CommentStatus.HELD, "deleted_at": "now"},
    ],
)
async def test_s30_answer_to_a_hidden_comment_moves_up_without_a_trace_of_it(
    world: World, readers: Readers, hidden: dict[str, Any]
) -> None:
    post = await world.post()
    if hidden.get("deleted_at"):
        hidden = {**hidden, "deleted_at": post.created_at}
    shown = await say(world, post, "shown")
    held = await say(world, post, "SECRET", shown, **hidden)
    await say(world, post, "below held", held)
    held_root = await say(world, post, "SECRET", **hidden)
    await say(world, post, "below held root", held_root)
    page = await readers.page(post.path or "")
    assert outline(page) == [(0, "shown"), (1, "below held"), (0, "below held root")]
    assert page.one("h2", id="thoughts").text.startswith("3 thoughts")
    assert "Deleted" not in page.one("section", id="comments").text


async def test_content_warning_folds_the_text(world: World, readers: Readers) -> None:
    post = await world.post()
    await say(world, post, "The barn", summary="Dead livestock", language="nn")
    (shown,) = comments(await readers.page(post.path or ""))
    details = shown.one("details")
    assert "open" not in details.attributes
    assert details.one("summary").text == "Dead livestock"
    body = details.one("div", class_="text")
    assert (body.attributes["lang"], body.attributes["dir"]) == ("nn", "auto")


async def test_attachments_are_links_and_nothing_is_loaded_from_elsewhere(
    world: World, readers: Readers
) -> None:
    await world.remote_actor("rin")
    post = await world.post()
    attachments = [
        {"type": "Image", "url": "https://pic.example/1.jpg", "mediaType": "image/jpeg"},
        {"type": "Document", "url": "https://pic.example/2.pdf", "name": "Plan <b>"},
        {"type": "Image", "url": "javascript:alert(1)", "mediaType": "image/png"},
        {"type": "Image"},
        "nonsense",
    ]
    await say(world, post, "Look", attachments=json.dumps(attachments))
    page = await readers.page(post.path or "")
    items = page.one("ul", class_="attachments").all("li")
    assert [item.text for item in items] == [
        "Picture on pic.example",
        "File on pic.example: Plan <b>",
    ]
    sources = [image.attributes["src"] for image in page.all("img")]
    assert all(source.startswith("/") for source in sources)


async def test_likes_and_boosts_of_a_comment_are_counted(world: World, readers: Readers) -> None:
    post = await world.post()
    comment = await say(world, post, "Good")
    await world.react(post, "like", "kim", comment)
    await world.react(post, "emoji", "kim", comment, emoji="🔥")
    await world.react(post, "like", "bo", comment)
    await world.react(post, "announce", "bo", comment)
    page = await readers.page(post.path or "")
    (shown,) = comments(page)
    assert "2 likes" in shown.text
    assert "One boost" in shown.text
    assert page.one("h2", id="likes").text == "Be the first to like this"


async def test_deep_thread_is_nested_to_eight_levels_and_says_whom_it_answers(
    world: World, readers: Readers
) -> None:
    await world.remote_actor("rin")
    post = await world.post()
    await world.comments(post, [None, *range(11)])
    page = await readers.page(post.path or "")
    assert [depth for depth, _ in outline(page)] == [*range(LEVELS), *[LEVELS - 1] * 4]
    answers = [item.all("p", class_="answers") for item in comments(page)]
    assert [bool(item) for item in answers] == [False] * LEVELS + [True] * 4
    assert answers[-1][0].text == "Answers Rin"


async def test_settings_decide_how_deep_comments_are_nested(world: World, readers: Readers) -> None:
    assert world.site.settings.comment_levels == LEVELS
    fewer = world.site.settings.model_copy(update={"comment_levels": 2})
    object.__setattr__(world.site, "settings", fewer)
    await world.remote_actor("rin")
    post = await world.post()
    await world.comments(post, [None, *range(3)])
    page = await readers.page(post.path or "")
    assert [depth for depth, _ in outline(page)] == [0, 1, 1, 1]


async def test_thread_of_a_thousand_levels_is_shown_whole(world: World, readers: Readers) -> None:
    post = await world.post()
    await world.comments(post, [None, *range(999)])
    page = await readers.page(post.path or "")
    assert [text for _, text in outline(page)] == [str(number) for number in range(1000)]
    assert page.one("h2", id="thoughts").text.startswith("1,000 thoughts")


async def test_thread_past_the_bound_is_cut_and_says_so(world: World, readers: Readers) -> None:
    post = await world.post()
    await world.comments(post, [None, *[0] * (ANSWERS + 5)])
    page = await readers.page(post.path or "")
    assert len(comments(page)) == ANSWERS + 1
    assert "left out here" in page.one("p", class_="notice").text


@pytest.mark.both_engines
async def test_first_level_comments_are_paged(world: World, readers: Readers) -> None:
    post = await world.post()
    await world.comments(post, [*[None] * (THREADS + 3), 0, THREADS])
    first = await readers.page(post.path or "")
    way = first.one("a", rel="next").attributes["href"] or ""
    second = await readers.page(way.removesuffix("#comments"))
    assert [text for _, text in outline(first)][:3] == ["0", str(THREADS + 3), "1"]
    assert len(comments(first)) == THREADS + 1
    assert [text for _, text in outline(second)] == [
        str(THREADS),
        str(THREADS + 4),
        str(THREADS + 1),
        str(THREADS + 2),
    ]
    assert second.one("a", rel="prev").attributes["href"] == f"{post.path}#comments"
    led = await readers.get(f"{post.path}?page=2")
    assert (led.status_code, f"{led.headers['location']}#comments") == (302, way)
    assert (await readers.get(f"{post.path}?page=3")).status_code == 404
    assert first.one("h2", id="thoughts").text == second.one("h2", id="thoughts").text


async def test_emoji_and_right_to_left_names_stay_in_their_place(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    await say(world, post, "مرحبا", guest_name="سارة")
    (shown,) = comments(await readers.page(post.path or ""))
    assert shown.one("p", class_="who").one("bdi").text == "سارة"


async def test_writer_of_a_comment_is_named_by_what_is_known(world: World) -> None:
    post = await world.post()
    await world.remote_actor("rin")
    rin = "https://peer.example/users/rin"

    async def named(**given: Any) -> str:
        comment = await world.comment(post, **given)
        found = await world.site.store.read(views_interaction.comment, 1, comment.id)
        assert found is not None
        return found.title

    assert await named(author_id=world.authors["ada"].id) == world.authors["ada"].name
    assert await named(guest_name="Gil") == "Gil"
    assert await named(actor_uri=rin) == "Rin"

    def nameless(connection: Connection) -> None:
        connection.execute(update(t.actors).where(t.actors.c.uri == rin).values(name=""))

    await world.site.store.write(nameless)
    assert await named(actor_uri=rin) == "rin"
    assert await named(actor_uri="https://peer.example/users/nobody") == "?"


def test_picture_is_what_can_be_encoded_anew() -> None:
    for media_type, type_, is_one in (
        ("image/png", "Document", True),
        ("image/svg+xml", "Image", False),
        ("video/mp4", "Image", False),
        ("", "Image", True),
        ("", "Document", False),
    ):
        item = Attachment("https://peer.example/1", media_type, "", type=type_)
        assert item.is_picture is is_one, (media_type, type_)
