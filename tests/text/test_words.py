"""Excerpts and mentions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text import excerpt, mentions


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
