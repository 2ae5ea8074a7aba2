"""How far a backup or a restore is, for whoever looks at it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

Tell = Callable[[str, int, int], None]
"""Called with what is done just now, how much of it is done, and how much it is in all (0 where
that is not known)."""
_EVERY = 10.0


def silent(_what: str, _done: int, _all: int) -> None:
    """Tell nobody."""


@contextmanager
def shown(stream: TextIO) -> Iterator[Tell]:
    """Tell it to *stream*: a bar on a terminal, elsewhere a line for each thing that is begun, and
    one every few seconds."""
    if not stream.isatty():
        yield _lines(stream)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=stream), transient=True) as progress:
        bars: dict[str, int] = {}

        def tell(what: str, done: int, every: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=None)
            progress.update(bars[what], completed=done, total=every or None)  # type: ignore[arg-type]

        yield tell


def _lines(stream: TextIO) -> Tell:
    told: dict[str, float] = {}

    def tell(what: str, done: int, every: int) -> None:
        now = time.monotonic()
        share = f" {100 * done // every} %" if what in told and every else ""
        if what not in told or (share and now - told[what] >= _EVERY):
            told[what] = now
            print(f"{what}{share}", file=stream, flush=True)

    return tell
