"""Measures receiving: signed Create replies from 200 remote actors whose keys are known.

``python bench/inbox.py [--limit] [--rounds N] [--count N] [--json FILE]``. 64 at once, each
answered after the commit that holds its comment; at the end the API must list every comment.
With --limit a bare loop (parse, digest, verify, two inserts, group commit) takes turns with it.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from parts import people
from parts.people import Neighbourhood, Work
from parts.report import Row, options, publish
from parts.server import Helper, Server, post

from fedblog.demo.exchange import BlogApi
from fedblog.demo.processes import free_port

ACTORS = 200
POSTS = 50
AT_ONCE = 64
PATH = "/ap/inbox"
PARTS = Path(__file__).resolve().parent / "parts"


class Replies:
    """Makes files of signed replies; each reply has an id of its own."""

    def __init__(self, crowd: Neighbourhood, posts: list[str], server: Server) -> None:
        self._crowd = crowd
        self._posts = posts
        self._server = server
        self._pairs = people.keys(crowd.keys)
        self._serial = 0

    def make(self, count: int, file: Path) -> Path:
        """Sign *count* replies into *file*."""
        work: list[Work] = []
        blog = f"{self._server.base_url}/ap/blog"
        for _ in range(count):
            number = self._serial % self._crowd.count
            target = self._posts[self._serial // self._crowd.count % len(self._posts)]
            body = people.reply(self._crowd, number, str(self._serial), target, blog)
            actor, pem = self._crowd.actor(number), self._pairs[number % self._crowd.keys][0]
            work.append((body, actor, pem, self._server.host, PATH))
            self._serial += 1
        people.sign_all(work, file)
        return file

    @property
    def made(self) -> int:
        """How many were made so far."""
        return self._serial


def load(file: Path, port: int, connections: int = AT_ONCE) -> dict[str, Any]:
    """Send the file's requests. Raises RuntimeError when one was not answered with 202."""
    done = subprocess.run(
        [
            *(sys.executable, str(PARTS / "load.py")),
            *(str(file), "127.0.0.1", str(port), str(connections)),
        ],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    if set(result["statuses"]) != {"202"}:
        raise RuntimeError(f"not every answer was 202: {result['statuses']}")
    return result


def stored(api: BlogApi, posts: list[Any]) -> int:
    """How many comments the API lists under all *posts*."""
    return sum(len(api.everything(f"/posts/{item['id']}/comments")) for item in posts)


def measure(
    server: Server, api: BlogApi, rounds: int, count: int, limit: bool
) -> tuple[Row, dict[str, Any]]:
    """The row and notes; raises RuntimeError when a comment is missing at the end."""
    row = Row("inbox", "stored/s", target=0.25)
    notes: dict[str, Any] = {}
    crowd = Neighbourhood(ACTORS, ACTORS, ACTORS, free_port(21000))
    posts = [post(api, number, "A short post to reply to.") for number in range(POSTS)]
    replies = Replies(crowd, [item["activitypub_id"] for item in posts], server)
    with (
        tempfile.TemporaryDirectory(prefix="fedblog-bench-") as name,
        Helper("neighbours.py", *_words(crowd), port=crowd.port),
    ):
        folder = Path(name)
        warm = replies.make(ACTORS, folder / "warm")
        load(warm, server.port, 8)
        bare_file = replies.make(2 * count, folder / "bare") if limit else None
        bare_made = replies.made - ACTORS
        cpu = bare_cpu = 0.0
        for number in range(rounds):
            file = replies.make(count, folder / f"ours{number}")
            before = server.cpu_seconds
            result = load(file, server.port)
            cpu += server.cpu_seconds - before
            row.ours.append(result["rate"])
            row.details["p50 ms"] = f"{result['p50_ms']:.1f}"
            row.details["p99 ms"] = f"{result['p99_ms']:.1f}"
            notes["load generator's share of a core"] = f"{result['cpu_share']:.2f}"
            file.unlink()
            if bare_file is not None:
                port = free_port(21000)
                database = str(folder / f"bare{number}.sqlite3")
                with Helper(
                    "bare_inbox.py", database, *_words(crowd), str(port), port=port
                ) as bare:
                    bare_cpu -= bare.cpu_seconds
                    result = load(bare_file, port)
                    bare_cpu += bare.cpu_seconds
                row.bare.append(result["rate"])
                row.details["bare p99 ms"] = f"{result['p99_ms']:.1f}"
        notes["processor time for each reply"] = f"{cpu / (rounds * count) * 1e6:.0f} µs"
        if bare_made:
            each = bare_cpu / (rounds * bare_made) * 1e6
            notes["processor time for each reply"] += f", bare loop {each:.0f} µs"
        wanted = ACTORS + rounds * count
        begun = time.perf_counter()
        found = stored(api, posts)
        notes["comments the API lists"] = (
            f"{found} of {wanted} ({time.perf_counter() - begun:.1f} s to list them)"
        )
        if found != wanted:
            raise RuntimeError(f"the API lists {found} comments of {wanted}")
        if bare_file is not None:
            port = free_port(21000)
            with Helper("trivial_sink.py", str(port), port=port):
                rate = load(bare_file, port)["rate"]
            notes["load generator against a trivial sink"] = f"{rate:,.0f} req/s ({bare_made} sent)"
    return row, notes


def _words(crowd: Neighbourhood) -> list[str]:
    return [str(value) for value in (crowd.count, crowd.hosts, crowd.keys, crowd.port)]


def main() -> int:
    """Run the bench."""
    parser = options(__doc__ or "")
    parser.add_argument("--count", type=int, default=10_000, help="replies in each round")
    chosen = parser.parse_args()
    with Server() as server:
        row, notes = measure(server, server.api(), chosen.rounds, chosen.count, chosen.limit)
    publish("inbox", [row], notes, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
