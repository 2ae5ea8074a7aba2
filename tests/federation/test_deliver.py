"""One delivery: the request that is signed, and what an answer means for it."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from support.sinks import CLOSE, Sink, blog_key, sink

from fedblog.domain.delivery import RETRY_AFTER_SECONDS, Answer, DeliveryState
from fedblog.federation import deliver
from fedblog.federation.deliver import Outcome, Parcel
from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import BlockedAddressError
from fedblog.settings import Settings
from fedblog.signatures.keys import SigningKey
from fedblog.storage.dispatch import ClaimedDelivery, SettledDelivery

__all__ = ["sink"]

NOW = datetime(2026, 11, 5, 12, 0, 0, tzinfo=UTC)
KEY_ID = "https://blog.example/ap/blog#main-key"
BODY = b'{"type":"Create"}'


def signed(url: str) -> deliver.SignedRequest:
    key = SigningKey(KEY_ID, blog_key())
    return deliver.sign(url, Parcel.of("blog", BODY), key, deliver.http_date(NOW))


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://peer.example/inbox", "peer.example", "/inbox"),
        ("https://peer.example", "peer.example", "/"),
        ("https://peer.example:8443/a/b?c=d&e", "peer.example:8443", "/a/b?c=d&e"),
        ("https://peer.example:443/inbox", "peer.example", "/inbox"),
        ("https://Peer.Example/In%62ox/é", "peer.example", "/Inbox/%C3%A9"),
        ("https://bücher.example/inbox#x", "xn--bcher-kva.example", "/inbox"),
        ("https://[2001:db8::1]:8443/inbox", "[2001:db8::1]:8443", "/inbox"),
    ],
)
def test_what_is_signed_is_what_is_sent(url: str, host: str, target: str) -> None:
    request = signed(url)
    assert request.url == f"https://{host}{target}"
    assert request.headers["Host"] == host
    assert request.headers["Date"] == "Thu, 05 Nov 2026 12:00:00 GMT"
    assert request.headers["Content-Type"] == "application/activity+json"
    assert request.body == BODY
    encoded = request.headers["Signature"].rpartition('signature="')[2].rstrip('"')
    lines = [
        f"(request-target): post {target}",
        f"host: {host}",
        "date: Thu, 05 Nov 2026 12:00:00 GMT",
        f"digest: {request.headers['Digest']}",
    ]
    blog_key().public_key().verify(
        base64.b64decode(encoded), "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.parametrize("url", ["ftp://a.example/x", "nonsense", "https://", "http://a b/"])
def test_what_is_no_web_address_is_not_signed(url: str) -> None:
    with pytest.raises(BlockedAddressError):
        signed(url)


async def test_outcome_says_what_the_peer_did(sink: Sink, settings: Settings) -> None:
    client = RemoteClient(settings, user_agent="fedblog test")
    try:
        sink.plan("/slow-down", (429, {"Retry-After": "120"}))
        sink.plan("/gone", 410)
        sink.plan("/closes", CLOSE, CLOSE)
        taken = await deliver.send(client, signed(sink.base_url + "/inbox"))
        assert taken == Outcome(202)
        assert taken.is_delivered
        slow = await deliver.send(client, signed(sink.base_url + "/slow-down"))
        assert (slow.status, slow.retry_after, slow.is_delivered) == (429, 120.0, False)
        assert (await deliver.send(client, signed(sink.base_url + "/gone"))).status == 410
        closed = await deliver.send(client, signed(sink.base_url + "/closes"))
        assert (closed.status, closed.is_final) == (None, False)
        assert closed.error
        refused = await deliver.send(client, signed("https://10.0.0.1/inbox"))
        assert (refused.status, refused.is_final) == (None, True)
    finally:
        await client.close()
    sink.received[0].check_signature(KEY_ID)


def settled(
    outcome: Outcome, attempts: int = 0, most: int = len(RETRY_AFTER_SECONDS) + 1
) -> SettledDelivery:
    claimed = ClaimedDelivery("A", 1, "https://a.example/inbox", "a.example", attempts, NOW)
    return deliver.settled(claimed, outcome, NOW, most_attempts=most)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_delivered(status: int) -> None:
    assert settled(Outcome(status), 3) == SettledDelivery(
        "A", 1, 3, DeliveryState.DELIVERED, status
    )


@pytest.mark.parametrize(
    "status", [None, 301, 307, 308, 403, 404, 408, 410, 425, 429, 500, 501, 502, 503, 504, 521]
)
def test_what_may_pass_waits_a_little_longer_each_time(status: int | None) -> None:
    for attempts, seconds in enumerate(RETRY_AFTER_SECONDS):
        result = settled(Outcome(status, "trouble"), attempts)
        assert result.state is DeliveryState.WAITING
        assert result.next_at is not None
        wait = (result.next_at - NOW).total_seconds()
        assert seconds <= wait <= seconds * 1.1 + 1
    last = settled(Outcome(status, "trouble"), len(RETRY_AFTER_SECONDS))
    assert (last.state, last.next_at) == (DeliveryState.FAILED, None)


def test_settings_decide_when_a_delivery_is_given_up() -> None:
    assert Settings().delivery_attempts == len(RETRY_AFTER_SECONDS) + 1
    assert settled(Outcome(503), 1, most=3).state is DeliveryState.WAITING
    assert settled(Outcome(503), 2, most=3).state is DeliveryState.FAILED
    later = settled(Outcome(503), 20, most=30)
    assert later.next_at is not None
    assert (later.next_at - NOW).total_seconds() >= RETRY_AFTER_SECONDS[-1]


def test_retry_after_counts_where_it_is_longer() -> None:
    longer = settled(Outcome(503, None, 4000.0))
    shorter = settled(Outcome(503, None, 1.0))
    endless = settled(Outcome(503, None, 1e9))
    assert longer.next_at is not None
    assert longer.next_at >= NOW + timedelta(seconds=4000)
    assert shorter.next_at is not None
    assert shorter.next_at >= NOW + timedelta(seconds=60)
    assert endless.next_at is not None
    assert endless.next_at <= NOW + timedelta(hours=27)


@pytest.mark.parametrize(
    "status", [300, 304, 400, 401, 402, 405, 406, 409, 411, 413, 414, 415, 422, 451]
)
def test_other_answers_are_final(status: int) -> None:
    result = settled(Outcome(status, "no"))
    assert (result.state, result.next_at, result.error) == (DeliveryState.FAILED, None, "no")


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Outcome(None, "no connection"), Answer.SILENT),
        (Outcome(500), Answer.SILENT),
        (Outcome(403), Answer.SILENT),
        (Outcome(429), Answer.LATER),
        (Outcome(None, "no place", is_ours=True), Answer.LATER),
        (Outcome(None, "closed", is_final=True), Answer.REFUSED),
        (Outcome(413), Answer.REFUSED),
        (Outcome(404), Answer.ABSENT),
        (Outcome(308), Answer.ELSEWHERE),
        (Outcome(202), Answer.TAKEN),
    ],
)
def test_what_an_outcome_says_of_the_host(outcome: Outcome, answer: Answer) -> None:
    assert outcome.answer is answer
    assert outcome.asks == (answer in (Answer.ABSENT, Answer.ELSEWHERE))


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://www.peer.example/inbox", "https://www.peer.example/inbox"),
        ("https://peer.example/inbox/", "https://peer.example/inbox/"),
        ("/new?a=1&#038;b=2", "https://peer.example/new?a=1&b=2"),
        ("//peer.example/x", "https://peer.example/x"),
        ("https://other.example/inbox", None),
        ("http://peer.example/inbox", None),
        ("https://peer.example.evil.example/inbox", None),
        ("https://user@peer.example/", None),
        ("ftp://peer.example/", None),
        ("https://[", None),
        ("https://127.0.0.1/", None),
    ],
)
def test_redirect_is_followed_only_where_the_inbox_may_speak(
    location: str, target: str | None
) -> None:
    request = signed("https://peer.example/inbox")
    assert deliver.led_to(request, location, allow_private=False) == target


def test_forbidden_addresses_are_final() -> None:
    assert settled(Outcome(None, "closed", is_final=True)).state is DeliveryState.FAILED
