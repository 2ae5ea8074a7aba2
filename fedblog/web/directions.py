"""In which direction a text runs: by its language, and by its letters where that says more.

``dir="auto"`` goes by the first letter (Unicode Bidirectional Algorithm, P2): an Arabic reply whose
first word is the ``@name`` of whom it answers would run from left to right.
"""

import re
from typing import Final

RIGHT, LEFT = "rtl", "ltr"

_LANGUAGES: Final = frozenset(
    {
        *("acm", "aeb", "afb", "ajp", "apc", "ar", "arc", "arq", "ars", "ary", "arz", "ayl", "bal"),
        *("bgn", "bqi", "brh", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "khw", "ks", "lrc"),
        *("mzn", "nqo", "pnb", "ps", "rhg", "sd", "sdh", "skr", "syr", "trw", "ug", "ur", "yi"),
    }
)
_SCRIPTS: Final = frozenset(
    {
        *("adlm", "arab", "aran", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "syre"),
        *("syrj", "syrn", "thaa", "yezi"),
    }
)
_LETTER = re.compile(r"[^\W\d_]")
# Letters in what Unicode keeps for scripts from right to left.
_RIGHT = re.compile(
    r"(?=[^\W\d_])[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_TAG = re.compile(r"(<(?:\"[^\"]*\"|[^\">])*>)")
_NO_WORDS = re.compile(r"<(a|code|pre)(?=[ >])")
_ADDRESS = re.compile(r"(?:https?://|[@#])\S+")
_HANDLE = re.compile(r"(?<![\w@/.])@[\w.+-]{1,64}(?:@[\w.-]{1,253}(?::\d{1,5})?)?")
_LOOKED_AT = 2000
_SHARE = 0.4


def direction(tag: str) -> str:
    """The direction in which the language *tag* (BCP 47) is written, "ltr" or "rtl". Its script
    decides where the tag names one."""
    language, *rest = tag.lower().split("-")
    for part in rest:
        if len(part) == 1:
            break  # what follows is an extension
        if len(part) == 4 and part.isalpha():
            return RIGHT if part in _SCRIPTS else LEFT
    return RIGHT if language in _LANGUAGES else LEFT


def line_direction(text: str, language: str) -> str:
    """The direction of a title or another line of *text*: that of *language*, unless all letters
    run from left to right, or most of them from right to left."""
    rights = len(_RIGHT.findall(text[:_LOOKED_AT]))
    letters = len(_LETTER.findall(text[:_LOOKED_AT]))
    if letters and not rights:
        return LEFT
    return RIGHT if 2 * rights > letters else direction(language)


def html_direction(html: str) -> str:
    """The direction of a text that somebody sent, as the sanitiser wrote it. Names, addresses and
    code in it do not count, nor does the language it was said to be in, which is often that of the
    writer's software. "auto" where nothing runs from right to left, or where there are no words."""
    if _RIGHT.search(html) is None:
        return "auto"
    words = _words(html[: 4 * _LOOKED_AT])[:_LOOKED_AT]
    letters = len(_LETTER.findall(words))
    if not letters:
        return "auto"
    return RIGHT if len(_RIGHT.findall(words)) >= _SHARE * letters else LEFT


def with_handles_apart(html: str) -> str:
    """Sanitised *html* whose ``@name@host`` reads in this order, whatever words it stands between;
    where all runs from left to right, it does."""
    if "@" not in html or _RIGHT.search(html) is None:
        return html
    parts = _TAG.split(html)
    inside = 0
    for place, part in enumerate(parts):
        if part.startswith(("<code", "<pre")):
            inside += 1
        elif part.startswith(("</code", "</pre")):
            inside -= 1
        elif not inside and "@" in part and not part.startswith("<"):
            parts[place] = _HANDLE.sub(r'<bdi dir="ltr">\g<0></bdi>', part)
    return "".join(parts)


def _words(html: str) -> str:
    """The text of *html* without what stands in links and code, and without bare addresses."""
    kept: list[str] = []
    inside = ""
    for part in _TAG.split(html):
        if part.startswith("<"):
            opened = _NO_WORDS.match(part)
            if not inside and opened:
                inside = opened[1]
            elif inside and part.startswith(f"</{inside}>"):
                inside = ""
            else:
                kept.append(" ")
        elif not inside:
            kept.append(part)
    return _ADDRESS.sub(" ", "".join(kept))
