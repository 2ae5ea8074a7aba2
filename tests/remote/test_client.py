"""The guarded client against real sockets."""

import asyncio
import base64
import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from remote.peers import Asked, Peer, StartPeer, Tls, answer
from support.names import Names
from support.waiting import PATIENCE, eventually

from fedblog.remote.client import RemoteClient, canonical
from fedblog.remote.errors import (
    BlockedAddressError,
    RedirectError,
    RemoteError,
    RemoteStatusError,
    TooLargeError,
    UnreachableError,
    WrongMediaTypeError,
)
from fedblog.settings import Settings
from fedblog.signatures.keys import SigningKey

MakeClient = Callable[[Settings], RemoteClient]
ANY = "*/*"


# --- GET -----------------------------------------------------------------------------------------


async def test_get_gives_the_answer_and_says_who_asks(client: RemoteClient, peer: Peer) -> None:
    peer.answers["/x?y=1"] = answer(b"hello", media_type="text/plain; charset=utf-8")
    fetched = await client.get(f"{peer.url}/x?y=1", accept="text/plain")
    assert (fetched.url, fetched.status, fetched.body) == (f"{peer.url}/x?y=1", 200, b"hello")
    assert fetched.media_type == "text/plain; charset=utf-8"
    headers = peer.asked[0].headers
    assert headers["user-agent"] == "fedblog-test/1 (+http://blog.example/)"
    assert headers["accept"] == "text/plain"
    assert headers["accept-encoding"] == "gzip"
    assert headers["host"] == f"127.0.0.1:{peer.port}"
    assert "signature" not in headers


@pytest.mark.parametrize("status", [204 + 1, 400, 401, 404, 410, 500, 503])
async def test_status_that_is_no_success_is_an_error(
    client: RemoteClient, peer: Peer, status: int
) -> None:
    peer.answers["/"] = answer(b"", status=status)
    if status == 205:
        assert (await client.get(peer.url, accept=ANY)).status == 205
        return
    with pytest.raises(RemoteStatusError) as caught:
        await client.get(peer.url, accept=ANY)
    assert caught.value.status == status


NASTY = [
    "/plain",
    "/a b".replace(" ", "%20"),
    "/users/ü?q=é&b=%2F%7E",
    "/x?redirect=https://example.org/a|b'c",
    "/%41/..%2f/~z;v=1?a=1+2&a[]=3",
    "/?",
]


@pytest.mark.parametrize("path", NASTY)
async def test_signature_covers_what_is_really_sent(
    client: RemoteClient, peer: Peer, path: str
) -> None:
    private_key = rsa.generate_private_key(65537, 2048)
    client.instance_key = SigningKey("http://blog.example/ap/instance#main-key", private_key)
    redirected = canonical(peer.url + path).removeprefix(peer.url)
    peer.answers["/start"] = answer(b"", status=302, Location=path)
    peer.answers[redirected] = answer(b"here")
    assert (await client.get(peer.url + path, accept=ANY)).body == b"here"
    assert (await client.get(f"{peer.url}/start", accept=ANY)).body == b"here"
    assert len(peer.asked) == 3
    for asked in peer.asked:
        given = asked.headers["signature"]
        assert 'keyId="http://blog.example/ap/instance#main-key"' in given
        assert 'headers="(request-target) host date"' in given
        # The signing string as draft-cavage-http-signatures-12, section 2.3 makes it.
        text = (
            f"(request-target): get {asked.target}\n"
            f"host: {asked.headers['host']}\n"
            f"date: {asked.headers['date']}"
        )
        signature = base64.b64decode(given.split('signature="')[1].rstrip('"'))
        private_key.public_key().verify(
            signature, text.encode("latin-1"), padding.PKCS1v15(), SHA256()
        )


async def test_cookies_are_not_kept(client: RemoteClient, peer: Peer) -> None:
    peer.answers["/"] = answer(b"", Set_Cookie="a=b; Path=/")
    await client.get(peer.url, accept=ANY)
    await client.get(peer.url, accept=ANY)
    assert all("cookie" not in asked.headers for asked in peer.asked)


async def test_proxies_of_the_environment_are_not_used(
    client: RemoteClient, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, proxy = await start_peer(), await start_peer()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    peer.answers["/"] = answer(b"direct")
    assert (await client.get(peer.url, accept=ANY)).body == b"direct"
    assert proxy.connections == 0


async def test_extra_authority_is_trusted_and_no_other(
    make_client: MakeClient, settings: Settings, start_peer: StartPeer, tls: Tls
) -> None:
    peer = await start_peer(context=tls.context)
    peer.answers["/"] = answer(b"safe")
    with pytest.raises(UnreachableError):
        await make_client(settings).get(peer.url, accept=ANY)
    trusting = make_client(settings.model_copy(update={"ca_file": tls.ca_file}))
    assert (await trusting.get(peer.url, accept=ANY)).body == b"safe"
    assert (await trusting.get(f"https://localhost:{peer.port}/", accept=ANY)).body == b"safe"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
        b"HTTP/1.1 302 X\r\nLocation: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 X\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_broken_answer_is_a_remote_error(
    client: RemoteClient, peer: Peer, raw: bytes
) -> None:
    peer.answers["/"] = raw
    peer.close_after_answer = True
    with pytest.raises(RemoteError):
        await client.get(peer.url, accept=ANY)


async def test_server_that_is_not_there_is_unreachable(client: RemoteClient) -> None:
    with pytest.raises(UnreachableError):
        await client.get("http://127.0.0.1:1/", accept=ANY)
    with pytest.raises(UnreachableError):
        await client.post("http://127.0.0.1:1/", headers={}, body=b"")


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_sockets_count_until_they_are_closed_whichever_loop_runs(
    settings: Settings, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def ask() -> None:
        peer = Peer()
        await peer.start()
        peer.answers["/"] = answer(b"hello")
        client = RemoteClient(settings, user_agent="test")
        counted = client._connections._open_now
        try:
            assert (await client.get(f"{peer.url}/", accept=ANY)).body == b"hello"
            assert len(counted) == 1, "kept for the next request"
            with pytest.raises(UnreachableError):
                await client.get("http://127.0.0.1:1/", accept=ANY)
            assert len(counted) == 1
        finally:
            await client.close()
            await peer.stop()
        await eventually(lambda: not counted)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(ask())


# --- S12, S14, S15: addresses --------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "peer.local",
        "169.254.169.254",
    ],
)
async def test_s12_address_that_is_not_public_gets_no_connection(
    strict_client: RemoteClient, peer: Peer, host: str
) -> None:
    peer.answers["/"] = answer(b"secret")
    for scheme in ("https", "http"):
        with pytest.raises(BlockedAddressError):
            await strict_client.get(f"{scheme}://{host}:{peer.port}/", accept=ANY)
        with pytest.raises(BlockedAddressError):
            await strict_client.post(f"{scheme}://{host}:{peer.port}/", headers={}, body=b"")
    assert peer.connections == 0


def named(settings: Settings, names: Names) -> Settings:
    """*settings* under which *names* is the name server."""
    return settings.model_copy(update={"name_servers": names.address})


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"])
async def test_s14_name_of_an_address_that_is_not_public_gets_no_connection(
    make_client: MakeClient, settings: Settings, peer: Peer, address: str
) -> None:
    strict = settings.model_copy(update={"allow_private_network": False})
    async with Names({"name.example": [address]}) as names:
        client = make_client(named(strict, names))
        with pytest.raises(BlockedAddressError):
            await client.get(f"https://name.example:{peer.port}/", accept=ANY)
        with pytest.raises(BlockedAddressError):
            await client.post(f"https://name.example:{peer.port}/", headers={}, body=b"")
        assert names.asked["name.example"] > 0
        assert peer.connections == 0


async def test_s15_name_that_changes_its_address_gains_nothing(
    make_client: MakeClient, settings: Settings, peer: Peer
) -> None:
    # 127.0.0.1 stands for a public address (the setting opens it). 0.0.0.0 is never open, but
    # Linux would connect it to the same server.
    peer.answers["/"] = answer(b"hello")
    async with Names({"name.example": [["127.0.0.1"], ["0.0.0.0"]]}) as names:
        client = make_client(named(settings, names))
        url = f"http://name.example:{peer.port}/"
        assert (await client.get(url, accept=ANY)).body == b"hello"
        assert names.asked["name.example"] == 1, "what was checked is what was connected to"
        assert peer.asked[0].headers["host"] == f"name.example:{peer.port}"
        with pytest.raises(BlockedAddressError):
            await make_client(named(settings, names)).get(url, accept=ANY)
        assert names.asked["name.example"] == 2
        assert peer.connections == 1


async def test_s15_closed_address_among_open_ones_is_passed_over(
    make_client: MakeClient, settings: Settings, start_peer: StartPeer
) -> None:
    inner = await start_peer("127.0.0.1")  # where 0.0.0.0 would lead
    outer = await start_peer("127.0.2.1", port=inner.port)
    outer.answers["/"] = answer(b"hello")
    async with Names({"name.example": ["0.0.0.0", "127.0.2.1"]}) as names:
        client = make_client(named(settings, names))
        fetched = await client.get(f"http://name.example:{inner.port}/", accept=ANY)
    assert fetched.body == b"hello"
    assert inner.connections == 0


# --- S16: redirects ------------------------------------------------------------------------------


async def test_redirects_are_followed_within_bounds(
    client: RemoteClient, settings: Settings, start_peer: StartPeer
) -> None:
    first, second = await start_peer(), await start_peer("127.0.2.1")
    first.answers["/1"] = answer(b"", status=301, Location="2?x=y#fragment")
    first.answers["/2?x=y"] = answer(b"", status=307, Location=f"{second.url}/3")
    second.answers["/3"] = answer(b"", status=308, Location="/4")
    second.answers["/4"] = answer(b"there")
    fetched = await client.get(f"{first.url}/1", accept=ANY)
    assert (fetched.url, fetched.body) == (f"{second.url}/4", b"there")


async def test_entities_in_a_redirect_are_decoded(client: RemoteClient, peer: Peer) -> None:
    peer.answers["/"] = answer(b"", status=302, Location="/there?a=1&#038;b=2")
    peer.answers["/there?a=1&b=2"] = answer(b"here")
    assert (await client.get(peer.url, accept=ANY)).body == b"here"


async def test_s16_redirect_loop_ends(client: RemoteClient, settings: Settings, peer: Peer) -> None:
    peer.answers["/a"] = answer(b"", status=302, Location="/b")
    peer.answers["/b"] = answer(b"", status=302, Location="/a")
    with pytest.raises(RedirectError):
        await client.get(f"{peer.url}/a", accept=ANY)
    assert len(peer.asked) == settings.fetch_max_redirects + 1


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "data:application/activity+json,{}",
        "ftp://127.0.0.1/",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "",
    ],
)
async def test_s16_redirect_to_another_scheme_is_not_followed(
    client: RemoteClient, peer: Peer, location: str
) -> None:
    peer.answers["/"] = answer(b"", status=302, Location=location)
    with pytest.raises(RedirectError):
        await client.get(peer.url, accept=ANY)


async def test_s16_redirect_from_https_to_http_is_not_followed(
    make_client: MakeClient, settings: Settings, start_peer: StartPeer, tls: Tls
) -> None:
    safe, plain = await start_peer(context=tls.context), await start_peer()
    plain.answers["/"] = answer(b"overheard")
    safe.answers["/"] = answer(b"", status=302, Location=f"{plain.url}/")
    client = make_client(settings.model_copy(update={"ca_file": tls.ca_file}))
    with pytest.raises(RedirectError):
        await client.get(safe.url, accept=ANY)
    assert plain.connections == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "[::ffff:0.0.0.0]", "2130706433", "a.localhost"])
async def test_s16_redirect_to_a_closed_address_is_not_followed(
    client: RemoteClient, start_peer: StartPeer, host: str
) -> None:
    first, inner = await start_peer("127.0.2.1"), await start_peer()
    inner.answers["/"] = answer(b"secret")
    first.answers["/"] = answer(b"", status=302, Location=f"http://{host}:{inner.port}/")
    with pytest.raises(BlockedAddressError):
        await client.get(first.url, accept=ANY)
    assert inner.connections == 0


# --- S17: bounds ---------------------------------------------------------------------------------


class Endless:
    """Sends *chunk* again and again until the other side has gone; counts what it sent."""

    def __init__(self, head: bytes, chunk: bytes, pause: float = 0.0) -> None:
        self.head, self.chunk, self.pause = head, chunk, pause
        self.sent = 0
        self.is_over = asyncio.Event()

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self.head)
            while True:
                writer.write(self.chunk)
                self.sent += len(self.chunk)
                await writer.drain()
                await asyncio.sleep(self.pause)
        finally:
            self.is_over.set()


CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (CHUNKED, CHUNK),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 0x4000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b"x" * 0x4000),
    ],
)
async def test_s17_endless_body_is_cut_off(
    client: RemoteClient, peer: Peer, head: bytes, chunk: bytes
) -> None:
    endless = Endless(head, chunk)
    peer.answers["/"] = endless
    with pytest.raises(TooLargeError):
        await client.get(peer.url, accept=ANY)
    await asyncio.wait_for(endless.is_over.wait(), PATIENCE)
    assert endless.sent < 20_000_000, "the connection is closed, not read to its end"


@pytest.mark.parametrize("where", ["head", "body", "redirects"])
async def test_s17_slow_answer_is_given_up_in_time(
    make_client: MakeClient, settings: Settings, peer: Peer, where: str
) -> None:
    client = make_client(settings.model_copy(update={"fetch_timeout": 0.5}))

    async def slow_redirect(asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)  # less than the bound for each, more for all of them
        writer.write(answer(b"", status=302, Location="/"))

    peer.answers["/"] = {
        "head": Endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", pause=0.2),
        "body": Endless(CHUNKED, b"1\r\nx\r\n", pause=0.2),
        "redirects": slow_redirect,
    }[where]
    # The answer never ends and no part of it is late: only the bound on the whole ends this.
    with pytest.raises(UnreachableError, match="too long"):
        async with asyncio.timeout(PATIENCE):
            await client.get(peer.url, accept=ANY)


async def test_s17_gzip_bomb_is_not_unpacked(client: RemoteClient, peer: Peer) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(40)) + packer.flush()
    assert len(bomb) < 64 * 1024
    peer.answers["/"] = answer(bomb, Content_Encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            await client.get(peer.url, accept=ANY)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"\x1b\x03\x00\xf8\xff", "br"),
        (zlib.compress(b"hello"), "deflate"),
        (gzip.compress(gzip.compress(b"hello", mtime=0), mtime=0), "gzip, gzip"),
        (b"hello", "gzip"),
        (gzip.compress(b"hello", mtime=0)[:-3], "gzip"),
        (gzip.compress(b"hello", mtime=0) + b"more", "gzip"),
        (gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), "gzip"),
    ],
)
async def test_s17_other_encodings_and_broken_gzip_are_refused(
    client: RemoteClient, peer: Peer, body: bytes, encoding: str
) -> None:
    peer.answers["/"] = answer(body, Content_Encoding=encoding)
    with pytest.raises(WrongMediaTypeError):
        await client.get(peer.url, accept=ANY)


async def test_gzip_is_unpacked_up_to_the_bound(
    client: RemoteClient, settings: Settings, peer: Peer
) -> None:
    text = b"x" * settings.fetch_max_bytes
    peer.answers["/"] = answer(gzip.compress(text, mtime=0), Content_Encoding="gzip")
    assert (await client.get(peer.url, accept=ANY)).body == text
    peer.answers["/"] = answer(gzip.compress(text + b"x", mtime=0), Content_Encoding="gzip")
    with pytest.raises(TooLargeError):
        await client.get(peer.url, accept=ANY)


async def test_bound_can_be_narrowed_for_one_request(client: RemoteClient, peer: Peer) -> None:
    peer.answers["/"] = answer(b"12345")
    assert (await client.get(peer.url, accept=ANY, max_bytes=5)).body == b"12345"
    with pytest.raises(TooLargeError):
        await client.get(peer.url, accept=ANY, max_bytes=4)


# --- POST ----------------------------------------------------------------------------------------


async def test_post_sends_the_headers_as_they_were_signed(client: RemoteClient, peer: Peer) -> None:
    peer.answers["/inbox"] = answer(b"thanks", status=202)
    headers = {"Host": f"127.0.0.1:{peer.port}", "Date": "D", "Digest": "SHA-256=x"}
    given = await client.post(f"{peer.url}/inbox", headers=headers, body=b"{}")
    assert (given.status, given.retry_after, given.body_excerpt) == (202, None, "thanks")
    asked = peer.asked[0]
    assert (asked.method, asked.body) == ("POST", b"{}")
    assert asked.headers["date"] == "D"
    assert asked.headers["digest"] == "SHA-256=x"
    assert asked.headers["user-agent"] == "fedblog-test/1 (+http://blog.example/)"


async def test_posts_share_a_connection(client: RemoteClient, peer: Peer) -> None:
    peer.answers["/inbox"] = answer(b"", status=202)
    for _ in range(5):
        await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")
    assert peer.connections == 1


async def test_post_that_met_a_closed_connection_is_tried_again_once(
    client: RemoteClient, peer: Peer
) -> None:
    async def hang_up_on_the_second(asked: Asked, writer: asyncio.StreamWriter) -> None:
        # The first on each connection is answered; the next finds it closed.
        if peer.connections == 1 and len(peer.asked) == 2:
            writer.close()
            return
        writer.write(answer(b"", status=202))

    peer.answers["/inbox"] = hang_up_on_the_second
    for _ in range(2):
        given = await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")
        assert given.status == 202
    assert (peer.connections, len(peer.asked)) == (2, 3)


async def test_post_to_a_server_that_always_hangs_up_fails_at_once(
    client: RemoteClient, peer: Peer
) -> None:
    peer.answers["/inbox"] = b""
    peer.close_after_answer = True
    with pytest.raises(UnreachableError):
        await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")
    assert len(peer.asked) == 1


async def test_post_follows_no_redirect(client: RemoteClient, peer: Peer) -> None:
    peer.answers["/inbox"] = answer(b"", status=307, Location="/other")
    given = await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")
    assert given.status == 307
    assert len(peer.asked) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("-5", None), ("soon", None), ("1" * 40, 111111111.0), ("١٢", None)],
)
async def test_retry_after_is_read_in_seconds(
    client: RemoteClient, peer: Peer, value: str, seconds: float | None
) -> None:
    raw = answer(b"", status=429, Retry_After="VALUE").replace(b"VALUE", value.encode())
    peer.answers["/inbox"] = raw
    given = await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")
    assert (given.status, given.retry_after) == (429, seconds)


async def test_retry_after_is_read_as_a_date(client: RemoteClient, peer: Peer) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    peer.answers["/inbox"] = answer(b"", status=503, Retry_After=later)
    given = await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")
    assert given.retry_after == pytest.approx(7200, abs=PATIENCE)


async def test_s17_endless_answer_to_a_post_is_cut_off(client: RemoteClient, peer: Peer) -> None:
    endless = Endless(CHUNKED, CHUNK)
    peer.answers["/inbox"] = endless
    given = await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")
    assert given.status == 200
    assert len(given.body_excerpt) <= 500
    await asyncio.wait_for(endless.is_over.wait(), PATIENCE)
    assert endless.sent < 20_000_000


async def test_s17_slow_answer_to_a_post_is_given_up_in_time(
    make_client: MakeClient, settings: Settings, peer: Peer
) -> None:
    client = make_client(settings.model_copy(update={"delivery_timeout": 0.5}))
    peer.answers["/inbox"] = Endless(b"HTTP/1.1 202 X\r\n", b"X: y\r\n", pause=0.2)
    with pytest.raises(UnreachableError, match="too long"):
        async with asyncio.timeout(PATIENCE):
            await client.post(f"{peer.url}/inbox", headers={}, body=b"{}")


async def test_header_that_would_split_the_request_is_a_remote_error(
    client: RemoteClient, peer: Peer
) -> None:
    with pytest.raises(RemoteError):
        await client.post(f"{peer.url}/", headers={"Date": "x\r\nEvil: y"}, body=b"")
    assert all("evil" not in asked.headers for asked in peer.asked)


async def test_cancelled_request_leaves_no_connection_behind(
    client: RemoteClient, peer: Peer
) -> None:
    endless = Endless(CHUNKED, b"1\r\nx\r\n", pause=0.1)
    peer.answers["/slow"] = endless
    peer.answers["/"] = answer(b"hello")
    task = asyncio.create_task(client.get(f"{peer.url}/slow", accept=ANY))
    await eventually(lambda: endless.sent)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await client.get(peer.url, accept=ANY)).body == b"hello"


async def test_connections_are_not_kept_while_too_many_are_open(
    make_client: MakeClient,
    settings: Settings,
    start_peer: StartPeer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fedblog.remote.connections._MOST_SOCKETS", 3)
    client = make_client(settings)
    peers = [await start_peer(f"127.0.3.{number}") for number in range(1, 7)]
    for peer in peers:
        peer.answers["/"] = answer(b"", status=202)
        for _ in range(2):
            await client.post(peer.url, headers={}, body=b"")
    assert [peer.connections for peer in peers] == [1, 1, 2, 2, 2, 2]
