"""Feeds, read by feedparser and by the words of their specifications."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest
from support.pages import Readers
from support.world import World

from fedblog.domain.post import Byline, PostStatus

XML_FEEDS = ["/feed/", "/feed/atom/"]


async def feed(readers: Readers, path: str) -> Any:
    response = await readers.get(path)
    assert response.status_code == 200
    parsed = feedparser.parse(response.content, response_headers=dict(response.headers))
    assert not parsed.bozo, parsed.get("bozo_exception")
    return parsed


@pytest.mark.parametrize("path", XML_FEEDS)
async def test_feed_carries_the_whole_text_with_full_addresses(
    world: World, readers: Readers, path: str
) -> None:
    post = await world.post(
        "Ä title & more",
        summary="In short",
        tags=("Rivers",),
        content_html='<p>All of <a href="/x/">it</a>.</p><img src="/media/a.png" alt="">',
        featured_media=world.picture(caption="The estuary", credit="Lotte"),
        bylines=(Byline("", world.authors["ada"].id), Byline("Guest", url="https://g.example/")),
        edited_at=datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
    )
    parsed = await feed(readers, path)
    assert parsed.version == ("rss20" if path == "/feed/" else "atom10")
    assert parsed.feed.title == "Act Today"
    assert parsed.feed.link == "http://localhost:8000/"
    (entry,) = parsed.entries
    assert entry.title == "Ä title &amp; more" or entry.title == "Ä title & more"
    assert entry.link == f"http://localhost:8000{post.path}"
    assert entry.id == world.site.addresses.post(post.id)
    assert [person.name for person in entry.authors] == ["Ada Author", "Guest"]
    assert [tag.term.lower() for tag in entry.tags] == ["rivers"]
    assert entry.summary == "In short"
    text = entry.content[-1].value
    assert 'href="http://localhost:8000/x/"' in text
    assert 'src="http://localhost:8000/media/a.png"' in text
    assert 'The estuary <span class="credit">Credit: Lotte</span>' in text or (
        "The estuary <span>Credit: Lotte</span>" in text
    )
    assert entry.published_parsed[:5] == (2026, 11, 20, 10, 0)


async def test_media_types_of_feeds_say_what_they_are(readers: Readers) -> None:
    for path, media_type in (
        ("/feed/", "application/rss+xml; charset=utf-8"),
        ("/feed/atom/", "application/atom+xml; charset=utf-8"),
        ("/feed.json", "application/feed+json"),
    ):
        response = await readers.get(path)
        assert response.headers["content-type"] == media_type
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", XML_FEEDS)
async def test_empty_blog_has_a_valid_feed(readers: Readers, path: str) -> None:
    parsed = await feed(readers, path)
    assert parsed.entries == []
    assert parsed.feed.updated_parsed


async def test_atom_has_what_rfc_4287_demands(world: World, readers: Readers) -> None:
    post = await world.post(edited_at=datetime(2026, 11, 24, 8, 30, tzinfo=UTC), bylines=())
    root = ElementTree.fromstring((await readers.get("/feed/atom/")).text)
    atom = "{http://www.w3.org/2005/Atom}"
    assert root.tag == f"{atom}feed"
    for parent in (root, root.find(f"{atom}entry")):
        assert parent is not None
        for name in ("id", "title", "updated"):
            assert parent.findtext(f"{atom}{name}")
    assert root.findtext(f"{atom}author/{atom}name") == "Guestspeaker"
    assert root.findtext(f"{atom}updated") == "2026-11-24T08:30:00Z"
    entry = root.find(f"{atom}entry")
    assert entry is not None
    assert entry.findtext(f"{atom}id") == world.site.addresses.post(post.id)
    (own,) = [link for link in root.findall(f"{atom}link") if link.get("rel") == "self"]
    assert own.get("href") == "http://localhost:8000/feed/atom/"


async def test_rss_has_what_version_2_demands(world: World, readers: Readers) -> None:
    await world.post(bylines=(), featured_media=world.picture())
    root = ElementTree.fromstring((await readers.get("/feed/")).text)
    assert root.get("version") == "2.0"
    channel = root.find("channel")
    assert channel is not None
    for name in ("title", "link", "description"):
        assert channel.findtext(name)
    item = channel.find("item")
    assert item is not None
    assert parsedate_to_datetime(item.findtext("pubDate") or "").tzinfo is not None
    assert item.findtext("{http://purl.org/dc/elements/1.1/}creator") == "Guestspeaker"
    guid = item.find("guid")
    assert guid is not None
    assert guid.get("isPermaLink") == "false"
    enclosure = item.find("enclosure")
    assert enclosure is not None
    assert set(enclosure.keys()) == {"url", "length", "type"}


async def test_json_feed_has_what_version_1_1_demands(world: World, readers: Readers) -> None:
    post = await world.post("T", summary="S", tags=("Rivers",), featured_media=world.picture())
    document = json.loads((await readers.get("/feed.json")).content)
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["feed_url"] == "http://localhost:8000/feed.json"
    assert document["home_page_url"] == "http://localhost:8000/"
    (item,) = document["items"]
    assert item["id"] == world.site.addresses.post(post.id)
    assert item["url"] == f"http://localhost:8000{post.path}"
    assert item["summary"] == "S"
    assert item["tags"] == ["Rivers"]
    assert item["authors"] == [{"name": "Ada Author", "url": "http://localhost:8000/authors/ada/"}]
    assert item["content_html"].endswith("<p>Text</p>")
    assert item["image"].startswith("http://localhost:8000/media/")
    datetime.fromisoformat(item["date_published"])


async def test_feed_has_the_newest_twenty_public_posts(world: World, readers: Readers) -> None:
    for number in range(23):
        await world.post(f"Post {number}")
    await world.post("Draft", status=PostStatus.DRAFT)
    for path in XML_FEEDS:
        titles = [entry.title for entry in (await feed(readers, path)).entries]
        assert titles == [f"Post {number}" for number in range(22, 2, -1)]


async def test_feed_is_kept_until_a_post_changes(world: World, readers: Readers) -> None:
    post = await world.post("Before")
    etag = (await readers.get("/feed/")).headers["etag"]
    await world.comment(post)
    assert (await readers.get("/feed/", if_none_match=etag)).status_code == 304
    await world.change_post(post, title="After")
    response = await readers.get("/feed/", if_none_match=etag)
    assert response.status_code == 200
    assert "After" in response.text


async def test_pictures_in_the_text_have_alt_caption_and_credit_in_feeds(
    world: World, readers: Readers
) -> None:
    picture = world.picture(caption="A <dyke>", credit="Sam")
    await world.post("Holder", featured_media=picture)
    name = picture.file_name
    post = await world.post(
        "Text", content_html=f'<p><img src="/media/{name}" alt=""></p><a href="#s">s</a>'
    )
    for path in XML_FEEDS:
        text = (await feed(readers, path)).entries[0].content[-1].value
        assert 'alt="A heron on a post"' in text
        assert "Credit: Sam" in text
        assert f'href="http://localhost:8000{post.path}#s"' in text
    item = (await readers.http.get("/feed.json")).json()["items"][0]
    assert (
        f'<figure><img src="http://localhost:8000/media/{name}" alt="A heron on a post"'
        ' width="1200" height="800"><figcaption>A &lt;dyke&gt; '
        '<span class="credit">Credit: Sam</span>'
        "</figcaption></figure>"
    ) in item["content_html"]


async def test_summary_of_rss_keeps_what_stands_between_angle_brackets(
    world: World, readers: Readers
) -> None:
    await world.post("T", summary="On List<T> & more")
    for path, kept in (("/feed/", "On List&lt;T&gt; &amp; more"), ("/feed/atom/", "List")):
        assert kept in (await feed(readers, path)).entries[0].summary
    assert (
        "<description>On List&amp;lt;T&amp;gt; &amp;amp; more</description>"
        in (await readers.http.get("/feed/")).text
    )


async def test_entry_stays_the_same_one_when_its_title_and_address_change(
    world: World, readers: Readers
) -> None:
    post = await world.post("Rivers")

    async def entries() -> list[tuple[str, Any]]:
        found = [(await feed(readers, path)).entries[0] for path in XML_FEEDS]
        item = (await readers.get("/feed.json")).json()["items"][0]
        return [*((e.id, e.published) for e in found), (item["id"], item["date_published"])]

    before = await entries()
    later = datetime(2026, 12, 24, tzinfo=UTC)
    path = "/2026/11/20/streams/"
    await world.change_post(post, title="Streams", path=path, edited_at=later, updated_at=later)
    assert (await feed(readers, "/feed/")).entries[0].link.endswith(path)
    assert await entries() == before
