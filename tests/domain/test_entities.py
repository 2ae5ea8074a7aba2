"""Addresses as some servers write them: with HTML entities."""

import pytest

from fedblog.domain.entities import decoded


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (
            "https://a.example/x.jpg?s=96&#038;d=mm&#038;r=g",
            "https://a.example/x.jpg?s=96&d=mm&r=g",
        ),
        ("https://a.example/?a=1&amp;b=2", "https://a.example/?a=1&b=2"),
        ("https://a.example/?a=1&#38;b=2", "https://a.example/?a=1&b=2"),
        ("https://a.example/?a=1&#x26;b=2&#X26;c=3", "https://a.example/?a=1&b=2&c=3"),
        ("https://a.example/?a=1&amp;#038;b=2", "https://a.example/?a=1&b=2"),
        ("https://a.example/?a=1&amp;amp;b=2", "https://a.example/?a=1&b=2"),
        ("https://a.example/it&#039;s", "https://a.example/it's"),
        ("https://a.example/&#8211;", "https://a.example/–"),
    ],
)
def test_entities_are_what_they_stand_for(written: str, meant: str) -> None:
    assert decoded(written) == meant
    assert decoded(meant) == meant


@pytest.mark.parametrize(
    "address",
    [
        "https://a.example/?a=1&copy=2&reg=3&lt=4",
        "https://a.example/?a=1&b=2;c=3",
        "https://a.example/#038;",
        "https://a.example/?a=&#038",
        "https://a.example/?q=&nbsp;&",
    ],
)
def test_parameters_stay_parameters(address: str) -> None:
    assert decoded(address) == address


def test_decoding_is_linear() -> None:
    assert len(decoded("&amp" * 200_000)) == 800_000
    assert decoded("&" * 100_000 + "#038;") == "&" * 100_000
