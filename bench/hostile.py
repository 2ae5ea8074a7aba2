"""Measures what hostile requests do to readers, to honest replies and to newcomers.

``python bench/hostile.py [--seconds N] [--kind NAME …] [--only work|limit|mixed] [--json FILE]``.
Every kind of ``parts/attacks`` (its docstring says how to add one), at 200 requests a second, or at
20 MB a second where that is less, in three runs:

- *work*: one kind after the other, from 200 client addresses in the name of 200 registrable domains
  (a host that is an IP address counts as a domain of its own), so that no limit hides the work
- *limit*: the same for a shorter time from one address and one domain, so that the limits are met
- *mixed*: all kinds at once, in turn, from the 200

Beside them 60 pages a second are read, 20 replies a second come from people who are known and 2 a
second from people on servers never seen before. A kind comes in every second second only; in those
between ("idle") the rest goes on alone, so that both see the same machine. The server has its usual
limits.

What must hold: the 95th percentile of a reader's wait is at most the greater of twice the idle one
and that and 10 ms; every honest reply and every newcomer's is answered with 202 and listed at the
end; every hostile request is answered as its kind says; memory does not grow by more than 60 MB. On
loopback only; the whole takes ten to twelve minutes.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from parts import people
from parts.attacks import kinds as all_kinds
from parts.attacks.door import BLOCKED
from parts.attacks.stage import INBOX, Kind, Stage
from parts.people import Neighbourhood
from parts.report import Row, options, publish
from parts.server import Helper, Server, post

from fedblog.demo.exchange import BlogApi
from fedblog.demo.processes import free_port

PEOPLE = 100
NEWCOMERS = 5000
DOMAINS = 200
KEYS = 50
POSTS = 30
RATE = 200.0
BYTES = 20_000_000
READS = 60
REPLIES = 20
NEW_REPLIES = 2
TIMES_IDLE = 2.0
BESIDES_IDLE_MS = 10.0
SOME_KINDS = 9
MIXED_SECONDS = 10
MORE_MEMORY = 60_000_000
REPEATED = frozenset({"429", "503", "none"})
STEADY = Path(__file__).resolve().parent / "parts" / "steady.py"
# Where requests come from: readers, honest servers, attackers, the one attacker.
HOME = [f"127.10.0.{last}" for last in range(1, 33)]
PEERS = [f"127.10.1.{last}" for last in range(1, 33)]
CROWD = [f"127.10.2.{last}" for last in range(1, DOMAINS + 1)]
ALONE = ["127.10.3.1"]


@dataclass(slots=True)
class Honest:
    """Replies of honest people, made as they are needed; *sent* is how many were."""

    neighbours: Neighbourhood
    stage: Stage
    name: str
    sent: int = 0

    def more(self, count: int) -> list[bytes]:
        """The next *count* of them."""
        first, self.sent = self.sent, self.sent + count
        return [self._signed(number) for number in range(first, self.sent)]

    def _signed(self, number: int) -> bytes:
        crowd, stage = self.neighbours, self.stage
        person = number % crowd.count
        body = people.reply(crowd, person, f"{self.name}{number}", stage.post(number), stage.blog)
        private = people.keys(crowd.keys)[person % crowd.keys][0]
        return people.signed(body, crowd.actor(person), private, stage.host, INBOX)


class Trial:
    """Runs phases against the server, each with readers, honest replies and newcomers."""

    def __init__(self, server: Server, folder: Path, stage: Stage, honest: list[Honest]) -> None:
        self._server = server
        self._folder = folder
        self._stage = stage
        self._honest = honest
        self.wrong: list[str] = []
        self.memory = self.most_memory = 0
        self._idle: list[float] = []

    def introduce(self, requests: list[bytes]) -> None:
        """Send *requests* one after the other until each was taken."""
        for request in requests:
            deadline = time.monotonic() + 60
            while (status := self._ask(request)) != 202:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"an introduction was answered with {status}")
                time.sleep(1)

    def _ask(self, request: bytes) -> int:
        head, _, body = request.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._server.port, timeout=30, source_address=(PEERS[0], 0)
        )
        try:
            headers = dict(entry.split(": ", 1) for entry in lines)
            connection.request(line.split(" ")[0], line.split(" ")[1], body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def warm(self) -> None:
        """Have every page made, and let memory become what it is in use."""
        self._run(3, [self._readers()])
        streams = [self._readers(), *self._replies(6)]
        self._idle = [self._run(6, streams)["reads"]["idle"]["p95_ms"]]
        self.memory = self.most_memory = self._server.memory

    def phase(
        self, label: str, requests: list[bytes], seconds: int, rate: float, sources: list[str]
    ) -> tuple[Row, dict[str, int]]:
        """A row for the hostile *requests*, sent in every second second for *seconds* of them, and
        how they were answered."""
        cpu = self._server.cpu_seconds
        hostile = self._stream("hostile", requests, rate, len(sources), sources) | {"pauses": True}
        if len(sources) == 1:
            hostile["connections"] = 32
        found = self._run(2 * seconds, [self._readers(), *self._replies(2 * seconds), hostile])
        cpu = self._server.cpu_seconds - cpu
        self.most_memory = max(self.most_memory, self._server.memory)
        idle, loaded = (found["reads"][part]["p95_ms"] for part in ("idle", "loaded"))
        # What a kind leaves to be done in its pauses must not pass for the machine's own noise:
        # that of the kinds before it bounds how much it may be.
        usual = statistics.median(self._idle[-SOME_KINDS:])
        self._idle.append(idle)
        idle = min(idle, max(1.5 * usual, usual + BESIDES_IDLE_MS / 2))
        answers = found["hostile"]["statuses"]
        row = Row(label, "µs", ours=[loaded * 1000])
        row.details["idle"] = f"{idle * 1000:,.0f} µs"
        row.details["sent"] = f"{rate:.0f}/s"
        row.details["answers"] = " ".join(f"{one}×{number}" for one, number in answers.items())
        row.details["hostile p95"] = f"{found['hostile']['loaded']['p95_ms']:,.0f} ms"
        row.details["core"] = f"{cpu / (2 * seconds):.2f}"
        row.details["memory"] = f"{(self._server.memory - self.memory) / 1e6:+.0f} MB"
        if loaded > max(TIMES_IDLE * idle, idle + BESIDES_IDLE_MS):
            self.wrong.append(f"{label}: readers waited {loaded:.1f} ms, {idle:.1f} ms idle")
        for honest in self._honest:
            if set(statuses := found[honest.name]["statuses"]) - {"202"}:
                self.wrong.append(f"{label}: {honest.name} were answered {statuses}")
        if set(statuses := found["reads"]["statuses"]) - {"200"}:
            self.wrong.append(f"{label}: readers were answered {statuses}")
        return row, answers

    def _readers(self) -> dict[str, Any]:
        stage = self._stage
        reads = [stage.request(b"", {"Accept": "text/html"}, "GET", path) for path in stage.pages]
        return self._stream("reads", reads, READS, 8, HOME)

    def _replies(self, seconds: int) -> list[dict[str, Any]]:
        return [
            self._stream(honest.name, honest.more(rate * seconds), rate, 8, PEERS)
            for honest, rate in zip(self._honest, (REPLIES, NEW_REPLIES), strict=True)
        ]

    def _stream(
        self, name: str, requests: list[bytes], rate: float, connections: int, sources: list[str]
    ) -> dict[str, Any]:
        file = self._folder / name
        with file.open("wb") as out:
            for one in requests:
                out.write(len(one).to_bytes(4, "little") + one)
        return {
            "name": name,
            "file": str(file),
            "first": 0,
            "rate": rate,
            "connections": connections,
            "sources": sources,
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
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 120)
        if done.returncode:
            raise RuntimeError(f"the load generator failed: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


class Runs:
    """The three runs over the chosen kinds."""

    def __init__(self, trial: Trial, stage: Stage, kinds: list[Kind], seconds: int) -> None:
        self._trial = trial
        self._stage = stage
        self._kinds = kinds
        self._seconds = seconds
        self._number = 0
        self.rows: list[Row] = []

    def work(self) -> None:
        """Each kind from many."""
        for kind in self._kinds:
            self._one(kind, kind.name, self._seconds, CROWD, kind.statuses)

    def limit(self) -> None:
        """Each kind from one."""
        self._stage.domains = 1
        for kind in self._kinds:
            seconds = (self._seconds + 1) // 2
            self._one(kind, f"{kind.name}, from one", seconds, ALONE, kind.statuses | REPEATED)
        self._stage.domains = DOMAINS

    def mixed(self) -> None:
        """All kinds in turn."""
        some = [self._made(kind) for kind in self._kinds]
        rate = min(RATE, BYTES * len(some) / sum(map(len, some)))
        count = int(rate * MIXED_SECONDS)
        requests = [self._made(self._kinds[at % len(self._kinds)]) for at in range(count)]
        row, _ = self._trial.phase("all mixed", requests, MIXED_SECONDS, rate, CROWD)
        self.rows.append(row)

    def _made(self, kind: Kind) -> bytes:
        self._number += 1
        return kind.make(self._stage, self._number)

    def _one(
        self, kind: Kind, label: str, seconds: int, sources: list[str], statuses: frozenset[str]
    ) -> None:
        first = self._made(kind)
        rate = min(kind.rate or RATE, BYTES / len(first))
        requests = [first, *(self._made(kind) for _ in range(int(rate * seconds) - 1))]
        row, answers = self._trial.phase(label, requests, seconds, rate, sources)
        self.rows.append(row)
        print(f"{label}: {row.median / 1000:.1f} ms, {row.details}", file=sys.stderr, flush=True)
        wrong = self._trial.wrong
        if set(answers) - statuses:
            wrong.append(f"{label}: answered {answers}")
        if kind.after is not None:
            wrong += [f"{label}: {sentence}" for sentence in kind.after(self._stage)]


def measure(
    server: Server, api: BlogApi, seconds: int, names: list[str], only: str
) -> tuple[list[Row], dict[str, Any], list[str]]:
    """The rows, notes, and what went wrong."""
    busy = os.getloadavg()[0]
    port, bad_port = free_port(21000), free_port(22000)
    known = Neighbourhood(PEOPLE, PEOPLE, KEYS, port)
    strangers = Neighbourhood(NEWCOMERS, NEWCOMERS, KEYS, port, network=1)
    bad = Neighbourhood(DOMAINS, DOMAINS, KEYS, bad_port, network=2)
    posts = [post(api, number, "A short post to reply to.") for number in range(POSTS)]
    api.call("POST", "/blocks", {"domain": BLOCKED})
    stage = Stage(
        base_url=server.base_url,
        host=server.host,
        posts=[item["activitypub_id"] for item in posts],
        pages=["/", *(item["url"].removeprefix(server.base_url) for item in posts)],
        bad=bad,
        folder=server.data,
    )
    honest = [Honest(known, stage, "replies"), Honest(strangers, stage, "newcomers")]
    chosen = [kind for kind in all_kinds() if not names or kind.name in names]
    if not chosen:
        raise SystemExit(f"there is no kind {names}; there are: {[k.name for k in all_kinds()]}")
    words = [str(value) for value in (PEOPLE, PEOPLE, KEYS, port)]
    with (
        tempfile.TemporaryDirectory(prefix="fedblog-bench-") as name,
        Helper("neighbours.py", *words, port=port),
        Helper("bad_hosts.py", str(KEYS), str(bad_port), port=bad_port),
    ):
        trial = Trial(server, Path(name), stage, honest)
        likes = [
            stage.sign(stage.activity(number, "first", "Like", stage.post(number)), number)
            for number in range(DOMAINS)
        ]
        trial.introduce([*honest[0].more(PEOPLE), *likes])
        stage.replays = likes[:PEOPLE]
        trial.warm()
        runs = Runs(trial, stage, chosen, seconds)
        for run in (runs.work, runs.limit, runs.mixed):
            if not only or run.__name__ == only:
                run()
        written = "/statuses/replies", "/statuses/newcomers"
        listed = sum(
            any(mark in comment["activitypub_id"] for mark in written)
            for item in posts
            for comment in api.everything(f"/posts/{item['id']}/comments")
        )
    wrong = trial.wrong
    sent = sum(one.sent for one in honest)
    if listed != sent:
        wrong.append(f"the API lists {listed} honest replies; {sent} were sent")
    if (grown := trial.most_memory - trial.memory) > MORE_MEMORY:
        wrong.append(f"memory grew by {grown / 1e6:.0f} MB")
    notes = {
        "pages read, known people's replies and newcomers' a second": (
            f"{READS}, {REPLIES}, {NEW_REPLIES}"
        ),
        "honest replies listed": f"{listed} of {sent}",
        "memory before, and most": f"{trial.memory / 1e6:.0f} MB, {trial.most_memory / 1e6:.0f} MB",
        "processes that wanted a core, before and after": f"{busy:.1f}, {os.getloadavg()[0]:.1f}",
        "what did not hold": "; ".join(wrong) or "nothing",
    }
    return runs.rows, notes, wrong


def main() -> int:
    """Run the bench; 1 when something did not hold."""
    parser = options(__doc__ or "")
    parser.add_argument("--seconds", type=int, default=2, help="seconds of each kind from many")
    parser.add_argument("--kind", nargs="*", default=[], help="these kinds alone")
    parser.add_argument("--only", choices=["work", "limit", "mixed"], default="")
    chosen = parser.parse_args()
    with Server(is_limited=True) as server:
        rows, notes, wrong = measure(server, server.api(), chosen.seconds, chosen.kind, chosen.only)
    publish("hostile", rows, notes, chosen.json)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
