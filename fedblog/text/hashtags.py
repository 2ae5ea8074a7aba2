"""Tags as addresses (``climateaction``, ``c++``) and as hashtags of the fediverse
(``#ClimateAction``, ``#CPlusPlus``).

Capitals, blanks, hyphens between words, quotation marks, brackets and the marks of sentences make
no difference between two tags, as none could be told in a hashtag. Symbols do: C, C++ and C# are
three tags.
"""

import re
import unicodedata

from fedblog.text import letters

MAX_CHARACTERS = 100

_SIGNS = frozenset("!#%&*@_?¡¿§¶†‡•‰·")
"""The punctuation that is part of a name."""
_NO_SYMBOLS = frozenset("<>`´")
_SLASHES = str.maketrans(dict.fromkeys("/\\", "\u2044"))
"""A slash would end the part of an address. What stands for it is also that of ½ (NFKC)."""
_MINUS = re.compile(r"(?<=\S)[-\u2212]+$")
_BETWEEN_WORDS = re.compile(r"(?<!\d)-|-(?!\d)|[\u2010-\u2015\u2212\ufe58]|\s")
_SPELLED = {"+": "Plus", "#": "Sharp", "*": "Star"}
"""In hashtags, which have no symbols: as the names of languages and marks are spoken."""


def tag_slug(name: str) -> str:
    """*name* in the form of an address: lower-case letters and digits of any script, ``_``, and the
    symbols that tell names apart.

    Empty when *name* has no letter or digit. A leading ``#`` makes no difference.
    """
    words, minus = _words(name)
    return _joined([letters.lowered(word) for word in words] + [minus])


def hashtag(name: str) -> str:
    """*name* as a hashtag: its words run together with capitals, so that they can be told apart,
    and the symbols that make another name of it in words.

    Empty when *name* has no letter or digit.
    """
    kept, minus = _words(name)
    words = [spelled for word in kept if (spelled := _spelled(word))]
    if len(words) > 1:
        words = [_capital(word[0]) + word[1:] for word in words]
    joined = _joined([*words, "Minus" * len(minus)])
    return f"#{joined}" if joined else ""


def _words(name: str) -> tuple[list[str], str]:
    """The words of *name* without what makes no difference, and the minus signs at its end."""
    text = letters.compatible(name).strip()
    end = _MINUS.search(text)
    minus = "-" * len(end[0]) if end is not None else ""
    parts = _BETWEEN_WORDS.split(text.removesuffix(end[0]) if end is not None else text)
    words = [kept for word in parts if (kept := _kept(word))]
    while words and words[0].startswith("#"):
        words[0] = words[0].removeprefix("#")
        words = [word for word in words if word]
    if not any(letters.is_letter(character) for word in words for character in word):
        return [], ""
    return words, minus


def _kept(word: str) -> str:
    kept, takes_marks = "", False
    for before, character, after in letters.neighbours(word.translate(_SLASHES)):
        if letters.is_mark(character):  # of the letter before it; without one it is no part
            kept += character if takes_marks else ""
            continue
        takes_marks = letters.is_letter(character)
        if (
            takes_marks
            or _is_symbol(character)
            or (character == "." and letters.is_letter(after))
            or (character in ".,:-" and before.isdigit() and after.isdigit())
        ):
            kept += character
    return kept


def _is_symbol(character: str) -> bool:
    if character in _SIGNS:
        return True
    return unicodedata.category(character)[0] == "S" and character not in _NO_SYMBOLS


def _spelled(word: str) -> str:
    """*word* in letters and digits alone."""
    start = "Dot" if word[:1] == "." else ""
    return start + "".join(
        character
        if letters.is_letter(character) or letters.is_mark(character) or character == "_"
        else _SPELLED.get(character, "")
        for character in word
    )


def _capital(letter: str) -> str:
    capital = letter.upper()
    return capital if capital.lower() == letter else letter


def _joined(words: list[str]) -> str:
    return letters.composed("".join(words)).lstrip("#_").rstrip("_")[:MAX_CHARACTERS]
