"""Prints a bench's table and its ratio lines, and keeps everything as JSON."""

import argparse
import json
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from parts import machine
from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parent.parent / "results"


@dataclass
class Row:
    """One line of the table: what was done, ours and the bare loop's rates round by round."""

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    target: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The middle of our rounds."""
        return statistics.median(self.ours) if self.ours else 0.0

    @property
    def bare_median(self) -> float | None:
        """The middle of the bare loop's rounds, where it ran."""
        return statistics.median(self.bare) if self.bare else None

    @property
    def ratio(self) -> float | None:
        """Ours to bare, of the middle values."""
        return self.median / self.bare_median if self.bare_median else None


def options(description: str, rounds: int = 3) -> argparse.ArgumentParser:
    """The options that all benches share; from here on SIGTERM ends a bench with its processes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--limit", action="store_true", help="run the bare loop beside it")
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds of each (median)")
    parser.add_argument("--json", type=Path, help="where the JSON goes (default: bench/results/)")
    return parser


def publish(bench: str, rows: Sequence[Row], notes: dict[str, Any], file: Path | None) -> None:
    """Print table, ratio lines and notes; write the JSON."""
    console = Console(width=120)
    table = Table(title=f"{bench}, median of the rounds")
    table.add_column("work")
    for column in ("fedblog", "bare loop", "ratio", "target"):
        table.add_column(column, justify="right")
    details = list(dict.fromkeys(name for row in rows for name in row.details))
    for name in details:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.median:,.0f} {row.unit}",
            f"{row.bare_median:,.0f} {row.unit}" if row.bare_median else "–",
            f"{row.ratio:.2f}" if row.ratio else "–",
            f"{row.target:.2f}" if row.target else "–",
            *(str(row.details.get(name, "–")) for name in details),
        )
    if rows:
        console.print(table)
    for name, value in notes.items():
        console.print(f"{name}: {value}", highlight=False)
    for row in rows:
        if row.ratio is not None:
            print(f"ratio {row.name.replace(' ', '-')} {row.ratio:.2f}")
    file = file or RESULTS / f"{bench}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "bench": bench,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.describe(),
        "rows": [
            {
                **asdict(row),
                "median": row.median,
                "bare_median": row.bare_median,
                "ratio": row.ratio,
            }
            for row in rows
        ],
        "notes": notes,
    }
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {file}", highlight=False)
