"""Letters of every script in the one form that addresses have: compared, cut and kept apart by
Unicode's own properties.
"""

import unicodedata
from collections.abc import Iterator

ZWNJ, ZWJ = "\u200c", "\u200d"
_VIRAMA = 9
"""The combining class of the signs that join consonants in the scripts of India."""
_JAMO = frozenset(map(chr, (*range(0x3131, 0x318F), *range(0xFFA0, 0xFFDD))))
"""Korean letters that stand alone: their compatibility form would be parts of syllables."""
_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    + "".join(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""Letters and marks that no font shows (Default_Ignorable_Code_Point)."""


def composed(text: str) -> str:
    """*text* in NFC: the same letters are the same bytes, however they were typed."""
    return unicodedata.normalize("NFC", text)


def compatible(text: str) -> str:
    """*text* with wide, narrow and ligated letters as the plain ones that they stand for, in NFC.

    As NFKC, but that Korean letters which stand alone stay what they are.
    """
    if text.isascii():
        return text
    plain = "".join(
        one if one in _JAMO else unicodedata.normalize("NFKC", one) for one in composed(text)
    )
    return composed(plain)


def lowered(text: str) -> str:
    """*text* in lower case, in NFC. The dot that a Turkish capital İ leaves over an i goes."""
    return composed(text.lower().replace("i\u0307", "i"))


def is_letter(character: str) -> bool:
    """Whether *character* is a letter or a digit, of any script, that is seen."""
    return unicodedata.category(character)[0] in "LN" and character not in _UNSEEN


def is_mark(character: str) -> bool:
    """Whether *character* belongs to the letter before it (an accent, a vowel sign) and is seen."""
    return unicodedata.category(character)[0] == "M" and character not in _UNSEEN


def is_joiner(character: str, before: str) -> bool:
    """Whether *character* is a joiner that makes another letter of what stands *before* it (RFC
    5892, appendix A): after a virama. Elsewhere it is not seen, or divides words."""
    return character in (ZWNJ, ZWJ) and unicodedata.combining(before) == _VIRAMA


def is_latin(letter: str) -> bool:
    """Whether *letter* is one of the Latin script."""
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN ")


def base_of(letter: str) -> str:
    """A Latin *letter* without its accents where there is a plain one, else itself."""
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base.isascii() else letter


def cut(text: str, *, characters: int, octets: int) -> str:
    """The beginning of *text* of at most so many characters and bytes (UTF-8); no letter is parted
    from its marks."""
    size = end = 0
    for end, character in enumerate(text):
        size += len(character.encode())
        if end >= characters or size > octets:
            break
    else:
        return text
    while end and (is_mark(text[end]) or text[end] in (ZWNJ, ZWJ)):
        end -= 1
    return text[:end].rstrip(ZWNJ + ZWJ)


def neighbours(text: str) -> Iterator[tuple[str, str, str]]:
    """Each character of *text* between those before and after it (a blank at the ends)."""
    yield from zip(" " + text, text, text[1:] + " ", strict=False)
