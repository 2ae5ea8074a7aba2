"""Excerpts, tags, slugs and mentions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text import excerpt, hashtags, mentions, slugs


def test_excerpt_is_whole_words_and_an_ellipsis() -> None:
    result = excerpt.excerpt("<p>" + "One word, and another. " * 40 + "</p>", limit=50)
    assert result == "One word, and another. One word, and another. One…"


def test_excerpt_of_a_short_text_is_the_text() -> None:
    assert excerpt.excerpt("<p>Fish &amp; chips</p><p>Tea</p>") == "Fish & chips Tea"


def test_excerpt_leaves_out_what_is_not_running_text() -> None:
    html = (
        '<figure><img src="/media/x.jpg"><figcaption>Caption</figcaption></figure><h2>Head</h2>'
        '<p>Text<sup class="footnote-ref"><a href="#fn1">[1]</a></sup>.</p><pre>code</pre>'
        '<table><tr><td>1</td></tr></table><section class="footnotes"><p>Note</p></section>'
    )
    assert excerpt.excerpt(html) == "Text."


@given(st.text(), st.integers(10, 60))
def test_excerpt_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    from html import escape

    assert len(excerpt.excerpt(f"<p>{escape(text)}</p>", limit=limit)) <= limit


@pytest.mark.parametrize(
    ("name", "slug", "hashtag"),
    [
        ("Climate Action", "climateaction", "#ClimateAction"),
        ("#climate", "climate", "#climate"),
        ("energy-transition", "energytransition", "#EnergyTransition"),
        ("Überschwemmung 2026", "überschwemmung2026", "#Überschwemmung2026"),
        ("हिन्दी", "हिन्दी", "#हिन्दी"),
        ("日本", "日本", "#日本"),
        ("ＦＵＬＬ", "full", "#FULL"),
        ("...", "", ""),
        ("<script>", "script", "#script"),
    ],
)
def test_tag_has_an_address_and_a_hashtag(name: str, slug: str, hashtag: str) -> None:
    assert hashtags.tag_slug(name) == slug
    assert hashtags.hashtag(name) == hashtag
    assert hashtags.tag_slug(hashtag) == slug


@given(st.text())
def test_tag_slug_holds_nothing_that_an_address_could_trip_over(name: str) -> None:
    slug = hashtags.tag_slug(name)
    assert not set(slug) & set("/?#%&. \n<>\"'")
    assert hashtags.tag_slug(slug) == slug


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("What the river took", "what-the-river-took"),
        ("It’s “now” — or never!", "its-now-or-never"),
        ("Crème brûlée & Straße", "creme-brulee-and-strasse"),
        ("Øresund", "oresund"),
        ("日本語", "post"),
        ("2026 年の本 books", "2026-books"),
        ("", "post"),
        ("../../etc/passwd", "etc-passwd"),
        ("word " * 40, "-".join(["word"] * 16)),
        ("x" * 200, "x" * 80),
    ],
)
def test_title_becomes_a_slug(title: str, slug: str) -> None:
    assert slugs.slugify(title) == slug


@given(st.text())
def test_slug_is_never_empty_and_always_bounded(title: str) -> None:
    slug = slugs.slugify(title)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= 80
    assert slugs.slugify(slug) == slug


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "Hello @ann@social.example, and @Bob_2@Other.EXAMPLE.",
            ("ann@social.example", "Bob_2@other.example"),
        ),
        ("<p>@ann@social.example</p><p>@ann@social.example</p>", ("ann@social.example",)),
        ("write to ann@social.example", ()),
        ("<pre>@ann@social.example</pre><code>@b@c.example</code>", ()),
        ("@blog@localhost:8000 here", ("blog@localhost:8000",)),
        ("https://social.example/@ann@other.example", ()),
        ("@ann alone", ()),
        ("@ann@social.example@again", ()),
        ("(@ann@bücher.example)", ("ann@bücher.example",)),
    ],
)
def test_people_mentioned_are_found(text: str, found: tuple[str, ...]) -> None:
    assert mentions.find(text) == found


@given(st.text(alphabet="@.a-1<p>: ", max_size=200))
def test_mentions_are_found_in_anything(text: str) -> None:
    for mention in mentions.find(text):
        assert re.fullmatch(r"[\w.-]+@[\w.-]+(:\d+)?", mention)
