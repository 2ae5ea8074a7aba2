"""Headings in order, and code and tables in reach of the keyboard."""

import re

import pytest
from support.pages import parse

from fedblog.text.sanitise import author_html
from fedblog.web.languages import language
from fedblog.web.prose import prose


@pytest.mark.parametrize(
    ("levels", "above", "shown"),
    [
        ("234", 1, "234"),
        ("244", 1, "233"),
        ("4", 1, "2"),
        ("32", 1, "22"),
        ("3243", 1, "2233"),
        ("24342", 1, "23342"),
        ("234", 2, "345"),
        ("4", 2, "3"),
    ],
)
async def test_headings_leave_no_level_out_and_look_as_written(
    levels: str, above: int, shown: str
) -> None:
    html = author_html("".join(f"<h{level} lang='en'>{level}</h{level}>" for level in levels))
    tree = parse(prose(html, await language("en", "UTC"), above))
    found = [item for item in tree.all() if re.fullmatch("h[2-6]", item.name)]
    assert "".join(item.name[1] for item in found) == shown
    for item in found:
        look = item.attributes.get("class", item.name)
        assert (look, item.attributes["lang"]) == (f"h{item.text}", "en")


async def test_headings_within_a_quoted_piece_count_too() -> None:
    html = author_html(
        '<blockquote class="quoted-piece"><header><h3>The river</h3><p class="byline">By A</p>'
        "</header><p>Text</p></blockquote><h2>After</h2>"
    )
    tree = parse(prose(html, await language("en", "UTC"), 1))
    assert [item.text for item in tree.all("h2")] == ["The river", "After"]
    assert tree.all("h3") == []


async def test_code_and_tables_take_the_focus_and_have_a_name() -> None:
    words = await language("de", "UTC")
    html = author_html(
        "<pre><code class='language-py'>a &lt;table&gt;</code></pre><div><table><tr><td>1"
        "<table><tr><td>2</td></tr></table></td></tr></table></div>"
        '<p title="x" lang="en">a</p><a title="<pre><h4>" href="https://a.example">b</a>'
    )
    tree = parse(prose(html, words, 1))
    boxes = [item for item in tree.all() if item.attributes.get("tabindex") == "0"]
    assert [(box.name, box.attributes["aria-label"]) for box in boxes] == [
        ("pre", "Code"),
        ("div", "Tabelle"),
        ("div", "Tabelle"),
    ]
    assert {box.attributes["role"] for box in boxes} == {"group"}
    assert [table.text for table in tree.all("table")] == ["1 2".replace(" ", ""), "2"]
    assert tree.one("pre").text == "a <table>"
    assert tree.one("a").attributes["title"] == "<pre><h4>"


@pytest.mark.parametrize("html", ["", "<p>Text</p>", "</h2>text", "<h2>open", "<hr>"])
async def test_what_has_nothing_of_it_stays(html: str) -> None:
    assert prose(html, await language("en", "UTC"), 1).replace("</h2>", "") == html.replace(
        "</h2>", ""
    )
