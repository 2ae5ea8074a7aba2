"""A post's text for its page: pictures of other servers (for other readers: activitystreams)."""

import pytest

from fedblog.text import figures
from fedblog.text.markdown import render
from fedblog.text.sanitise import author_html

HERE = figures.Setting("https://blog.example/2026/11/20/a/", "https://blog.example", "en", {})


def on_page(source: str) -> str:
    return str(figures.on_page(author_html(render(source)), HERE)).strip()


@pytest.mark.parametrize(
    ("source", "page"),
    [
        (
            "[![build](https://ci.example/b.svg)](https://ci.example/)",
            '<p><a href="https://ci.example/">build</a></p>',
        ),
        (
            "[a ![](https://www.ci.example/b.svg) b](x)",
            '<p><a href="x">a ci.example b</a></p>',
        ),
        (
            "[a](x) ![b](https://ci.example/b.svg)",
            '<p><a href="x">a</a> <a class="elsewhere" href="https://ci.example/b.svg"'
            ' rel="noopener noreferrer">b</a></p>',
        ),
        ("<abbr>![b](/b.png)</abbr>", '<p><abbr><img src="/b.png" alt="b"></abbr></p>'),
    ],
)
def test_picture_of_another_server_is_no_link_within_a_link(source: str, page: str) -> None:
    assert on_page(source) == page


@pytest.mark.parametrize("source", ["data:image/png;base64,AA", "javascript:x", "", "https:x.png"])
def test_picture_whose_address_is_dropped_is_its_text(source: str) -> None:
    """Not a picture of the page's own address."""
    html = author_html(f'<p>a <img src="{source}" alt="b &lt;c&gt;"> d</p>')
    setting = figures.Setting("https://blog.example/2026/a/", "https://blog.example", "en", {})
    for read in (figures.on_page, figures.elsewhere):
        assert read(html, setting) == "<p>a b &lt;c&gt; d</p>"
