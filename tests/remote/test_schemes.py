"""Signed GETs to peers that take one signature scheme, and what is remembered of it."""

import asyncio
import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from remote.peers import Asked, Peer, answer

from fedblog.remote.client import RemoteClient
from fedblog.remote.errors import RemoteStatusError
from fedblog.remote.schemes import CAVAGE, RFC9421, RFC9421_ED25519, Schemes
from fedblog.signatures.keys import SigningKey

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY_ID = "http://blog.example/ap/instance#main-key"


def check_message(asked: Asked, url: str) -> None:
    """Verify an RFC 9421 signature by the text of the RFC."""
    parameters = asked.headers["signature-input"].removeprefix("sig1=")
    assert parameters.startswith('("@method" "@target-uri");created=')
    assert parameters.endswith(f';keyid="{KEY_ID}"')
    base = f'"@method": GET\n"@target-uri": {url}\n"@signature-params": {parameters}'
    encoded = asked.headers["signature"].removeprefix("sig1=:").removesuffix(":")
    KEY.public_key().verify(base64.b64decode(encoded), base.encode(), padding.PKCS1v15(), SHA256())


def is_message(asked: Asked) -> bool:
    return "signature-input" in asked.headers


@pytest.mark.parametrize("refusal", [400, 401])
async def test_get_knocks_by_the_other_scheme_and_remembers_it(
    client: RemoteClient, peer: Peer, refusal: int
) -> None:
    async def judge(asked: Asked, writer: asyncio.StreamWriter) -> None:
        if not is_message(asked):
            writer.write(answer(b"", status=refusal))
            return
        check_message(asked, f"{peer.url}{asked.target}")
        writer.write(answer(b"hello"))

    client.instance_key = SigningKey(KEY_ID, KEY)
    peer.answers["/x?y=1"] = judge
    for _ in range(2):
        assert (await client.get(f"{peer.url}/x?y=1", accept="*/*")).body == b"hello"
    assert [is_message(asked) for asked in peer.asked] == [False, True, True]
    assert client.schemes.of(f"127.0.0.1:{peer.port}") == RFC9421


async def test_get_refused_by_both_schemes_is_asked_twice_and_nothing_remembered(
    client: RemoteClient, peer: Peer
) -> None:
    client.instance_key = SigningKey(KEY_ID, KEY)
    peer.answers["/"] = answer(b"", status=401)
    with pytest.raises(RemoteStatusError):
        await client.get(peer.url, accept="*/*")
    assert [is_message(asked) for asked in peer.asked] == [False, True]
    assert not len(client.schemes)


@pytest.mark.parametrize("status", [403, 404, 410, 500])
async def test_get_is_not_repeated_after_other_answers(
    client: RemoteClient, peer: Peer, status: int
) -> None:
    client.instance_key = SigningKey(KEY_ID, KEY)
    peer.answers["/"] = answer(b"", status=status)
    with pytest.raises(RemoteStatusError):
        await client.get(peer.url, accept="*/*")
    assert peer.count("/") == 1


async def test_unsigned_get_is_asked_once(client: RemoteClient, peer: Peer) -> None:
    client.instance_key = SigningKey(KEY_ID, KEY)
    peer.answers["/"] = answer(b"", status=401)
    with pytest.raises(RemoteStatusError):
        await client.get(peer.url, accept="*/*", signed=False)
    assert peer.count("/") == 1


async def test_s19_hosts_in_memory_are_bounded() -> None:
    schemes = Schemes(3)
    for number in range(10):
        schemes.learn(f"{number}.example", RFC9421)
    assert len(schemes) == 3
    assert schemes.of("9.example") == RFC9421
    assert schemes.of("0.example") == CAVAGE
    assert len(schemes.take_unsaved()) == 3


async def test_what_was_learned_counts_more_than_what_is_announced_or_stored() -> None:
    schemes = Schemes()
    schemes.learn("a.example", CAVAGE)
    schemes.load({"a.example": RFC9421, "b.example": RFC9421, "c.example": "nonsense"})
    schemes.announced("a.example", RFC9421_ED25519)
    assert [schemes.of(f"{name}.example") for name in "abc"] == [CAVAGE, RFC9421, CAVAGE]
    assert schemes.take_unsaved() == {"a.example": CAVAGE}
