"""The last part of a post's address, made from its title."""

import re
import unicodedata

MAX_CHARACTERS = 80
FALLBACK = "post"

# Letters that do not come apart into a base letter and a mark.
_SPELLINGS = str.maketrans(
    {"æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "œ": "oe"}
    | {"ø": "o", "ß": "ss", "þ": "th", "ŧ": "t", "'": "", "’": "", "ʼ": "", "&": " and "}
)
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def slugify(title: str) -> str:
    """*title* as lower-case ASCII words joined by hyphens, at most MAX_CHARACTERS long.

    Accents are dropped; letters of scripts that have no ASCII form are left out. Never empty:
    FALLBACK stands where nothing is left.
    """
    text = unicodedata.normalize("NFKC", title).lower().translate(_SPELLINGS)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    slug = _SEPARATORS.sub("-", text.lower()).strip("-")
    if len(slug) > MAX_CHARACTERS:
        head = slug[: MAX_CHARACTERS + 1]
        cut = head.rfind("-")
        slug = (head[:cut] if cut > MAX_CHARACTERS // 2 else slug[:MAX_CHARACTERS]).strip("-")
    return slug or FALLBACK
