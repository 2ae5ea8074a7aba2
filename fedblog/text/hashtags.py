"""Tags as addresses (``climateaction``) and as hashtags of the fediverse (``#ClimateAction``)."""

import unicodedata

MAX_CHARACTERS = 100


def tag_slug(name: str) -> str:
    """*name* in the form of an address: lower-case letters and digits of any script, ``_`` kept.

    Empty when *name* has none of them. A leading ``#`` makes no difference.
    """
    return _joined([word.lower() for word in _words(name)])


def hashtag(name: str) -> str:
    """*name* as a hashtag: its words run together with capitals, so that they can be told apart.

    Empty when nothing of *name* can stand in a hashtag. Its ``tag_slug`` is that of *name*.
    """
    words = _words(name)
    if len(words) > 1:
        words = [_capital(word[0]) + word[1:] for word in words]
    joined = _joined(words)
    return f"#{joined}" if joined else ""


def _words(name: str) -> list[str]:
    words = unicodedata.normalize("NFKC", name).replace("-", " ").split()
    return [kept for word in words if (kept := _kept(word))]


def _kept(word: str) -> str:
    kept = ""
    for character in word:
        kind = unicodedata.category(character)[0]
        # A combining mark belongs to the letter before it; without one it is no part of a word.
        if kind in "LN" or character == "_" or (kind == "M" and kept.strip("_")):
            kept += character
    return kept


def _capital(letter: str) -> str:
    capital = letter.upper()
    return capital if capital.lower() == letter else letter


def _joined(words: list[str]) -> str:
    return unicodedata.normalize("NFKC", "".join(words)).strip("_")[:MAX_CHARACTERS]
