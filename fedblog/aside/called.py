"""The process that runs functions: ``python -m fedblog.aside.called`` (see `calls`)."""

import gc
import logging
import pickle
from importlib import import_module
from typing import Any

from fedblog.aside.serving import bound_memory, serve

log = logging.getLogger(__name__)

_MOST_BYTES = 192 << 20
_NICENESS = 10
"""Who reads pages goes before what others wrote."""
_DETAIL = 500


def main() -> None:
    """Work until the input ends."""
    gc.disable()  # what is made here makes no circles, and goes with the process if it does
    bound_memory(_MOST_BYTES)
    serve(_call, niceness=_NICENESS)


def _call(head: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    module, name = head["function"]
    try:
        function = getattr(import_module(module), name)
        return {}, pickle.dumps(function(content, **head["keywords"]), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        named = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in head["raises"]]
        if not named:
            log.exception("%s.%s failed", module, name)
        return {"error": named[0] if named else "", "detail": str(error)[:_DETAIL]}, b""


if __name__ == "__main__":
    main()
