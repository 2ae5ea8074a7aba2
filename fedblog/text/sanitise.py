"""Makes HTML from outside harmless: one allow-list for authors, a narrower one for remote people.

Both work on a parsed tree (html5ever through nh3), so what comes out holds nothing but the
elements and attributes named here. What the parser cannot do in reasonable time (deep nesting,
mark-up that multiplies itself) is flattened to its text before it gets there.
"""

import html as _html
import re
import unicodedata
from typing import Final

import nh3

from fedblog.domain.errors import InvalidFieldError

REMOTE_MAX_CHARACTERS: Final = 100_000
"""Remote HTML is cut here before it is parsed, where no other limit is given."""
REMOTE_MAX_TAGS: Final = 5_000
"""Remote HTML with more tags is flattened to text."""
MAX_DEPTH: Final = 100
"""Deepest nesting given to the parser, whose time grows with its square."""
NAME_MAX_CHARACTERS: Final = 200
"""Default bound of :func:`remote_text`."""
AUTHOR_MAX_MARKS: Final = 100_000
"""Most tags, and most ampersands, in the HTML of an author."""
_TEXT_MAX_AMPERSANDS = 20_000
_HIDDEN_SHARE = 4
_HIDDEN_MORE = 400
_SHALLOW_TAGS = 500
_GROWTH = 6
_MAX_PASSES = 6

_LINK_REL = "nofollow noopener noreferrer ugc"
_DROPPED_WITH_CONTENT = {
    "embed",
    "iframe",
    "math",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "plaintext",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "xmp",
}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"}
_VOID |= {"source", "wbr"}

_REMOTE_TAGS = {
    *("a", "b", "bdi", "blockquote", "br", "code", "del", "em", "i", "ins", "li", "mark", "ol"),
    *("p", "pre", "q", "rp", "rt", "ruby", "s", "small", "span", "strong", "sub", "sup", "u", "ul"),
}
# ``lang`` only where the parser never copies the element: a long value on <b> could multiply.
# Without "*" nh3 would let title and lang stand on everything.
_REMOTE_ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),
    "a": {"href"},
    "blockquote": {"lang"},
    "ol": {"start"},
    "p": {"lang"},
    "span": {"lang"},
}
_REMOTE_CLASSES = {
    "a": {"mention", "hashtag"},
    # The line "RE: address" that stands for a quote where quotes are not known.
    "p": {"quote-inline"},
    "span": {"mention", "invisible", "ellipsis", "quote-inline"},
}

AUTHOR_ELEMENTS: Final = {
    *("a", "abbr", "b", "bdi", "blockquote", "br", "caption", "cite", "code", "col", "colgroup"),
    *("dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer"),
    *("h2", "h3", "h4", "header", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre"),
    *("q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strong", "sub"),
    *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "u", "ul"),
    *("var", "wbr"),
}
"""The elements an author may write."""
_AUTHOR_ATTRIBUTES = {
    "*": {"class", "dir", "lang"},
    "a": {"href", "hreflang", "id", "rel", "title"},
    "abbr": {"title"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "del": {"cite", "datetime"},
    "details": {"open"},
    "dfn": {"title"},
    "img": {"alt", "height", "loading", "src", "title", "width"},
    "ins": {"cite", "datetime"},
    "li": {"id", "value"},
    "ol": {"reversed", "start"},
    "q": {"cite"},
    "td": {"colspan", "rowspan"},
    "th": {"abbr", "colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
AUTHOR_CLASSES: Final = {
    "a": frozenset({"footnote-backref"}),
    "blockquote": frozenset({"quoted-piece", "pull-quote"}),
    "cite": frozenset({"byline", "credit", "source"}),
    "figure": frozenset({"wide"}),
    "footer": frozenset({"source"}),
    "hr": frozenset({"footnotes-sep"}),
    "li": frozenset({"footnote-item"}),
    "ol": frozenset({"footnotes-list"}),
    "p": frozenset({"byline", "credit", "headline", "lead", "source"}),
    "section": frozenset({"footnotes"}),
    "small": frozenset({"credit"}),
    "span": frozenset({"byline", "credit", "source"}),
    "sup": frozenset({"footnote-ref"}),
    "td": frozenset({"align-left", "align-center", "align-right"}),
    "th": frozenset({"align-left", "align-center", "align-right"}),
}
"""The class names an author may write, by element (a code element also ``language-…``)."""
_AUTHOR_RELS = {"author", "external", "license", "me", "nofollow", "noopener", "noreferrer"}
_AUTHOR_RELS |= {"sponsored", "tag", "ugc"}
_NUMBERS = {"colspan", "height", "rowspan", "span", "start", "value", "width"}
_FIXED_VALUES = {
    "dir": {"auto", "ltr", "rtl"},
    "loading": {"eager", "lazy"},
    "scope": {"col", "colgroup", "row", "rowgroup"},
}

_FOOTNOTE_ID = re.compile(r"fn(ref)?[0-9]{1,4}(:[0-9]{1,4})?")
_CODE_LANGUAGE = re.compile(r"language-[A-Za-z0-9+#-]{1,30}")
_TAG = re.compile(r"<[^<>]*>")
_TAG_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_OUTPUT_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*+)[^<>]*+>")
_HEADING = re.compile(r"<(/?)h([1-6])(?=[\s/>])([^<>]*)>", re.IGNORECASE)
# Elements whose tree always reads back as it was written; any other gets a second look.
_UNSTEADY = re.compile(r"<(?!/?(?:p|br|a|span|strong|em)[\s/>])", re.IGNORECASE)
_EMPTY_LINK_CLASS = re.compile(r'(<a [^<>]*) class=""')
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_UNSURE_ADDRESS = re.compile(r"[\\\x00-\x20\x7f]")
_SPACE = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n ?(?:\n ?)+")
_LINE_END = re.compile(r"\r\n?|[\n\x85\u2028\u2029]")
_EMPTY_LINES = re.compile(r"\n{3,}")
_KNOWN_TAG = re.compile(
    rf"<(/?)({'|'.join(sorted(_REMOTE_TAGS | {'div', *(f'h{n}' for n in range(1, 7))}))})"
    r"(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
_ELEMENTS = frozenset(
    {
        *AUTHOR_ELEMENTS,
        *_DROPPED_WITH_CONTENT,
        *_VOID,
        *("acronym", "address", "applet", "article", "aside", "audio", "bdo", "big", "body"),
        *("button", "canvas", "center", "data", "datalist", "dialog", "dir", "fieldset", "font"),
        *("form", "frame", "frameset", "h1", "h5", "h6", "head", "hgroup", "html", "label"),
        *("legend", "main", "map", "marquee", "menu", "meter", "nav", "optgroup", "option"),
        *("output", "param", "picture", "progress", "search", "slot", "strike", "track", "tt"),
        "video",
    }
)
"""What HTML has and had."""
_UNKNOWN_TAG = re.compile(rf"<(?!/?(?:{'|'.join(sorted(_ELEMENTS))})(?=[\s/>])|!--)", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});)"
)


def _author_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        allowed = AUTHOR_CLASSES.get(tag, frozenset())
        kept = [
            token
            for token in value.split()
            if token in allowed or (tag == "code" and _CODE_LANGUAGE.fullmatch(token))
        ]
        return " ".join(kept) or None
    if name == "rel":
        return " ".join(token for token in value.lower().split() if token in _AUTHOR_RELS) or None
    if name == "id":
        return value if _FOOTNOTE_ID.fullmatch(value) else None
    if name in _FIXED_VALUES:
        return value.lower() if value.lower() in _FIXED_VALUES[name] else None
    if name in _NUMBERS:
        return value if value.isascii() and value.isdigit() and len(value) <= 6 else None
    if tag == "img" and name == "src":
        return value if _is_of_the_web(value) else None
    if name == "cite":
        return value if _is_of_the_web(value) else None
    return value


def _is_of_the_web(value: str) -> bool:
    """Whether *value* is a web address, or one that is relative to its page and that everyone reads
    alike."""
    if value.lower().startswith(("http://", "https://")):
        return True
    return bool(value) and not SCHEME.match(value) and not _UNSURE_ADDRESS.search(value)


_REMOTE = nh3.Cleaner(
    tags=_REMOTE_TAGS,
    attributes=_REMOTE_ATTRIBUTES,
    allowed_classes=_REMOTE_CLASSES,
    clean_content_tags=_DROPPED_WITH_CONTENT,
    link_rel=_LINK_REL,
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
)
_AUTHOR = nh3.Cleaner(
    tags=AUTHOR_ELEMENTS,
    attributes=_AUTHOR_ATTRIBUTES,
    attribute_filter=_author_attribute,
    clean_content_tags=_DROPPED_WITH_CONTENT,
    link_rel=None,
    url_schemes={"http", "https", "mailto", "tel"},
)
_BLOCKS = {"blockquote", "caption", "dd", "div", "dt", "figcaption", "figure", "h1", "h2", "h3"}
_BLOCKS |= {"h4", "h5", "h6", "header", "footer", "hr", "li", "ol", "p", "pre", "section"}
_BLOCKS |= {"summary", "table", "tr", "ul"}
_TEXT = nh3.Cleaner(
    tags={*_BLOCKS, "br", "td"},
    attributes={"*": set()},
    clean_content_tags=_DROPPED_WITH_CONTENT,
    link_rel=None,
)


def author_html(html: str) -> str:
    """The HTML of a local author with nothing in it that could run or reach out of its place.

    Headings are kept within h2 to h4. Raises InvalidFieldError for mark-up nested deeper than
    MAX_DEPTH or with more than AUTHOR_MAX_MARKS tags.
    """
    if html.count("<") > AUTHOR_MAX_MARKS or html.count("&") > AUTHOR_MAX_MARKS:
        raise InvalidFieldError("content", f"there are more than {AUTHOR_MAX_MARKS} tags in it")
    if _is_too_deep(html):
        raise InvalidFieldError("content", f"elements are nested deeper than {MAX_DEPTH}")
    return _settled(_AUTHOR, _HEADING.sub(_author_heading, html))


def remote_html(html: str, *, limit: int = REMOTE_MAX_CHARACTERS) -> str:
    """The HTML of a person on another server: text, links, lists, quotes, code, inline marks.

    Pictures are dropped, headings become bold paragraphs, links say that they are not ours
    (``rel``). Never raises: what cannot be parsed in bounded time comes back as plain text, and
    after *limit* characters it is cut.
    """
    if len(html) > limit:
        html = html[:limit]
    tags = html.count("<")
    if html.count("&") > _TEXT_MAX_AMPERSANDS:
        return _flattened(html)
    if tags > REMOTE_MAX_TAGS or (tags > _SHALLOW_TAGS and _is_too_deep(html)):
        return _flattened(html)
    if _UNSTEADY.search(html) is None:
        result = _REMOTE.clean(html)
    else:
        result = _settled(_REMOTE, _HEADING.sub(_remote_heading, html))
        if "<li" in result and _has_stray_item(result):
            return _flattened(html)
    if len(result) > _GROWTH * len(html) + 1000:
        return _flattened(html)
    if ' class=""' in result:
        result = result.replace('<span class="">', "<span>").replace('<p class="">', "<p>")
        result = _EMPTY_LINK_CLASS.sub(r"\1", result)
    return result


def plain_text(html: str) -> str:
    """The text of *html*: blocks are apart by a blank line, ``br`` is a line's end."""
    if (
        html.count("<") > REMOTE_MAX_TAGS
        or html.count("&") > _TEXT_MAX_AMPERSANDS
        or _is_too_deep(html)
    ):
        return _tidied(_html.unescape(_TAG.sub(" ", html)))
    return text_of(_TEXT.clean(html))


def text_of(cleaned: str) -> str:
    """The text of HTML that a cleaner wrote (every ``<`` in it begins a tag)."""
    return _tidied(_html.unescape(_OUTPUT_TAG.sub(_text_of_tag, cleaned.replace("\n", " "))))


def remote_text(text: str, *, limit: int = NAME_MAX_CHARACTERS) -> str:
    """A name or another short text from outside, as one line of plain text.

    Control characters, lone surrogates and bidirectional overrides are dropped (they could make a
    name read as another), white space is one blank, the length at most *limit*. It is not HTML:
    whoever shows it escapes it. Of a longer text only the first 400 and four times *limit*
    characters are looked at.
    """
    text = text.lstrip()[: _HIDDEN_SHARE * limit + _HIDDEN_MORE]
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if c.isspace() else c for c in text if c.isspace() or not _is_hidden(c))
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def remote_lines(text: str, *, limit: int) -> str:
    """A text from outside as `remote_text` makes it, but line by line: where a line ends stays, and
    two lines or more that are empty become one. At most *limit* long."""
    text = text.strip()[: _HIDDEN_SHARE * limit + _HIDDEN_MORE]
    lines = "\n".join(remote_text(line, limit=limit) for line in text.splitlines())
    lines = _EMPTY_LINES.sub("\n\n", lines).strip()
    return lines if len(lines) <= limit else lines[: limit - 1].rstrip() + "…"


def own_lines(text: str) -> str:
    """A plain text of an author as it was written, ``<``, ``&`` and all. It is not HTML: whoever
    shows it escapes it. Control characters and lone surrogates go, a line ends in one way, and
    two lines or more that are empty become one."""
    lines = (
        "".join(" " if c == "\t" else c for c in line if c == "\t" or not _is_control(c)).rstrip()
        for line in _LINE_END.split(text)
    )
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def is_html(text: str) -> bool:
    """Whether a short *text*, of which its sender does not say what it is, is HTML: it has an
    element of ours with a beginning and an end, or a line's end, or is escaped throughout.

    ``I <3 you``, ``about <Alien>`` and ``how to write <b>`` are plain.
    """
    if "<" in text:
        begun = set()
        for match in _KNOWN_TAG.finditer(text):
            name = match[2].lower()
            if name == "br" or (match[1] and name in begun):
                return True
            if not match[1]:
                begun.add(name)
        return False
    return "&" in text and ">" not in text and _BARE_AMPERSAND.search(text) is None


def is_element(tag: str) -> bool:
    """Whether *tag* (``<name …>`` or ``</name>``) is of an element of HTML."""
    return _UNKNOWN_TAG.match(tag) is None


def text_of_either(text: str) -> str:
    """The text of what is HTML or plain (`is_html`). What HTML does not know by name stays."""
    if not is_html(text):
        return text
    return plain_text(_UNKNOWN_TAG.sub("&lt;", text))


def html_of_either(text: str) -> str:
    """What is HTML or plain (`is_html`) as HTML that is not sanitised."""
    return text if is_html(text) else f"<p>{_html.escape(text, quote=False)}</p>"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs")


def _is_hidden(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs")
        or "\u202a" <= character <= "\u202e"
        or "\u2066" <= character <= "\u2069"
        or "\ufff9" <= character <= "\ufffb"
        or character in "\u200b\u2060\ufeff"
    )


def _settled(cleaner: nh3.Cleaner, html: str) -> str:
    """*html* cleaned until another pass would change nothing.

    Taking an element away can leave a tree that no parser would build (a paragraph in a
    paragraph); a browser would read it otherwise than it was written.
    """
    for _ in range(_MAX_PASSES):
        cleaned = cleaner.clean(html)
        if cleaned == html:
            return cleaned
        if len(cleaned) > _GROWTH * len(html) + 1000:
            break
        html = cleaned
    else:
        if cleaner.clean(html) == html:
            return html
    return _flattened(html)


def _flattened(html: str) -> str:
    text = _tidied(_html.unescape(_TAG.sub(" ", html)))
    return f"<p>{_html.escape(text, quote=False)}</p>" if text else ""


def _is_too_deep(html: str) -> bool:
    """Whether elements may be nested deeper than MAX_DEPTH (those left open count as nested)."""
    if html.count("<") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _TAG_NAME.finditer(html):
        if match[1]:
            depth = max(0, depth - 1)
        elif match[2].lower() not in _VOID:
            depth += 1
            if depth > MAX_DEPTH:
                return True
    return False


def _has_stray_item(cleaned: str) -> bool:
    """Whether a list item stands outside a list: it would close an item of the page around it."""
    open_tags: list[str] = []
    for match in _OUTPUT_TAG.finditer(cleaned):
        name = match[2]
        if match[1]:
            if open_tags:
                open_tags.pop()
            continue
        if name == "li" and (not open_tags or open_tags[-1] not in ("ol", "ul")):
            return True
        if name not in _VOID:
            open_tags.append(name)
    return False


def _author_heading(match: re.Match[str]) -> str:
    level = min(max(int(match[2]), 2), 4)
    return f"<{match[1]}h{level}{match[3]}>"


def _remote_heading(match: re.Match[str]) -> str:
    return "</strong></p>" if match[1] else "<p><strong>"


def _text_of_tag(match: re.Match[str]) -> str:
    if match[2] == "br":
        return "\n"
    if match[2] == "td":
        return " "
    return "\n\n" if match[2] in _BLOCKS else ""


def _tidied(text: str) -> str:
    text = _SPACE.sub(" ", text.replace("\r", " ").replace("\x00", ""))
    return _BLANK_LINES.sub("\n\n", text.replace(" \n", "\n").replace("\n ", "\n")).strip()
