"""Names of accounts from outside."""

import pytest

from fedblog.text.names import account_name, is_blank


@pytest.mark.parametrize(
    "sign",
    "@\uff20\ufe6b/\uff0f\\:?#\u2025 \u00a0\u200b\u202e\u2066\u3164\U000e0041\U000e0101",
)
def test_signs_that_turn_a_name_into_anothers_are_left_out(sign: str) -> None:
    assert account_name(f"ann{sign}bob").replace(".", "") == "annbob"


@pytest.mark.parametrize(
    "name",
    ["ann", "a.b-c_d~e+f", "J\u00f8rgen", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u6f22\u5b57"],
)
def test_names_of_any_script_stay(name: str) -> None:
    assert account_name(name) == name


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("", True),
        (" \u00a0\u3000", True),
        ("\u200b\u200d\u2060\u00ad", True),
        ("\u3164\u115f\u2800\ufe0f", True),
        ("\u0301", True),
        ("\uffa0\u1160\u17b4\u034f", True),
        ("\U0001d159", True),
        ("\U000e0041\U000e0101", True),
        ("\ue000\ufff9", True),
        ("\u3164a", False),
        ("\u2422", False),
        ("\ua8f9", False),
        ("\U0001f1e9\U0001f1ea", False),
        ("\u2764\ufe0f", False),
        ("\u6f22", False),
    ],
)
def test_text_of_which_nothing_is_seen_is_told(text: str, blank: bool) -> None:
    assert is_blank(text) is blank
