"""Markdown to HTML, with what a long article needs; sanitising it is the next step's work.

CommonMark with tables, strikethrough and footnotes. Beyond it: a picture alone in its paragraph
becomes a figure whose title is the caption (what follows a `` | `` in it is the credit), and a
block between ``::: quoted`` and ``:::`` is another publication's piece, quoted with its bylines.
"""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.footnote import footnote_plugin

_ALIGNMENT = re.compile(r"text-align:\s*(left|center|right)")
_QUOTED = "quoted"


def render(source: str) -> str:
    """*source* as HTML. Raw HTML passes through: give the result to ``sanitise.author_html``."""
    return str(_MARKDOWN.render(source))


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


def _alignments(state: StateCore) -> None:
    """Table cells say their alignment by class: style attributes are never let through."""
    for token in state.tokens:
        if token.type in ("td_open", "th_open") and "style" in token.attrs:
            match = _ALIGNMENT.search(str(token.attrs.pop("style")))
            if match:
                token.attrSet("class", f"align-{match[1]}")


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
    image = renderer.image(tokens, index, options, env)
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
    parser.add_render_rule("figure_image", _render_figure)
    return parser


_INLINE = MarkdownIt("commonmark", {"html": False}).disable("image")
_MARKDOWN = _parser()
