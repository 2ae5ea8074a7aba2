"""Tells the demo's story on the terminal, step by step, and remembers which steps were seen."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from fedblog.demo.exchange import ExchangeError
from fedblog.demo.processes import ProcessError, until

PATIENCE = 20.0
"""Seconds within which a step has to be seen."""


class StoryBrokenError(Exception):
    """A step that the rest depends on did not come off."""


@dataclass(frozen=True, slots=True)
class Step:
    """How a step ended: what it was, whether it was seen, after how many milliseconds."""

    text: str
    was_seen: bool
    milliseconds: float


class Telling:
    """Prints each step as it happens."""

    def __init__(self, console: Console, patience: float = PATIENCE) -> None:
        self._console = console
        self._patience = patience
        self.steps: list[Step] = []

    def say(self, text: str) -> None:
        """A line of its own; markup is rich's."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def chapter(self, title: str) -> None:
        """A heading between steps."""
        self._console.print(f"\n[bold]{escape(title)}[/]")

    def step(self, text: str, do: Callable[[], str], seen: Callable[[], str | None]) -> None:
        """Do something, then look until it is seen.

        *do* gives the id to show (or nothing); *seen* says where it stands once it does, and is
        asked again until then. Raises StoryBrokenError when *do* fails.
        """
        begun = time.perf_counter()
        try:
            name = do()
        except (ExchangeError, ProcessError) as error:
            self._end(Step(text, False, (time.perf_counter() - begun) * 1000), "", str(error))
            raise StoryBrokenError(text) from error

        def look() -> str | None:
            try:
                return seen()
            except ExchangeError:
                return None

        place = until(look, self._patience)
        step = Step(text, place is not None, (time.perf_counter() - begun) * 1000)
        self._end(step, name, place or f"not seen within {self._patience:.0f} s")

    def report_missing(self) -> bool:
        """Say how many steps were seen and which were not; True when any is missing."""
        missing = [step.text for step in self.steps if not step.was_seen]
        if not missing:
            self.say(f"\n[green]All {len(self.steps)} steps were seen.[/]")
            return False
        self.say(f"\n[red]{len(missing)} of {len(self.steps)} steps were not seen:[/]")
        for text in missing:
            self.say(f"  {escape(text)}")
        return True

    def _end(self, step: Step, name: str, place: str) -> None:
        self.steps.append(step)
        mark = "[green]✓[/]" if step.was_seen else "[red]✗[/]"
        self._console.print(
            f" {mark} [cyan]{step.milliseconds:7.0f} ms[/]  {escape(step.text)}",
            highlight=False,
            soft_wrap=True,
        )
        for line in (name, place):
            if line:
                self._console.print(
                    f"               [dim]{escape(line)}[/]", highlight=False, soft_wrap=True
                )
