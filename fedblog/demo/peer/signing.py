"""HTTP signatures of the peer, draft-cavage-http-signatures-12, straight on `cryptography`."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

TOLERANCE = timedelta(hours=1)
_PARAMETER = re.compile(r'\s*([a-zA-Z]+)=(?:"([^"]*)"|(\d+))\s*(?:,|$)')


class RefusedError(Exception):
    """A request whose signature or digest does not hold; the message says why."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a Signature header says: who signed which headers how."""

    key_id: str
    headers: tuple[str, ...]
    signature: bytes


def new_key() -> tuple[str, str]:
    """A fresh RSA-2048 pair as PEM: private (PKCS8) and public (SPKI)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def digest(body: bytes) -> str:
    """The Digest header of *body* (RFC 3230)."""
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def signed_headers(
    key_id: str, private_pem: str, method: str, url: str, body: bytes | None
) -> dict[str, str]:
    """The headers that sign a request: host, date, digest where there is a body, signature."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {
        "host": parts.netloc,
        "date": format_datetime(datetime.now(UTC), usegmt=True),
    }
    covered = ["(request-target)", "host", "date"]
    if body is not None:
        headers["digest"] = digest(body)
        covered.append("digest")
    text = _signing_string(covered, method, target, headers)
    key = load_pem_private_key(private_pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the peer signs with RSA only")
    signature = base64.b64encode(key.sign(text, padding.PKCS1v15(), SHA256())).decode()
    headers["signature"] = (
        f'keyId="{key_id}",algorithm="rsa-sha256",headers="{" ".join(covered)}",'
        f'signature="{signature}"'
    )
    return headers


def read_claim(header: str | None) -> Claim:
    """The parts of a Signature header. Raises RefusedError when it cannot be read."""
    if not header:
        raise RefusedError("no Signature header")
    found: dict[str, str] = {}
    position = 0
    while position < len(header):
        match = _PARAMETER.match(header, position)
        if match is None or match[1] in found:
            raise RefusedError("the Signature header cannot be read")
        found[match[1]] = match[2] if match[2] is not None else match[3]
        position = match.end()
    try:
        return Claim(
            found["keyId"],
            tuple(found.get("headers", "date").lower().split()),
            base64.b64decode(found["signature"], validate=True),
        )
    except (KeyError, ValueError) as error:
        raise RefusedError("the Signature header lacks a part") from error


def verify(
    claim: Claim,
    public_pem: str,
    *,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> None:
    """Check digest, date, what is covered and the signature. Raises RefusedError."""
    missing = {"(request-target)", "host", "date", "digest"} - set(claim.headers)
    if missing:
        raise RefusedError(f"the signature does not cover {', '.join(sorted(missing))}")
    if headers.get("digest") != digest(body):
        raise RefusedError("the digest is not that of the body")
    try:
        date = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError) as error:
        raise RefusedError("the date cannot be read") from error
    if date.tzinfo is None or abs(now - date) > TOLERANCE:
        raise RefusedError("the date is too far off")
    key = load_pem_public_key(public_pem.encode())
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
        raise RefusedError("the key is not RSA of 2,048 bits or more")
    text = _signing_string(claim.headers, method, target, headers)
    try:
        key.verify(claim.signature, text, padding.PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise RefusedError("the signature does not hold") from error


def _signing_string(
    covered: tuple[str, ...] | list[str], method: str, target: str, headers: Mapping[str, str]
) -> bytes:
    lines = []
    for name in covered:
        if name == "(request-target)":
            lines.append(f"(request-target): {method.lower()} {target}")
        elif name in headers:
            lines.append(f"{name}: {headers[name]}")
        else:
            raise RefusedError(f"the signed header {name} is missing")
    return "\n".join(lines).encode()
