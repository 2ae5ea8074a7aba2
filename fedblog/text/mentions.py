"""Finds the people a text addresses as ``@name@host``."""

import re

import nh3

from fedblog.text.sanitise import text_of

_WITHOUT_CODE = nh3.Cleaner(
    tags={"br", "p", "li", "div"},
    attributes={"*": set()},
    clean_content_tags={"code", "pre", "script", "style", "svg", "math", "template", "textarea"},
    link_rel=None,
)
_MENTION = re.compile(
    r"(?<![\w/@.])@(?P<name>\w(?:[\w.-]{0,62}\w)?)"
    r"@(?P<host>(?:localhost|(?:[^\W_](?:[^\W_]|-){0,62}\.){1,10}[^\W\d_](?:[^\W_]|-){1,62})"
    r"(?::[0-9]{1,5})?)(?![\w@])"
)


def find(text: str) -> tuple[str, ...]:
    """The ``name@host`` of each person mentioned in *text* (plain or HTML), once each, in order.

    The host is lower-case. Mentions within code do not count.
    """
    if "@" not in text:
        return ()
    if "<" in text:
        text = text_of(_WITHOUT_CODE.clean(text))
    found = (f"{match['name']}@{match['host'].lower()}" for match in _MENTION.finditer(text))
    return tuple(dict.fromkeys(found))
