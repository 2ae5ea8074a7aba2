"""Fills a database as years of use would: posts, comments, followers and what comes with them.

``python bench/parts/filling.py URL SIZE [--base-url URL]``, SIZE being XS, S, M or L: makes the
blog with its authors where there is none, and prints a token of the owner's. The same size gives
the same rows every time, over the last six years. Rows go past the application (executemany on
SQLite, COPY on PostgreSQL, into the columns that the tables have), so that an older version of the
tables can be filled too.
"""

import argparse
import asyncio
import contextlib
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
from sqlalchemy import make_url

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fedblog.publishing import identity, tokens
from fedblog.settings import Settings
from fedblog.storage import migrate
from fedblog.storage.store import Store

BASE_URL = "http://localhost:8000"
AUTHORS = 20
TAGS = 40
_PART = 20_000
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_NOW = datetime.now(UTC).replace(microsecond=0)
_LONG = timedelta(days=365 * 6)
_BEGIN = _NOW - _LONG
_SENTENCE = (
    "we asked at the meeting on Tuesday and they did name a day two of us are going back to see "
    "whether they keep it anyone who can spare an hour is welcome the river was high again and "
    "nobody from the council came so the neighbours took pictures and wrote down what they saw"
)
_STATUSES = ((0.01, 0.03, "held"), (0.03, 0.05, "spam"))


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is. *long* and *longer* are the comments of two posts; *liked* the likes of
    the first of them."""

    posts: int
    comments: int
    followers: int
    longer: int
    long: int
    liked: int
    hosts: int
    sent: int = 20


SIZES = {
    "XS": Size(60, 1_500, 80, 300, 120, 60, 20),
    "S": Size(1_000, 80_000, 1_000, 3_020, 1_000, 1_200, 100),
    "M": Size(10_000, 170_000, 10_000, 10_000, 3_000, 3_000, 500),
    "L": Size(100_000, 1_070_000, 100_000, 30_200, 10_000, 30_000, 2_000),
}


@dataclass(slots=True)
class Filled:
    """What was made: *longer* and *few* are posts with very many and with few comments, each with
    its path; *middle* is a post among the older ones, *answered* a comment written here that has
    answers, *after* one in the middle of the longer thread."""

    token: str = ""
    authors: list[tuple[str, str]] = field(default_factory=list)
    longer: tuple[str, str] = ("", "")
    few: tuple[str, str] = ("", "")
    newest: str = ""
    middle: str = ""
    answered: str = ""
    after: str = ""
    tag: str = "tag-0"


# --- rows ---------------------------------------------------------------------------------------


class _Rows:
    def __init__(self, size: Size, base_url: str, authors: list[tuple[str, str]]) -> None:
        self.size = size
        self.base_url = base_url
        self.authors = authors
        self.random = random.Random(20260101)
        self.made = Filled(authors=authors)
        self._texts = [self._text(self.random.randint(15, 90)) for _ in range(200)]
        self._articles = [
            "".join(f"<p>{self._text(60)}</p>" for _ in range(self.random.randint(2, 4)))
            for _ in range(50)
        ]
        self.people = [self._actor(n) for n in range(size.followers + size.comments // 40)]
        self.posts: list[tuple[str, datetime, str]] = []

    def _text(self, words: int) -> str:
        return " ".join(self.random.choices(_SENTENCE.split(), k=words))

    def _actor(self, number: int) -> tuple[str, str, str]:
        """URI, host, shared inbox or one's own."""
        host = f"host{int(self.size.hosts * self.random.random() ** 3)}.example"
        uri = f"https://{host}/users/u{number}"
        shared = number % 10 != 0
        return uri, host, f"https://{host}/inbox" if shared else f"{uri}/inbox"

    def ulid(self, moment: datetime) -> str:
        value = int(moment.timestamp() * 1000) << 80 | self.random.getrandbits(80)
        return "".join(_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10))

    def actors(self) -> Iterator[dict[str, Any]]:
        for number, (uri, host, inbox) in enumerate(self.people):
            yield {
                "uri": uri,
                "type": "Person",
                "handle": f"u{number}",
                "host": host,
                "name": f"Person {number}",
                "url": f"https://{host}/@u{number}",
                "avatar_url": f"https://{host}/avatars/{number}.png",
                "summary": "",
                "inbox": f"{uri}/inbox",
                "shared_inbox": inbox if not inbox.startswith(uri) else None,
                "followers_uri": f"{uri}/followers",
                "also_known_as": "[]",
                "fetched_at": _NOW,
            }

    def inboxes(self) -> Iterator[dict[str, Any]]:
        self.inbox_ids: dict[str, int] = {}
        for _uri, host, inbox in self.people[: self.size.followers]:
            if inbox not in self.inbox_ids:
                self.inbox_ids[inbox] = len(self.inbox_ids) + 1
                yield {"id": self.inbox_ids[inbox], "url": inbox, "host": host}

    def followers(self) -> Iterator[dict[str, Any]]:
        owners = ["blog"] * 99 + [self.authors[1][0]]
        for number, (uri, _host, inbox) in enumerate(self.people[: self.size.followers]):
            for owner in {"blog", owners[number % 100]}:
                yield {
                    "blog_id": 1,
                    "owner": owner,
                    "actor_uri": uri,
                    "activity_uri": f"{uri}#follows/{owner}",
                    "inbox_id": self.inbox_ids[inbox],
                    "created_at": _BEGIN + _LONG * (number / self.size.followers),
                }

    def post_rows(self) -> Iterator[dict[str, Any]]:
        """One in forty is a draft, one in fifty deleted. Two near the middle have a long thread."""
        for number in range(self.size.posts):
            moment = _BEGIN + _LONG * (number / self.size.posts)
            id_ = self.ulid(moment)
            status = "published"
            if number % 40 == 7:
                status = "draft"
            elif number % 50 == 9:
                status = "deleted"
            path = None if status == "draft" else f"{moment:/%Y/%m/%d}/post-{number}/"
            if status == "published":
                self.posts.append((id_, moment, path or ""))
            yield {
                "id": id_,
                "blog_id": 1,
                "version": 1,
                "status": status,
                "title": f"Post number {number}",
                "slug": f"post-{number}",
                "path": path,
                "content_source": self._texts[number % 200],
                "content_format": "html",
                "content_html": self._articles[number % 50],
                "summary": None,
                "excerpt": self._texts[number % 200],
                "language": "en",
                "voice": "group",
                "comments": "open",
                "created_at": moment,
                "updated_at": moment,
                "published_at": None if status == "draft" else moment,
                "deleted_at": moment if status == "deleted" else None,
                "erased_at": moment if status == "deleted" else None,
            }

    def post_authors(self, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        for number, id_ in enumerate(ids):
            wrote = {self.authors[int(AUTHORS * ((number * 7919 % 1000) / 1000) ** 2)][0]: None}
            if number % 5 == 0:
                wrote[self.authors[number % AUTHORS][0]] = None
            for position, author in enumerate(wrote):
                yield {"post_id": id_, "position": position, "author_id": author}

    def post_terms(self, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        for number, id_ in enumerate(ids):
            tags = {int(TAGS * ((number * k * 104729 % 1000) / 1000) ** 2) for k in (1, 3)}
            for position, tag in enumerate(sorted(tags)):
                yield _term(id_, "tag", f"tag-{tag}", position)
            yield _term(id_, "category", f"category-{number % 4}", 0)

    def comments(self) -> Iterator[dict[str, Any]]:
        """Two posts have very many, the others few, the newer the more."""
        longer, long = len(self.posts) // 2, len(self.posts) // 2 + 1
        rest = self.size.comments - self.size.longer - self.size.long
        self.replies: list[tuple[str, str, str, datetime]] = []
        for number, (post, moment, path) in enumerate(self.posts):
            share = 2 * number / len(self.posts)
            count = int(rest / len(self.posts) * share + self.random.random())
            if number == longer:
                count, self.made.longer = self.size.longer, (post, path)
            elif number == long:
                count = self.size.long
            elif number == long + 1:
                count, self.made.few = 8, (post, path)
            is_plain = post == self.made.few[0]
            yield from self._thread(post, moment, path, count, is_plain=is_plain)

    def _thread(
        self, post: str, begun: datetime, path: str, count: int, *, is_plain: bool
    ) -> Iterator[dict[str, Any]]:
        """The longest begins the same in every size, and its first comment is written here and
        answered often."""
        standing: list[tuple[str, str, int]] = []
        is_long = post == self.made.longer[0]
        chance = (random.Random(1) if is_long else self.random).random
        for number in range(count):
            moment = begun + timedelta(minutes=1 + 7 * number, milliseconds=int(chance() * 1000))
            id_ = self.ulid(moment)
            place = int(len(standing) * chance() ** 2)
            above = standing[place] if standing and chance() < 0.4 else None
            if above and above[2] > 10:
                above = None
            is_local = chance() < 0.03 or (is_long and number == 0)
            uri, host, _ = self.people[int(len(self.people) * chance() ** 2)]
            lot = 1.0 if is_plain or is_local else chance()
            if is_local:
                author = self.authors[int(AUTHORS * chance())][0]
                uri = f"{self.base_url}/ap/comments/{id_}"
                self.replies.append((id_, author, post, moment))
            else:
                author = None
            own = uri if is_local else f"{uri}/statuses/{id_}"
            if len(standing) < 30:
                standing.append((id_, own, above[2] + 1 if above else 0))
            text = self._texts[number % 200]
            is_ours = above is not None and above[1].startswith(self.base_url)
            if is_long and above and is_ours and not self.made.answered:
                self.made.answered = above[0]
            if is_long and not above and number >= count // 2 and not self.made.after:
                self.made.after = id_
            yield {
                "id": id_,
                "blog_id": 1,
                "uri": own,
                "post_id": post,
                "parent_id": above[0] if above else None,
                "in_reply_to_uri": above[1] if above else f"{self.base_url}/ap/posts/{post}",
                "depth": above[2] + 1 if above else 0,
                "actor_uri": None if is_local else uri,
                "author_id": author,
                "url": f"{self.base_url}{path}#comment-{id_}" if is_local else f"https://{host}/n",
                "name": "",
                "source_html": f"<p>{text}</p>",
                "content_html": f"<p>{text}</p>",
                "summary": "",
                "language": "en",
                "visibility": "private" if lot < 0.01 else "public",
                "status": "held"
                if 0.01 < lot < 0.03
                else "spam"
                if 0.03 < lot < 0.05
                else "approved",
                "status_locked": False,
                "attachments": "[]",
                "published_at": moment,
                "received_at": moment,
                "deleted_at": moment if 0.05 < lot < 0.06 else None,
                "erased_at": moment if 0.05 < lot < 0.06 else None,
                "sensitive": False,
            }

    def reactions(self) -> Iterator[dict[str, Any]]:
        """The long thread's post has very many likes; one person likes and boosts every post."""
        keen = len(self.people) - 1
        for number, (post, moment, _path) in enumerate(self.posts):
            count = int(4 * self.random.random() ** 2 * 3)
            if post == self.made.longer[0]:
                count = self.size.liked
            for place in (-1, *range(count)):
                who = (number * 31 + place) % len(self.people) if place >= 0 else keen
                if place >= 0 and who == keen:
                    continue
                uri = self.people[who][0]
                kinds = ("announce",) if place % 10 == 3 else ("like",)
                if place % 10 == 5:
                    kinds = ("like", "emoji")
                if place < 0:
                    kinds = ("like", "announce")
                for kind in kinds:
                    when = moment + timedelta(seconds=30 * place)
                    yield {
                        "id": self.ulid(when),
                        "blog_id": 1,
                        "object_uri": f"{self.base_url}/ap/posts/{post}",
                        "post_id": post,
                        "actor_uri": uri,
                        "kind": kind,
                        "emoji": "🔥" if kind == "emoji" else "",
                        "activity_uri": f"{uri}#{kind}s/{number}-{place}",
                        "created_at": when,
                    }

    def activities(self) -> Iterator[dict[str, Any]]:
        self.creates: list[str] = []
        for number, (post, moment, _path) in enumerate(self.posts):
            for kind in ("Create", "Update") if number % 6 == 0 else ("Create",):
                when = moment + timedelta(hours=kind == "Update")
                id_ = self.ulid(when)
                if kind == "Create":
                    self.creates.append(id_)
                about = f"{self.base_url}/ap/posts/{post}"
                yield self._activity(id_, "blog", kind, about, post, when, 1)
        for comment, author, post, moment in self.replies:
            about = f"{self.base_url}/ap/comments/{comment}"
            yield self._activity(self.ulid(moment), author, "Create", about, post, moment, None)

    def _activity(
        self,
        id_: str,
        owner: str,
        kind: str,
        about: str,
        post: str,
        when: datetime,
        version: int | None,
    ) -> dict[str, Any]:
        who = f"{self.base_url}/ap/{owner if owner == 'blog' else f'authors/{owner}'}"
        body = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{self.base_url}/ap/activities/{id_}",
            "type": kind,
            "actor": who,
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
            "object": {"id": about, "type": "Note", "content": self._texts[len(id_)]},
        }
        return {
            "id": id_,
            "blog_id": 1,
            "owner": owner,
            "type": kind,
            "object_uri": about,
            "object_version": version,
            "post_id": post,
            "is_public": True,
            "body": orjson.dumps(body),
            "created_at": when,
        }

    def deliveries(self) -> Iterator[dict[str, Any]]:
        """All of the newest posts are settled: nothing is left to be sent."""
        for activity in self.creates[-self.size.sent :]:
            for inbox_id in self.inbox_ids.values():
                failed = inbox_id % 50 == 0
                yield {
                    "activity_id": activity,
                    "inbox_id": inbox_id,
                    "state": "failed" if failed else "delivered",
                    "attempts": 12 if failed else 1,
                    "last_status": None if failed else 202,
                    "last_error": "could not connect" if failed else None,
                    "delivered_at": None if failed else _NOW,
                }

    def reports(self) -> Iterator[dict[str, Any]]:
        for number in range(max(20, self.size.posts // 50)):
            moment = _NOW - timedelta(minutes=number)
            uri = self.people[number % len(self.people)][0]
            yield {
                "id": self.ulid(moment),
                "blog_id": 1,
                "activity_uri": f"{uri}#flags/{number}",
                "actor_uri": uri,
                "object_uris": orjson.dumps([f"{self.base_url}/ap/blog"]).decode(),
                "content": self._texts[number % 200],
                "created_at": moment,
            }

    def received(self) -> Iterator[dict[str, Any]]:
        for number in range(self.size.comments // 10):
            uri = self.people[number % len(self.people)][0]
            yield {
                "actor_uri": uri,
                "activity_uri": f"{uri}/activities/{number}",
                "type": "Create",
                "outcome": "stored",
                "reason": "",
                "received_at": _BEGIN + _LONG,
            }


def _status(lot: float) -> str:
    """Of a comment by its *lot*: one in fifty is held, as many are taken for spam."""
    return next((name for low, high, name in _STATUSES if low < lot < high), "approved")


def _term(post: str, kind: str, slug: str, position: int) -> dict[str, Any]:
    return {
        "post_id": post,
        "kind": kind,
        "slug": slug,
        "name": slug.replace("-", " "),
        "position": position,
    }


# --- into a database ----------------------------------------------------------------------------


class _SqliteTarget:
    """Makes the indexes again at the end, which is quicker than keeping them; triggers too."""

    def __init__(self, path: str) -> None:
        self._raw = sqlite3.connect(path, isolation_level=None)
        for pragma in ("synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
            self._raw.execute(f"PRAGMA {pragma}")
        self._raw.execute("BEGIN")
        made = "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')"
        self._made = [row for row in self._raw.execute(made) if row[2]]
        for kind, name, _ in self._made:
            self._raw.execute(f"DROP {kind} {name}")

    def copy(self, table: str, rows: Iterator[dict[str, Any]]) -> None:
        known = {row[1] for row in self._raw.execute(f"PRAGMA table_info({table})")}
        for part in _parts(rows):
            names = [name for name in part[0] if name in known]
            marks = ", ".join("?" * len(names))
            self._raw.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",
                [tuple(_plain(row[name]) for name in names) for row in part],
            )

    def close(self) -> None:
        for kind, _, statement in self._made:
            if kind == "index":
                self._raw.execute(statement)
        self._raw.execute("COMMIT")
        self._raw.close()


class _PostgresqlTarget:
    """Makes the indexes that are no constraint's again at the end."""

    def __init__(self, url: str) -> None:
        self._raw = psycopg.connect(url)
        # Constraints hold by how the rows are made; checking them takes longer than copying.
        self._raw.execute("SET session_replication_role = replica")
        self._made = self._raw.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND NOT EXISTS "
            "(SELECT 1 FROM pg_constraint WHERE conname = indexname)"
        ).fetchall()
        for name, _ in self._made:
            self._raw.execute(f"DROP INDEX {name}")

    def copy(self, table: str, rows: Iterator[dict[str, Any]]) -> None:
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        known = {row[0] for row in self._raw.execute(query, [table])}
        for part in _parts(rows):
            names = [name for name in part[0] if name in known]
            with self._raw.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                for row in part:
                    copy.write_row([row[name] for name in names])

    def close(self) -> None:
        for _, statement in self._made:
            self._raw.execute(statement)
        self._raw.execute("SELECT setval('inboxes_id_seq', (SELECT max(id) + 1 FROM inboxes))")
        self._raw.commit()
        self._raw.close()


def _parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == _PART:
            yield part
            part = []
    if part:
        yield part


def _plain(value: Any) -> Any:
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


async def _found(url: str, base_url: str) -> tuple[str, list[tuple[str, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            base_url=base_url, data_dir=Path(folder), database_url=url, allow_private_network=True
        )
        store = await Store.open(url)
        try:
            await identity.ensure_identity(store, settings)
            people = []
            for number in range(1, AUTHORS):
                people.append(await identity.add_author(store, f"Writer {number}"))
            owner = await identity.find_author(store, "Owner")
            token = (await tokens.issue(store, "Owner")).token
        finally:
            await store.close()
    return token, [(who.id, who.handle) for who in (owner, *people)]


def _count(url: str) -> None:
    """Make the kept counts, where the tables have them."""
    with contextlib.suppress(ImportError):
        from fedblog.storage import counting

        with migrate._engine(migrate._parse(url)) as engine, engine.begin() as connection:
            counting.install(connection)


def fill(url: str, size: Size, base_url: str = BASE_URL) -> Filled:
    """Make tables, blog and authors in the empty database at *url* and fill it. Blocks."""
    migrate.upgrade(url)
    token, authors = asyncio.run(_found(url, base_url))
    rows = _Rows(size, base_url, authors)
    address = make_url(url)
    target = (
        _SqliteTarget(address.database or "")
        if address.get_backend_name() == "sqlite"
        else _PostgresqlTarget(url)
    )
    ids: list[str] = []

    def noted(items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for item in items:
            ids.append(item["id"])
            yield item

    target.copy("actors", rows.actors())
    target.copy("inboxes", rows.inboxes())
    target.copy("followers", rows.followers())
    target.copy("posts", noted(rows.post_rows()))
    target.copy("post_authors", rows.post_authors(ids))
    target.copy("post_terms", rows.post_terms(ids))
    target.copy("comments", rows.comments())
    target.copy("reactions", rows.reactions())
    target.copy("activities", rows.activities())
    target.copy("deliveries", rows.deliveries())
    target.copy("reports", rows.reports())
    target.copy("received", rows.received())
    target.close()
    _count(url)
    rows.made.token = token
    rows.made.newest = rows.posts[-1][0]
    rows.made.middle = rows.posts[len(rows.posts) // 3][0]
    return rows.made


def main() -> int:
    """Fill the database that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--base-url", default=BASE_URL)
    chosen = parser.parse_args()
    begun = time.perf_counter()
    made = fill(chosen.url, SIZES[chosen.size], chosen.base_url)
    print(f"filled in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    print(made.token)
    return 0


if __name__ == "__main__":
    sys.exit(main())
