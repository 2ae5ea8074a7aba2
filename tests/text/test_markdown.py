"""Markdown as authors write it, after sanitising."""

import pytest

from fedblog.text import markdown
from fedblog.text.sanitise import author_html


def rendered(source: str) -> str:
    return author_html(markdown.render(source))


def test_picture_with_a_title_becomes_a_figure_with_a_caption() -> None:
    assert rendered('![A march](/media/x.jpg "On *Monday*")') == (
        '<figure><img src="/media/x.jpg" alt="A march">'
        "<figcaption>On <em>Monday</em></figcaption></figure>\n"
    )


def test_caption_carries_a_credit_after_a_bar() -> None:
    assert '<figcaption>On Monday <small class="credit">Credit: Jo</small></figcaption>' in (
        rendered('![A march](/media/x.jpg "On Monday | Credit: Jo")')
    )


def test_text_of_a_picture_keeps_code_lines_and_what_looks_like_an_element() -> None:
    assert 'alt="a &lt;Alien&gt; List&lt;T&gt; 1 &lt; 2 bold\nline"' in rendered(
        "![a <Alien> `List<T>` 1 < 2 **bold**\nline](/media/x.jpg)"
    )


def test_picture_without_a_title_or_within_a_sentence_stays_a_picture() -> None:
    assert rendered("![x](/media/x.jpg)") == '<p><img src="/media/x.jpg" alt="x"></p>\n'
    assert "<figure" not in rendered('See ![x](/media/x.jpg "y") there')


def test_several_figures_in_one_text() -> None:
    html = rendered('![a](/media/a.jpg "A")\n\nText\n\n![b](/media/b.jpg "B")')
    assert html.count("<figure>") == html.count("</figure>") == 2
    assert html.count("<p>") == 1


def test_quoted_piece_keeps_its_headline_bylines_and_source() -> None:
    html = rendered(
        "::: quoted\n### Water rises\n\n*By A and B*\n\nFull text.\n\n"
        "— [The Paper](https://paper.example/)\n:::\n\nAfter."
    )
    assert html.startswith('<blockquote class="quoted-piece">\n<h3>Water rises</h3>')
    assert html.endswith("</blockquote>\n<p>After.</p>\n")


def test_quoted_piece_may_be_written_as_html() -> None:
    piece = (
        '<blockquote class="quoted-piece" cite="https://paper.example/1"><header><h3>Head</h3>'
        '<p class="byline">By A and B</p></header><p>Text</p>'
        '<footer class="source"><cite>The Paper</cite></footer></blockquote>'
    )
    assert rendered(piece) == piece


def test_tables_align_by_class() -> None:
    html = rendered("| a | b |\n|:-:|--:|\n| 1 | 2 |")
    assert '<td class="align-center">1</td>' in html
    assert '<td class="align-right">2</td>' in html


def test_footnotes_lead_there_and_back() -> None:
    html = rendered("Text[^1].\n\n[^1]: Note.")
    assert 'href="#fn1" id="fnref1"' in html
    assert '<li id="fn1" class="footnote-item">' in html
    assert 'href="#fnref1"' in html


def test_strikethrough_autolinks_and_code_languages() -> None:
    html = rendered("~~gone~~ <https://a.example/>\n\n```python\nx = 1\n```")
    assert "<s>gone</s>" in html
    assert '<a href="https://a.example/">' in html
    assert '<code class="language-python">' in html


@pytest.mark.parametrize(
    ("source", "link", "after"),
    [
        ("See https://a.example/b.", "https://a.example/b", "."),
        ("(https://a.example/b_(c))", "https://a.example/b_(c)", ")"),
        ("https://a.example/?q=1&r=2, then", "https://a.example/?q=1&amp;r=2", ", then"),
        ("**https://a.example**", "https://a.example", "</strong>"),
        ("HTTPS://A.example/b, then", "HTTPS://A.example/b", ", then"),
        ("\u89c1Http://a.example/b\u3002", "Http://a.example/b", "\u3002"),
    ],
)
def test_bare_address_becomes_a_link(source: str, link: str, after: str) -> None:
    assert f'<a href="{link}">{link}</a>{after}' in rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "[https://a.example](https://b.example)",
        "`https://a.example`",
        '<a href="https://b.example">https://a.example</a>',
        "https:// alone",
        "xhttps://a.example",
    ],
)
def test_address_within_a_link_or_code_stays_text(source: str) -> None:
    assert 'href="https://a.example' not in rendered(source)


@pytest.mark.parametrize(
    ("source", "link", "after"),
    [
        (
            "\u8bf7\u770bhttps://a.example/b\u3002\u518d\u6765",
            "https://a.example/b",
            "\u3002\u518d",
        ),
        (
            "\u8a73\u7d30\u306fhttps://a.example/b\u3092\u898b\u3066",
            "https://a.example/b",
            "\u3092\u898b",
        ),
        ("\uff08https://a.example/\uff09", "https://a.example/", "\uff09"),
        ("\u89c1\uff1ahttps://a.example\uff0c\u7136\u540e", "https://a.example", "\uff0c\u7136"),
        ("\u300chttp://a.example/?q=1\u300d", "http://a.example/?q=1", "\u300d"),
        ("https://a.example/%E8%B7%AF\u8def", "https://a.example/%E8%B7%AF", "\u8def"),
        ("\u30abhttps://a.example/b\u30ab", "https://a.example/b", "\u30ab"),
        (
            "\uc8fc\uc18c\ub294https://a.example/b\uc785\ub2c8\ub2e4",
            "https://a.example/b",
            "\uc785",
        ),
        ("https://a.example/50% more", "https://a.example/50", "% more"),
        ("https://a.example\u3000b", "https://a.example", "\u3000b"),
        ("\u201chttps://a.example/b\u201d", "https://a.example/b", "\u201d"),
        ("(https://a.example/b)\u3002", "https://a.example/b", ")\u3002"),
    ],
)
def test_bare_address_ends_at_a_sign_that_no_address_has(
    source: str, link: str, after: str
) -> None:
    assert f'<a href="{link}">{link}</a>{after}' in rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "https://m\u00fcller.example/",
        "https://\u4f8b\u3048.example/",
        "https://ex-\u4e2d.example/",
        "https://example.\u4e2d\u56fd/",
        "\u8bf7\u770ba.example/b\u3002",
    ],
)
def test_host_of_other_signs_or_without_a_scheme_is_not_linked_by_half(source: str) -> None:
    assert "<a" not in rendered(source)


def test_bare_address_in_a_caption_and_a_credit_becomes_a_link() -> None:
    html = rendered('![a](/media/a.jpg "\u89c1https://a.example/\u3002 | https://b.example")')
    assert '<a href="https://a.example/">' in html
    assert '<small class="credit"><a href="https://b.example">' in html


def test_what_is_no_element_stays_in_the_text() -> None:
    assert rendered("about <Alien>, a List<String> of </Xs>, <b>bold</b><script>x</script>") == (
        "<p>about &lt;Alien&gt;, a List&lt;String&gt; of &lt;/Xs&gt;, <b>bold</b></p>\n"
    )


def test_rendering_twice_gives_the_same() -> None:
    source = "a[^1]\n\n[^1]: b"
    assert markdown.render(source) == markdown.render(source)
