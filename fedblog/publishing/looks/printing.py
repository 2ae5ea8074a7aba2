"""Prints how a post looks elsewhere: framed on a terminal, plain lines everywhere else."""

from collections.abc import Iterable

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from fedblog.publishing.looks.rendering import Rendering

LINES, CHARACTERS = 12, 700
"""How much of a text is printed."""


def show(console: Console, renderings: Iterable[Rendering]) -> None:
    """Print each of *renderings*."""
    for rendering in renderings:
        lines = _lines(rendering)
        if console.is_terminal:
            console.print(
                Panel(
                    Group(*(Text(line, style=style) for line, style in lines)),
                    title=Text(rendering.peer, style="bold"),
                    title_align="left",
                )
            )
            continue
        console.print(Text(f"== {rendering.peer}"), soft_wrap=True)
        for line, _ in lines:
            console.print(Text(line), soft_wrap=True)
        console.print()


def _lines(rendering: Rendering) -> list[tuple[str, str]]:
    """What stands in each line, and its style."""
    lines: list[tuple[str, str]] = []
    if rendering.refused:
        lines.append((f"Not shown: {rendering.refused}.", "red"))
        if not rendering.text:
            return lines
        lines.append(("It would show:", "red"))
    if rendering.warning:
        lines.append((f"[{rendering.warning}]", "yellow"))
    if rendering.title:
        lines.append((rendering.title, "bold"))
    lines.extend((line, "") for line in _beginning(rendering.text).splitlines())
    lines.append(("", ""))
    for name, value in (
        ("Place", rendering.place),
        ("Link", rendering.link),
        ("Image", rendering.image),
        ("Byline", rendering.byline),
        ("Language", rendering.language),
        ("Kept", ", ".join(rendering.kept)),
        ("Lost", ", ".join(rendering.lost)),
    ):
        if value:
            lines.append((f"{name}: {value}", "dim"))
    return lines


def _beginning(text: str) -> str:
    head = "\n".join(text[:CHARACTERS].splitlines()[:LINES])
    return head if head == text else f"{head.rstrip()} …"
