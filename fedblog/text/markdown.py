"""Markdown to HTML, with what a long article needs; sanitising it is the next step's work.

CommonMark with tables, strikethrough, footnotes and bare web addresses as links. Beyond it: a
picture alone in its paragraph becomes a figure whose title is the caption (what follows a `` | ``
in it is the credit), and a block between ``::: quoted`` and ``:::`` is another publication's piece,
quoted with its bylines.
"""

import re
import unicodedata
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.footnote import footnote_plugin

from fedblog.domain.errors import InvalidFieldError
from fedblog.text import markdown_cost
from fedblog.text.sanitise import is_element

AUTHOR_MOST_STEPS = 200_000
"""Some two seconds. A book of 200,000 words takes half of it."""
_ALIGNMENT = re.compile(r"text-align:\s*(left|center|right)")
# What RFC 3986 allows in an address but brackets, which stand in Markdown and around addresses. All
# else ends it, as in Chinese and Japanese no blank stands before and after an address.
_OF_ADDRESS = r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_ADDRESS = re.compile(
    rf"(?<![A-Za-z0-9_/])[Hh][Tt][Tt][Pp][Ss]?://[A-Za-z0-9]{_OF_ADDRESS}*", re.ASCII
)
_ADDRESS_LENGTH = 2000
_WITH_BLANKS = ("LATIN ", "GREEK ", "CYRILLIC ", "ARMENIAN ", "GEORGIAN ", "HEBREW ", "ARABIC ")
_QUOTED = "quoted"


def render(source: str, *, most_steps: int = AUTHOR_MOST_STEPS) -> str:
    """*source* as HTML. Raw HTML passes through: give the result to ``sanitise.author_html``.

    Raises InvalidFieldError for what takes more than *most_steps* (markdown_cost.py).
    """
    try:
        return markdown_cost.render(_MARKDOWN, source, most_steps=most_steps)
    except markdown_cost.TooDearError:
        raise InvalidFieldError("content", "this Markdown takes too long to read") from None


def _figures(state: StateCore) -> None:
    """Turns a paragraph that holds one picture with a title into a figure with a caption."""
    tokens = state.tokens
    for index in range(len(tokens) - 2):
        opening, inline, closing = tokens[index : index + 3]
        if opening.type != "paragraph_open" or inline.type != "inline" or opening.hidden:
            continue
        children = inline.children or []
        if len(children) != 1 or children[0].type != "image":
            continue
        image = children[0]
        title = str(image.attrs.pop("title", ""))
        if not title:
            continue
        opening.tag = closing.tag = "figure"
        image.type = "figure_image"
        image.meta = {"caption": title}


def bare_addresses(state: StateCore) -> None:
    """Turns web addresses that stand bare in the text into links."""
    for block in state.tokens:
        if block.type != "inline" or not block.children or "://" not in block.content:
            continue
        children: list[Token] = []
        depth = 0
        for token in block.children:
            depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
            if token.type == "html_inline":
                depth += (
                    {"<a": 1, "</": -1}.get(token.content[:2].lower(), 0) if _is_a(token) else 0
                )
            if token.type == "text" and depth == 0:
                children += _with_links(state, token)
            else:
                children.append(token)
        block.children = children


def _is_a(token: Token) -> bool:
    return re.match(r"</?a[\s>]", token.content, re.IGNORECASE) is not None


def _with_links(state: StateCore, token: Token) -> list[Token]:
    found: list[Token] = []
    end = 0

    def text(content: str) -> None:
        if content:
            found.append(Token("text", "", 0, content=content, level=token.level))

    for match in _ADDRESS.finditer(token.content):
        if len(match[0]) > _ADDRESS_LENGTH or _has_half_a_host(match):
            continue
        address = _trimmed(match[0])
        href = state.md.normalizeLink(address)
        if not state.md.validateLink(href):
            continue
        text(token.content[end : match.start()])
        found.append(Token("link_open", "a", 1, attrs={"href": href}, level=token.level))
        text(address)
        found.append(Token("link_close", "a", -1, level=token.level))
        end = match.start() + len(address)
    text(token.content[end:])
    return found


def _has_half_a_host(match: re.Match[str]) -> bool:
    """Whether the host goes on in letters outside RFC 3986, as in ``https://müller.example``: half
    of it is another's. In scripts that are written without blanks the sentence may as well go on
    there, but not after a hyphen, nor after the first label's dot."""
    host = match[0].partition("://")[2]
    if "/" in host or match.end() == len(match.string):
        return False
    following = match.string[match.end()]
    if not following.isalpha():
        return False
    return (
        unicodedata.name(following, "").startswith(_WITH_BLANKS)
        or host.endswith("-")
        or (host.endswith(".") and "." not in host[:-1])
    )


def _trimmed(address: str) -> str:
    """*address* without the punctuation of the sentence around it."""
    unopened = address.count(")") - address.count("(")
    while address:
        cut = address.rstrip(".,:;!?*_~'\"…")
        if cut.endswith(")") and unopened > 0:
            cut = cut[:-1]
            unopened -= 1
        if cut == address:
            break
        address = cut
    return address


def unknown_elements(state: StateCore) -> None:
    """Takes for text what looks like a tag and is of no element of HTML, as in ``List<String>``:
    the sanitiser would drop it."""
    for block in state.tokens:
        for token in block.children or ():
            if token.type == "html_inline" and not is_element(token.content):
                token.type = "text"


def _alignments(state: StateCore) -> None:
    """Table cells say their alignment by class: style attributes are never let through."""
    for token in state.tokens:
        if token.type in ("td_open", "th_open") and "style" in token.attrs:
            match = _ALIGNMENT.search(str(token.attrs.pop("style")))
            if match:
                token.attrSet("class", f"align-{match[1]}")


def _render_image(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    """A picture whose text has all that stands in its brackets, also code and what looks like an
    element: the library's own rule leaves both out."""
    token = tokens[index]
    token.attrs["alt"] = _words(token.children or ())
    return renderer.renderToken(tokens, index, options, env)


def _words(tokens: Sequence[Token]) -> str:
    return "".join(
        _words(token.children or ())
        if token.type == "image"
        else "\n"
        if token.type in ("softbreak", "hardbreak")
        else token.content
        for token in tokens
    )


def _render_figure(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    token = tokens[index]
    caption, bar, credit = token.meta["caption"].rpartition(" | ")
    if not bar:
        caption, credit = credit, ""
    image = _render_image(renderer, tokens, index, options, env)
    text = _INLINE.renderInline(caption.strip())
    if credit.strip():
        text += f' <small class="credit">{_INLINE.renderInline(credit.strip())}</small>'
    return f"{image}<figcaption>{text.strip()}</figcaption>"


def _render_quoted(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    return (
        '<blockquote class="quoted-piece">\n' if tokens[index].nesting == 1 else "</blockquote>\n"
    )


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "typographer": False})
    parser.enable(["table", "strikethrough"])
    parser.use(footnote_plugin)
    parser.use(container_plugin, _QUOTED, render=_render_quoted)
    parser.core.ruler.push("figures", _figures)
    parser.core.ruler.push("alignments", _alignments)
    parser.core.ruler.push("unknown_elements", unknown_elements)
    parser.core.ruler.push("bare_addresses", bare_addresses)
    parser.add_render_rule("image", _render_image)
    parser.add_render_rule("figure_image", _render_figure)
    markdown_cost.count_steps(parser)
    return parser


_INLINE = MarkdownIt("commonmark", {"html": False}).disable("image")
_INLINE.core.ruler.push("bare_addresses", bare_addresses)
_MARKDOWN = _parser()
