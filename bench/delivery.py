"""Measures sending: one post to 5,000 inboxes on 1,000 loopback hosts, until the last receipt.

``python bench/delivery.py [--limit] [--rounds N] [--followers N] [--json FILE]``. The followers
are made by real signed Follow activities; every one is accepted before the first post. With
--limit a bare loop (batch signing, the same transport called directly, a bounded queue, no
database) sends to the same inboxes in turn.

Then the same once more for readers: a page in the cache is asked for 60 times a second, first while
nothing goes out and then while a post does, to inboxes that answer at once and to others that take
20 to 200 ms.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from inbox import load
from parts import people
from parts.people import Neighbourhood, Work
from parts.readers import Readers, percentile
from parts.report import Row, options, publish
from parts.server import Helper, Server, post

from fedblog.demo.articles import first_articles
from fedblog.demo.exchange import BlogApi, ask
from fedblog.demo.processes import free_port

HOSTS = 1000
KEYS = 50
PATH = "/ap/blog/inbox"
PATIENCE = 120.0
IDLE_SECONDS = 4
PARTS = Path(__file__).resolve().parent / "parts"


class Neighbours:
    """The sink's counters, asked over HTTP."""

    def __init__(self, crowd: Neighbourhood) -> None:
        self._base = f"http://127.0.0.1:{crowd.port}"

    def watch(self, kind: str) -> None:
        """Begin to count activities of *kind*."""
        ask("POST", f"{self._base}/watch/{kind}", {"content-length": "0"})

    def think(self, least_ms: int, most_ms: int) -> None:
        """Have every inbox take so long for an answer."""
        url = f"{self._base}/pause/{least_ms}/{most_ms}"
        ask("POST", url, {"content-length": "0"})

    def wait_for(self, inboxes: int, pause: float = 0.1) -> dict[str, Any]:
        """Return once so many distinct inboxes got one. Raises RuntimeError after a while."""
        deadline = time.monotonic() + PATIENCE
        while True:
            seen: dict[str, Any] = ask("GET", f"{self._base}/seen").json()
            if seen["inboxes"] >= inboxes:
                return seen
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {seen['inboxes']} of {inboxes} inboxes were reached")
            time.sleep(pause)


def gather(server: Server, crowd: Neighbourhood, sink: Neighbours, folder: Path) -> float:
    """Let everyone follow; gives the seconds until all were accepted."""
    pairs = people.keys(crowd.keys)
    blog = f"{server.base_url}/ap/blog"
    work: list[Work] = [
        (
            people.follow(crowd, number, blog),
            crowd.actor(number),
            pairs[number % crowd.keys][0],
            server.host,
            PATH,
        )
        for number in range(crowd.count)
    ]
    people.sign_all(work, folder / "follows")
    sink.watch("Accept")
    begun = time.monotonic()
    load(folder / "follows", server.port)
    return float(sink.wait_for(crowd.count)["last"]) - begun


def measure(
    server: Server, api: BlogApi, rounds: int, followers: int, limit: bool
) -> tuple[Row, dict[str, Any]]:
    """The row and notes."""
    row = Row("delivery", "receipts/s", target=0.60)
    # On addresses of their own: where another bench ran before, its people have these names and
    # other keys, and many changed keys at once are fetched again little by little.
    crowd = Neighbourhood(followers, min(HOSTS, followers), KEYS, free_port(21000), network=3)
    words = [str(value) for value in (crowd.count, crowd.hosts, crowd.keys, crowd.port)]
    text = first_articles()[0].text
    notes: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="fedblog-bench-") as name,
        Helper("neighbours.py", *words, port=crowd.port),
    ):
        folder = Path(name)
        sink = Neighbours(crowd)
        took = gather(server, crowd, sink, folder)
        notes["follows, each with a fetch and an Accept"] = f"{followers} in {took:.1f} s"
        listed = len(api.everything("/followers"))
        if listed != followers:
            raise RuntimeError(f"the API lists {listed} followers of {followers}")
        cpu = bare_cpu = 0.0
        for number in range(rounds):
            sink.watch("Create")
            before = server.cpu_seconds
            begun = time.monotonic()
            made = post(api, number, text)
            seen = sink.wait_for(followers)
            row.ours.append(followers / (seen["last"] - begun))
            time.sleep(1)
            cpu += server.cpu_seconds - before
            if limit:
                (folder / "body").write_text(seen["body"], encoding="utf-8")
                rate, used = _bare(sink, crowd, words, folder / "body")
                row.bare.append(rate)
                bare_cpu += used
        row.details["body bytes"] = len(seen["body"])
        notes["processor time for each delivery"] = f"{cpu / (rounds * followers) * 1e6:.0f} µs"
        if limit:
            each = bare_cpu / (rounds * followers) * 1e6
            notes["processor time for each delivery"] += f", bare loop {each:.0f} µs"
        notes["delivered, says the API"] = _delivered(api, made["id"])
        for name, pauses in (("at once", (0, 0)), ("after 20 to 200 ms", (20, 200))):
            sink.think(*pauses)
            said = f"waits of readers while inboxes answer {name}"
            notes[said] = _read_meanwhile(server, api, sink, followers, made["url"])
    return row, notes


def _read_meanwhile(
    server: Server, api: BlogApi, sink: Neighbours, followers: int, page: str
) -> str:
    """Publish a post while *page* is being read; gives what readers waited."""
    sink.watch("Create")
    with Readers(server.port, server.host, page.removeprefix(server.base_url)) as readers:
        time.sleep(1)  # connections, and the page into the cache
        idle_since = time.monotonic()
        time.sleep(IDLE_SECONDS)
        begun = time.monotonic()
        post(api, 0, first_articles()[0].text)
        last = float(sink.wait_for(followers)["last"])
        time.sleep(0.5)
    idle, loaded = readers.waits(idle_since, begun), readers.waits(begun, last)
    return (
        f"p95 {percentile(loaded, 0.95):.1f} ms, p50 {percentile(loaded, 0.5):.1f}, "
        f"longest {loaded[-1]:.0f} (idle p95 {percentile(idle, 0.95):.1f}); "
        f"{followers / (last - begun):,.0f} receipts/s beside {len(loaded)} reads"
    )


def _bare(
    sink: Neighbours, crowd: Neighbourhood, words: list[str], body: Path
) -> tuple[float, float]:
    sink.watch("Create")
    done = subprocess.run(
        [sys.executable, str(PARTS / "bare_delivery.py"), str(body), *words],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"the bare loop failed: {done.stderr[-2000:]}")
    result = json.loads(done.stdout)
    if result["failed"]:
        raise RuntimeError(f"{result['failed']} bare deliveries failed")
    took = float(sink.wait_for(crowd.count)["last"]) - result["begun"]
    return crowd.count / took, float(result["cpu"])


def _delivered(api: BlogApi, post_id: str) -> str:
    states = [item["state"] for item in api.everything(f"/deliveries?post={post_id}")]
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))


def main() -> int:
    """Run the bench."""
    parser = options(__doc__ or "")
    parser.add_argument("--followers", type=int, default=5000)
    chosen = parser.parse_args()
    with Server() as server:
        row, notes = measure(server, server.api(), chosen.rounds, chosen.followers, chosen.limit)
    publish("delivery", [row], notes, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
