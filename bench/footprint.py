"""Measures start and memory: spawn to first answer, and what one process holds after the work.

``python bench/footprint.py [--rounds N] [--json FILE]``: the three benches run one after the
other against one server, then its memory is read with the pages in the cache.
"""

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import delivery
import inbox
import pages
from parts.report import options, publish
from parts.server import Server

MIB = 1 << 20


def main() -> int:
    """Run the bench."""
    parser = options(__doc__ or "", rounds=1)
    parser.add_argument("--count", type=int, default=10_000, help="replies")
    parser.add_argument("--followers", type=int, default=5000)
    chosen = parser.parse_args()
    with Server() as server:
        restarts = []
        for _ in range(5):
            server.restart()
            restarts.append(server.restart_seconds)
        idle = server.memory
        api = server.api()
        sizes = {}
        wanted = pages.addresses(server, api)
        pages.measure(server, wanted, 1, 3, False)
        sizes["pages"] = server.memory
        inbox.measure(server, api, chosen.rounds, chosen.count, False)
        sizes["inbox"] = server.memory
        delivery.measure(server, api, chosen.rounds, chosen.followers, False)
        sizes["delivery"] = server.memory
        pages.measure(server, wanted, 1, 3, False)
        notes = {
            "first start to ready, everything made": f"{server.start_seconds:.2f} s",
            "start to ready": f"{statistics.median(restarts):.2f} s (target 1.50 s)",
            "memory, idle": f"{idle / MIB:.0f} MiB",
            **{f"memory after {name}": f"{size / MIB:.0f} MiB" for name, size in sizes.items()},
            "memory after all three, pages in the cache": (
                f"{server.memory / MIB:.0f} MiB = {server.memory / 1e6:.0f} MB (target 150 MB)"
            ),
        }
    publish("footprint", [], notes, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
