"""The last part of a post's address: made from its title, or as its author asked for it.

Letters of every script stay; where the address leaves us, they are percent-encoded as UTF-8
(RFC 3987). What bounds a slug is bytes: a letter of three bytes is nine characters there.
"""

import re
import unicodedata

from fedblog.text import letters

MAX_CHARACTERS = 80
"""Of a slug that is made from a title."""
MAX_BYTES = 200
"""Of any slug, in UTF-8."""
FALLBACK = "post"
"""For a title without any letter or digit."""

# Letters that do not come apart into a base letter and a mark, and what stands within words only.
_SPELLINGS = str.maketrans(
    {"æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "œ": "oe"}
    | {"ø": "o", "ß": "ss", "þ": "th", "ŧ": "t", "&": " and "}
    | dict.fromkeys("'’\"`´·׳״\u02bb\u02bc\u02be\u02bf", "")
)
_NAMED = re.compile(r"(?<=[^\W_])(?:\+{1,4}|#)(?![\w+#])")
"""The signs that end a name, as in C++ and C#."""
_NAMES = {"+": " plus", "#": " sharp"}
_QUOTES = frozenset({"Pi", "Pf"})
_NOT_SEEN = "Cf"


def slugify(title: str) -> str:
    """*title* as words in lower case joined by hyphens, within MAX_CHARACTERS and MAX_BYTES.

    Latin letters lose their accents, all others stay as they are. Never empty: FALLBACK stands
    where nothing is left.
    """
    return words(title) or FALLBACK


def words(title: str) -> str:
    """As `slugify`; empty for a title without any letter or digit."""
    text = letters.lowered(letters.compatible(title)).translate(_SPELLINGS)
    text = _NAMED.sub(lambda match: "".join(_NAMES[sign] for sign in match[0]), text)
    slug = letters.composed("".join(_kept(text))).strip("-")
    slug = re.sub("-{2,}", "-", slug)
    short = letters.cut(slug, characters=MAX_CHARACTERS, octets=MAX_BYTES)
    if short == slug:
        return slug
    end = short.rfind("-")
    if slug[len(short)] != "-" and end > len(short) // 2:
        short = short[:end]
    return short.strip("-")


def as_asked(slug: str) -> str | None:
    """*slug* in the form of addresses (NFC, lower case) where it may stand in one as it is: of
    letters, digits, hyphens and low lines, within MAX_BYTES. None where it may not."""
    lowered = letters.lowered(letters.composed(slug))
    if len(lowered.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return None
    before, is_named = "", False
    for character in lowered:
        if letters.is_letter(character):
            is_named = True
        elif letters.is_mark(character) or character in (letters.ZWNJ, letters.ZWJ):
            fits = before not in ("", "-", "_")
            if not fits or not (letters.is_mark(character) or letters.is_joiner(character, before)):
                return None
        elif character not in "-_":
            return None
        before = character
    return lowered if is_named else None


def _kept(text: str) -> list[str]:
    """The letters of *text* with their marks, and hyphens where something else divides them."""
    kept: list[str] = []
    takes_marks = False
    for character in text:
        if letters.is_letter(character):
            if is_latin := letters.is_latin(character):
                character = letters.base_of(character)
            kept.append(character)
            takes_marks = not (is_latin and character.isascii())
        elif letters.is_mark(character):
            if takes_marks:
                kept.append(character)
        elif takes_marks and letters.is_joiner(character, kept[-1]):
            kept.append(character)
        elif character == letters.ZWNJ or not _is_passed_over(character):
            kept.append("-")
            takes_marks = False
    return kept


def _is_passed_over(character: str) -> bool:
    """Whether *character* divides no words: quotation marks, and what is not seen."""
    kind = unicodedata.category(character)
    return kind == _NOT_SEEN or kind in _QUOTES or kind[0] in "LM"
