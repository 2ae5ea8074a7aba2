"""One test over many cases that names those it fails for."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any


def for_every(**cases: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Run a test for each combination of the named *cases* as one test.

    ``@for_every(post=POSTS, peer=PEERS)`` on ``def test_…(post, peer)``. All cases are run; the
    failure is a group that has one error for each case that failed, with a note of its name.
    For checks that take less than pytest needs to set an item up.
    """

    def over_all(test: Callable[..., None]) -> Callable[[], None]:
        def run() -> None:
            failed = []
            for chosen in product(*(each.items() for each in cases.values())):
                try:
                    test(**{name: value for name, (_, value) in zip(cases, chosen, strict=True)})
                except Exception as error:
                    error.add_note("with " + ", ".join(case for case, _ in chosen))
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} cases failed", failed)

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return run

    return over_all
