"""What people on another server can do beside draft-cavage: RFC 9421 and proofs (FEP-8b32).

Bases are built from the text of the RFC and of vc-di-eddsa, with `cryptography`; nothing of fedblog
takes part.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from support.people import AS_TYPE, People, key_of

USUAL = ("@method", "@target-uri", "content-digest")
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@functools.cache
def ed25519_key(name: str) -> ed25519.Ed25519PrivateKey:
    """One Ed25519 key for each name."""
    return ed25519.Ed25519PrivateKey.generate()


def multibase(data: bytes) -> str:
    """*data* as base58btc in multibase; one signature of 256 begins with a zero byte."""
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "z" + "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def multikey(people: People, name: str, *, by: str = "") -> dict[str, Any]:
    """The Multikey of a person (FEP-521a); with *by* it holds that person's key instead."""
    public = ed25519_key(by or name).public_key().public_bytes_raw()
    return {
        "id": f"{people.uri(name)}#ed25519-key",
        "type": "Multikey",
        "controller": people.uri(name),
        "publicKeyMultibase": multibase(b"\xed\x01" + public),
    }


def add_with_multikey(people: People, name: str) -> str:
    """A person who lists an Ed25519 key in assertionMethod."""
    return people.add(name, assertionMethod=[multikey(people, name)])


def proven(
    people: People,
    activity: dict[str, Any],
    *,
    by: str,
    key: str = "",
    created: datetime | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """*activity* with the proof of a person; *key* signs in place of theirs."""
    moment = (created or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    options = {
        "@context": activity["@context"],
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": f"{people.uri(by)}#ed25519-key",
        "proofPurpose": "assertionMethod",
        "created": moment,
    } | changes
    data = b"".join(
        hashlib.sha256(
            json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        ).digest()
        for part in (options, activity)
    )
    value = multibase(ed25519_key(key or by).sign(data))
    return activity | {"proof": options | {"proofValue": value}}


def message_headers(
    people: People,
    name: str,
    url: str,
    body: bytes | None,
    *,
    method: str = "POST",
    covered: Sequence[str] = USUAL,
    created: int | None = None,
    expires: int | None = None,
    key_id: str | None = None,
    parameters: str = "",
    label: str = "sig1",
    overrides: dict[str, str] | None = None,
    by_ed25519: bool = False,
) -> dict[str, str]:
    """Headers of a request signed by the text of RFC 9421, section 2.5."""
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "content-type": AS_TYPE}
    if body is not None:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers["content-digest"] = f"sha-256=:{digest}:"
    headers |= overrides or {}
    values = headers | {
        "@method": method,
        "@target-uri": url,
        "@authority": parts.netloc,
        "@path": parts.path,
        "@query": f"?{parts.query}",
    }
    moment = int(datetime.now(UTC).timestamp()) if created is None else created
    key = key_id or f"{people.uri(name)}#{'ed25519-key' if by_ed25519 else 'main-key'}"
    stated = "(" + " ".join(f'"{one}"' for one in covered) + f");created={moment}"
    if expires is not None:
        stated += f";expires={expires}"
    stated += f';keyid="{key}"{parameters}'
    lines = [f'"{one}": {values[one]}' for one in covered]
    base = "\n".join([*lines, f'"@signature-params": {stated}']).encode()
    signature = (
        ed25519_key(name).sign(base)
        if by_ed25519
        else key_of(name).sign(base, padding.PKCS1v15(), hashes.SHA256())
    )
    return headers | {
        "signature-input": f"{label}={stated}",
        "signature": f"{label}=:{base64.b64encode(signature).decode()}:",
    }
