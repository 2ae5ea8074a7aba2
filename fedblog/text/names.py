"""Names of accounts from outside: what may stand in ``@name@host``, and what shows anything."""

import unicodedata

_SIGNS = frozenset("_.~-+")
_KINDS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl"})
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""What Unicode counts among letters, marks and symbols, and no font shows."""


def account_name(text: str) -> str:
    """Of *text* what the name of an account is made of, in its compatibility form: letters, digits,
    and the signs that servers allow. A second @ (also a small or a wide one), blanks, slashes and
    what is not seen are left out: they would make ``@name@host`` read as another's."""
    name = unicodedata.normalize("NFKC", text)
    if name.isascii() and name.isalnum():
        return name
    return "".join(character for character in name if _is_of_a_name(character))


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing of *text*."""
    return not any(
        unicodedata.category(character)[0] not in "CZM" and character not in _BLANK
        for character in text
    )


def _is_of_a_name(character: str) -> bool:
    if character in _SIGNS:
        return True
    return unicodedata.category(character) in _KINDS and character not in _BLANK
