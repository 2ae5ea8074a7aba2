"""Names of accounts from outside: what may stand in ``@name@host``, and what shows anything."""

import unicodedata
from functools import lru_cache

_SIGNS = frozenset("_.~-+")
_KINDS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl"})
_UNSEEN_MARKS = ("VARIATION SELECTOR", "GRAPHEME JOINER", "VOWEL INHERENT")
_UNSEEN_ENDS = (" BLANK", " NULL NOTEHEAD")


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
        unicodedata.category(character)[0] not in "CZM" and not _is_unseen(character)
        for character in text
    )


def _is_of_a_name(character: str) -> bool:
    if character in _SIGNS:
        return True
    return unicodedata.category(character) in _KINDS and not _is_unseen(character)


@lru_cache(maxsize=4096)
def _is_unseen(character: str) -> bool:
    """Whether a letter, mark or symbol shows nothing, which Unicode says by its name (the stable
    property Name): fillers among letters, selectors and joiners among marks, blanks among symbols.
    The fillers of punctuation are seen."""
    name = unicodedata.name(character, "")
    kind = unicodedata.category(character)[0]
    if kind == "L":
        return name.endswith((" FILLER", *_UNSEEN_ENDS))
    if kind == "M":
        return any(words in name for words in _UNSEEN_MARKS)
    return name.endswith(_UNSEEN_ENDS)
