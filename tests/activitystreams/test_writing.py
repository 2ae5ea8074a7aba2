"""What we say: activities, notes, edge cases of articles (objects as served: tests/endpoints)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from support.values import post

from fedblog.activitystreams import json, writing
from fedblog.activitystreams.documents import Mention
from fedblog.activitystreams.reading import is_public, read_activity, read_actor, read_object
from fedblog.domain.addresses import Addresses
from fedblog.domain.blog import Author, Blog
from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.media import Media
from fedblog.domain.post import Byline, PostStatus
from fedblog.text.sanitise import author_html, plain_text

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
BASE = "https://blog.example.org"
AT = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
ID = "01JD0000000000000000000000"
OTHER = "01JD0000000000000000000001"
RIN = "https://peer.example/users/rin"
ADDRESSES = Addresses(BASE, "blog", "example.org")
BLOG = Blog(1, "blog", "Act Today", "", "Guestspeaker", "", "en", "UTC", AT, AT)
POST = post(
    status=PostStatus.PUBLISHED,
    path="/2026/11/20/herons/",
    tags=("heron",),
    bylines=(Byline("A", OTHER, "a"), Byline("B", url='https://b.example/"')),
    created_at=AT,
    updated_at=AT,
    published_at=AT,
)
PATH = "/2026/11/20/herons/"
COMMENT = Comment(
    id=OTHER,
    blog_id=1,
    uri=f"{BASE}/ap/comments/{OTHER}",
    post_id=ID,
    parent_id=None,
    in_reply_to_uri=f"{BASE}/ap/posts/{ID}",
    depth=0,
    actor_uri=None,
    author_id=OTHER,
    guest_name=None,
    url="",
    name="",
    source_html="",
    content_html="<p>Thanks</p>",
    summary="",
    language=None,
    visibility="public",
    status=CommentStatus.APPROVED,
    status_locked=False,
    attachments="[]",
    published_at=AT,
    received_at=AT,
)


def test_create_is_addressed_as_its_article() -> None:
    article = writing.article(POST, BLOG, ADDRESSES, {})
    activity = writing.create(ADDRESSES, OTHER, "blog", article)
    assert activity["@context"][0] == "https://www.w3.org/ns/activitystreams"
    assert activity["id"] == f"{BASE}/ap/activities/{OTHER}"
    assert (activity["type"], activity["actor"]) == ("Create", f"{BASE}/ap/blog")
    assert activity["to"] == article["to"] == [PUBLIC]
    assert activity["cc"] == article["cc"] == [f"{BASE}/ap/blog/followers"]
    assert activity["object"] == article
    assert "@context" not in activity["object"]
    assert activity["published"] == "2026-11-20T08:00:00Z"


def test_article_is_read_back_as_it_was_meant() -> None:
    body = json.dump(
        writing.create(ADDRESSES, OTHER, "blog", writing.article(POST, BLOG, ADDRESSES, {}))
    )
    activity = read_activity(json.parse(body, max_depth=32, max_items=1000, max_nodes=20_000))
    item = activity.object
    assert item is not None
    assert is_public(item)
    assert (item.name, item.language, item.author) == ("Herons", "en", f"{BASE}/ap/blog")
    assert item.url == f"{BASE}/2026/11/20/herons/"
    assert item.published == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert item.updated is None
    assert [tag.name for tag in item.hashtags] == ["heron"]


def test_text_of_the_title_and_addresses_cannot_break_out_of_the_first_line() -> None:
    article = writing.article(replace(POST, title='<script>"&'), BLOG, ADDRESSES, {})
    assert article["name"] == '<script>"&'
    first = article["content"].split("\n")[0]
    assert "<script>" not in first
    assert 'href="https://b.example/&quot;"' in first


def test_article_without_bylines_or_path_of_ascii_reads_well() -> None:
    article = writing.article(
        replace(POST, bylines=(), path="/2026/11/20/héron/"), BLOG, ADDRESSES, {}
    )
    assert article["url"] == f"{BASE}/2026/11/20/h%C3%A9ron/"
    assert article["content"].startswith(f'<p><a href="{article["url"]}">“Herons”</a></p>')


def test_people_named_in_a_post_are_mentioned_and_addressed() -> None:
    article = writing.article(
        POST, BLOG, ADDRESSES, {}, mentions=[Mention(RIN, "@rin@peer.example")]
    )
    assert RIN in article["cc"]
    assert {"type": "Mention", "href": RIN, "name": "@rin@peer.example"} in article["tag"]


def test_update_has_the_full_object_and_a_later_stamp() -> None:
    edited = POST.edited(AT)
    article = writing.article(edited, BLOG, ADDRESSES, {})
    activity = writing.update(ADDRESSES, OTHER, "blog", article, AT)
    assert (activity["type"], activity["object"]) == ("Update", article)
    assert article["updated"] > article["published"]
    assert article["updated"].endswith("Z")
    assert "." not in article["updated"]


def test_update_of_an_actor_goes_to_its_followers() -> None:
    author = Author(OTHER, 1, "ada", "Ada", "", "", "", None, "author", AT, AT)
    actor = writing.author_actor(author, ADDRESSES, writing.ActorKeys("PEM"))
    activity = writing.update(ADDRESSES, ID, OTHER, actor, AT)
    assert activity["actor"] == activity["object"]["id"] == f"{BASE}/ap/authors/{OTHER}"
    assert activity["to"] == [PUBLIC]
    assert activity["cc"] == [f"{BASE}/ap/authors/{OTHER}/followers"]
    assert read_actor(actor).preferred_username == "ada"
    assert "assertionMethod" not in actor


def test_delete_leaves_a_tombstone() -> None:
    gone = writing.tombstone(f"{BASE}/ap/posts/{ID}", "Article", AT)
    activity = writing.delete(ADDRESSES, OTHER, "blog", gone)
    assert activity["object"] == {
        "id": f"{BASE}/ap/posts/{ID}",
        "type": "Tombstone",
        "formerType": "Article",
        "deleted": "2026-11-20T08:00:00Z",
    }
    assert activity["cc"] == [f"{BASE}/ap/blog/followers"]
    assert writing.delete(ADDRESSES, OTHER, "readers", gone, cc=[RIN])["cc"] == [RIN]
    actor = writing.delete_actor(ADDRESSES, ID, OTHER, AT)
    assert actor["object"] == actor["actor"]


@pytest.mark.parametrize("answer", [writing.accept, writing.reject])
def test_answers_to_a_follow_name_it_with_and_without_id(answer: Any) -> None:
    activity = answer(ADDRESSES, OTHER, "blog", follow_id=f"{RIN}#f", follower=RIN)
    assert activity["to"] == [RIN]
    assert activity["object"] == {
        "id": f"{RIN}#f",
        "type": "Follow",
        "actor": RIN,
        "object": f"{BASE}/ap/blog",
    }
    without = answer(ADDRESSES, OTHER, OTHER, follow_id=None, follower=RIN)
    assert without["object"] == {
        "type": "Follow",
        "actor": RIN,
        "object": f"{BASE}/ap/authors/{OTHER}",
    }


def test_undo_embeds_what_is_undone_and_announce_names_its_object() -> None:
    uri = "https://peer.example/notes/1"
    boost = writing.announce(ADDRESSES, ID, "blog", uri, author=RIN, at=AT)
    assert boost["object"] == uri
    assert boost["cc"] == [f"{BASE}/ap/blog/followers", RIN]
    undone = writing.undo(ADDRESSES, OTHER, "blog", boost, AT)
    assert undone["object"]["id"] == boost["id"]
    assert "@context" not in undone["object"]
    assert (undone["to"], undone["cc"]) == (boost["to"], boost["cc"])


def test_note_names_the_person_answered_once() -> None:
    rin = Mention(RIN, "@rin@peer.example")
    item = writing.note_for_comment(
        COMMENT, ADDRESSES, PATH, mentions=[rin], also_to=[RIN, "https://x.example/u"]
    )
    assert item["cc"] == [RIN, "https://x.example/u"]
    assert item["content"].count("@rin@peer.example") == 1
    assert item["content"].startswith("<p><span")
    named = replace(COMMENT, content_html=f'<p><a href="{RIN}">@rin</a> thanks</p>')
    assert (
        writing.note_for_comment(named, ADDRESSES, PATH, mentions=[rin])["content"]
        == named.content_html
    )
    lists = replace(COMMENT, content_html="<ul><li>a</li></ul>")
    content = writing.note_for_comment(lists, ADDRESSES, PATH, mentions=[rin])["content"]
    assert content.startswith("<p><span")
    assert content.endswith("<ul><li>a</li></ul>")


def test_note_of_a_comment_with_warning_and_edit() -> None:
    comment = replace(COMMENT, summary="Spiders", edited_at=AT, language="de")
    item = writing.note_for_comment(comment, ADDRESSES, PATH)
    assert (item["summary"], item["sensitive"]) == ("Spiders", True)
    assert item["updated"] == "2026-11-20T08:00:00Z"
    assert item["contentMap"] == {"de": item["content"]}
    assert item["url"] == f"{BASE}{PATH}comments/{OTHER}/"
    assert read_object(item).in_reply_to == f"{BASE}/ap/posts/{ID}"


def test_every_document_survives_strict_readers() -> None:
    keys = writing.ActorKeys("PEM", "z6Mk")
    article = writing.article(POST, BLOG, ADDRESSES, {})
    documents = [
        writing.blog_actor(BLOG, ADDRESSES, keys),
        writing.readers_actor(BLOG, ADDRESSES, keys),
        writing.instance_actor(BLOG, ADDRESSES, keys),
        article,
        writing.note_for_comment(COMMENT, ADDRESSES, PATH),
        writing.update(ADDRESSES, OTHER, "blog", article, AT),
    ]
    for document in map(writing.document, documents):
        assert (
            json.parse(json.dump(document), max_depth=32, max_items=1000, max_nodes=20_000)
            == document
        )
        for name in ("tag", "attachment", "to", "cc"):
            assert isinstance(document.get(name, []), list)
        for name in ("attributedTo", "actor", "context", "url"):
            assert isinstance(document.get(name, ""), str)
        assert None not in document.values()


KEYS = writing.ActorKeys("PEM", "z6Mk")
PICTURE = Media(
    *(ID, 1, f"{ID}.png", "image/png", 60, 40, 99, "A <heron>\nfishing", "On & <off>", "Jo"), AT
)


def content_of(html: str, language: str = "en", **changes: Any) -> str:
    given = replace(POST, content_html=html, language=language, **changes)
    article = writing.article(given, BLOG, ADDRESSES, {PICTURE.file_name: PICTURE})
    assert article["contentMap"] == {language: article["content"]}
    return str(article["content"])


@pytest.mark.parametrize(
    "source",
    [
        f"/media/{ID}.png",
        f"{BASE}/media/{ID}.png",
        f"../../../../media/{ID}.png",
        f"{BASE.partition(':')[2]}/media/{ID}.png",
        f"/media/{ID}.png?w=300&amp;h=200",
        f"/media/{ID}.png#top",
    ],
)
def test_picture_of_an_article_has_alt_caption_credit_and_size(source: str) -> None:
    assert content_of(f'<p><img src="{source}" alt=""></p>').endswith(
        f'<figure><img src="{BASE}/media/{ID}.png" alt="A &lt;heron&gt;\nfishing" width="60"'
        ' height="40"><figcaption>On &amp; &lt;off&gt; <span class="credit">Credit: Jo</span>'
        "</figcaption></figure>"
    )


OURS = f'<img src="/media/{ID}.png" alt="">'
THEIRS = '<img src="https://other.example/a.png" alt="b">'
SHOWN = f'<img src="{BASE}/media/{ID}.png" alt="A &lt;heron&gt;\nfishing" width="60" height="40">'
BELOW = (
    '<figcaption>On &amp; &lt;off&gt; <span class="credit">Credit: Jo</span></figcaption></figure>'
)
OWN = "<figcaption>Own</figcaption></figure>"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            f'<p><a href="/x">{OURS}</a></p>',
            f'<figure><a href="{BASE}/x">{SHOWN}</a>{BELOW}',
        ),
        (
            f"<p>{OURS}\n{OURS}<br>{OURS}</p>",
            "\n".join([f"<figure>{SHOWN}{BELOW}"] * 3),
        ),
        (f"<p>{OURS} {THEIRS}</p>", f"<figure>{SHOWN}{BELOW}\n<p>{THEIRS}</p>"),
        (f'<p dir="rtl" lang="ar">{OURS}</p>', f'<figure dir="rtl" lang="ar">{SHOWN}{BELOW}'),
        (
            f'<ul><li lang="de">{OURS}</li><li>{OURS} x</li></ul>',
            f'<ul><li lang="de"><figure>{SHOWN}{BELOW}</li><li>{SHOWN} x</li></ul>',
        ),
        (f"<div>{OURS}</div>", f"<div><figure>{SHOWN}{BELOW}</div>"),
        (f"<figure><p>{OURS}</p></figure>", f"<figure><p>{SHOWN}</p>{BELOW}"),
        (f"<figure>{THEIRS}{OURS}</figure>", f"<figure>{THEIRS}{SHOWN}{BELOW}"),
        (f"<figure>{OURS}{OURS}</figure>", f"<figure>{SHOWN}{SHOWN}{BELOW}"),
        (f"<figure>{OURS}{OWN}", f"<figure>{SHOWN}{OWN}"),
        (
            f'<p><a href="/x">{OURS}{OURS}</a></p>',
            f'<p><a href="{BASE}/x">{SHOWN}{SHOWN}</a></p>',
        ),
        (f"<p>{THEIRS} {THEIRS}</p>", f"<p>{THEIRS} {THEIRS}</p>"),
    ],
)
def test_caption_and_credit_stand_once_below_what_is_set_apart(written: str, read: str) -> None:
    assert content_of(author_html(written)).partition("\n")[2] == read


def test_featured_picture_of_an_article_has_caption_and_credit_in_its_language() -> None:
    post = replace(POST, language="de", featured_media=PICTURE)
    image = writing.article(post, BLOG, ADDRESSES, {})["image"]
    assert image["name"] == PICTURE.alt
    assert image["content"] == '<p>On &amp; &lt;off&gt; <span class="credit">Bild: Jo</span></p>'
    bare = replace(post, featured_media=replace(PICTURE, caption="", credit=""))
    assert "content" not in writing.article(bare, BLOG, ADDRESSES, {})["image"]


@pytest.mark.parametrize(
    ("relative", "full"),
    [
        ("../x", f"{BASE}/2026/11/20/x"),
        ("x.html", f"{BASE}{PATH}x.html"),
        ("?page=2&amp;q=a%20b", f"{BASE}{PATH}?page=2&amp;q=a%20b"),
        ("#s", f"{BASE}{PATH}#s"),
        ("", f"{BASE}{PATH}"),
        ("//other.example/x", "https://other.example/x"),
        ("/about/#us", f"{BASE}/about/#us"),
        ("./", f"{BASE}{PATH}"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("https://a.example/?q=1&amp;r", "https://a.example/?q=1&amp;r"),
        ("//[x", "//[x"),
    ],
)
def test_addresses_in_an_article_are_full(relative: str, full: str) -> None:
    html = f'<p><a title="x href=" href="{relative}">a</a><q cite="{relative}">b</q></p>'
    assert content_of(html).endswith(
        f'<p><a title="x href=" href="{full}">a</a><q cite="{full}">b</q></p>'
    )


def test_footnotes_and_pictures_elsewhere_of_an_article_lead_to_full_addresses() -> None:
    html = '<sup><a href="#fn1" id="fnref1">1</a></sup><img src="//other.example/a.png" alt="b">'
    assert content_of(html).endswith(
        f'<sup><a href="{BASE}{PATH}#fn1" id="fnref1">1</a></sup>'
        '<img src="https://other.example/a.png" alt="b">'
    )


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "“Herons”, by Ann, Bo and Cy"),
        ("en-GB", "“Herons”, by Ann, Bo and Cy"),
        ("de", "„Herons“, von Ann, Bo und Cy"),
        ("de-AT", "„Herons“, von Ann, Bo und Cy"),
        ("ja", "“Herons” · Ann, Bo, Cy"),
    ],
)
def test_first_line_speaks_the_language_of_the_text(language: str, line: str) -> None:
    names = tuple(Byline(name) for name in ("Ann", "Bo", "Cy"))
    first = content_of("<p>x</p>", language, bylines=names).partition("\n")[0]
    assert plain_text(first) == line


def test_credit_speaks_the_language_of_the_text() -> None:
    html = f'<figure><img src="/media/{ID}.png" alt=""></figure>'
    assert '<span class="credit">Bild: Jo</span>' in content_of(html, "de")
    assert '<span class="credit">Jo</span>' in content_of(html, "fr")


def test_actors_of_a_german_blog_introduce_themselves_in_german() -> None:
    german = replace(BLOG, language="de", title="Der <Deich>")
    readers = writing.readers_actor(german, ADDRESSES, KEYS)
    assert readers["name"] == "Leserinnen und Leser von Der <Deich>"
    assert readers["summary"].startswith("<p>Kommentare von Leserinnen")
    instance = writing.instance_actor(german, ADDRESSES, KEYS)
    assert instance["summary"].startswith("<p>Unterschreibt die Anfragen")
    french = replace(BLOG, language="fr")
    assert writing.readers_actor(french, ADDRESSES, KEYS)["name"] == BLOG.title


def test_relative_addresses_of_a_reply_are_full() -> None:
    comment = replace(COMMENT, content_html='<p><a href="../x">x</a><a href="#fn1">1</a></p>')
    content = writing.note_for_comment(comment, ADDRESSES, PATH)["content"]
    assert f'href="{BASE}/2026/11/20/x"' in content
    assert f'href="{BASE}{PATH}#fn1"' in content
