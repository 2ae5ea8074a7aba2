"""Deliveries to peers that take one signature scheme and refuse the other."""

import base64
import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.sinks import CLOSE, NOW, OpenSite, Received, Sink, running, send_activity, states
from support.waiting import eventually

from fedblog.jobs.deliveries import DeliveryLoop
from fedblog.publishing.site import Site
from fedblog.remote.schemes import RFC9421, RFC9421_ED25519
from fedblog.storage import hosts
from fedblog.storage import keys as key_rows
from fedblog.storage.keys import StoredKey

KEY_ID = "https://blog.example/ap/blog#main-key"


def only_messages(sink: Sink, refusal: int) -> Callable[[Received], int]:
    """A peer that verifies RFC 9421 and knows nothing else."""

    def judge(request: Received) -> int:
        if "signature-input" not in request.headers:
            return refusal
        request.check_message_signature(KEY_ID, sink.base_url)
        return 202

    return judge


def only_cavage(request: Received) -> int:
    """A peer that knows nothing but draft-cavage."""
    if "signature-input" in request.headers:
        return 401
    request.check_signature(KEY_ID)
    return 202


def kinds(sink: Sink) -> list[str]:
    return ["message" if "signature-input" in r.headers else "cavage" for r in sink.received]


async def deliver(site: Site, sink: Sink, target: str, state: str = "delivered") -> None:
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=[sink.base_url + target])
        await eventually(lambda: _is(site, target, state))


async def _is(site: Site, target: str, state: str) -> bool:
    row = (await site.store.read(states)).get(target)
    return row is not None and row.state == state


async def stored_scheme(site: Site, sink: Sink) -> str | None:
    name = sink.base_url.removeprefix("http://")
    found = await site.store.read(hosts.find, [name])
    return found[name].signature_scheme if name in found else None


@pytest.mark.parametrize("refusal", [400, 401])
async def test_other_scheme_is_tried_once_after_a_refusal_and_used_first_next_time(
    open_site: OpenSite, sink: Sink, refusal: int
) -> None:
    site = await open_site()
    sink.judge = only_messages(sink, refusal)
    await deliver(site, sink, "/one")
    assert kinds(sink) == ["cavage", "message"]
    row = (await site.store.read(states))["/one"]
    assert (row.attempts, row.last_status) == (1, 202)
    await deliver(site, sink, "/two")
    assert kinds(sink)[2:] == ["message"]
    assert await stored_scheme(site, sink) == RFC9421


async def test_scheme_that_worked_is_remembered_by_the_next_process(
    open_site: OpenSite, sink: Sink
) -> None:
    sink.judge = only_messages(sink, 401)
    await deliver(await open_site(), sink, "/one")
    await deliver(await open_site(), sink, "/two")
    assert kinds(sink) == ["cavage", "message", "message"]


async def test_peer_that_went_back_to_cavage_is_followed(open_site: OpenSite, sink: Sink) -> None:
    site = await open_site()
    sink.judge = only_messages(sink, 401)
    await deliver(site, sink, "/one")
    sink.judge = only_cavage
    await deliver(site, sink, "/two")
    await deliver(site, sink, "/three")
    assert kinds(sink)[2:] == ["message", "cavage", "cavage"]
    assert await stored_scheme(site, sink) == "cavage"


async def test_peer_that_takes_neither_scheme_has_one_failed_attempt(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site()
    sink.plan("/inbox", 400, 401)
    await deliver(site, sink, "/inbox", "failed")
    row = (await site.store.read(states))["/inbox"]
    assert (row.attempts, row.last_status) == (1, 400)
    assert kinds(sink) == ["cavage", "message"]
    assert await stored_scheme(site, sink) is None


@pytest.mark.parametrize("trouble", [503, 429, CLOSE])
async def test_passing_trouble_at_the_second_knock_is_tried_again_later(
    open_site: OpenSite, sink: Sink, trouble: int | str
) -> None:
    site = await open_site()
    sink.plan("/inbox", 401, trouble, trouble)
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=[sink.base_url + "/inbox"])
        await eventually(lambda: _was_tried(site))
    row = (await site.store.read(states))["/inbox"]
    assert (row.state, row.attempts) == ("waiting", 1)


async def _was_tried(site: Site) -> bool:
    return (await site.store.read(states))["/inbox"].attempts == 1


@pytest.mark.parametrize("status", [308, 403, 404, 405, 410, 500])
async def test_other_answers_cost_no_second_request(
    open_site: OpenSite, sink: Sink, status: int
) -> None:
    site = await open_site()
    sink.plan("/inbox", status)
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=[sink.base_url + "/inbox"])
        await eventually(lambda: _was_tried(site))
    await deliver(site, sink, "/other")
    assert kinds(sink) == ["cavage", "cavage"]
    assert await stored_scheme(site, sink) is None


async def test_both_knocks_together_take_no_longer_than_one(
    open_site: OpenSite, sink: Sink
) -> None:
    site = await open_site(delivery_timeout=0.6)
    sink.delay = 0.4
    sink.plan("/inbox", 401, 202)
    async with running(DeliveryLoop(site)):
        await site.store.write(send_activity, inboxes=[sink.base_url + "/inbox"])
        await eventually(lambda: _was_tried(site))
    row = (await site.store.read(states))["/inbox"]
    assert (row.state, row.last_status) == ("waiting", None)
    assert "took too long" in row.last_error


async def test_ed25519_signs_for_a_host_that_says_it_verifies_it(
    open_site: OpenSite, sink: Sink
) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    site = await open_site()
    pair = StoredKey("blog", "ed25519-key", "ed25519", pem, "")
    await site.store.write(key_rows.insert_keys, 1, [pair], NOW)
    await site.keys.reload()
    site.client.schemes.announced(sink.base_url.removeprefix("http://"), RFC9421_ED25519)
    await deliver(site, sink, "/one")
    (request,) = sink.received
    parameters = request.headers["signature-input"].removeprefix("sig1=")
    assert parameters.endswith(';keyid="https://blog.example/ap/blog#ed25519-key"')
    digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    base = (
        f'"@method": POST\n"@target-uri": {sink.base_url}/one\n'
        f'"content-digest": sha-256=:{digest}:\n"@signature-params": {parameters}'
    )
    encoded = request.headers["signature"].removeprefix("sig1=:").removesuffix(":")
    private.public_key().verify(base64.b64decode(encoded), base.encode())
