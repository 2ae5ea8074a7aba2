"""Bounds how long a text in Markdown may take to read: its parser counts its steps.

A step is a place in the text at which the parser tries its rules. Rules that look ahead try again
at the same places, which is what makes a short text dear; a plain bound on its length would have to
be far below what people write.
"""

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import table
from markdown_it.rules_inline import StateInline
from markdown_it.utils import EnvType

_LEFT = "steps left"
_TOKENS_IN_A_STEP = 2


class TooDearError(Exception):
    """The text would take too long to read as Markdown."""


def count_steps(parser: MarkdownIt) -> None:
    """Have *parser* count; `render` is then the way to use it."""
    # Also where a block looks whether the next line ends it, which nested ones do again and again.
    ending: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("code", "count", _count_block, ending)
    parser.inline.ruler.before("text", "count", _count_inline)
    if "table" in parser.get_active_rules()["block"]:
        parser.block.ruler.at("table", _counted_table, {"alt": ["paragraph", "reference"]})


def render(parser: MarkdownIt, source: str, *, most_steps: int) -> str:
    """*source* as HTML. Raises TooDearError after *most_steps*, each some 10 µs."""
    return str(parser.render(source, {_LEFT: most_steps}))


def _count_block(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
    return _count(state.env, 1)


def _count_inline(state: StateInline, _silent: bool) -> bool:
    return _count(state.env, 1)


def _counted_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, whose rows get as many cells as its head has, written or not."""
    before = len(state.tokens)
    found = table(state, start, end, silent)
    _count(state.env, (len(state.tokens) - before) // _TOKENS_IN_A_STEP)
    return found


def _count(env: EnvType, steps: int) -> bool:
    """A rule that never holds, asked first at every place."""
    env[_LEFT] -= steps
    if env[_LEFT] < 0:
        raise TooDearError
    return False
