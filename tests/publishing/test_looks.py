"""What other servers make of our articles: their strict forms, and what their readers see."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyHttpUrl, AwareDatetime, BaseModel, Field
from rich.console import Console
from support.every import for_every
from support.values import AT, post

from fedblog.activitystreams import writing
from fedblog.domain.addresses import Addresses
from fedblog.domain.blog import Blog
from fedblog.domain.errors import InvalidFieldError
from fedblog.domain.media import Media
from fedblog.domain.post import Byline, Post, PostStatus
from fedblog.publishing.fields import TITLE_LENGTH, one_line
from fedblog.publishing.looks import PARTS, PEERS, Rendering, renderings
from fedblog.publishing.looks.printing import show
from fedblog.text.markdown import render
from fedblog.text.sanitise import author_html

BASE = "https://blog.example.org"
ID = "01JD0000000000000000000000"
URL = f"{BASE}/2026/11/20/herons/"
ADDRESSES = Addresses(BASE, "blog", "blog.example.org")
BLOG = Blog(1, "blog", "Act Today", "", "Guestspeaker", "", "en", "UTC", AT, AT)
PICTURE = Media("01JD", 1, "heron.webp", "image/webp", 1200, 630, 9000, "A heron", "", "", AT)
ADA = Byline("Ada Author", "01JD0000000000000000000001", "ada")
PLAIN = post(
    status=PostStatus.PUBLISHED,
    title="Herons of the Elbe",
    path="/2026/11/20/herons/",
    content_source="",
    content_html="<p>They stand and wait.</p>\n<p>Then they do not.</p>",
    excerpt="They stand and wait. Then they do not.",
    bylines=(ADA,),
    published_at=AT,
)
FULL = replace(
    PLAIN,
    summary="What to know about herons before spring.",
    featured_media=PICTURE,
    tags=("Grey heron", "Elbe"),
    categories=("Birds",),
    bylines=(ADA, Byline("Guest & Sons", url="https://guest.example/?a=1&b=2")),
    edited_at=AT + timedelta(hours=1),
)
POSTS = {
    "plain": PLAIN,
    "full": FULL,
    "no-byline": replace(PLAIN, bylines=()),
    "guests": replace(PLAIN, bylines=(Byline("Gil Guest"), Byline("Zo", url="https://zo.example"))),
    "picture": replace(PLAIN, featured_media=PICTURE),
    "summary": replace(PLAIN, summary="A short word."),
    "tags": replace(PLAIN, tags=("heron", "Zugvögel", "C++"), categories=("Birds",)),
    "german": replace(PLAIN, title="Über Reiher: „Grau“ & groß", language="de"),
    "arabic": replace(PLAIN, title="مالك الحزين", language="ar", content_html="<p>يقف وينتظر.</p>"),
    "hebrew": replace(
        PLAIN, title="אנפות (Ardea)", language="he", content_html="<p>הן עומדות.</p>"
    ),
    "japanese": replace(PLAIN, title="アオサギの春", language="ja", summary="春の話。"),
    "quotes": replace(PLAIN, title="Q&A: “Why” 'they' \"wait\" & 3 < 4, by night"),
    "long-title": replace(PLAIN, title="Heron " * 49 + "heron"),
    "emoji": replace(PLAIN, title="🪶"),
    "long": replace(PLAIN, content_html="<p>Wait and wait and wait again.</p>\n" * 2000),
    "no-text": replace(PLAIN, content_html="", excerpt=""),
    "rich": replace(
        PLAIN,
        content_html=author_html(
            render(
                "## Where\n\n- here\n- there\n\n> quoted\n\n```\ncode\n```\n\n"
                "![A heron](/media/heron.webp)\n\n[home](/) **and** `more`"
            )
        ),
    ),
}


def written(post: Post) -> dict[str, Any]:
    return writing.article(post, BLOG, ADDRESSES, {})


@cache
def looks(post: Post, author_type: str = "Group") -> dict[str, Rendering]:
    return {seen.peer: seen for seen in renderings(written(post), author_type=author_type)}


def visible(seen: Rendering) -> str:
    return " ".join(" ".join((seen.title, seen.warning, seen.text)).split())


PEER_NAMES = {peer.name: peer.name for peer in PEERS}


# What every reader gets


@for_every(post=POSTS, peer=PEER_NAMES)
def test_no_peer_shows_a_post_without_title_and_link(post: Post, peer: str) -> None:
    seen = looks(post, "Person")[peer]
    if seen.refused:
        assert peer == "Pixelfed"
        return
    assert post.title in visible(seen)
    assert seen.link == URL
    assert {"title", "link"} <= set(seen.kept)


@for_every(post=POSTS, peer=PEER_NAMES)
def test_nothing_is_counted_twice_and_nothing_forgotten(post: Post, peer: str) -> None:
    seen = looks(post)[peer]
    has = {
        "title": True,
        "excerpt": bool(post.summary),
        "body": bool(post.content_html),
        "image": bool(post.featured_media),
        "byline": bool(post.bylines),
        "link": True,
        "language": True,
        "tags": bool(post.tags),
    }
    assert set(seen.kept) | set(seen.lost) == {part for part in PARTS if has[part]}
    assert not set(seen.kept) & set(seen.lost)


@given(title=st.text(max_size=TITLE_LENGTH))
def test_any_title_that_is_taken_is_seen_everywhere(title: str) -> None:
    try:
        line = one_line("title", title, TITLE_LENGTH)
    except InvalidFieldError:
        return
    for peer, seen in looks(replace(PLAIN, title=line), "Person").items():
        if seen.refused or (("<" in line or "&" in line) and peer.startswith("Mastodon")):
            continue  # a title like a tag or a character's name: see the test of Mastodon below
        assert line in visible(seen), peer


@for_every(post=POSTS)
def test_bylines_are_seen_wherever_the_content_is(post: Post) -> None:
    names = [byline.name for byline in post.bylines]
    for peer, seen in looks(post, "Person").items():
        if peer.startswith("Mastodon") or seen.refused:
            assert seen.byline == ""
            continue
        assert all(name in seen.byline for name in names), peer
        assert bool(names) == bool(seen.byline)


def test_a_peer_that_wants_a_person_says_so_of_the_group_and_not_of_a_member() -> None:
    refused = {peer for peer, seen in looks(FULL).items() if seen.refused}
    assert refused == {"Lemmy 1.0", "Mbin", "PieFed", "Pixelfed"}
    assert {p for p, seen in looks(FULL, "Person").items() if seen.refused} == {"Pixelfed"}


# Mastodon


def test_mastodon_shows_title_summary_and_address_and_drops_the_content() -> None:
    for version in ("4.4", "4.5", "4.7"):
        seen = looks(FULL)[f"Mastodon {version}"]
        assert seen.title == FULL.title
        assert seen.text == f"{FULL.summary}\n\n{URL}"
        assert seen.warning == ""
        assert "They stand" not in visible(seen)
        assert seen.language == "en"
        assert seen.image.endswith("/heron.webp")
        assert seen.lost == ("body", "byline")


def test_mastodon_takes_a_title_that_looks_like_a_tag_for_one() -> None:
    seen = looks(replace(PLAIN, title="List<String> in Java"))["Mastodon 4.5"]
    assert seen.title == "List in Java"
    assert "title" in seen.lost
    assert seen.link == URL


def test_a_picture_in_attachment_takes_the_card_away_and_a_link_chooses_it() -> None:
    item = written(FULL)
    picture = {"type": "Image", "mediaType": "image/png", "url": f"{BASE}/media/other.png"}
    of = {s.peer: s for s in renderings(item | {"attachment": [picture]})}
    assert of["Mastodon 4.7"].image == f"{BASE}/media/other.png"
    link = {"type": "Link", "href": "https://elsewhere.example/"}
    of = {s.peer: s for s in renderings(item | {"attachment": [link]})}
    assert of["Mastodon 4.7"].image == ""
    assert of["Mastodon 4.5"].image.endswith("/heron.webp")


@for_every(post=POSTS)
def test_what_mastodon_reads_has_its_form(post: Post) -> None:
    item = written(post)
    assert isinstance(item["attributedTo"], str)
    assert urlsplit(item["attributedTo"]).netloc == urlsplit(item["id"]).netloc
    assert isinstance(item["url"], str)
    assert list(item["contentMap"]) == [post.language]
    assert isinstance(item["attachment"], list)
    assert len(item["attachment"]) <= 4
    assert "<" not in item.get("summary", "")
    assert item["sensitive"] is False
    for tag in item["tag"]:
        assert tag["type"] == "Hashtag"
        assert re.fullmatch(r"#\w+", tag["name"])


# GoToSocial and Misskey


def test_gotosocial_hides_the_text_behind_the_summary_or_else_the_title() -> None:
    assert looks(FULL)["GoToSocial"].warning == FULL.summary
    assert looks(PLAIN)["GoToSocial"].warning == PLAIN.title
    tagged = replace(PLAIN, title="List<String> in Java")
    assert looks(tagged)["GoToSocial"].warning == "List in Java"
    assert looks(tagged)["GoToSocial"].text.startswith("“List<String> in Java”")
    assert looks(FULL)["GoToSocial"].title == ""
    assert looks(FULL)["GoToSocial"].text.startswith(f"“{FULL.title}”, by Ada Author and Guest & S")


@for_every(post=POSTS)
def test_what_gotosocial_refuses_for_is_not_sent(post: Post) -> None:
    item = written(post)
    assert item["published"]
    assert datetime.fromisoformat(item.get("updated", item["published"])) >= (
        datetime.fromisoformat(item["published"])
    )


def test_misskey_hides_the_text_only_behind_a_summary_that_was_written() -> None:
    assert looks(FULL)["Misskey"].warning == FULL.summary
    assert looks(PLAIN)["Misskey"].warning == ""
    assert looks(PLAIN)["Misskey"].title == ""
    lines = looks(PLAIN)["Misskey"].text.splitlines()
    assert (lines[0], lines[-1]) == (f"【{PLAIN.title}】", URL)
    assert lines[2].startswith(f"“{PLAIN.title}”")
    assert "language" in looks(PLAIN)["Misskey"].lost


def test_misskey_cuts_a_long_text_and_keeps_its_beginning() -> None:
    seen = looks(POSTS["long"])["Misskey"]
    assert len(seen.text) == 8192 + len(f"【{PLAIN.title}】\n\n\n\n{URL}")
    assert "body" in seen.lost
    assert {"title", "byline", "link"} <= set(seen.kept)


@for_every(post=POSTS)
def test_the_first_line_has_title_and_link_for_those_who_show_only_content(post: Post) -> None:
    first = written(post)["content"].partition("</p>")[0]
    title = escape(post.title, quote=False)
    quoted = f"„{title}“" if post.language == "de" else f"“{title}”"
    assert first.startswith(f'<p><a href="{URL}">{quoted}</a>')


def test_pleroma_shows_the_title_above_the_content_and_so_twice() -> None:
    seen = looks(FULL)["Pleroma and Akkoma"]
    assert (seen.title, seen.warning) == (FULL.title, FULL.summary)
    assert seen.text.startswith(f"“{FULL.title}”")


# Forums


class LemmyLink(BaseModel):
    type: Literal["Link"]
    href: AnyHttpUrl


class LemmyFile(BaseModel):
    type: Literal["Image", "Document"]
    url: AnyHttpUrl
    name: str | None = None


class LemmyImage(BaseModel):
    type: Literal["Image"]
    url: AnyHttpUrl


class LemmyPerson(BaseModel):
    type: Literal["Person", "Group"]
    id: AnyHttpUrl


class LemmyPage(BaseModel):
    """The form in which Lemmy reads a post; anything else is an error there."""

    type: Literal["Page", "Article", "Note", "Video", "Event"]
    id: AnyHttpUrl
    author: AnyHttpUrl | list[LemmyPerson] = Field(alias="attributedTo")
    to: list[AnyHttpUrl] = Field(default=[])
    cc: list[AnyHttpUrl] = Field(default=[])
    answered: None = Field(default=None, alias="inReplyTo")
    name: str | None = None
    content: str | None = None
    media: Literal["text/html", "text/markdown"] | None = Field(default=None, alias="mediaType")
    attachment: list[LemmyLink | LemmyFile] = Field(default=[])
    image: LemmyImage | None = None
    sensitive: bool | None = None
    published: AwareDatetime | None = None
    updated: AwareDatetime | None = None
    audience: AnyHttpUrl | None = None
    context: str | None = None
    tag: list[dict[str, Any]] = Field(default=[])


@for_every(post=POSTS)
def test_article_is_in_the_strict_form_of_lemmy(post: Post) -> None:
    item = written(post)
    LemmyPage.model_validate(item)
    assert "source" not in item  # its Markdown would be shown in place of the content
    for tag in item["tag"]:
        assert AnyHttpUrl(tag["href"])
        assert isinstance(tag["name"], str)


def test_the_form_of_lemmy_refuses_what_lemmy_refuses() -> None:
    item = written(FULL)
    for change in (
        {"attributedTo": [item["attributedTo"], "https://peer.example/u/a"]},
        {"image": [item["image"]]},
        {"image": item["image"]["url"]},
        {"attachment": item["image"]},
        {"attachment": [{"type": "Image", "url": [item["image"]["url"]]}]},
        {"inReplyTo": "https://peer.example/1"},
        {"published": "yesterday"},
        {"context": {"id": "https://peer.example/c"}},
    ):
        with pytest.raises(ValueError, match="validation error"):
            LemmyPage.model_validate(item | change)


def test_lemmy_cuts_a_title_and_keeps_it_whole_in_the_text() -> None:
    seen = looks(POSTS["long-title"], "Person")["Lemmy 1.0"]
    assert len(seen.title) == 200
    assert "title" in seen.kept
    assert {"image", "language"} <= set(looks(FULL, "Person")["Lemmy 1.0"].lost)


@for_every(post=POSTS)
def test_what_nodebb_and_mbin_read_has_its_form(post: Post) -> None:
    item = written(post)
    assert isinstance(item["to"], list)
    assert isinstance(item["cc"], list)
    assert item["name"].strip()
    if post.featured_media:
        path = urlsplit(item["image"]["url"]).path
        assert path.endswith((".webp", ".png", ".jpg", ".gif"))  # NodeBB tells a picture by it
        assert item["image"]["id"]
        assert item["image"]["name"] == item["image"]["summary"]


def test_mbin_and_nodebb_would_link_the_title_and_show_what_they_can() -> None:
    seen = looks(FULL, "Person")
    assert seen["Mbin"].language == "en"
    assert "image" in seen["Mbin"].lost
    assert seen["NodeBB"].image.endswith("/heron.webp")
    assert seen["Discourse"].title == FULL.title


def test_nodebb_takes_a_group_as_author_and_puts_the_topic_where_the_group_is_named() -> None:
    item = written(PLAIN)
    group = item["attributedTo"]

    def nodebb(author_type: str = "Group", restricted: bool = False, **changes: Any) -> Rendering:
        seen = renderings(item | changes, author_type=author_type, restricted=restricted)
        return next(rendering for rendering in seen if rendering.peer == "NodeBB")

    assert (nodebb().refused, nodebb().place[:14]) == ("", "in no category")
    assert nodebb("Person").place == ""
    for field in ("to", "cc", "audience"):
        assert nodebb(**{field: [*item.get(field, []), group]}).place == ""
    assert nodebb(restricted=True).refused == ""
    assert "moderators" in nodebb(restricted=True, audience=group).refused
    assert nodebb(audience=group).refused == ""


# Blogs, and a gallery


def test_wordpress_and_ghost_show_title_excerpt_picture_and_text() -> None:
    for peer in ("WordPress", "Ghost"):
        seen = looks(FULL)[peer]
        assert seen.lost == (("language",) if peer == "WordPress" else ("language", "tags"))
        assert seen.text.startswith(str(FULL.summary))
    assert looks(PLAIN)["Ghost"].text.startswith(PLAIN.excerpt)


def test_friendica_shows_the_summary_as_a_warning_and_the_title_above() -> None:
    seen = looks(FULL)["Friendica"]
    assert (seen.title, seen.warning, seen.language) == (FULL.title, FULL.summary, "en")


def test_pixelfed_shows_a_post_only_with_an_attached_picture() -> None:
    assert looks(FULL)["Pixelfed"].refused
    picture = {"type": "Image", "url": f"{BASE}/media/other.png"}
    (seen,) = [
        s for s in renderings(written(FULL) | {"attachment": [picture]}) if s.peer == "Pixelfed"
    ]
    assert not seen.refused
    assert (seen.image, seen.link) == (f"{BASE}/media/other.png", URL)


# On paper


def test_on_paper_every_peer_is_named_once_and_without_colour() -> None:
    paper = StringIO()
    show(Console(file=paper, width=80), renderings(written(FULL)))
    text = paper.getvalue()
    assert re.findall(r"^== (.+)$", text, re.MULTILINE) == [peer.name for peer in PEERS]
    assert "\x1b" not in text
    assert f"[{FULL.summary}]" in text
    assert "Place: in no category: " in text
    assert "Not shown: it shows only posts with a picture in attachment." in text


def test_on_a_terminal_a_title_in_brackets_is_no_markup() -> None:
    paper = StringIO()
    console = Console(file=paper, width=100, force_terminal=True, color_system=None)
    show(console, renderings(written(replace(PLAIN, title="[red]Alarm[/red] [/]"))))
    assert "[red]Alarm[/red] [/]" in paper.getvalue()


def test_a_long_text_is_printed_by_its_beginning() -> None:
    paper = StringIO()
    show(Console(file=paper, width=80), renderings(written(POSTS["long"])))
    assert len(paper.getvalue()) < 20_000


# The page in the docs

PAGE = (Path(__file__).parents[2] / "docs/how-posts-look.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
ABOUT_ALL = {"What is the same everywhere", "How sure this is"}


def test_the_page_has_a_section_for_every_peer_and_no_other() -> None:
    assert set(SECTIONS) - ABOUT_ALL == {peer.name for peer in PEERS}


@for_every(peer=PEER_NAMES)
def test_each_section_says_rule_source_and_what_is_seen_of_every_part(peer: str) -> None:
    text = SECTIONS[peer]
    assert re.search(r"^Rule: \S", text, re.MULTILINE)
    assert re.search(r"^Source: .*\((seen|read|reported|noted|not verified)", text, re.M | re.S)
    rows = re.findall(r"^\| (\w+) \| \S.* \|$", text, re.MULTILINE)
    assert rows == ["part", "title", "excerpt", "body", "image", "byline", "link", "language"]


@for_every(peer=PEER_NAMES)
def test_the_page_counts_as_kept_and_lost_what_the_rule_does(peer: str) -> None:
    seen = looks(FULL, "Person")[peer]
    text = SECTIONS[peer]
    if peer == "Pixelfed":
        assert "Shown: no, " in text
        return
    kept = re.search(r"^Kept: (.+?)\. Lost: (.+?)\.$", text, re.MULTILINE)
    assert kept is not None
    assert tuple(kept[1].split(", ")) == seen.kept
    assert tuple(part for part in kept[2].split(", ") if part != "nothing") == seen.lost
    assert ("Shown: not in the group's voice" in text) == bool(looks(FULL)[peer].refused)
