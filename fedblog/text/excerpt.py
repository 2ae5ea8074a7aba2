"""The beginning of a text in plain words, for lists, cards and previews."""

import re

import nh3

from fedblog.text.sanitise import text_of

ELLIPSIS = "…"

_FOOTNOTES = '<section class="footnotes"'
_FOOTNOTE_MARK = re.compile(r'<sup class="footnote-ref">.{0,200}?</sup>')
_RUNNING_TEXT = nh3.Cleaner(
    tags={"br", "div", "dd", "dt", "li", "ol", "p", "section", "ul"},
    attributes={"*": set()},
    clean_content_tags={
        *("figure", "footer", "h2", "h3", "h4", "header", "math", "noscript", "pre", "script"),
        *("style", "svg", "table", "template", "textarea", "title"),
    },
    link_rel=None,
)


def excerpt(html: str, *, limit: int = 280) -> str:
    """The first words of *html* as one line of at most *limit* characters.

    *html* is sanitised already. Headings, figures, tables, code blocks and footnotes are left
    out. A cut falls between words and ends with an ellipsis.
    """
    body = _FOOTNOTE_MARK.sub("", html.partition(_FOOTNOTES)[0])
    return shorten(text_of(_RUNNING_TEXT.clean(body)), limit=limit)


def shorten(text: str, *, limit: int) -> str:
    """*text* on one line, cut between words to at most *limit* characters."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    head = line[: limit - len(ELLIPSIS) + 1]
    cut = head.rfind(" ")
    if cut < limit // 2:  # one very long word
        return line[: limit - len(ELLIPSIS)].rstrip() + ELLIPSIS
    return head[:cut].rstrip(" ,;:–—-") + ELLIPSIS
