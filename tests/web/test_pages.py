"""Pages as readers get them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Connection, insert, select, update
from support.pages import BROWSER, Element, Readers
from support.world import NOW, World

from fedblog.domain.post import Byline, CommentPolicy, PostStatus
from fedblog.publishing.site import Site
from fedblog.storage import authors, blogs, changes, permalinks
from fedblog.storage import tables as t
from fedblog.storage.changes import EVERYTHING, Change
from fedblog.web.answers import SCRIPTS
from fedblog.web.rendering import static_path

ACTIVITY = "application/activity+json"


def heading(page: Element) -> str:
    """The heading over the comments."""
    return page.one("h2", id="thoughts").text


def meta(page: Element, key: str) -> list[str]:
    """The contents of the meta elements with this name or property."""
    found = page.all("meta", name=key) + page.all("meta", property=key)
    return [item.attributes["content"] for item in found]


def links(page: Element, rel: str) -> list[Element]:
    return [item for item in page.all("link") if rel in item.attributes["rel"].split()]


async def change_blog(site: Site, **values: Any) -> None:
    await site.store.write(blogs.update_blog, site.blog_id, values)


# --- front page ---------------------------------------------------------------------------------


async def test_empty_blog_says_that_nothing_is_here_yet(readers: Readers) -> None:
    page = await readers.page("/")
    assert page.one("h1").text == "Act Today"
    assert page.one("div", class_="empty").text == "Nothing here yet."


async def test_front_page_lists_posts_newest_first_with_bylines_and_counts(
    world: World, readers: Readers
) -> None:
    first = await world.post("The first")
    second = await world.post("The second", summary="Read this.")
    await world.comment(first)
    await world.react(first, "like", "kim")
    await world.react(first, "emoji", "kim", emoji="❤")
    await world.react(first, "like", "bo")
    page = await readers.page("/")
    titles = [item.text for item in page.all("h2") + page.all("h3") if item.all("a")]
    assert titles == ["The second", "The first"]
    assert page.one("section", class_="lead").one("p", class_="dek").text == "Read this."
    entry = page.one("article", class_="entry")
    assert entry.one("a", href=first.path or "").text == "The first"
    assert "Ada Author" in entry.text
    assert "One thought" in entry.text
    assert "2 likes" in entry.text
    assert second.path in [item.attributes["href"] for item in page.all("a")]


async def test_pages_of_the_front_page_hold_every_post_once(world: World, readers: Readers) -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    made = [await world.post(f"Post {number}", published_at=at) for number in range(25)]
    seen: list[str] = []
    paths = ["/"]
    for number in (1, 2, 3):
        page = await readers.page(paths[-1])
        found = [item.one("a").text for item in page.all("h3") + page.all("h2") if item.all("a")]
        seen += [text for text in found if text.startswith("Post")]
        ways = {item.attributes.get("rel"): item.attributes.get("href") for item in page.all("a")}
        assert ("next" in ways, "prev" in ways) == (number < 3, number > 1)
        assert number == 1 or ways["prev"] == paths[-2]
        canonical = links(page, "canonical")[0].attributes["href"]
        assert canonical == f"http://localhost:8000{paths[-1]}"
        paths.append(ways.get("next") or "")
    assert sorted(seen) == sorted(post.title for post in made)


@pytest.mark.parametrize("path", ["/", "/authors/ada/", "/authors/blog/", "/tags/bees/"])
async def test_page_by_its_number_leads_to_where_it_begins_now(
    world: World, readers: Readers, path: str
) -> None:
    for number in range(25):
        await world.post(f"Post {number}", tags=["bees"])
    first = await readers.page(path)
    second = first.one("a", rel="next").attributes["href"]
    found = await readers.get(f"{path}?page=2")
    assert (found.status_code, found.headers["location"]) == (302, second)
    page = await readers.page(second or "")
    assert "Older articles" in page.one("title").text
    assert "Older articles" not in first.one("title").text
    third = page.one("a", rel="next").attributes["href"]
    assert (await readers.get(f"{path}?page=3")).headers["location"] == third
    assert (await readers.get(f"{path}?page=4")).status_code == 404


@pytest.mark.parametrize(
    "place", ["0", "", "00000000000000000000000000", "00000000000000000000000001&before=1"]
)
async def test_place_that_does_not_exist_is_not_found(
    world: World, readers: Readers, place: str
) -> None:
    post = await world.post()
    shown = await world.comment(post)
    assert place < shown.id
    for path in ("/", "/authors/ada/", "/authors/blog/"):
        assert (await readers.get(f"{path}?before={place}")).status_code == 404
        assert (await readers.get(f"{path}?before={post.id}")).status_code == 404
    assert (await readers.get(f"{post.path}?after={place}")).status_code == 404


async def test_page_of_comments_begins_after_a_first_level_comment_alone(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    first = await world.comment(post)
    answer = await world.comment(post, first)
    await world.comment(post)
    assert first.id < answer.id
    assert (await readers.get(f"{post.path}?after={first.id}")).status_code == 200
    assert (await readers.get(f"{post.path}?after={answer.id}")).status_code == 404


@pytest.mark.parametrize(
    "number", ["0", "2", "51", "-1", "01", "x", "", "1&page=1", "99999999999999"]
)
async def test_page_that_does_not_exist_is_not_found(
    world: World, readers: Readers, number: str
) -> None:
    await world.post()
    for path in ("/", "/authors/ada/", "/authors/blog/"):
        assert (await readers.get(f"{path}?page={number}")).status_code == 404


# --- the post page ------------------------------------------------------------------------------


async def test_post_page_has_every_element_of_the_model(world: World, readers: Readers) -> None:
    before = await world.post("Before")
    post = await world.post(
        "A river & its bends",
        summary="What the water wants.",
        tags=("Rivers", "Floods"),
        content_html="<p>The <em>text</em>.</p>",
        featured_media=world.picture(caption="The estuary", credit="Lotte Brandt"),
        bylines=(
            Byline("Ada", world.authors["ada"].id, "ada"),
            Byline("Guest Writer", url="https://guest.example/"),
        ),
    )
    after = await world.post("After")
    page = await readers.page(post.path or "")
    article = page.one("article", class_="post")
    assert page.one("title").text == "A river & its bends – Act Today"
    assert article.one("h1").text == "A river & its bends"
    assert article.one("p", class_="p-summary").text == "What the water wants."
    assert article.attributes["lang"] == "en"
    names = article.one("ul", class_="authors").all("a")
    assert [(item.text, item.attributes["href"]) for item in names] == [
        ("Ada Author", "/authors/ada/"),
        ("Guest Writer", "https://guest.example/"),
    ]
    assert article.one("time", class_="dt-published").attributes["datetime"].endswith("Z")
    figure = article.one("figure")
    assert figure.one("img").attributes["alt"] == "A heron on a post"
    assert figure.one("figcaption").text == "The estuary Credit: Lotte Brandt"
    assert article.one("div", class_="e-content").text == "The text."
    tags = article.one("p", class_="tags").all("a")
    assert [(tag.text, tag.attributes["href"]) for tag in tags] == [
        ("Rivers", "/tags/rivers/"),
        ("Floods", "/tags/floods/"),
    ]
    box = page.one("section", class_="author-box")
    assert "Published by Guestspeaker" in box.text
    assert box.one("strong").text == "Guestspeaker"
    assert box.one("h2").one("a").attributes["href"] == "/authors/blog/"
    around = page.one("nav", class_="neighbours")
    assert around.one("a", rel="prev").attributes["href"] == before.path
    assert around.one("a", rel="next").attributes["href"] == after.path
    assert page.one("section", id="respond").one("p", class_="address").text == (
        world.site.addresses.post(post.id)
    )
    assert "@blog@localhost:8000" in page.one("section", id="follow").text
    assert len(page.all("h1")) == 1


async def test_post_page_says_who_it_is_to_other_servers(world: World, readers: Readers) -> None:
    post = await world.post("</script><b>x", tags=("Rivers",), featured_media=world.picture())
    response = await readers.get(post.path or "")
    page = await readers.page(post.path or "")
    url = f"http://localhost:8000{post.path}"
    object_url = world.site.addresses.post(post.id)
    assert links(page, "canonical")[0].attributes["href"] == url
    (activity,) = [item for item in links(page, "alternate") if item.attributes["type"] == ACTIVITY]
    assert activity.attributes["href"] == object_url
    assert response.headers["link"] == f'<{object_url}>; rel="alternate"; type="{ACTIVITY}"'
    feeds = {item.attributes["type"] for item in links(page, "alternate")}
    assert {"application/rss+xml", "application/atom+xml", "application/feed+json"} <= feeds
    assert page.one("meta", name="fediverse:creator").attributes["content"] == "@ada@localhost:8000"
    assert meta(page, "og:type") == ["article"]
    assert meta(page, "og:title") == ["</script><b>x"]
    assert meta(page, "og:url") == [url]
    assert meta(page, "og:site_name") == ["Act Today"]
    assert meta(page, "og:description") == ["Text"]
    assert meta(page, "og:image") == [
        f"http://localhost:8000/media/{post.featured_media.file_name}"  # type: ignore[union-attr]
    ]
    assert meta(page, "og:image:width") == ["1200"]
    assert meta(page, "og:image:height") == ["800"]
    assert meta(page, "og:image:alt") == ["A heron on a post"]
    document = json.loads(page.one("script", type="application/ld+json").text)
    assert document["@type"] == "BlogPosting"
    assert document["headline"] == "</script><b>x"
    assert document["author"] == [
        {"@type": "Person", "name": "Ada Author", "url": "http://localhost:8000/authors/ada/"}
    ]


async def test_fediverse_creator_is_the_first_authors_own_account(
    world: World, readers: Readers
) -> None:
    ada = world.authors["ada"]
    await world.site.store.write(authors.update_author, ada.id, {"fediverse": "ada@social.example"})
    post = await world.post()
    page = await readers.page(post.path or "")
    assert meta(page, "fediverse:creator") == ["@ada@social.example"]


async def test_post_without_bylines_is_by_the_group(world: World, readers: Readers) -> None:
    post = await world.post(bylines=())
    page = await readers.page(post.path or "")
    assert meta(page, "fediverse:creator") == ["@blog@localhost:8000"]
    assert "Guestspeaker" in (await readers.page("/")).one("p", class_="facts").text


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "Be the first to reply"),
        (1, "One thought on “A title”"),
        (2, "2 thoughts on “A title”"),
    ],
)
async def test_heading_counts_thoughts(
    world: World, readers: Readers, number: int, words: str
) -> None:
    post = await world.post()
    for _ in range(number):
        await world.comment(post)
    assert heading(await readers.page(post.path or "")) == words


@pytest.mark.parametrize(
    ("number", "words", "more"),
    [
        (0, "Be the first to like this", None),
        (1, "One blogger likes this", None),
        (12, "12 bloggers like this", None),
        (1200, "1,200 bloggers like this", "+1,188"),
    ],
)
async def test_likes_are_counted_in_people_with_twelve_faces(
    world: World, readers: Readers, number: int, words: str, more: str | None
) -> None:
    post = await world.post()

    def unit(connection: Connection) -> None:
        rows = [
            {
                "id": f"{post.id[:20]}{at:06}",
                "blog_id": 1,
                "object_uri": world.site.addresses.post(post.id),
                "post_id": post.id,
                "actor_uri": f"https://peer.example/users/p{at}",
                "kind": "like",
                "emoji": "",
                "created_at": post.created_at + timedelta(seconds=at),
            }
            for at in range(number)
        ]
        if rows:
            connection.execute(insert(t.reactions), rows)

    await world.site.store.write(unit)
    if number:
        await world.react(post, "emoji", "p0", emoji="🔥")
        await world.react(post, "dislike", "grump")
        await world.remote_actor("p1")
    await world.react(post, "announce", "booster")
    section = (await readers.page(post.path or "")).one("section", class_="likes")
    assert section.one("h2").text == words
    assert "One boost" in section.text
    faces = section.all("ul", class_="faces")
    if number:
        people = [item for item in faces[0].all("li") if item.all("a")]
        assert len(people) == min(number, 12)
        found = faces[0].all("li", class_="more")
        assert [item.text for item in found] == ([more] if more else [])


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("🎉", "🎉"),
        ("🏳️\u200d🌈", "🏳️\u200d🌈"),
        (":blobcat:", ""),
        ("Buy é now", ""),
        ("😀" * 17, ""),
    ],
)
async def test_emoji_of_a_reaction_stands_at_the_face(
    world: World, readers: Readers, sent: str, shown: str
) -> None:
    post = await world.post()
    await world.react(post, "like", "kim")
    await world.react(post, "emoji", "kim", emoji=sent)
    faces = (await readers.page(post.path or "")).one("ul", class_="faces")
    assert len(faces.all("li")) == 1
    assert [item.text for item in faces.all("span", class_="reaction")] == (
        [shown] if shown else []
    )


async def test_closed_and_held_comments_are_announced(world: World, readers: Readers) -> None:
    closed = await world.post(comments=CommentPolicy.CLOSED)
    held = await world.post(comments=CommentPolicy.HELD)
    page = await readers.page(closed.path or "")
    assert "Replies to this article are closed." in page.one("section", id="respond").text
    page = await readers.page(held.path or "")
    assert "once somebody of the group has read them" in page.one("section", id="respond").text


async def test_relative_pictures_are_found_from_their_page(world: World, readers: Readers) -> None:
    picture = world.picture()
    await world.post("Holder", featured_media=picture)
    post = await world.post(
        content_html=(
            f'<p><img src="../../../../media/{picture.file_name}" alt=""></p>'
            '<p><img src="//other.example/a.png" alt=""> <img src="a.png" alt="b"></p>'
        )
    )
    body = (await readers.page(post.path or "")).one("div", class_="e-content")
    own, other = body.all("img")
    assert own.attributes["src"] == f"/media/{picture.file_name}"
    assert own.attributes["alt"] == "A heron on a post"
    assert other.attributes["src"] == f"{post.path}a.png"
    link = body.one("a", class_="elsewhere")
    assert link.attributes["href"].endswith("://other.example/a.png")


async def test_closed_comments_are_neither_asked_for_nor_announced_twice(
    world: World, readers: Readers
) -> None:
    post = await world.post(comments=CommentPolicy.CLOSED)
    page = await readers.page(post.path or "")
    assert page.all("section", id="comments") == []
    text = page.one("main").text
    assert text.count("closed") == 1
    for words in ("Leave a Reply", "No thoughts", "Be the first to reply", "appear here"):
        assert words not in text
    buttons = page.one("section", id="respond").all("button")
    assert [button.attributes["value"] for button in buttons] == ["like", "boost"]
    comment = await world.comment(post)
    page = await readers.page(post.path or "")
    assert heading(page) == "One thought on “A title”"
    assert page.one("section", id="comments").all("article", class_="comment")
    await world.comment(post, comment)
    await world.change_comment(comment, deleted_at=comment.published_at)
    assert heading(await readers.page(post.path or "")) == "One thought on “A title”"


async def test_uploaded_pictures_in_the_text_get_caption_credit_and_size(
    world: World, readers: Readers
) -> None:
    picture = world.picture(caption="A <dyke>", credit="Sam")
    await world.post("Holder", featured_media=picture)
    name = picture.file_name
    post = await world.post(
        content_html=(
            f'<p><img src="/media/{name}" alt="Mine"></p>'
            f'<figure><img src="http://localhost:8000/media/{name}" alt=""></figure>'
            f'<figure class="wide"><img src="/media/{name}" alt=""><figcaption>Own</figcaption>'
            "</figure>"
            '<p>See <img src="https://other.example/a.png" alt="A &lt;map&gt;"> here</p>'
        )
    )
    body = (await readers.page(post.path or "")).one("div", class_="e-content")
    figures = body.all("figure")
    assert [item.one("figcaption").text for item in figures] == [
        "A <dyke> Credit: Sam",
        "A <dyke> Credit: Sam",
        "Own",
    ]
    images = body.all("img")
    assert [item.attributes["src"] for item in images] == [f"/media/{name}"] * 3
    assert [item.attributes["alt"] for item in images] == ["Mine", *["A heron on a post"] * 2]
    assert {item.attributes["width"] for item in images} == {"1200"}
    elsewhere = body.one("a", class_="elsewhere")
    assert elsewhere.attributes["href"] == "https://other.example/a.png"
    assert elsewhere.text == "A <map>"


async def test_edit_is_shown_with_its_date(world: World, readers: Readers) -> None:
    post = await world.post(edited_at=datetime(2026, 11, 24, tzinfo=UTC))
    page = await readers.page(post.path or "")
    assert page.one("time", class_="dt-updated").text.startswith("updated Nov 24, 2026")


async def test_dates_are_those_of_the_blogs_time_zone(world: World, readers: Readers) -> None:
    await change_blog(world.site, time_zone="Pacific/Auckland")
    post = await world.post(published_at=datetime(2026, 11, 20, 22, 0, tzinfo=UTC))
    page = await readers.page(post.path or "")
    assert page.one("time", class_="dt-published").text == "November 21, 2026"


# --- where posts are, were, and are no more -----------------------------------------------------


async def test_former_path_leads_to_the_present_one(world: World, readers: Readers) -> None:
    post = await world.post()
    for path in ("/2020/01/02/old/", "/archives/17"):
        await world.site.store.write(permalinks.add_former, 1, path, post.id)
        response = await readers.get(path)
        assert response.status_code == 301
        assert response.headers["location"] == f"http://localhost:8000{post.path}"
        response = await readers.get(path, accept=ACTIVITY)
        assert response.headers["location"] == f"http://localhost:8000{post.path}"


async def test_nothing_stands_after_the_last_comment(world: World, readers: Readers) -> None:
    post = await world.post()
    comments = [await world.comment(post) for _ in range(2)]
    for comment, status in zip(comments, (200, 404), strict=True):
        answer = await readers.get(f"{post.path}?after={comment.id}")
        assert answer.status_code == status


async def test_page_by_its_number_at_a_former_path_or_at_none_leads_to_no_comments(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    await world.site.store.write(permalinks.add_former, 1, "/2026/11/19/former/", post.id)
    found = await readers.get("/2026/11/19/former/?page=2")
    assert found.status_code == 301
    assert found.headers["location"] == f"http://localhost:8000{post.path}"
    assert (await readers.get("/2026/11/19/never/?page=2")).status_code == 404


async def test_former_path_of_a_deleted_post_gives_its_tombstone(
    world: World, readers: Readers
) -> None:
    post = await world.post(status=PostStatus.DELETED)
    for path in ("/2020/01/02/old/", "/archives/17"):
        await world.site.store.write(permalinks.add_former, 1, path, post.id)
        response = await readers.get(path, accept=ACTIVITY)
        assert (response.status_code, response.json()["type"]) == (410, "Tombstone")
        assert response.headers["cache-control"] == "private, no-store"


async def test_missing_slash_is_added(world: World, readers: Readers) -> None:
    post = await world.post()
    for path in (post.path or "", "/authors/ada/", "/tags/x/", "/feed/", "/feed/atom/"):
        response = await readers.get(path.rstrip("/"))
        assert response.status_code == 301
        assert response.headers["location"] == f"http://localhost:8000{path}"


async def test_deleted_post_is_gone_and_says_since_when(world: World, readers: Readers) -> None:
    stays = await world.post("Stays")
    post = await world.post("Secret title", status=PostStatus.DELETED)
    await world.site.store.write(permalinks.add_former, 1, "/old/", post.id)
    for path in (post.path or "", "/old/"):
        page = await readers.page(path, 410)
        assert page.one("h1").text == "This article is gone"
        assert "November 20, 2026" in page.text
        assert "Secret title" not in page.text
        assert page.one("article", class_="entry").one("a", href=stays.path or "")


async def test_unknown_address_is_a_page_with_the_newest_titles(
    world: World, readers: Readers
) -> None:
    await world.post("Something to read")
    page = await readers.page("/nowhere/at/all", 404)
    assert page.one("h1").text == "There is nothing at this address"
    assert "Something to read" in page.text
    assert "/" in [item.attributes["href"] for item in page.all("a")]


@pytest.mark.parametrize(
    "path",
    [
        "/2026/11/20/nothing/",
        "/authors/nobody/",
        "/tags/none/",
        "/categories/none/",
        "/media/nothing.png",
        "/static/nothing.css",
        "/proxy/avatars/x/y",
        "/%00/",
        "/2026/11/20/%00/",
        "/authors/%00/",
        "/tags/%00/",
        "/marks/%00.png",
        "/proxy/avatars/AA/y",
        "/authors/%F0%9F%92%A5/",
    ],
)
async def test_what_is_not_there_is_not_found(readers: Readers, path: str) -> None:
    assert (await readers.get(path)).status_code == 404


async def test_machines_get_errors_as_problem_json(readers: Readers) -> None:
    response = await readers.get("/nowhere", accept="application/json")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 404
    response = await readers.get("/ap/nowhere")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_writing_to_a_page_is_refused_with_what_is_allowed(
    readers: Readers, method: str
) -> None:
    response = await readers.http.request(method, "/", headers={"accept": BROWSER})
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert "only for reading" in response.text


# --- authors, the group, tags -------------------------------------------------------------------


async def test_author_page_shows_the_author_and_only_their_posts(
    world: World, readers: Readers
) -> None:
    ada, olga = world.authors["ada"], world.authors["olga"]
    await world.site.store.write(
        authors.update_author, ada.id, {"about": "Writes.\n\nWalks.", "url": "https://ada.example/"}
    )
    await world.post("By both", bylines=(Byline("", olga.id), Byline("", ada.id)))
    await world.post("By Olga", bylines=(Byline("", olga.id),))
    page = await readers.page("/authors/ada/")
    profile = page.one("header", class_="profile")
    assert profile.one("h1").text == "Ada Author"
    assert profile.one("p", class_="handle").text == "@ada@localhost:8000"
    assert [item.text for item in profile.one("div", class_="p-note").all("p")] == [
        "Writes.",
        "Walks.",
    ]
    assert profile.one("a", class_="u-url").attributes["rel"] == "me noopener"
    assert page.one("h2", class_="count").text == "One article"
    assert [item.text for item in page.all("h3")] == ["By both"]
    (activity,) = [item for item in links(page, "alternate") if item.attributes["type"] == ACTIVITY]
    assert activity.attributes["href"] == world.site.addresses.actor(ada.id)


async def test_author_without_posts_has_a_page_that_leads_on(readers: Readers) -> None:
    page = await readers.page("/authors/olga/")
    empty = page.one("div", class_="empty")
    assert empty.all("p")[0].text == "Nothing here yet."
    assert [link.attributes["href"] for link in empty.all("a")] == ["/authors/blog/"]
    assert page.all("h2", class_="count") == []


async def test_handle_in_capitals_leads_to_the_authors_page(readers: Readers) -> None:
    response = await readers.get("/authors/ADA/")
    assert response.status_code == 301
    assert response.headers["location"] == "http://localhost:8000/authors/ada/"


async def test_group_page_lists_members_and_all_posts(world: World, readers: Readers) -> None:
    await world.post("By Ada")
    await world.post("By a guest", bylines=(Byline("Guest"),))
    await world.post("Draft", status=PostStatus.DRAFT)
    page = await readers.page("/authors/blog/")
    assert page.one("h1").text == "Guestspeaker"
    members = page.one("section", class_="members").all("li")
    assert [item.one("a").text for item in members] == ["Ada Author", "Olga Owner"]
    assert "One article" in members[0].text
    assert "No articles yet" in members[1].text
    assert [item.text for item in page.all("h3")] == ["By a guest", "By Ada"]
    assert page.one("h2", class_="count").text == "2 articles"


async def test_tag_page_lists_its_posts_under_the_name_as_written(
    world: World, readers: Readers
) -> None:
    await world.post("One", tags=("Rivers",))
    await world.post("Two", tags=("rivers", "Größe"))
    await world.post("Three")
    page = await readers.page("/tags/rivers/")
    assert page.one("h1").text == "2 articles on rivers"
    assert [item.text for item in page.all("h3")] == ["Two", "One"]
    page = await readers.page("/tags/größe/")
    assert page.one("h1").text == "One article on Größe"
    assert links(page, "canonical")[0].attributes["href"].endswith("/tags/gr%C3%B6%C3%9Fe/")


async def test_category_has_a_page_of_its_own(world: World, readers: Readers) -> None:
    post = await world.post("One")

    def unit(connection: Connection) -> None:
        connection.execute(
            insert(t.post_terms).values(
                post_id=post.id, kind="category", slug="home", name="Close to home", position=0
            )
        )

    await world.site.store.write(unit)
    assert (await readers.page("/categories/home/")).one("h1").text == (
        "One article on Close to home"
    )
    assert (await readers.get("/tags/home/")).status_code == 404
    kicker = (await readers.page(post.path or "")).one("p", class_="kicker")
    assert kicker.one("a").attributes["href"] == "/categories/home/"


# --- languages ----------------------------------------------------------------------------------


async def test_words_and_dates_are_in_the_blogs_language(world: World, readers: Readers) -> None:
    await change_blog(world.site, language="de")
    post = await world.post(language="en")
    await world.comment(post)
    page = await readers.page(post.path or "")
    assert page.one("html").attributes["lang"] == "de"
    assert page.one("article", class_="post").attributes["lang"] == "en"
    assert page.one("time", class_="dt-published").text == "20. November 2026"
    assert heading(page) == "Ein Gedanke zu „A title“"


async def test_right_to_left_post_has_its_direction(world: World, readers: Readers) -> None:
    post = await world.post("שלום", language="he")
    article = (await readers.page(post.path or "")).one("article", class_="post")
    assert (article.attributes["lang"], article.attributes["dir"]) == ("he", "rtl")


async def test_title_of_another_direction_keeps_it_wherever_it_stands(
    world: World, readers: Readers
) -> None:
    title = "C++ والنهر!"
    await world.post("Before", tags=("t",))
    post = await world.post(title, language="ar", tags=("t",), summary="مرحبا")
    after = await world.post("After", tags=("t",))
    await world.comment(post)
    for path in ("/", "/authors/ada/", "/authors/blog/", "/tags/t/", "/nowhere"):
        page = await readers.page(path, 404 if path == "/nowhere" else 200)
        (entry,) = [one for one in page.all("article") if title in one.text]
        heading_of_it = (entry.all("h2") + entry.all("h3"))[0].one("bdi")
        for one in (entry, heading_of_it):
            assert (one.attributes["lang"], one.attributes["dir"]) == ("ar", "rtl"), path
        for words in (*entry.all("time"), entry.one("span", class_="by")):
            assert (words.attributes["lang"], words.attributes["dir"]) == ("en", "ltr"), path
    page = await readers.page(after.path or "")
    neighbour = page.one("nav", class_="neighbours").one("a", rel="prev").one("bdi")
    assert (neighbour.text, neighbour.attributes) == (title, {"lang": "ar", "dir": "rtl"})
    page = await readers.page(post.path or "")
    assert page.one("h1").one("bdi").attributes == {"lang": "ar", "dir": "rtl"}
    assert page.one("h2", id="thoughts").one("bdi").attributes == {"lang": "ar", "dir": "rtl"}
    asked = f"/interact?action=like&object={world.site.addresses.post(post.id)}"
    assert (await readers.page(asked)).one("h1").one("bdi").attributes["dir"] == "rtl"


async def test_handles_read_from_left_to_right_everywhere(world: World, readers: Readers) -> None:
    await change_blog(world.site, language="ar")
    await world.remote_actor("rin")
    post = await world.post(language="ar")
    await world.comment(post)
    for path in ("/", post.path or "", "/authors/ada/", "/authors/blog/"):
        page = await readers.page(path)
        shown = [
            one
            for one in (*page.all("", class_="handle"), *page.all("", class_="address"))
            if one.text.startswith("@")
        ]
        assert shown, path
        for one in shown:
            name = one.all("bdi")[0]
            assert (name.attributes.get("dir"), name.text) == ("ltr", one.text), path
            assert one.text.count("@") == 2


@pytest.mark.parametrize("tag", ["xx-unknown", "pt-BR", "zh-Hant-TW", "ar", "en-GB"])
async def test_any_language_gives_a_page(world: World, readers: Readers, tag: str) -> None:
    await change_blog(world.site, language=tag)
    await world.post(language=tag)
    page = await readers.page("/")
    assert page.one("html").attributes["lang"] == "en"


# --- addresses, representations, headers --------------------------------------------------------


async def test_s33_nothing_of_the_host_header_stands_in_an_answer(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    hostile = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    for path in ("/", post.path or "", (post.path or "").rstrip("/"), "/feed/", "/nowhere"):
        response = await readers.get(path, **hostile)
        assert "evil.example" not in response.text + str(response.headers)
        assert "elsewhere.test" not in response.text + str(response.headers)


async def test_human_address_gives_the_object_to_who_asks_for_it(
    world: World, readers: Readers
) -> None:
    post = await world.post("A title")
    gone = await world.post(status=PostStatus.DELETED)
    ada = world.authors["ada"]
    addresses = world.site.addresses
    for path, status, id_ in (
        (post.path or "", 200, addresses.post(post.id)),
        (gone.path or "", 410, addresses.post(gone.id)),
        ("/", 200, addresses.actor("blog")),
        ("/authors/blog/", 200, addresses.actor("blog")),
        ("/authors/ada/", 200, addresses.actor(ada.id)),
    ):
        response = await readers.get(path, accept=ACTIVITY)
        assert (response.status_code, response.json()["id"]) == (status, id_)
        assert response.headers["cache-control"] == "private, no-store"
        assert "accept" in response.headers["vary"].lower()


async def test_s31_page_and_object_of_one_address_are_never_mixed_up(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    for accept in (BROWSER, ACTIVITY, BROWSER, ACTIVITY, "*/*"):
        response = await readers.get(post.path or "", accept=accept)
        is_page = response.headers["content-type"].startswith("text/html")
        assert is_page is (accept != ACTIVITY)
        if is_page:
            assert {"Accept", "Accept-Encoding"} <= set(response.headers["vary"].split(", "))
    etag = (await readers.get(post.path or "")).headers["etag"]
    again = await readers.get(post.path or "", accept=ACTIVITY, if_none_match=etag)
    assert again.status_code == 200
    assert (await readers.get(post.path or "", if_none_match=etag)).status_code == 304


async def test_every_page_has_the_security_headers(world: World, readers: Readers) -> None:
    post = await world.post()
    gone = await world.post(status=PostStatus.DELETED)
    for path in ("/", post.path, gone.path, "/nowhere", "/authors/ada/", "/authors/blog/"):
        headers = (await readers.get(path or "")).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        ours = " ".join(f"http://localhost:8000{static_path(name)}" for name in SCRIPTS)
        assert f"script-src {ours};" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert headers["cache-control"] == "no-cache"


async def test_head_of_every_kind_of_page_is_its_get_without_the_body(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    for path in ("/", post.path, "/authors/ada/", "/feed/", "/feed/atom/", "/feed.json", "/nope"):
        head = await readers.http.head(path or "", headers={"accept": BROWSER})
        get = await readers.get(path or "")
        assert head.content == b""
        assert head.status_code == get.status_code
        assert dict(head.headers) == dict(get.headers)


async def test_pages_are_rendered_once_until_something_on_them_changes(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    first = await readers.get(post.path or "")
    assert len(readers.cache) == 1
    for change in (
        lambda: world.comment(post),
        lambda: world.react(post, "like", "kim"),
        lambda: world.post("Next"),
        lambda: world.change_post(post, title="Another title"),
        lambda: change_blog(world.site, title="Another blog"),
    ):
        await change()
        second = await readers.get(post.path or "")
        assert second.headers["etag"] != first.headers["etag"]
        assert (await readers.get(post.path or "")).headers["etag"] == second.headers["etag"]
        first = second


async def test_page_shows_a_remote_persons_new_name(world: World, readers: Readers) -> None:
    await world.remote_actor("rin")
    post = await world.post()
    await world.comment(post)
    uri = "https://peer.example/users/rin"
    assert "Rin" in (await readers.page(post.path or "")).one("section", id="comments").text

    def unit(connection: Connection) -> None:
        connection.execute(update(t.actors).where(t.actors.c.uri == uri).values(name="Rin the 2nd"))
        changes.record(connection, Change("actor", uri))

    await world.site.store.write(unit)
    assert "Rin the 2nd" in (await readers.page(post.path or "")).one("section", id="comments").text


async def test_static_files_are_kept_for_good_and_media_for_a_day(
    world: World, readers: Readers
) -> None:
    page = await readers.page("/")
    style = links(page, "stylesheet")[0].attributes["href"]
    folder = world.site.settings.data_dir / "media"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"\x89PNG")
    (folder / "a.html").write_bytes(b"<script>")
    (folder.parent / "secret.png").write_bytes(b"secret")
    for path, media_type in ((style, "text/css; charset=utf-8"), ("/media/a.png", "image/png")):
        response = await readers.get(path)
        assert response.status_code == 200
        assert response.headers["content-type"] == media_type
        is_ours = path.startswith("/static/")
        assert ("immutable" in response.headers["cache-control"]) == is_ours
        assert "max-age" in response.headers["cache-control"]
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in response.headers["content-security-policy"]
    for path in ("/media/a.html", "/media/..%2fsecret.png", "/media/%2e%2e/secret.png"):
        assert (await readers.get(path)).status_code == 404


# --- what nobody may see ------------------------------------------------------------------------


async def test_s30_what_is_not_public_is_nowhere(world: World, readers: Readers) -> None:
    from fedblog.domain.comment import CommentStatus

    shown = await world.post("Shown", tags=("Open",))
    hidden = [
        await world.post(
            f"SECRET {status}",
            status=status,
            content_html="<p>SECRET</p>",
            excerpt="SECRET",
            tags=("SECRETTAG",),
            path=f"/2026/11/20/{status}/",
            published_at=shown.published_at,
        )
        for status in (PostStatus.DRAFT, PostStatus.SCHEDULED, PostStatus.DELETED)
    ]
    for given in (
        {"status": CommentStatus.HELD},
        {"status": CommentStatus.SPAM},
        {"visibility": "followers"},
        {"visibility": "direct"},
        {"deleted_at": shown.created_at},
    ):
        comment = await world.comment(shown, content_html="<p>SECRET</p>", name="SECRET", **given)
        assert comment
    paths = ["/", shown.path, "/authors/ada/", "/authors/blog/", "/tags/open/", "/feed/"]
    paths += ["/feed/atom/", "/feed.json", "/nowhere", "/tags/secrettag/"]
    paths += [post.path for post in hidden]
    for path in paths:
        response = await readers.get(path or "")
        assert "SECRET" not in response.text, path
        assert "SECRET" not in (await readers.get(path or "", accept=ACTIVITY)).text, path
    statuses = [(await readers.get(post.path or "")).status_code for post in hidden]
    assert statuses == [404, 404, 410]
    assert (await readers.get("/tags/secrettag/")).status_code == 404
    assert heading(await readers.page(shown.path or "")) == "Be the first to reply"
    home = await readers.page("/")
    assert "thought" not in home.one("main").text


async def test_time_alone_changes_no_page_and_no_feed(world: World, readers: Readers) -> None:
    post = await world.post(tags=("t",), featured_media=world.picture())
    await world.comment(post, edited_at=post.published_at)
    await world.react(post, "like", "kim")
    closed = await world.post(comments=CommentPolicy.CLOSED)
    gone = await world.post(status=PostStatus.DELETED)
    await world.post(status=PostStatus.SCHEDULED, publish_at=NOW + timedelta(days=1))
    paths = ["/", post.path, closed.path, gone.path, "/authors/ada/", "/authors/olga/"]
    paths += ["/authors/blog/", "/tags/t/", "/feed/", "/feed/atom/", "/feed.json", "/nowhere"]
    seen = []
    for moment in (NOW, NOW + timedelta(days=2), NOW + timedelta(days=800)):
        with time_machine.travel(moment, tick=False):
            readers.cache.changed([EVERYTHING])
            seen.append([(await readers.get(path or "")).text for path in paths])
    for path, *texts in zip(paths, *seen, strict=True):
        assert len(set(texts)) == 1, path


async def test_poll_is_open_on_no_page_after_its_end(world: World, readers: Readers) -> None:
    post = await world.post()
    for hours in (3, 1):
        ends = (NOW + timedelta(hours=hours)).isoformat()
        options = [{"name": "Rye", "votes": 1}]
        poll = {"options": options, "multiple": False, "ends_at": ends, "is_closed": False}
        await world.comment(post, poll=json.dumps({**poll, "voters": 1}))

    async def facts() -> list[str]:
        page = await readers.page(post.path or "")
        return [one.text.split()[5] for one in page.all("p", class_="poll-facts")]

    with time_machine.travel(NOW, tick=False) as clock:
        assert await facts() == ["open", "open"]
        clock.shift(timedelta(hours=1, seconds=-1))
        assert await facts() == ["open", "open"]
        clock.shift(timedelta(seconds=1))
        assert await facts() == ["open", "ended"]
        clock.shift(timedelta(hours=2))
        assert await facts() == ["ended", "ended"]


async def test_page_needs_few_statements(world: World, readers: Readers) -> None:
    from fedblog.storage import views_post

    post = await world.post(tags=("A",), featured_media=world.picture())
    parent = await world.comment(post)
    await world.comment(post, parent)
    await world.react(post, "like", "kim")

    def counted(connection: Connection) -> int:
        from sqlalchemy import event

        statements: list[str] = []

        def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            statements.append(statement)

        event.listen(connection, "before_cursor_execute", count)
        try:
            views_post.find(connection, 1, post.path or "", 1)
        finally:
            event.remove(connection, "before_cursor_execute", count)
        return len(statements)

    assert await world.site.store.read(counted) <= 18
    assert await world.site.store.read(lambda c: c.execute(select(t.posts.c.id)).scalar())


async def test_page_is_the_same_with_keys_that_it_does_not_know(world: World, readers: Readers):
    post = await world.post()
    for path in ("/", post.path, "/authors/ada/", "/feed/", "/feed.json"):
        before = len(readers.cache)
        plain = await readers.get(path)
        kept = len(readers.cache)
        for query in ("utm_source=x", "k1=1", "page=1", "p%61ge=1&fbclid=z"):
            answer = await readers.get(f"{path}?{query}")
            assert (answer.status_code, answer.text) == (200, plain.text)
        assert len(readers.cache) == kept
        assert kept == before + 1
