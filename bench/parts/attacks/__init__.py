"""The kinds of hostile requests that ``bench/hostile.py`` sends, one module for each sort.

To add a kind: write a function ``(stage, number) -> bytes`` that gives the whole HTTP/1.1 request
with that number (as `Stage.sign`, `Stage.forge` and `Stage.request` make them), and put a `Kind`
with it into the ``KINDS`` of a module here; a new module goes into `MODULES`. Requests must differ
by *number* where a repeat would be noticed. `Stage.person` gives the sender: of 200 domains in the
first run, of one in the second. All of them are known to the server before. What a kind needs from
the attackers' own servers stands in the module's ``ANSWERS``: ``{"/prefix/": function}`` with
``async (host, path) -> bytes | None`` (a whole HTTP response, or None to hang up).
"""

from parts.attacks import addresses, door, faces, front, growing, parsing, strangers, texts
from parts.attacks.stage import Answer, Kind

MODULES = (door, front, addresses, faces, strangers, parsing, texts, growing)


def kinds() -> list[Kind]:
    """Every kind, in the order of the modules."""
    return [kind for module in MODULES for kind in module.KINDS]


def answers() -> dict[str, Answer]:
    """What the attackers' servers answer, by the beginning of the path."""
    found: dict[str, Answer] = {}
    for module in MODULES:
        found |= getattr(module, "ANSWERS", {})
    return found
