"""Markdown of people on other servers, read within bounded time.

CommonMark with strikethrough and bare web addresses as links; what the allow-list for remote HTML
has no place for (tables, footnotes) is not looked for. The parser counts its steps and gives up
after a number that no text of a person comes near.
"""

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.utils import EnvType

from fedblog.text.markdown import bare_addresses

MOST_STEPS: Final = 2_000
"""Places in the text at which the parser may try its rules: some 20 ms of it. Prose with lists,
links and code of 10,000 characters takes 100 to 900."""
_STEPS = "steps"


class TooDearError(Exception):
    """The text would take too long to read as Markdown."""


def render(source: str) -> str:
    """*source* as HTML that is not sanitised. Raises TooDearError."""
    return str(_MARKDOWN.render(source, {_STEPS: 0}))


def _count_block(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
    return _count(state.env)


def _count_inline(state: StateInline, _silent: bool) -> bool:
    return _count(state.env)


def _count(env: EnvType) -> bool:
    """A rule that never holds, asked first at every place."""
    env[_STEPS] += 1
    if env[_STEPS] > MOST_STEPS:
        raise TooDearError
    return False


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "typographer": False})
    parser.enable("strikethrough")
    # Also where a block looks whether the next line ends it, which nested ones do again and again.
    ending: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("code", "count", _count_block, ending)
    parser.inline.ruler.before("text", "count", _count_inline)
    parser.core.ruler.push("bare_addresses", bare_addresses)
    return parser


_MARKDOWN = _parser()
