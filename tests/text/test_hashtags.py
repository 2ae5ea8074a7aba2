"""Tags: which are one, their addresses and their hashtags."""

import unicodedata
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text import hashtags


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
        ("ㅋㅋ", "ㅋㅋ", "#ㅋㅋ"),
        ("...", "", ""),
        ("#", "", ""),
        ("🔥", "", ""),
        ("- –", "", ""),
        ("<script>", "script", "#script"),
        ("“Rock’n’Roll”, (live)", "rocknrolllive", "#RocknrollLive"),
    ],
)
def test_tag_has_an_address_and_a_hashtag(name: str, slug: str, hashtag: str) -> None:
    assert hashtags.tag_slug(name) == slug
    assert hashtags.hashtag(name).lower() == hashtag.lower()
    assert hashtags.tag_slug(hashtag) == slug
    assert hashtags.tag_slug(unicodedata.normalize("NFD", name)) == slug


@pytest.mark.parametrize(
    ("name", "slug", "hashtag"),
    [
        ("C", "c", "#C"),
        ("C++", "c++", "#CPlusPlus"),
        ("C#", "c#", "#CSharp"),
        ("C*", "c*", "#CStar"),
        ("C--", "c--", "#CMinusMinus"),
        (".NET", ".net", "#DotNET"),
        ("Node.js", "node.js", "#Nodejs"),
        ("Web 2.0", "web2.0", "#Web20"),
        ("A+", "a+", "#APlus"),
        ("A-", "a-", "#AMinus"),
        ("A−", "a-", "#AMinus"),
        ("R&D", "r&d", "#RD"),
        ("9-11", "9-11", "#911"),
        ("10:30", "10:30", "#1030"),
        ("50 %", "50%", "#50"),
        ("TCP/IP", "tcp\u2044ip", "#TCPIP"),
        ("½", "1\u20442", "#12"),
        ("I ❤\ufe0f NY", "i❤ny", "#INY"),
        ("Yahoo!", "yahoo!", "#Yahoo"),
    ],
)
def test_symbols_tell_tags_apart(name: str, slug: str, hashtag: str) -> None:
    assert hashtags.tag_slug(name) == slug
    assert hashtags.hashtag(name) == hashtag


@given(st.text())
def test_address_of_a_tag_is_one_part_of_a_path_and_leads_back_to_it(name: str) -> None:
    slug = hashtags.tag_slug(name)
    assert not set(slug) & set("/\\ \n\t\0<>\"'")
    assert slug not in (".", "..")
    assert unquote(quote(slug, safe="")) == slug
    assert hashtags.tag_slug(slug) == slug
    assert len(slug) <= hashtags.MAX_CHARACTERS
