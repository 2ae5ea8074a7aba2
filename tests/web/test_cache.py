"""The page cache in front of an application that counts its renders."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from support.waiting import PATIENCE

from fedblog.endpoints.caching import cache_until, keep_apart
from fedblog.endpoints.collections import CURSOR
from fedblog.endpoints.queries import Queries, QueryRoute
from fedblog.storage.changes import EVERYTHING, NEWS, Change
from fedblog.web.answers import BEFORE
from fedblog.web.cache import ANY, PageCache

POST = Change("post", "1")
PAGE = b"<p>" + b"a page of some length " * 100


class Feed:
    """Stands where the store stands: hands changes on to who listens."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[Sequence[Change]], None]] = []

    def listen(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def change(self, *changes: Change) -> None:
        for listener in self.listeners:
            listener(changes)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """An application behind the cache; the tests set what it answers."""

    tags: tuple[Change, ...] = (POST,)
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(
        default_factory=lambda: [(b"content-type", b"text/html; charset=utf-8")]
    )
    body: bytes = PAGE
    renders: int = 0
    gate: asyncio.Event | None = None
    max_bytes: int = 1 << 20
    negotiates: bool = False
    refuses: Callable[[bytes], Awaitable[bool]] | None = None
    knows: Callable[[bytes], Awaitable[bool]] | None = None
    is_apart: bool = False
    until: tuple[datetime, ...] = ()
    remade_bytes: int = 2_000_000
    now: float = 0.0
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.feed = Feed()
        routes = [
            QueryRoute("/", self.app, query=BEFORE),
            QueryRoute("/ap/blog/outbox", self.app, query=CURSOR),
        ]
        self.cache = PageCache(
            self.app,
            self.feed,
            max_bytes=self.max_bytes,
            queries=Queries(routes),
            refuses=self.refuses,
            knows=self.knows,
            remade_bytes=self.remade_bytes,
            remade_wait=5.0,
            clock=lambda: self.now,
        )

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.renders += 1
        self.asked.append(scope["query_string"].decode())
        headers, body, tags = list(self.headers), self.body, self.tags
        accept = dict(scope["headers"]).get(b"accept", b"")
        if self.negotiates and b"activity+json" in accept:
            headers = [
                (b"content-type", b"application/activity+json"),
                (b"cache-control", b"private, no-store"),
            ]
            body, tags = b'{"type": "Article"}', ()
        if self.gate is not None:
            await self.gate.wait()
        scope.setdefault("fedblog.cache", set()).update(tags)
        if self.is_apart:
            keep_apart(scope)
        for moment in self.until:
            cache_until(scope, moment)
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body[:7], "more_body": True})
        await send({"type": "http.response.body", "body": body[7:]})

    async def ask(
        self, path: str = "/2026/11/25/title/", method: str = "GET", **headers: str
    ) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        await self.cache(scope, receive, send)
        assert messages[0]["type"] == "http.response.start"
        return Answer(
            messages[0]["status"],
            {name.decode(): value.decode() for name, value in messages[0]["headers"]},
            b"".join(message.get("body", b"") for message in messages[1:]),
        )


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_tagged_page_is_made_once() -> None:
    site = Site()
    first, second = await site.ask(), await site.ask()
    assert site.renders == 1
    assert first == second
    assert first.body == PAGE
    assert first.headers["content-length"] == str(len(PAGE))
    assert first.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("change", "renders"),
    [
        (POST, 2),
        (EVERYTHING, 2),
        (Change("post", "2"), 1),
        (Change("comments", "1"), 1),
    ],
)
async def test_page_is_dropped_when_one_of_its_tags_changes(change: Change, renders: int) -> None:
    site = Site()
    await site.ask()
    site.feed.change(change)
    await site.ask()
    assert site.renders == renders


COMMENTS = Change("comments", "1")
REACTIONS = Change("reactions", "1")


@pytest.mark.parametrize("tag", [COMMENTS, REACTIONS, Change("comments", ANY)])
async def test_page_of_which_there_is_news_is_made_anew_at_once_in_calm_times(tag: Change) -> None:
    site = Site(tags=(POST, tag))
    await site.ask()
    site.feed.change(Change(NEWS, "2"))
    await site.ask()
    assert site.renders == (2 if tag.key == ANY else 1)
    before = site.renders
    site.feed.change(Change(NEWS, "1"), Change(NEWS, "1"))
    site.body = b"more " * 200
    assert (await site.ask()).body == site.body
    assert (await site.ask()).body == site.body
    assert site.renders == before + 1


async def test_in_a_flood_of_news_readers_get_the_copy_for_a_moment() -> None:
    """A page is some 3 kB: two of them a second, and four at once, may be made anew."""
    site = Site(tags=(POST, COMMENTS), body=PAGE, remade_bytes=6000)
    await site.ask()
    for _ in range(200):
        site.feed.change(Change(NEWS, "1"))
        await site.ask()
    burst = site.renders
    assert 2 <= burst <= 8
    seconds = 20
    for _ in range(seconds * 50):
        site.now += 0.02
        site.feed.change(Change(NEWS, "1"))
        await site.ask()
    assert burst + seconds <= site.renders <= burst + 3 * seconds


async def test_page_too_large_to_be_made_anew_often_is_so_after_the_wait() -> None:
    site = Site(tags=(POST, COMMENTS), remade_bytes=10)
    await site.ask()
    site.feed.change(Change(NEWS, "1"))
    site.body = b"more " * 200
    site.now = 4.9
    assert (await site.ask()).body == PAGE
    site.feed.change(Change(NEWS, "1"))
    site.now = 5.0
    assert (await site.ask()).body == site.body


@pytest.mark.parametrize("change", [COMMENTS, POST, EVERYTHING])
async def test_what_has_to_go_is_shown_no_longer_whatever_comes_beside_it(
    change: Change,
) -> None:
    site = Site(tags=(POST, COMMENTS), remade_bytes=10)
    await site.ask()
    site.feed.change(Change(NEWS, "1"), change)
    site.body = b"less"
    assert (await site.ask()).body == b"less"


async def test_page_of_which_there_is_news_while_it_is_made_is_kept_and_late() -> None:
    site = Site(tags=(POST, COMMENTS), gate=asyncio.Event())
    asked = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    site.feed.change(Change(NEWS, "1"))
    assert site.gate is not None
    site.gate.set()
    assert (await asked).body == PAGE
    site.body = b"more " * 200
    assert (await site.ask()).body == site.body
    await site.ask()
    assert site.renders == 2


async def test_page_that_time_alone_changes_ends_at_the_first_such_moment() -> None:
    begin = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    site = Site(until=(begin + timedelta(hours=2), begin + timedelta(hours=1)))
    with time_machine.travel(begin, tick=False) as clock:
        await site.ask()
        clock.shift(timedelta(minutes=59, seconds=59))
        await site.ask()
        assert site.renders == 1
        clock.shift(timedelta(seconds=1))
        site.until = ()
        await site.ask()
        assert site.renders == 2
        clock.shift(timedelta(days=400))
        await site.ask()
        assert (site.renders, len(site.cache)) == (2, 1)


async def test_page_that_ended_while_it_was_made_is_made_anew() -> None:
    begin = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    with time_machine.travel(begin, tick=False):
        site = Site(until=(begin,))
        await site.ask()
        await site.ask()
    assert site.renders == 2


async def test_star_tag_hears_every_change_of_its_kind() -> None:
    site = Site(tags=(Change("post", ANY),))
    await site.ask()
    site.feed.change(Change("comments", "77"))
    await site.ask()
    assert site.renders == 1
    site.feed.change(Change("post", "77"))
    await site.ask()
    assert site.renders == 2


async def test_nothing_is_left_behind_after_dropping() -> None:
    site = Site(tags=(POST, Change("post", ANY), Change("blog")))
    await site.ask()
    await site.ask(accept="text/html")
    site.feed.change(POST)
    assert len(site.cache) == 0
    assert site.cache.bytes == 0
    assert site.cache._by_tag == {}


@pytest.mark.parametrize("change", [POST, EVERYTHING])
async def test_page_that_changed_while_it_was_made_is_not_kept(change: Change) -> None:
    site = Site(gate=asyncio.Event())
    asking = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    site.feed.change(change)
    site.gate.set()
    assert (await asking).status == 200
    assert len(site.cache) == 0
    await site.ask()
    assert site.renders == 2
    assert len(site.cache) == 1


async def test_star_tag_that_changed_while_its_page_was_made_is_not_kept() -> None:
    site = Site(tags=(Change("post", ANY),), gate=asyncio.Event())
    asking = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    site.feed.change(POST)
    site.gate.set()
    await asking
    assert len(site.cache) == 0


async def test_page_is_kept_when_something_else_changed_while_it_was_made() -> None:
    site = Site(gate=asyncio.Event())
    asking = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    site.feed.change(Change("post", "other"))
    site.gate.set()
    await asking
    assert len(site.cache) == 1


async def test_many_who_ask_at_once_wait_for_one_render() -> None:
    site = Site(gate=asyncio.Event())
    asking = [asyncio.create_task(site.ask()) for _ in range(20)]
    await asyncio.sleep(0)
    site.gate.set()
    answers = await asyncio.gather(*asking)
    assert site.renders == 1
    assert all(answer.body == PAGE for answer in answers)


async def test_who_waits_renders_anew_when_the_first_was_poisoned() -> None:
    site = Site(gate=asyncio.Event())
    first = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    site.feed.change(POST)
    site.body = b"new"
    late = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    site.gate.set()
    assert (await first).body == PAGE
    assert (await late).body == b"new"


async def test_who_waits_goes_on_when_the_first_gives_up() -> None:
    site = Site(gate=asyncio.Event())
    first = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    second = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    site.gate.set()
    assert (await asyncio.wait_for(second, PATIENCE)).body == PAGE


async def test_s31_activity_answer_is_never_reused_for_a_reader() -> None:
    site = Site(negotiates=True)
    activity = await site.ask(accept="application/activity+json")
    reader = await site.ask(accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert activity.headers["content-type"] == "application/activity+json"
    assert activity.headers["cache-control"] == "private, no-store"
    assert reader.headers["content-type"].startswith("text/html")
    assert reader.body == PAGE


async def test_s31_page_is_never_reused_for_an_activity_reader() -> None:
    site = Site(negotiates=True)
    for accept in ("*/*", "text/html", "text/html, application/json"):
        assert (await site.ask(accept=accept)).body == PAGE
    for accept in (
        "application/activity+json",
        "APPLICATION/LD+JSON, application/activity+json",
        "application/activity+json, text/html;q=0.1",
    ):
        answer = await site.ask(accept=accept)
        assert answer.headers["content-type"] == "application/activity+json"


async def test_s31_activity_answer_with_a_tag_is_still_kept_apart() -> None:
    site = Site()
    site.headers = [(b"content-type", b"application/activity+json")]
    await site.ask("/ap/posts/1", accept="application/activity+json")
    site.headers = [(b"content-type", b"text/html")]
    answer = await site.ask("/ap/posts/1", accept="text/html")
    assert answer.headers["content-type"] == "text/html"


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("first", ["GET", "HEAD"])
async def test_s31_head_and_get_have_the_same_headers(first: str, encoding: str) -> None:
    site = Site(headers=[(b"content-type", b"text/html"), (b"vary", b"Accept")])
    await site.ask(method=first, accept_encoding=encoding)
    get = await site.ask(accept_encoding=encoding)
    head = await site.ask(method="HEAD", accept_encoding=encoding)
    assert site.renders == 1
    assert head.headers == get.headers
    assert get.headers["vary"] == "Accept, Accept-Encoding"
    assert head.body == b""
    assert len(get.body) == int(get.headers["content-length"])


async def test_s31_304_carries_what_the_page_would_say() -> None:
    site = Site(headers=[(b"content-type", b"text/html"), (b"vary", b"Accept")])
    page = await site.ask()
    unchanged = await site.ask(if_none_match=page.headers["etag"])
    assert unchanged.status == 304
    assert unchanged.body == b""
    for name in ("etag", "vary", "cache-control"):
        assert unchanged.headers[name] == page.headers[name]
    assert "content-length" not in unchanged.headers


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"a",W/{} , "b"', "*"])
async def test_if_none_match_is_compared_weakly(form: str) -> None:
    site = Site()
    etag = (await site.ask()).headers["etag"]
    assert (await site.ask(if_none_match=form.format(etag))).status == 304


@pytest.mark.parametrize("form", ['"other"', "nonsense", '""', "W/"])
async def test_another_etag_gets_the_page(form: str) -> None:
    site = Site()
    assert (await site.ask(if_none_match=form)).status == 200


async def test_each_encoding_has_its_own_strong_etag() -> None:
    site = Site()
    plain, small = await site.ask(), await site.ask(accept_encoding="gzip, br")
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body == PAGE
    assert small.headers["etag"] != plain.headers["etag"]
    assert not small.headers["etag"].startswith("W/")
    answer = await site.ask(accept_encoding="gzip", if_none_match=plain.headers["etag"])
    assert answer.status == 200
    assert site.renders == 1


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("", False),
    ],
)
async def test_gzip_is_sent_only_to_who_takes_it(encoding: str, packed: bool) -> None:
    answer = await Site().ask(accept_encoding=encoding)
    assert ("content-encoding" in answer.headers) is packed


async def test_pictures_and_small_answers_are_not_compressed() -> None:
    picture = Site(headers=[(b"content-type", b"image/png")])
    small = Site(body=b"short")
    for site in (picture, small):
        answer = await site.ask(accept_encoding="gzip")
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("status", [404, 410, 301, 500, 206])
async def test_only_200_is_kept(status: int) -> None:
    site = Site(status=status)
    await site.ask()
    await site.ask()
    assert site.renders == 2


@pytest.mark.parametrize(
    "header",
    [
        (b"set-cookie", b"a=b"),
        (b"cache-control", b"private"),
        (b"cache-control", b"no-store"),
    ],
)
async def test_answer_for_one_reader_is_not_kept(header: tuple[bytes, bytes]) -> None:
    site = Site()
    site.headers = [*site.headers, header]
    await site.ask()
    await site.ask()
    assert site.renders == 2


async def test_untagged_answer_is_not_kept() -> None:
    site = Site(tags=())
    await site.ask()
    await site.ask()
    assert site.renders == 2


@pytest.mark.parametrize(
    "header",
    [{"cookie": "theme=dark; fedblog_session=abc"}, {"authorization": "Bearer abc"}],
    ids=["cookie", "authorization"],
)
async def test_who_is_known_is_rendered_and_private(header: dict[str, str]) -> None:
    async def knows(value: bytes) -> bool:
        return b"abc" in value

    site = Site(knows=knows)
    await site.ask()
    answer = await site.ask(**header)
    assert site.renders == 2
    assert answer.headers["cache-control"] == "private, no-store"
    await site.ask()
    assert site.renders == 2


@pytest.mark.parametrize("is_asked", [True, False])
async def test_made_up_cookies_and_tokens_do_not_go_past_the_cache(is_asked: bool) -> None:
    async def knows(value: bytes) -> bool:
        return False

    site = Site(knows=knows if is_asked else None)
    for number in range(5):
        await site.ask(cookie=f"fedblog_session={number}", authorization=f"Bearer {number}")
    assert site.renders == 1


async def test_other_cookies_do_not_matter() -> None:
    site = Site()
    await site.ask()
    await site.ask(cookie="theme=dark")
    assert site.renders == 1


async def test_signed_get_of_a_refused_host_is_turned_away_before_the_cache() -> None:
    async def refuses(signature: bytes) -> bool:
        return b"bad.example" in signature

    site = Site(refuses=refuses)
    await site.ask()
    good = await site.ask(signature='keyId="https://good.example/a#main-key"')
    bad = await site.ask(signature='keyId="https://bad.example/a#main-key"')
    assert (good.status, bad.status) == (200, 403)
    assert site.renders == 1


IGNORED = [
    "utm_source=x",
    "fbclid=1&utm_medium=y&k=v",
    "k1",
    "&&&",
    "=",
    "%ff=%00",
    "page=1",
    "p%61ge=1",
    "page=1&utm_source=x",
    "&".join(f"k{number}=1" for number in range(5000)) + "&page=2",
    "cursor=01ARZ3NDEKTSV4RRFFQ69G5FAV",
]


async def test_keys_that_a_page_does_not_know_change_nothing() -> None:
    site = Site()
    plain = await site.ask("/")
    for query in IGNORED:
        assert await site.ask(f"/?{query}") == plain, query
    assert (site.renders, len(site.cache), site.asked) == (1, 1, [""])


async def test_page_without_a_declared_query_is_one() -> None:
    site = Site()
    for query in ("", "page=2", "cursor=x", "resource=acct:a@b"):
        await site.ask(f"/feed/?{query}")
    assert site.asked == [""]


async def test_answer_that_is_not_kept_is_asked_for_without_unknown_keys() -> None:
    site = Site(status=404)
    await site.ask("/?utm_source=x&page=99&page=2")
    await site.ask("/nothing?utm_source=x")
    assert site.asked == ["page=0", ""]


async def test_api_is_given_the_query_as_it_was_sent() -> None:
    site = Site()
    await site.ask("/api/v1/posts?any=1&cursor=%20")
    assert site.asked == ["any=1&cursor=%20"]


ABSURD = [
    "page=abc",
    "page=99999999999999999999",
    "page=-1",
    "page=0",
    "page=02",
    "page=+2",
    "page=%D9%A2",
    "page=",
    "page",
    "page=1&page=2",
    "page=2&page=2",
    "page=2;page=3",
]


async def test_numbers_that_are_none_are_asked_for_in_one_form() -> None:
    site = Site()
    for query in ABSURD:
        await site.ask(f"/?{query}")
    assert set(site.asked) == {"page=0"}
    assert len(site.cache) == 1


async def test_known_query_keys_are_kept_each_for_itself() -> None:
    site = Site()
    for _ in range(2):
        for query in ("", "?page=2", "?utm_source=x&page=3", "?page=%33"):
            await site.ask(f"/{query}")
    assert set(site.asked) == {"", "page=2", "page=3"}
    assert len(site.cache) == 3


async def test_pages_of_collections_have_one_form_each() -> None:
    site = Site()
    cursor = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for query in ("page=1", "page=true", "page=true&x=1"):
        await site.ask(f"/ap/blog/outbox?{query}")
    for query in (f"cursor={cursor}", f"page=1&cursor={cursor}", f"cursor={cursor}&page=x"):
        await site.ask(f"/ap/blog/outbox?{query}")
    for query in ("cursor=x", "cursor=", f"cursor={cursor}&cursor={cursor}"):
        await site.ask(f"/ap/blog/outbox?{query}")
    assert set(site.asked) == {"page=1", f"cursor={cursor}", "cursor="}
    assert len(site.cache) == 3


async def test_two_representations_are_kept_however_they_are_asked_for() -> None:
    site = Site()
    for number in range(20):
        for accept in (
            f"text/html;v={number}",
            f"application/json;v={number}",
            f"x/{number}, */*;q=0.{number}",
            "application/json," * 100 + str(number),
            f"application/activity+json;v={number}",
            f'application/ld+json; profile="{number}"',
            f"APPLICATION/activity+JSON, x/{number}, text/html;q=0.1",
        ):
            await site.ask(accept=accept)
    assert (site.renders, len(site.cache)) == (2, 2)


async def test_answer_apart_is_kept_though_others_may_not_keep_it() -> None:
    site = Site()
    site.headers = [*site.headers, (b"cache-control", b"private, no-store")]
    site.is_apart = True
    for _ in range(2):
        answer = await site.ask(accept="application/activity+json")
        assert answer.headers["cache-control"] == "private, no-store"
    assert site.renders == 1


async def test_going_through_everything_once_does_not_drive_out_what_is_read() -> None:
    site = Site(max_bytes=100_000, headers=[(b"content-type", b"image/png")])
    read = [f"/read/{number}" for number in range(10)]
    for path in read * 2:
        await site.ask(path)
    for number in range(200):
        await site.ask(f"/scanned/{number}")
    assert site.cache.bytes <= 100_000
    site.renders = 0
    for path in read:
        await site.ask(path)
    assert site.renders == 0


async def test_page_with_a_query_is_kept_once_it_is_asked_for_again() -> None:
    site = Site()
    for number in range(200):
        await site.ask(f"/ap/blog/outbox?cursor={number:026}")
    assert len(site.cache) == 0
    await site.ask(f"/ap/blog/outbox?cursor={7:026}")
    assert len(site.cache) == 1
    site.renders = 0
    await site.ask(f"/ap/blog/outbox?cursor={7:026}")
    assert site.renders == 0


async def test_those_who_ask_for_a_page_with_a_query_at_once_have_it_made_once() -> None:
    site = Site(gate=asyncio.Event())
    asking = [asyncio.create_task(site.ask("/ap/blog/outbox?page=1")) for _ in range(20)]
    while not site.asked:
        await asyncio.sleep(0)
    site.gate.set()
    await asyncio.gather(*asking)
    assert site.renders == 1


async def test_ranges_are_answered_with_the_whole_page() -> None:
    site = Site()
    for _ in range(2):
        answer = await site.ask(range="bytes=0-3")
        assert answer.status == 200
        assert answer.body == PAGE


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_other_methods_go_past_the_cache(method: str) -> None:
    site = Site()
    await site.ask()
    await site.ask(method=method)
    assert site.renders == 2


@pytest.mark.parametrize("path", ["/api/v1/posts", "/media/a.png", "/static/a.css"])
async def test_head_beside_the_cache_has_no_body(path: str) -> None:
    site = Site()
    assert (await site.ask(path, method="HEAD")).body == b""
    assert len(site.cache) == 0


async def test_memory_is_bounded_and_the_least_used_page_goes_first() -> None:
    site = Site(max_bytes=20_000, headers=[(b"content-type", b"image/png")])
    for number in range(1, 5):
        await site.ask(f"/{number}")
    await site.ask("/1")
    for number in range(5, 8):
        await site.ask(f"/{number}")
        await site.ask("/1")
        assert site.cache.bytes <= 20_000
    assert site.renders == 7
    await site.ask("/2")
    assert site.renders == 8


async def test_page_larger_than_the_cache_is_sent_and_not_kept() -> None:
    site = Site(max_bytes=1000)
    assert (await site.ask()).body == PAGE
    assert len(site.cache) == 0


async def test_cache_of_no_bytes_is_off() -> None:
    site = Site(max_bytes=0)
    await site.ask()
    await site.ask()
    assert site.renders == 2


async def test_answer_that_is_not_kept_streams_at_once() -> None:
    site = Site(tags=(), gate=asyncio.Event())
    asking = asyncio.create_task(site.ask())
    await asyncio.sleep(0)
    site.gate.set()
    assert (await asking).body == PAGE


async def test_lifespan_passes_through() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    cache = PageCache(app, Feed(), max_bytes=1000)
    await cache({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]


async def test_what_askers_can_make_long_does_not_fill_the_memory() -> None:
    site = Site(max_bytes=100_000)
    for number in range(20):
        long = f"application/json;a{number}=" + "x" * 5000
        assert (await site.ask(accept=long, method="HEAD")).body == b""
        await site.ask(accept_encoding="gzip," + "y" * 5000 + str(number))
        await site.ask(f"/?cursor={number}" + "z" * 20_000)
    assert site.cache.bytes <= 100_000
    assert len(site.cache) <= 3
    held = [*site.cache._representations, *site.cache._gzip]
    assert sum(map(len, held)) < 2000


async def test_tags_count_towards_the_memory() -> None:
    many = tuple(Change("actor", str(number)) for number in range(1000))
    site = Site(tags=many, max_bytes=1_000_000)
    await site.ask()
    assert site.cache.bytes > 200_000
