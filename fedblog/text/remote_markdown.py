"""Markdown of people on other servers, read within bounded time.

CommonMark with strikethrough and bare web addresses as links; what the allow-list for remote HTML
has no place for (tables, footnotes) is not looked for.
"""

from typing import Final

from markdown_it import MarkdownIt

from fedblog.text import markdown_cost
from fedblog.text.markdown import bare_addresses, unknown_elements
from fedblog.text.markdown_cost import TooDearError

__all__ = ["MOST_STEPS", "TooDearError", "render"]

MOST_STEPS: Final = 2_000
"""Some 20 ms. Prose with lists, links and code of 10,000 characters takes 100 to 900 steps."""


def render(source: str) -> str:
    """*source* as HTML that is not sanitised. Raises TooDearError."""
    return markdown_cost.render(_MARKDOWN, source, most_steps=MOST_STEPS)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "typographer": False})
    parser.enable("strikethrough")
    parser.core.ruler.push("unknown_elements", unknown_elements)
    parser.core.ruler.push("bare_addresses", bare_addresses)
    markdown_cost.count_steps(parser)
    return parser


_MARKDOWN = _parser()
