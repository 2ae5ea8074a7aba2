"""Tags as addresses (``climateaction``) and as hashtags of the fediverse (``#ClimateAction``)."""

import unicodedata

MAX_CHARACTERS = 100


def tag_slug(name: str) -> str:
    """*name* in the form of an address: lower-case letters and digits of any script, ``_`` kept.

    Empty when *name* has none of them. A leading ``#`` makes no difference.
    """
    return _kept(unicodedata.normalize("NFKC", name).lower())[:MAX_CHARACTERS]


def hashtag(name: str) -> str:
    """*name* as a hashtag: its words run together with capitals, so that they can be told apart.

    Empty when nothing of *name* can stand in a hashtag.
    """
    words = unicodedata.normalize("NFKC", name).replace("-", " ").split()
    kept = [word for word in map(_kept, words) if word]
    if len(kept) > 1:
        kept = [word[:1].upper() + word[1:] for word in kept]
    joined = "".join(kept)[:MAX_CHARACTERS]
    return f"#{joined}" if joined else ""


def _kept(text: str) -> str:
    # Combining marks belong to the letters before them in many scripts.
    return "".join(c for c in text if c == "_" or unicodedata.category(c)[0] in "LMN").strip("_")
