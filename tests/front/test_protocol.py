"""Connections within bounds, over real sockets; the clock is the tests' own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from support.servers import listening_socket, serving
from support.waiting import PATIENCE

from fedblog.front.bounds import Bounds
from fedblog.front.connections import LINGER, LINGER_BYTES, Connections, Phase
from fedblog.front.protocol import Front

BOUNDS = Bounds(
    connections=8,
    connections_per_address=3,
    head_bytes=4096,
    headers=20,
    target_bytes=1000,
    bodies_bytes=200_000,
    unsent_bytes=3_000_000,
    trusted="127.0.0.1",
)
BIG = 8_000_000


@dataclass
class Peer:
    """A connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer; (0, b"") where the connection ends."""
        try:
            async with asyncio.timeout(PATIENCE):
                head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, b""
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return int(head.split(b" ")[1]), await self.reader.readexactly(length)

    async def is_ended(self) -> bool:
        """Wait until the server has ended the connection."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.reader.read() == b""
        except ConnectionError:
            return True


@dataclass
class Stage:
    """A server with bounds, its clock, and what its application was asked."""

    bounds: Bounds
    now: float = 1000.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    disconnects: int = 0
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    peers: list[Peer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.front = Front(self.bounds)
        self.all = self.front.connections = Connections(self.bounds, clock=lambda: self.now)
        self.listener = listening_socket("0.0.0.0")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope)
        size, path = 0, scope["path"]
        if path == "/wait":
            await self.let_go.wait()
        while path != "/unread":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnects += 1
                return
            size += len(message["body"])
            if not message["more_body"]:
                break
        body = b"x" * BIG if path == "/big" else b"%d" % size
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def connect(self, address: str = "127.0.0.2") -> Peer:
        port = self.listener.getsockname()[1]
        found = await asyncio.open_connection(
            "127.0.0.1", port, local_addr=(address, 0), limit=1 << 16
        )
        self.peers.append(Peer(*found))
        return self.peers[-1]

    async def until(self, check: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not check():
                await asyncio.sleep(0.005)

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on, and the registry look at it."""
        self.now += seconds
        self.all.sweep()

    def only(self) -> Any:
        """The one connection there is."""
        (found,) = self.all._open
        return found


@asynccontextmanager
async def stage(**changed: Any) -> AsyncIterator[Stage]:
    found = Stage(replace(BOUNDS, **changed))
    async with serving(found, found.listener, http=found.front, ws="none"):
        yield found
        found.let_go.set()
        for peer in found.peers:
            peer.writer.transport.abort()
        await found.until(lambda: not len(found.all))
        assert found.all.bodies_bytes == 0
        assert found.all._by_client == {}


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(path: str, length: int, *more: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n".encode()
    return b"\r\n".join([head + b"\r\n".join(more), b""]) if more else head + b"\r\n"


CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_requests_one_after_the_other_on_one_connection() -> None:
    async with stage() as on:
        peer = await on.connect()
        for _ in range(3):
            await peer.send(GET)
            assert await peer.answer() == (200, b"0")
            await peer.send(post("/", 100_000), b"a" * 100_000)
            assert await peer.answer() == (200, b"100000")
            await peer.send(CHUNKED, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
            assert await peer.answer() == (200, b"5")
        assert len(on.all) == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 1001 + b" HTTP/1.1\r\n", 414),
        (b"GET /?" + b"a" * 400_000, 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 5000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 2_000_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 21, 431),
        (b"GET / HTTP/1.1\r\n" + (b"A: " + b"b" * 900 + b"\r\n") * 5, 431),
        (b"\r\n" * 5000, 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET http:// HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_head_over_a_bound_is_refused_and_never_reaches_the_application(
    head: bytes, status: int
) -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(*(head[at : at + 1000] for at in range(0, min(len(head), 60_000), 1000)))
        peer.writer.write(head[60_000:] + b"\r\n")
        assert (await peer.answer())[0] == status
        assert on.asked == []
        peer.writer.close()
        await on.until(lambda: not len(on.all))


async def test_head_at_the_bounds_is_taken() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(b"GET /" + b"a" * 999 + b" HTTP/1.1\r\n", b"A: b\r\n" * 20, b"\r\n")
        assert (await peer.answer())[0] == 200
        await peer.send(b"GET / HTTP/1.1\r\nA: ", b"b" * 4000, b"\r\n\r\n")
        assert (await peer.answer())[0] == 200


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost:", b"\r\n"])
async def test_connection_without_a_whole_head_in_time_is_ended(sent: bytes) -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(sent)
        await on.until(lambda: len(on.all) and (not sent or on.only()._fed))
        on.pass_time(9)
        assert not on.only().is_closing()
        await peer.send(sent[:1] if sent == b"\r\n" else b"")
        on.pass_time(2)
        assert (await peer.answer())[0] == 408
        on.pass_time(LINGER + 1)
        await on.until(lambda: not len(on.all))
        assert on.asked == []


async def test_bytes_that_begin_nothing_do_not_keep_an_idle_connection() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(GET)
        await peer.answer()
        await peer.send(b"\r\n")
        await on.until(lambda: on.only().phase is Phase.HEAD)
        on.pass_time(11)
        assert (await peer.answer())[0] == 408


async def test_idle_connection_is_kept_as_long_as_a_proxy_needs() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(GET)
        await peer.answer()
        on.pass_time(149)
        await peer.send(GET)
        assert (await peer.answer())[0] == 200
        on.pass_time(149)
        assert not on.only().is_closing()
        on.pass_time(2)
        assert await peer.is_ended()


@pytest.mark.parametrize("head", [post("/", 50_000), CHUNKED], ids=["length", "chunked"])
async def test_body_that_does_not_come_is_ended(head: bytes) -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(head)
        await on.until(lambda: on.asked)
        on.pass_time(29)
        assert not on.only().is_closing()
        on.pass_time(2)
        assert (await peer.answer())[0] == 408
        assert await peer.is_ended()
        await on.until(lambda: on.disconnects)


async def test_body_has_more_time_the_more_of_it_came() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(post("/", 60_000), b"a" * 50_000)
        await on.until(lambda: len(on.all) and on.only().body == 50_000)
        on.pass_time(34)
        assert not on.only().is_closing()
        on.pass_time(2)
        assert (await peer.answer())[0] == 408


async def test_time_in_which_the_application_does_not_read_is_not_the_peers() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(post("/wait", 150_000), b"a" * 140_000)
        await on.until(lambda: on.asked and on.only().is_read_paused())
        for _ in range(60):
            on.pass_time(1)
        assert not on.only().is_closing()
        on.let_go.set()
        await on.until(lambda: not on.only().is_read_paused())
        on.pass_time(1)
        await peer.send(b"a" * 10_000)
        assert await peer.answer() == (200, b"150000")


async def test_rest_of_a_body_that_is_not_wanted_is_waited_for_shortly() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(post("/unread", 10), b"a")
        assert (await peer.answer())[0] == 200
        await peer.send(b"a" * 9 + GET)
        assert (await peer.answer())[0] == 200
        await peer.send(post("/unread", 10_000_000), b"a")
        assert (await peer.answer())[0] == 200
        on.pass_time(LINGER + 1)
        assert await peer.is_ended()


@pytest.mark.parametrize(
    "rest",
    [
        b"1;" + b"e" * 20_000,
        b"1\r\na\r\n0\r\n" + b"A: " + b"t" * 600_000,
        b"1\r\na\r\n0\r\n" + b"A: t\r\n" * 100_000,
        b"1\r\na\r\n" * 2_000,
    ],
    ids=["extension", "trailer", "trailers", "crumbs"],
)
async def test_what_stands_between_the_parts_of_a_body_is_bounded(rest: bytes) -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(CHUNKED)
        await on.until(lambda: on.asked)
        await peer.send(*(rest[at : at + 1000] for at in range(0, len(rest), 1000)))
        assert await peer.answer() in ((400, b""), (0, b""))
        await on.until(lambda: on.disconnects)


async def test_trailers_are_no_headers() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(CHUNKED, b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
        assert await peer.answer() == (200, b"1")
        assert [name for name, _ in on.asked[0]["headers"]] == [b"host", b"transfer-encoding"]


async def test_requests_that_wait_on_one_connection_are_few() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(GET.replace(b"/ ", b"/wait ") + GET * 10_000)
        await on.until(lambda: not len(on.all))
        assert len(on.asked) == 1
        peer = await on.connect()
        on.let_go.set()
        await peer.send(GET * 10)
        assert [(await peer.answer())[0] for _ in range(10)] == [200] * 10


async def test_bad_request_behind_another_is_not_answered_in_its_place() -> None:
    async with stage() as on:
        for bad in (b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", b"nonsense\r\n\r\n"):
            peer = await on.connect()
            await peer.send(GET.replace(b"/ ", b"/wait ") + bad)
            assert await peer.answer() == (0, b"")


async def test_connections_of_one_address_are_bounded() -> None:
    async with stage() as on:
        first = [await on.connect() for _ in range(3)]
        await on.until(lambda: len(on.all) == 3)
        assert (await (await on.connect()).answer())[0] == 429
        other = await on.connect("127.0.0.3")
        await other.send(GET)
        assert (await other.answer())[0] == 200
        first[0].writer.close()
        await on.until(lambda: len(on.all) == 3)
        await (again := await on.connect()).send(GET)
        assert (await again.answer())[0] == 200


async def test_connections_of_a_trusted_proxy_are_not_those_of_one_client() -> None:
    async with stage() as on:
        peers = [await on.connect("127.0.0.1") for _ in range(6)]
        for peer in peers:
            await peer.send(GET)
            assert (await peer.answer())[0] == 200


async def test_where_there_are_too_many_the_client_with_most_gives_way() -> None:
    async with stage() as on:
        many = [await on.connect("127.0.0.2") for _ in range(3)]
        await on.until(lambda: len(on.all) == 3)
        await many[0].send(GET.replace(b"/ ", b"/wait "))
        await on.until(lambda: on.asked)
        others = [await on.connect(f"127.0.0.{3 + number % 3}") for number in range(5)]
        await on.until(lambda: len(on.all) == 8)
        new = await on.connect("127.0.0.9")
        await new.send(GET)
        assert (await new.answer())[0] == 200
        assert await many[1].is_ended()
        on.let_go.set()
        assert (await many[0].answer())[0] == 200
        assert len(others) == 5
        assert len(on.all) == 8


async def test_who_has_most_is_refused_where_there_are_too_many() -> None:
    async with stage(connections=3, connections_per_address=8) as on:
        for _ in range(3):
            await on.connect()
        await on.until(lambda: len(on.all) == 3)
        assert (await (await on.connect()).answer())[0] == 503


async def test_newcomer_takes_the_place_of_who_was_idle_longest_where_all_have_as_many() -> None:
    async with stage(connections=3) as on:
        peers = []
        for number in range(3):
            peers.append(await on.connect(f"127.0.0.{2 + number}"))
            await peers[-1].send(GET if number != 1 else GET.replace(b"/ ", b"/wait "))
            if number != 1:
                assert (await peers[-1].answer())[0] == 200
            await on.until(lambda wanted=number + 1: len(on.asked) == wanted)
            on.pass_time(1)
        # Who has one already is refused a second.
        assert (await (await on.connect("127.0.0.4")).answer())[0] == 503
        new = await on.connect("127.0.0.9")
        await new.send(GET)
        assert (await new.answer())[0] == 200
        assert await peers[0].is_ended()
        newer = await on.connect("127.0.0.10")
        await newer.send(GET.replace(b"/ ", b"/wait "))
        assert await peers[2].is_ended()
        await on.until(lambda: len(on.asked) == 5)
        newest = await on.connect("127.0.0.11")
        await newest.send(GET.replace(b"/ ", b"/wait "))
        assert await new.is_ended()
        await on.until(lambda: len(on.asked) == 6)
        # Nobody is idle any more.
        assert (await (await on.connect("127.0.0.12")).answer())[0] == 503
        on.let_go.set()
        for peer in (peers[1], newer, newest):
            assert (await peer.answer())[0] == 200


async def test_bodies_of_all_together_are_bounded_and_who_has_most_gives_way() -> None:
    async with stage() as on:
        small = await on.connect("127.0.0.3")
        await small.send(post("/", 40_000), b"a" * 30_000)
        await on.until(lambda: on.all.bodies_bytes == 30_000)
        heavy = [await on.connect("127.0.0.2") for _ in range(3)]
        for number, peer in enumerate(heavy, 1):
            await peer.send(post("/", 90_000), b"a" * 60_000)
            expected = 30_000 + number * 60_000
            await on.until(lambda wanted=expected: on.all.bodies_bytes in (wanted, 150_000))
        assert (await heavy[0].answer())[0] == 503
        await small.send(b"a" * 10_000)
        assert await small.answer() == (200, b"40000")
        for peer in heavy[1:]:
            await peer.send(b"a" * 30_000)
            assert await peer.answer() == (200, b"90000")


async def test_peer_that_does_not_read_is_ended() -> None:
    async with stage(unsent_bytes=2 * BIG) as on:
        peer = await on.connect()
        await peer.send(GET.replace(b"/ ", b"/big "))
        await on.until(lambda: len(on.all) and on.only().stuck_since is not None)
        on.pass_time(1)
        on.pass_time(59)
        assert len(on.all) == 1
        on.pass_time(2)
        await on.until(lambda: not len(on.all))


async def test_answer_that_others_wait_behind_hears_that_its_peer_has_gone() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(GET.replace(b"/ ", b"/wait ") * 3)
        await on.until(lambda: len(on.asked) == 1 and len(on.only().pipeline) == 2)
        on.only().abort()  # as the sweep does
        await on.until(lambda: not len(on.all))
        on.let_go.set()
        await on.until(lambda: on.disconnects)
        assert len(on.asked) == 1


async def test_peer_that_reads_slowly_gets_everything() -> None:
    async with stage(unsent_bytes=2 * BIG) as on:
        peer = await on.connect()
        await peer.send(GET.replace(b"/ ", b"/big "))
        await on.until(lambda: len(on.all) and on.only().stuck_since is not None)
        await peer.reader.readuntil(b"\r\n\r\n")
        left = BIG
        while left:
            waiting = on.only().count_unsent() if len(on.all) else 0
            while left and len(on.all) and on.only().count_unsent() == waiting:
                got = len(await peer.reader.read(min(left, 200_000)))
                assert got
                left -= got
            on.pass_time(50)
        assert len(on.all) == 1


async def test_answers_that_nobody_reads_are_bounded_together() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(GET.replace(b"/ ", b"/big "))
        await on.until(lambda: len(on.all) and on.only().stuck_since is not None)
        on.pass_time(1)
        await on.until(lambda: not len(on.all))


async def test_upgrades_are_not_followed() -> None:
    async with stage() as on:
        peer = await on.connect()
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n"
        await peer.send(GET[:-2] + upgrade)
        assert (await peer.answer())[0] == 200
        assert on.asked[0]["type"] == "http"


async def test_answer_before_the_body_ends_is_not_lost_and_says_that_the_connection_ends() -> None:
    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        head = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 413, "headers": head})
        await send({"type": "http.response.body", "body": b"long"})

    listening = listening_socket()
    async with serving(refuses, listening, http=Front(BOUNDS)):
        for said, size in ((b"connection: close\r\n", LINGER_BYTES), (b"", 2 * LINGER_BYTES)):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            head = b"POST / HTTP/1.1\r\nhost: a\r\n%scontent-length: %d\r\n\r\n"
            writer.write(head % (said, size))
            writer.write(b"x" * LINGER_BYTES)
            await writer.drain()
            writer.write_eof()
            answer = await reader.read()  # to the end: no reset
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert answer.endswith(b"\r\n\r\nlong")
            assert answer.lower().count(b"connection: close") == 1
            writer.close()


EXPECT = b"Expect: 100-continue\r\n"


@pytest.mark.parametrize("path", ["/", "/wait"])
async def test_body_that_waits_to_be_asked_for_is_asked_for_once(path: str) -> None:
    async with stage() as on:
        peer = await on.connect()
        on.let_go.set()
        for _ in range(2):  # on one connection
            await peer.send(post(path, 5, EXPECT))
            assert await peer.answer() == (100, b"")
            await peer.send(b"ab", b"cde")
            assert await peer.answer() == (200, b"5")
        await peer.send(CHUNKED[:-2] + EXPECT + b"\r\n")
        assert await peer.answer() == (100, b"")
        await peer.send(b"3\r\nabc\r\n0\r\n\r\n")
        assert await peer.answer() == (200, b"3")


async def test_body_that_came_unasked_leaves_the_connection_to_the_next_request() -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(post("/unread", 5, EXPECT) + b"abcde")
        assert (await peer.answer())[0] == 200
        await peer.send(GET)
        assert (await peer.answer())[0] == 200


@pytest.mark.parametrize("method", [b"POST", b"GET"])
async def test_next_request_is_not_taken_for_a_body_that_was_never_asked_for(method: bytes) -> None:
    async with stage() as on:
        peer = await on.connect()
        await peer.send(post("/unread", len(GET), EXPECT).replace(b"POST", method))
        head = await peer.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in head.lower()
        await peer.send(GET)
        async with asyncio.timeout(PATIENCE):
            assert await peer.reader.read() == b"0"  # to the end
        assert len(on.asked) == 1
