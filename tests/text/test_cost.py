"""Texts of people on other servers cost little to clean whatever stands in them."""

import random
import time

import pytest
from support.cost import UNIT, units_of

from fedblog.domain.errors import InvalidFieldError
from fedblog.text import markdown, mentions, remote_markdown, sanitise

FULL = sanitise.REMOTE_MAX_CHARACTERS


def filled(part: str, length: int = FULL) -> str:
    return (part * (length // len(part) + 1))[:length]


HTML = [
    *("<p>", "<b><p>", "<a href='x'>", "<b><i><u>", "<ul><li>", "<table><tr><td>", "<svg><p>"),
    *("</p>", "<", "< a", "</", "<!--", "<![CDATA[", "<?", "<p lang='", '<p class="', "<img x>"),
    *("&", "&a", "&amp;", "&#", "&#x1F600;", "&CounterClockwiseContourIntegral;", "&notit;"),
    *("word ", "\n", " \n ", "\x00", "\u202e", "é", "😀", "'\"", "<select>", "<nobr><a>", "<h1>"),
    *("<p>x</b>", "<font color=a>x</p>", "<blockquote lang='aaaaaaaaaaaaaaaa'><p>"),
]


@pytest.mark.parametrize("part", HTML)
def test_s17_remote_html_costs_little_to_clean(part: str) -> None:
    assert units_of(sanitise.remote_html, filled(part)) < 35
    assert units_of(sanitise.plain_text, filled(part)) < 35


@pytest.mark.parametrize("tags", [90, 490, 4900])
def test_s17_remote_html_of_few_tags_and_much_text_costs_little(tags: int) -> None:
    for part in ("<b>", "<li>", "<p><a href=x>", "<h2>", "<div><p>", "<a>"):
        text = filled(part * tags, tags * len(part)) + "a " * 40_000
        assert units_of(sanitise.remote_html, text) < 50


def test_s17_element_of_many_attributes_costs_little() -> None:
    attributes = " ".join(f"a{number}=b" for number in range(12_000))
    assert units_of(sanitise.remote_html, f"<p {attributes}>x</p>") < 50


@pytest.mark.parametrize("part", ["\u202e", "é", " ", "\x00", "a\u0301", "\ufeff a", "a"])
def test_name_of_a_megabyte_costs_little(part: str) -> None:
    assert units_of(sanitise.remote_text, filled(part, 900_000)) < 2


def test_name_behind_much_that_is_hidden_is_still_read() -> None:
    assert sanitise.remote_text(" " * 100_000 + "\u200b" * 300 + "Ann") == "Ann"


MARKDOWN = [
    *("![*", "[", "![", "]", "[](", "[a](", "[a](<b", "[[a]", "[a][b]", "![](a)", "[a]: b\n"),
    *("*", "**a ", "_a_ ", "*a_ ", "a*b*", "***", "*** a **", "_*", "~~", "~~a ", "a**b"),
    *("`", "`a", "``a`", "```\n", "~~~", "<", "<a ", "<!--", "<a b='c'", "</a>", "<?", "<!A"),
    *("&", "&amp;", "&#x;", "\\", "\\[", "http://", "http://a) ", "https://a_", "<http://a"),
    *(
        "> ",
        ">",
        "> > ",
        "> - ",
        "- ",
        "-\n",
        "- a\n  - ",
        "1) a\n",
        "+ a\n\n",
        "*\n",
        "#",
        "# a\n",
    ),
    *("\n", "\n\n", "  ", "\t", "a\n===\n", "    a\n", "a \n", "a\\\n", "|a", "|a\n|-\n", ":::\n"),
    *("[^a]", "[^a]: b\n", "^[a", "[a]: <b> '\n", "[a]: <b> '\n>*\n", "><a@b\n\n", "word "),
]


@pytest.mark.parametrize("part", MARKDOWN)
def test_s17_remote_markdown_costs_little_or_is_given_up(part: str) -> None:
    assert units_of(remote_markdown.render, filled(part, 10_000)) < 40


def test_ordinary_markdown_is_far_from_being_given_up() -> None:
    paragraph = (
        "We *asked* at the [meeting](https://one.example/notes), and they **did** name a day:\n\n"
        "- the `ninth`, as [before](https://one.example/1)\n- or the tenth\n\n"
        "> So be it, they said, see https://two.example/2 for more.\n\n"
    )
    assert remote_markdown.render(filled(paragraph, 9 * len(paragraph))).count("<em>") == 9
    assert len(filled(paragraph, 40 * len(paragraph))) > 8000
    assert remote_markdown.render(filled(paragraph, 40 * len(paragraph))).count("<li>") == 80


def test_remote_markdown_is_read_as_people_write_it() -> None:
    assert 'href="/b"' in remote_markdown.render("[a]\n\n[a]: /b")
    html = remote_markdown.render(
        "# A\n\nsee https://one.example/a(b).\n\n~~no~~ **yes**\n\n    x\n"
    )
    assert '<a href="https://one.example/a(b)">https://one.example/a(b)</a>.' in html
    assert "<s>no</s> <strong>yes</strong>" in html
    assert "<h1>A</h1>" in html


@pytest.mark.parametrize(
    "source",
    [
        "![*" * 30_000,
        ("|a" * 300 + "\n" + "|-" * 300 + "\n" + "|\n" * 30 + "\n") * 50,
        "[^a](" * 30_000,
    ],
)
def test_markdown_of_an_author_is_given_up_after_its_steps(source: str) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidFieldError):
        markdown.render(source, most_steps=10_000)
    assert (time.process_time() - begun) / UNIT < 300


def test_markdown_of_a_long_book_is_read() -> None:
    chapter = "# One\n\n" + "A *sentence* of [some](https://one.example/) words. " * 20 + "\n\n"
    table = "|a|b|\n|-|-|\n" + "|1|2|\n" * 50 + "\n"
    assert markdown.render((chapter + table) * 60).count("<td") == 60 * 100


SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_s17_texts_of_all_sorts_of_parts_cost_little(seed: int) -> None:
    """Parts put together by a fixed seed: one after the other, and each many times."""
    chance = random.Random(seed)
    for parts, length, clean in (
        (MARKDOWN, 10_000, remote_markdown.render),
        (HTML, FULL, sanitise.remote_html),
    ):
        for _ in range(5):
            chosen = chance.choices(parts, k=chance.choice((2, 3, 5, 8)))
            for text in (
                filled("".join(chosen), length),
                "".join(filled(part, length // len(chosen)) for part in chosen),
            ):
                assert units_of(clean, text) < 50, chosen


@pytest.mark.parametrize("part", ["@a@", "@a@b.c", "a@", "@", "@a@b.", "@a.@a.a"])
def test_mentions_cost_little_to_find(part: str) -> None:
    assert units_of(mentions.find, filled(part)) < 35


@pytest.mark.parametrize("part", [")", "http://a)", "a(", ").,"])
def test_bare_address_costs_little_to_trim(part: str) -> None:
    assert units_of(markdown.render, "http://a" + filled(part, 20_000)) < 50
