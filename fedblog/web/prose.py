"""What somebody wrote, as it stands on a page: in reach of the keyboard, its headings in order.

Works on HTML that the sanitiser wrote, whose form is known: lower-case names, values between
double quotes.
"""

import re
from dataclasses import dataclass, field

from markupsafe import Markup

from fedblog.web.directions import with_handles_apart
from fedblog.web.languages import Language

DEEPEST = 6
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)((?:\"[^\"]*\"|[^\">])*)>")
_IN_REACH = Markup(' tabindex="0" role="group" aria-label="{}"')
_HEADINGS = frozenset({"h2", "h3", "h4"})


@dataclass(slots=True)
class _Outline:
    """The headings above the present place, as they were written and as they are shown."""

    above: int
    open: list[tuple[int, int]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def begin(self, written: int) -> int:
        while self.open and self.open[-1][0] >= written:
            self.open.pop()
        shown = min((self.open[-1][1] if self.open else self.above) + 1, DEEPEST)
        self.open.append((written, shown))
        self.ends.append(shown)
        return shown


def prose(html: str, words: Language, above: int) -> Markup:
    """*html* below a heading of level *above*: no level is left out between its own headings (they
    look as they were written), what may be wider than the page can be scrolled by keyboard, and
    handles between words that run from right to left keep their order."""
    html = with_handles_apart(html)
    if "<h" not in html and "<pre" not in html and "<table" not in html:
        return Markup(html)  # noqa: S704
    outline = _Outline(above)
    names = words.text("Code"), words.text("Table")
    code, table = (_IN_REACH.format(name) for name in names)

    def tag(match: re.Match[str]) -> str:
        end, name, rest = match.groups()
        if name == "pre":
            return match[0] if end else f"<pre{code}{rest}>"
        if name == "table":
            return "</table></div>" if end else f'<div class="scrolls"{table}><table{rest}>'
        if name not in _HEADINGS:
            return match[0]
        if end:
            return f"</h{outline.ends.pop()}>" if outline.ends else ""
        written = int(name[1])
        shown = outline.begin(written)
        look = "" if shown == written else f' class="h{written}"'
        return f"<h{shown}{look}{rest}>"

    return Markup(_TAG.sub(tag, html))  # noqa: S704
