"""How a handler says that its answer may be kept, and what it depends on."""

from datetime import datetime

from starlette.types import Scope

from fedblog.storage.changes import Change

TAGS = "fedblog.cache"
"""The key of the scope under which the page cache finds what an answer depends on."""

APART = "fedblog.cache.apart"
"""The key of the scope that says: what stands between may not keep the answer, our cache may."""

UNTIL = "fedblog.cache.until"
"""The key of the scope for the moment at which time alone changes the answer."""


def cache_tags(scope: Scope, *changes: Change) -> None:
    """Let the page cache keep the answer to *scope* until one of *changes* happens.

    A tag with the key ``*`` stands for every change of its kind.
    """
    scope.setdefault(TAGS, set()).update(changes)


def cache_until(scope: Scope, moment: datetime) -> None:
    """Let the page cache keep the answer to *scope* no longer than to *moment*, where something in
    it (a poll that ends) will be otherwise though nothing happens."""
    scope[UNTIL] = min(scope.get(UNTIL, moment), moment)


def keep_apart(scope: Scope) -> None:
    """Let the page cache keep a tagged answer to *scope* though its headers forbid it to others:
    it tells the representations of one address apart, and what stands between may not."""
    scope[APART] = True
