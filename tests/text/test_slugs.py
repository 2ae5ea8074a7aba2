"""The last part of a post's address, from its title or as it was asked for."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text import slugs


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("What the river took", "what-the-river-took"),
        ("It’s “now” — or never!", "its-now-or-never"),
        ("Crème brûlée & Straße", "creme-brulee-and-strasse"),
        ("Øresund", "oresund"),
        ("Tiếng Việt", "tieng-viet"),
        ("", "post"),
        ("😀🎉", "post"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "post"),
        ("word " * 40, "-".join(["word"] * 16)),
        ("x" * 200, "x" * 80),
    ],
)
def test_latin_title_becomes_a_slug_in_ascii(title: str, slug: str) -> None:
    assert slugs.slugify(title) == slug


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("日本語", "日本語"),
        ("2026 年の本 books", "2026-年の本-books"),
        ("東京「秋葉原」駅", "東京-秋葉原-駅"),
        ("Привет, мир! Ёлка й", "привет-мир-ёлка-й"),
        ("ΟΔΥΣΣΕΑΣ", "οδυσσεας"),
        ("हिन्दी में लेख", "हिन्दी-में-लेख"),
        ("مرحبا بالعالم", "مرحبا-بالعالم"),
        ("שלום עולם צה״ל", "שלום-עולם-צהל"),
        ("การเดินทาง", "การเดินทาง"),
        ("한국어 ㅋㅋ", "한국어-ㅋㅋ"),
        ("ქართული", "ქართული"),
        ("አማርኛ", "አማርኛ"),
        ("Ələkbər", "ələkbər"),
        ("۲۰۲۶", "۲۰۲۶"),
        ("𞤀𞤣𞤤𞤢𞤥", "𞤢𞤣𞤤𞤢𞤥"),
    ],
)
def test_letters_of_every_script_stay(title: str, slug: str) -> None:
    assert slugs.slugify(title) == slug
    assert slugs.slugify(unicodedata.normalize("NFD", title)) == slug


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("ｶﾞｲﾄﾞ ＦＵＬＬ", "ガイド-full"),
        ("Donau\u00addampf\u200bschiff", "donaudampfschiff"),
        ("\u200fمرحبا\u200e", "مرحبا"),
        ("\u202eabc\u202c", "abc"),
        ("می\u200cخواهم", "می-خواهم"),
        ("ක්\u200dර", "ක්\u200dර"),
        ("Z\u0338a\u0337l\u0336g\u0334o", "zalgo"),
        ("\u0301a", "a"),
        ("1\ufe0f\u20e3 One", "1-one"),
        ("İstanbul", "istanbul"),
        ("\u3164", "post"),
        ("C++ & C#", "c-plus-plus-and-c-sharp"),
        ("1+1 #1", "1-1-1"),
    ],
)
def test_what_is_not_seen_or_no_letter_is_not_in_a_slug(title: str, slug: str) -> None:
    assert slugs.slugify(title) == slug


@pytest.mark.parametrize("letter", ["字", "𠮷", "नि", "й", "ก็", "x"])
def test_slug_of_a_long_title_is_cut_by_bytes_and_between_letters(letter: str) -> None:
    slug = slugs.slugify(letter * 300)
    assert len(slug.encode()) <= slugs.MAX_BYTES
    assert len(slug) <= slugs.MAX_CHARACTERS
    assert slug == letter * (len(slug) // len(letter))


def test_slug_of_long_words_is_cut_between_them() -> None:
    assert slugs.slugify("字字字字字 " * 30) == "-".join(["字字字字字"] * 12)


@given(st.text())
def test_slug_is_never_empty_always_bounded_and_one_that_could_be_asked_for(title: str) -> None:
    slug = slugs.slugify(title)
    assert slug
    assert len(slug) <= slugs.MAX_CHARACTERS
    assert len(slug.encode()) <= slugs.MAX_BYTES
    assert not set(slug) & set("/?#%&. \n<>\"'\0")
    assert slugs.slugify(slug) == slug
    assert slugs.as_asked(slug) == slug


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("my-slug_2", "my-slug_2"),
        ("My-Slug", "my-slug"),
        ("日本語", "日本語"),
        ("crème", "crème"),
        ("cre\u0300me", "crème"),
        ("foo--bar", "foo--bar"),
        ("ක්\u200dර", "ක්\u200dර"),
        ("x" * 200, "x" * 200),
        ("字" * 66, "字" * 66),
    ],
)
def test_slug_that_is_asked_for_is_taken_as_it_is(asked: str, taken: str) -> None:
    assert slugs.as_asked(asked) == taken


@pytest.mark.parametrize(
    "asked",
    [
        *("", "-", "_", ".", "..", "a/b", "a／b", "a∕b", "a b", "a.b", "a%20b", "a?b", "a#b"),
        *("\u200fمرحبا", "می\u200cخواهم", "a\u200db", "a\u00adb", "\u0301a", "-\u0301a", "a\0b"),
        *("😀", "\u3164", "a\nb", "\ud800", "x" * 201, "字" * 67),
    ],
)
def test_slug_that_could_not_stand_as_it_is_is_refused(asked: str) -> None:
    assert slugs.as_asked(asked) is None
