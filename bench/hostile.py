"""Measures what hostile requests to the inbox do to readers and to honest replies.

``python bench/hostile.py [--seconds N] [--rate N] [--kind NAME] [--json FILE]``. Ten kinds, one at
a time at 200 a second, then all of them mixed at 200 a second:

- unsigned: a reply without a signature
- garbage: signed bytes that are not JSON
- too large: a body declared larger than the inbox takes, the first 64 KiB of it sent
- too deep: JSON nested a thousand deep
- wrong digest: a signed reply whose body was changed afterwards
- bad signature: a reply in the name of a person whose key is known, by another key
- dead host: a reply signed with a key, never seen, of a host that refuses connections
- unknown Delete: of an actor, by itself, that nobody here knows
- blocked host: a reply from below a blocked domain
- replay: replies taken before, sent again

Beside them 60 pages a second are read and 20 honest replies a second sent. A kind comes in every
second second only; in those between ("idle") the rest goes on alone, so that both see the same
machine. The 95th percentile of a reader's wait must stay within twice the idle one. Every honest
reply must be answered with 202 and be listed at the end, every hostile one refused (or passed
over) as its kind should be, and memory must stay bounded. Loopback only.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from parts import people
from parts.people import Neighbourhood
from parts.report import Row, options, publish
from parts.server import Helper, Server, post

from fedblog.demo.exchange import BlogApi
from fedblog.demo.processes import free_port

ACTORS = 100
KEYS = 50
POSTS = 30
PATH = "/ap/inbox"
READS = 60
REPLIES = 20
TIMES_IDLE = 2.0
MORE_MEMORY = 100 << 20
BLOCKED = "spam.example"
STEADY = Path(__file__).resolve().parent / "parts" / "steady.py"
# A port where nothing listens, on an address that nobody else uses.
DEAD = "127.0.250.{}:9"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of hostile request: how the one with a number is made, how each is answered."""

    name: str
    make: Callable[[int], bytes]
    status: str


class Crowd:
    """Makes honest and hostile requests."""

    def __init__(self, crowd: Neighbourhood, posts: list[str], server: Server) -> None:
        self._crowd = crowd
        self._posts = posts
        self._host = server.host
        self._blog = f"{server.base_url}/ap/blog"
        self._private = [private for private, _ in people.keys(crowd.keys)]
        self._honest: list[bytes] = []

    def kinds(self) -> list[Kind]:
        """The ten kinds."""
        return [
            Kind("unsigned", self._unsigned, "401"),
            Kind("garbage", lambda number: self._sign(b'{"id": ' * 40 + b"\xff", number), "400"),
            Kind("too large", self._too_large, "413"),
            Kind("too deep", self._too_deep, "413"),
            Kind("wrong digest", self._wrong_digest, "401"),
            Kind("bad signature", self._bad_signature, "401"),
            Kind("dead host", self._dead_host, "401"),
            Kind("unknown Delete", self._unknown_delete, "202"),
            Kind("blocked host", self._blocked_host, "403"),
            Kind("replay", lambda number: self._honest[number % ACTORS], "202"),
        ]

    def honest(self, count: int) -> list[bytes]:
        """All honest replies so far, until there are *count*."""
        while len(self._honest) < count:
            number = len(self._honest)
            self._honest.append(self._sign(self._reply(number, f"honest{number}"), number))
        return self._honest

    def _actor(self, number: int) -> str:
        return self._crowd.actor(number % self._crowd.count)

    def _key(self, number: int) -> str:
        return self._private[number % self._crowd.count % self._crowd.keys]

    def _reply(self, number: int, serial: str) -> bytes:
        target = self._posts[number % len(self._posts)]
        return people.reply(self._crowd, number % self._crowd.count, serial, target, self._blog)

    def _sign(self, body: bytes, number: int) -> bytes:
        return people.signed(body, self._actor(number), self._key(number), self._host, PATH)

    def _sign_as(self, actor: str, body: bytes, number: int) -> bytes:
        return people.signed(body, actor, self._key(number), self._host, PATH)

    def _unsigned(self, number: int) -> bytes:
        request = self._sign(self._reply(number, f"unsigned{number}"), number)
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Signature:")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _too_large(self, number: int) -> bytes:
        body = self._reply(number, f"large{number}").ljust(64 << 10)
        request = self._sign(body, number)
        length = b"Content-Length: "
        return request.replace(length + b"65536", length + b"8388608", 1)

    def _too_deep(self, number: int) -> bytes:
        return self._sign(b'{"object": ' * 1000 + b"1" + b"}" * 1000, number)

    def _wrong_digest(self, number: int) -> bytes:
        request = self._sign(self._reply(number, f"digest{number}"), number)
        return request.replace(b"Tuesday", b"Someday")

    def _bad_signature(self, number: int) -> bytes:
        body = self._reply(number, f"bad{number}")
        other = self._private[(number % self._crowd.count + 1) % self._crowd.keys]
        return people.signed(body, self._actor(number), other, self._host, PATH)

    def _elsewhere(self, host: str, number: int, serial: str) -> bytes:
        there = f"{host}/users/{number}"
        body = self._reply(number, serial).replace(self._actor(number).encode(), there.encode())
        return self._sign_as(there, body, number)

    def _dead_host(self, number: int) -> bytes:
        return self._elsewhere(f"http://{DEAD.format(1 + number % 20)}", number, f"dead{number}")

    def _blocked_host(self, number: int) -> bytes:
        return self._elsewhere(f"https://a{number % 9}.{BLOCKED}", number, f"blocked{number}")

    def _unknown_delete(self, number: int) -> bytes:
        actor = f"https://gone{number % 50}.example/users/{number}"
        document = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{actor}#delete",
            "type": "Delete",
            "actor": actor,
            "object": actor,
            "to": [people.PUBLIC],
        }
        return self._sign_as(actor, json.dumps(document).encode(), number)


class Trial:
    """Runs phases against the server, each with readers and honest replies."""

    def __init__(self, server: Server, folder: Path, pages: list[str], crowd: Crowd) -> None:
        self._server = server
        self._folder = folder
        self._crowd = crowd
        self.sent = ACTORS
        self.refused: list[str] = []
        reads = [
            f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nAccept: text/html\r\n\r\n".encode()
            for path in pages
        ]
        self._write("reads", reads)

    def _write(self, name: str, requests: list[bytes]) -> Path:
        file = self._folder / name
        file.write_bytes(b"".join(len(one).to_bytes(4, "little") + one for one in requests))
        return file

    def prepare(self, name: str, requests: list[bytes]) -> None:
        """Keep hostile *requests* ready."""
        self._write(f"hostile-{name}", requests)

    def warm(self) -> None:
        """Let every honest person be known, and every page be made once."""
        self._write("honest", self._crowd.honest(ACTORS))
        self._run(5, [self._stream("honest", 0, ACTORS / 5, 4), self._stream("reads", 0, READS, 4)])

    def phase(self, seconds: int, hostile: str, rate: int) -> dict[str, Any]:
        """Readers and honest replies; in every second second, *seconds* of them, *hostile* ones at
        *rate*."""
        count = 2 * seconds * REPLIES
        self._write("honest", self._crowd.honest(self.sent + count))
        streams = [
            self._stream("reads", 0, READS, 8),
            self._stream("honest", self.sent, REPLIES, 8),
            self._stream(f"hostile-{hostile}", 0, rate, 64) | {"pauses": True},
        ]
        self.sent += count
        return self._run(2 * seconds, streams)

    def _stream(self, name: str, first: int, rate: float, connections: int) -> dict[str, Any]:
        return {
            "name": name.partition("-")[0],
            "file": str(self._folder / name),
            "first": first,
            "rate": rate,
            "connections": connections,
            "pauses": False,
        }

    def _run(self, seconds: int, streams: list[dict[str, Any]]) -> dict[str, Any]:
        plan = {
            "host": "127.0.0.1",
            "port": self._server.port,
            "seconds": seconds,
            "streams": streams,
        }
        file = self._folder / "plan"
        file.write_text(json.dumps(plan))
        words = [sys.executable, str(STEADY), str(file)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 60)
        if done.returncode:
            raise RuntimeError(f"the load generator failed: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        for name, status in (("honest", "202"), ("reads", "200")):
            if name in found and set(found[name]["statuses"]) - {status}:
                self.refused.append(f"{name}: {found[name]['statuses']}")
        return found


def measure(
    server: Server, api: BlogApi, seconds: int, rate: int, only: str
) -> tuple[list[Row], dict[str, Any], list[str]]:
    """The rows, notes, and what went wrong."""
    busy = os.getloadavg()[0]
    rows: list[Row] = []
    wrong: list[str] = []
    neighbours = Neighbourhood(ACTORS, ACTORS, KEYS, free_port(21000))
    posts = [post(api, number, "A short post to reply to.") for number in range(POSTS)]
    api.call("POST", "/blocks", {"domain": BLOCKED})
    crowd = Crowd(neighbours, [item["activitypub_id"] for item in posts], server)
    pages = ["/", *(item["url"].removeprefix(server.base_url) for item in posts)]
    words = [str(value) for value in (ACTORS, ACTORS, KEYS, neighbours.port)]
    kinds = crowd.kinds()
    with (
        tempfile.TemporaryDirectory(prefix="fedblog-bench-") as name,
        Helper("neighbours.py", *words, port=neighbours.port),
    ):
        trial = Trial(server, Path(name), pages, crowd)
        trial.warm()
        count = rate * seconds
        for kind in kinds:
            trial.prepare(kind.name, [kind.make(number) for number in range(count)])
        mixed = [kinds[number % len(kinds)].make(count + number) for number in range(count)]
        trial.prepare("all mixed", mixed)
        expected = {kind.name: {kind.status} for kind in kinds}
        expected["all mixed"] = {kind.status for kind in kinds}
        if only:
            expected = {only: expected[only]}
        memory = server.rss
        most = memory
        for hostile, statuses in expected.items():
            cpu = server.cpu_seconds
            found = trial.phase(seconds, hostile, rate)
            cpu = server.cpu_seconds - cpu
            most = max(most, server.rss)
            idle, loaded = (found["reads"][part]["p95_ms"] for part in ("idle", "loaded"))
            row = Row(hostile, "µs", ours=[loaded * 1000])
            times = loaded / idle
            row.details["idle"] = f"{idle * 1000:,.0f} µs"
            row.details["times idle"] = f"{times:.2f}"
            row.details["answers"] = " ".join(
                f"{status}×{number}" for status, number in found["hostile"]["statuses"].items()
            )
            row.details["hostile p95"] = f"{found['hostile']['loaded']['p95_ms']:,.0f} ms"
            row.details["core"] = f"{cpu / (2 * seconds):.2f}"
            rows.append(row)
            if times > TIMES_IDLE:
                wrong.append(f"{hostile}: readers waited {times:.1f} times as long as idle")
            if set(found["hostile"]["statuses"]) - statuses:
                wrong.append(f"{hostile}: answered {found['hostile']['statuses']}")
        listed = sum(len(api.everything(f"/posts/{item['id']}/comments")) for item in posts)
    wrong += trial.refused
    if listed != trial.sent:
        wrong.append(f"the API lists {listed} comments; {trial.sent} honest replies were sent")
    if most - memory > MORE_MEMORY:
        wrong.append(f"memory grew by {(most - memory) >> 20} MiB")
    notes = {
        "hostile requests a second": rate,
        "pages read a second": READS,
        "honest replies a second": REPLIES,
        "honest replies listed": f"{listed} of {trial.sent}",
        "memory before, and most": f"{memory >> 20} MiB, {most >> 20} MiB",
        "processes that wanted a core, before and after": f"{busy:.1f}, {os.getloadavg()[0]:.1f}",
        "what did not hold": "; ".join(wrong) or "nothing",
    }
    return rows, notes, wrong


def main() -> int:
    """Run the bench; 1 when something did not hold."""
    parser = options(__doc__ or "")
    parser.add_argument("--seconds", type=int, default=4, help="seconds of each kind")
    parser.add_argument("--rate", type=int, default=200, help="hostile requests a second")
    parser.add_argument("--kind", default="", help="this kind alone")
    chosen = parser.parse_args()
    with Server() as server:
        rows, notes, wrong = measure(server, server.api(), chosen.seconds, chosen.rate, chosen.kind)
    publish("hostile", rows, notes, chosen.json)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
