"""How a handler says that its answer may be kept, and what it depends on."""

from starlette.types import Scope

from fedblog.storage.changes import Change

TAGS = "fedblog.cache"
"""The key of the scope under which the page cache finds what an answer depends on."""


def cache_tags(scope: Scope, *changes: Change) -> None:
    """Let the page cache keep the answer to *scope* until one of *changes* happens.

    A tag with the key ``*`` stands for every change of its kind.
    """
    scope.setdefault(TAGS, set()).update(changes)
