"""Changing keys: both published, then the old one dropped; and the proofs on what is sent."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from sqlalchemy import Connection, select
from support.blog import author_named, follow, receivers, remote_actor, sent

from fedblog.activitystreams.reading import read_actor
from fedblog.domain.errors import ConflictError, NotFoundError
from fedblog.domain.ids import new_id
from fedblog.publishing import outbox, profiles, rotation
from fedblog.publishing.site import Site
from fedblog.storage import tables

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(text: str) -> bytes:
    """The bytes that a multibase text stands for."""
    assert text.startswith("z")
    number = 0
    for character in text[1:]:
        number = number * 58 + ALPHABET.index(character)
    return number.to_bytes((number.bit_length() + 7) // 8)


def public_key(multikey: dict[str, Any]) -> ed25519.Ed25519PublicKey | rsa.RSAPublicKey:
    data = base58(multikey["publicKeyMultibase"])
    if data.startswith(b"\xed\x01"):
        return ed25519.Ed25519PublicKey.from_public_bytes(data[2:])
    assert data.startswith(b"\x85\x24")  # rsa-pub, PKCS #1
    # PKCS #1 within SubjectPublicKeyInfo, written by hand: AlgorithmIdentifier, BIT STRING.
    body = b"\x03" + _length(len(data) - 1) + b"\x00" + data[2:]
    algorithm = base64.b64decode("MA0GCSqGSIb3DQEBAQUA")
    whole = b"\x30" + _length(len(algorithm) + len(body)) + algorithm + body
    loaded = load_der_public_key(whole)
    assert isinstance(loaded, rsa.RSAPublicKey)
    return loaded


def _length(size: int) -> bytes:
    return b"\x82" + size.to_bytes(2)


def check_proof(document: dict[str, Any], actor: dict[str, Any]) -> None:
    """Verify a proof by the text of vc-di-eddsa, section 3.3."""
    proof = dict(document["proof"])
    value = base58(proof.pop("proofValue")).rjust(64, b"\0")
    (listed,) = [k for k in actor["assertionMethod"] if k["id"] == proof["verificationMethod"]]
    assert proof["cryptosuite"] == "eddsa-jcs-2022"
    assert proof["@context"] == document["@context"]
    assert "https://w3id.org/security/data-integrity/v2" in document["@context"]
    bare = {name: value for name, value in document.items() if name != "proof"}
    hashed = [hashlib.sha256(rfc8785.dumps(part)).digest() for part in (proof, bare)]
    key = public_key(listed)
    assert isinstance(key, ed25519.Ed25519PublicKey)
    key.verify(value, b"".join(hashed))


async def actor(site: Site, owner: str = "blog") -> dict[str, Any]:
    found = await site.store.read(profiles.document, site.addresses, site.blog_id, owner)
    assert found is not None
    return json.loads(json.dumps(found))


async def record(site: Site, owner: str, type_: str = "Accept") -> dict[str, Any]:
    activity_id = new_id()
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": site.addresses.activity(activity_id),
        "type": type_,
        "actor": site.addresses.actor(owner),
        "object": "https://a.example/follows/1",
    }

    def unit(connection: Connection) -> None:
        outbox.record(
            connection,
            site.blog_id,
            outbox.Outgoing(owner, type_, document, activity_id),
            outbox.Recipients(inboxes=("https://a.example/inbox",)),
            datetime.now(UTC),
        )

    await site.store.write(unit)
    return (await sent(site))[-1]


@pytest.mark.parametrize("owner", ["blog", "readers"])
async def test_what_is_recorded_carries_a_proof_by_its_owner(site: Site, owner: str) -> None:
    document = await record(site, owner)
    assert document["proof"]["verificationMethod"] == f"{document['actor']}#ed25519-key"
    check_proof(document, await actor(site, owner))
    with pytest.raises(InvalidSignature):
        check_proof(document | {"object": "https://a.example/x"}, await actor(site, owner))


async def test_new_keys_sign_while_the_old_ones_stay_published(site: Site) -> None:
    before = await actor(site)
    early = await record(site, "blog")
    await rotation.rotate(site.store)
    both = await actor(site)
    assert both["publicKey"]["id"] == f"{before['id']}#main-key-2"
    assert both["publicKey"]["publicKeyPem"] != before["publicKey"]["publicKeyPem"]
    assert [key["id"].partition("#")[2] for key in both["assertionMethod"]] == [
        "ed25519-key-2",
        "ed25519-key",
        "main-key",
    ] or {key["id"].partition("#")[2] for key in both["assertionMethod"][1:]} == {
        "ed25519-key",
        "main-key",
    }
    (old_rsa,) = [k for k in both["assertionMethod"] if k["id"].endswith("#main-key")]
    old = load_pem_public_key(before["publicKey"]["publicKeyPem"].encode())
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key(old_rsa).public_bytes(*form) == old.public_bytes(*form)
    assert len({key.id for key in read_actor(both).keys}) == 4
    late = await record(site, "blog")
    assert late["proof"]["verificationMethod"].endswith("#ed25519-key-2")
    check_proof(late, both)
    check_proof(early, both)
    ring = await site.keys.fresh()
    assert ring.signing_key("blog").key_id.endswith("#main-key-2")
    private = ring.signing_key("blog").private_key
    shown = load_pem_public_key(both["publicKey"]["publicKeyPem"].encode())
    assert private.public_key().public_bytes(*form) == shown.public_bytes(*form)


@pytest.mark.both_engines
async def test_dropped_keys_are_published_no_more_and_their_private_halves_are_gone(
    site: Site,
) -> None:
    await rotation.rotate(site.store)
    changed = await rotation.drop(site.store)
    assert site.addresses.actor("blog") in changed
    assert len(changed) == 5
    after = await actor(site)
    assert after["publicKey"]["id"].endswith("#main-key-2")
    assert [key["id"] for key in after["assertionMethod"]] == [f"{after['id']}#ed25519-key-2"]

    def retired(connection: Connection) -> set[str]:
        rows = connection.execute(
            select(tables.keys.c.private_pem).where(tables.keys.c.retired_at.is_not(None))
        )
        return set(rows.scalars())

    assert await site.store.read(retired) == {""}
    with pytest.raises(NotFoundError, match="no older keys"):
        await rotation.drop(site.store)
    await rotation.rotate(site.store, "ada")
    ada = await author_named(site, "ada")
    assert (await actor(site, ada.id))["publicKey"]["id"].endswith("#main-key-3")


async def test_followers_hear_of_both_steps(site: Site) -> None:
    await follow(site, remote_actor("ann", "a.example"))
    for step in (rotation.rotate, rotation.drop):
        await step(site.store)
        updates = [d for d in await sent(site) if d["type"] == "Update"]
        (update,) = [d for d in updates[-3:] if d["actor"].endswith("/ap/blog")]
        assert await receivers(site, update["id"]) == ["https://a.example/inbox"]
        now = await actor(site)
        assert update["object"]["publicKey"] == now["publicKey"]
        assert update["object"]["assertionMethod"] == now["assertionMethod"]
        check_proof(update, now)


async def test_one_authors_keys_change_alone(site: Site) -> None:
    ada = await author_named(site, "ada")
    blog = await actor(site)
    assert await rotation.rotate(site.store, "Ada Author") == [site.addresses.actor(ada.id)]
    assert await actor(site) == blog
    assert (await actor(site, ada.id))["publicKey"]["id"].endswith("#main-key-2")


async def test_keys_are_not_changed_twice_before_the_old_ones_are_dropped(site: Site) -> None:
    await rotation.rotate(site.store, "ada")
    before = await actor(site)
    for author in ("ada", None):
        with pytest.raises(ConflictError, match="--drop"):
            await rotation.rotate(site.store, author)
    assert await actor(site) == before
    with pytest.raises(NotFoundError):
        await rotation.rotate(site.store, "nobody")


async def test_gets_are_signed_with_the_instances_new_key(site: Site) -> None:
    site.keys.watch(lambda ring: setattr(site.client, "instance_key", ring.signing_key("instance")))
    await rotation.rotate(site.store)
    await site.keys.fresh()
    assert site.client.instance_key is not None
    assert site.client.instance_key.key_id.endswith("/ap/instance#main-key-2")
