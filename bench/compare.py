"""Measures two checkouts in turn: before and after, on the same machine in the same minutes.

``python bench/compare.py OLD NEW [--bench NAME …] [--rounds N]``. OLD and NEW are the Python of an
environment into which a checkout is installed (``../old/.venv/bin/python``). The scripts of *this*
checkout drive both, so that the load is the same; what they start is fedblog of the environment.
For an older commit: ``git worktree add ../old COMMIT``, ``python -m venv ../old/.venv`` and
``../old/.venv/bin/pip install -e ../old``.

Each round runs OLD then NEW, the next one NEW then OLD. Prints the middle of the rounds of each
row, what NEW is of OLD, and every number of a note beside the other's.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BENCHES = ("pages", "inbox", "delivery")


def run(python: Path, bench: str) -> dict[str, Any]:
    """One round of *bench* with *python*. Raises CalledProcessError, with what it said."""
    with tempfile.TemporaryDirectory(prefix="fedblog-bench-") as name:
        file = Path(name) / "result.json"
        subprocess.run(
            [python, HERE / f"{bench}.py", "--rounds", "1", "--json", file],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return result


def main() -> int:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--bench", action="append", choices=BENCHES, help="default: all three")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    pythons = {"old": chosen.old.absolute(), "new": chosen.new.absolute()}
    slower = []
    for bench in chosen.bench or BENCHES:
        found: dict[str, list[dict[str, Any]]] = {"old": [], "new": []}
        for number in range(chosen.rounds):
            for which in ("old", "new") if number % 2 == 0 else ("new", "old"):
                print(f"{bench}: {which}, round {number + 1}", file=sys.stderr, flush=True)
                found[which].append(run(pythons[which], bench))
        names = [row["name"] for row in found["new"][0]["rows"]]
        for place, name in enumerate(names):
            old, new = (
                statistics.median(result["rows"][place]["median"] for result in found[which])
                for which in ("old", "new")
            )
            print(f"{bench} {name}: {old:,.0f}/s before, {new:,.0f}/s after, {new / old:.2f} of it")
            if new < 0.95 * old:
                slower.append(f"{bench} {name}")
        for note in found["new"][0]["notes"]:
            print(f"  {note}")
            for which in ("old", "new"):
                for result in found[which]:
                    print(f"    {which}: {result['notes'].get(note, '–')}")
    print(f"slower by more than 5 %: {', '.join(slower) or 'nothing'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
