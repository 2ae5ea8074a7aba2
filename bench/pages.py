"""Measures reading: post page, home, actor, object, feed and WebFinger, unchanged and anonymous.

``python bench/pages.py [--limit] [--rounds N] [--seconds N] [--json FILE]``; the load is wrk's.
With --limit each row alternates with a bare ASGI function that has ready bytes of the same size,
under the same server with the same request headers.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from parts.report import Row, options, publish
from parts.server import Helper, Server, post

from fedblog.demo.articles import first_articles
from fedblog.demo.exchange import BlogApi, ask
from fedblog.demo.processes import free_port

ACTIVITY = "application/activity+json"
CONNECTIONS = 32


@dataclass(frozen=True)
class Address:
    """What a row asks for."""

    name: str
    target: str
    accept: str
    goal: float


def addresses(server: Server, api: BlogApi) -> list[Address]:
    """Publish ten posts; gives the addresses of the rows."""
    texts = [article.text for article in first_articles()]
    made: Any = None
    for number in range(10):
        made = post(api, number, texts[number % len(texts)])
    page = made["url"].removeprefix(server.base_url)
    thing = made["activitypub_id"].removeprefix(server.base_url)
    finger = f"/.well-known/webfinger?resource=acct:blog@{server.host}"
    return [
        Address("post page", page, "text/html", 0.75),
        Address("home", "/", "text/html", 0.75),
        Address("actor", "/ap/blog", ACTIVITY, 0.75),
        Address("object", thing, ACTIVITY, 0.75),
        Address("feed", "/feed/", "application/rss+xml, */*", 0.75),
        Address("webfinger", finger, "application/jrd+json", 0.65),
    ]


def wrk(port: int, address: Address, host: str, seconds: int) -> tuple[float, str]:
    """Requests a second and the 99th percentile. Raises RuntimeError on any other answer."""
    done = subprocess.run(
        [
            *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"),
            *("-H", f"Host: {host}", "-H", f"Accept: {address.accept}"),
            f"http://127.0.0.1:{port}{address.target}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{address.name}: {done.stdout}")
    rate = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+(\S+)", done.stdout)
    if rate is None or p99 is None:
        raise RuntimeError(done.stdout)
    return float(rate[1]), p99[1]


def measure(
    server: Server, wanted: list[Address], rounds: int, seconds: int, limit: bool
) -> list[Row]:
    """The rows, ours and bare in turn."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="fedblog-bench-") as folder:
        for address in wanted:
            reply = ask("GET", server.base_url + address.target, {"accept": address.accept})
            if reply.status != 200:
                raise RuntimeError(f"{address.target} answered {reply.status}")
            row = Row(address.name, "req/s", target=address.goal)
            row.details["bytes"] = len(reply.body)
            rows.append(row)
            file = Path(folder) / "body"
            file.write_bytes(reply.body)
            port = free_port(21000)
            kind = reply.headers["content-type"]
            for _ in range(rounds):
                rate, row.details["p99"] = wrk(server.port, address, server.host, seconds)
                row.ours.append(rate)
                if limit:
                    with Helper("bare_pages.py", str(file), kind, str(port), port=port):
                        wrk(port, address, server.host, 1)
                        rate, row.details["bare p99"] = wrk(port, address, server.host, seconds)
                        row.bare.append(rate)
    return rows


def main() -> int:
    """Run the bench."""
    parser = options(__doc__ or "")
    parser.add_argument("--seconds", type=int, default=5, help="of each run")
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is missing: install it (Debian and Ubuntu: apt-get install wrk)")
        return 2
    with Server() as server:
        wanted = addresses(server, server.api())
        rows = measure(server, wanted, chosen.rounds, chosen.seconds, chosen.limit)
        notes = {"load": f"wrk, 1 thread, {CONNECTIONS} connections, {chosen.seconds} s a run"}
    publish("pages", rows, notes, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
