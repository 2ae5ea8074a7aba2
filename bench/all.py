"""Runs all benches with their bare loops and writes the figures into README and docs.

``python bench/all.py [--rounds N] [--keep]``: about ten minutes on two cores. The table goes
between the marks ``<!-- figures -->`` and ``<!-- /figures -->`` of README.md and
docs/performance.md; with --keep nothing is written, only printed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PLACES = (HERE.parent / "README.md", HERE.parent / "docs" / "performance.md")
NAMES = {
    "inbox": "signed replies from 200 actors, 64 at once, stored",
    "delivery": "one post to 5,000 inboxes on 1,000 hosts",
}
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def run(bench: str, rounds: int, folder: Path) -> dict[str, Any]:
    """One bench; gives its JSON. Raises CalledProcessError when it fails."""
    file = folder / f"{bench}.json"
    arguments = ["--json", str(file)]
    if bench != "footprint":
        arguments += ["--limit", "--rounds", str(rounds)]
    subprocess.run([sys.executable, str(HERE / f"{bench}.py"), *arguments], check=True)
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def table(results: dict[str, dict[str, Any]]) -> str:
    """The Markdown: one table, then start, memory and machine."""
    lines = ["| work | fedblog | bare loop | ratio | target |", "|---|---|---|---|---|"]
    for bench in ("pages", "inbox", "delivery"):
        for row in results[bench]["rows"]:
            unit = row["unit"].replace("req/s", "/s").split("/")[1]
            lines.append(
                f"| {NAMES.get(row['name'], 'GET ' + row['name'])} | {row['median']:,.0f}/{unit} "
                f"| {row['bare_median']:,.0f}/{unit} | {row['ratio']:.2f} | {row['target']:.2f} |"
            )
    for name, value in results["delivery"]["notes"].items():
        if name.startswith("waits of readers"):
            longest = value.split(",")[0].removeprefix("p95 ")
            idle = value.partition("(idle p95 ")[2].partition(")")[0]
            inboxes = name.partition("while ")[2]
            lines.append(
                f"| 95 of 100 reads during a delivery, {inboxes} | {longest} (idle {idle} ms) "
                "| | | ≤ 10 ms |"
            )
    notes = results["footprint"]["notes"]
    start, memory = notes["start to ready"], notes["memory after all three, pages in the cache"]
    lines.append(f"| start to ready | {start.split(' (')[0]} | | | ≤ 1.50 s |")
    lines.append(
        f"| memory after all of it | {memory.split(' = ')[1].split(' (')[0]} | | | ≤ 150 MB |"
    )
    machine = results["pages"]["machine"]
    lines += [
        "",
        f"Measured {results['pages']['at'][:10]} on {machine['cores']} cores of "
        f"{machine['processor']}, {int(machine['memory'].split()[0]) // 1_000_000} GB, "
        f"{machine['system']}, Python {machine['python']}, SQLite {machine['sqlite']}; server and "
        "load share the cores.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run all and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="print only")
    chosen = parser.parse_args()
    begun = time.monotonic()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="fedblog-bench-") as name:
        results = {
            bench: run(bench, chosen.rounds, Path(name))
            for bench in ("pages", "inbox", "delivery", "footprint")
        }
    text = table(results)
    if load > 1:
        text += (
            f" Other work ran on the machine meanwhile (load average {load:.1f} before the start): "
            "the rates are low and the ratios rough."
        )
    print(f"\n{text}\n\n{time.monotonic() - begun:.0f} s in all")
    if not chosen.keep:
        for place in PLACES:
            write(place, text)
    return 0


def write(place: Path, text: str) -> None:
    """Put *text* between the marks of a file that has them."""
    old = place.read_text(encoding="utf-8")
    new = re.sub(
        f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{text}\n{END}", old, count=1, flags=re.DOTALL
    )
    if new != old:
        place.write_text(new, encoding="utf-8")
        print(f"written into {place}")


if __name__ == "__main__":
    sys.exit(main())
