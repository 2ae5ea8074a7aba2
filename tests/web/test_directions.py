"""In which direction languages, titles and texts of others run."""

import unicodedata

import pytest
from babel import Locale
from babel.localedata import locale_identifiers

from fedblog.web.directions import (
    direction,
    html_direction,
    line_direction,
    with_handles_apart,
)


def test_languages_run_as_cldr_has_them() -> None:
    wrong = [
        tag
        for tag in locale_identifiers()
        if (direction(tag.replace("_", "-")) == "rtl")
        != (Locale.parse(tag).text_direction == "rtl")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("ar", "rtl"),
        ("AR-eg", "rtl"),
        ("he-Latn", "ltr"),
        ("az-Arab-IR", "rtl"),
        ("ku", "ltr"),
        ("en-x-arab", "ltr"),
        ("", "ltr"),
    ],
)
def test_script_of_a_tag_decides(tag: str, expected: str) -> None:
    assert direction(tag) == expected


def test_every_letter_runs_as_unicode_has_it() -> None:
    wrong = []
    for number in range(0x110000):
        letter = chr(number)
        if unicodedata.category(letter).startswith("L"):
            runs = "rtl" if unicodedata.bidirectional(letter) in ("R", "AL") else "ltr"
            if line_direction(letter, "en") != runs or line_direction(letter, "ar") != runs:
                wrong.append(hex(number))
    assert wrong == []


@pytest.mark.parametrize(
    ("title", "language", "expected"),
    [
        ("שלום", "en", "rtl"),
        ("What is it?", "ar", "ltr"),
        ("iPhone חדש", "he", "rtl"),
        ("“שלום” means peace", "en", "ltr"),
        ("وصل النهر عند الرابعة C++", "en", "rtl"),
        ("2026?", "fa", "rtl"),
        ("", "en", "ltr"),
    ],
)
def test_title_runs_as_most_of_its_letters_or_as_its_language(
    title: str, language: str, expected: str
) -> None:
    assert line_direction(title, language) == expected


MENTION = '<span><a href="https://x.example/@bob" class="mention">@<span>bob</span></a></span>'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f"<p>{MENTION} مرحبا</p>", "rtl"),
        ("<p>@bob@a.example https://a.example/long/path مرحبا</p>", "rtl"),
        ("<pre><code>pip install fedblog</code></pre><p>שלום</p>", "rtl"),
        ("<p><code>npm</code> لا يعمل</p>", "rtl"),
        (f"<p>{MENTION} they say مرحبا where I come from</p>", "ltr"),
        ('<p><a href="https://a.example">مرحبا</a></p>', "auto"),
        ("<p>Hello</p>", "auto"),
        ("", "auto"),
    ],
)
def test_text_runs_as_its_words_whatever_stands_before_them(html: str, expected: str) -> None:
    assert html_direction(html) == expected


def apart(handle: str) -> str:
    return f'<bdi dir="ltr">{handle}</bdi>'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>إلى @bo@a.example!</p>", f"<p>إلى {apart('@bo@a.example')}!</p>"),
        ("<p>إلى @bo</p>", f"<p>إلى {apart('@bo')}</p>"),
        ("<p>إلى @bo@127.0.0.1:3000</p>", f"<p>إلى {apart('@bo@127.0.0.1:3000')}</p>"),
        ("<p>To @bo@a.example</p>", None),
        ("<p>إلى bo@a.example</p>", None),
        ("<p>إلى https://a.example/@bo</p>", None),
        ("<p>إلى <code>@bo@a.example</code></p>", None),
        ('<p>إلى <a href="https://a.example/@bo@b.example">ب</a></p>', None),
        ("<p>إلى @ @@</p>", None),
    ],
)
def test_handles_between_arabic_words_are_kept_apart(html: str, expected: str | None) -> None:
    assert with_handles_apart(html) == (expected or html)
