"""The Content-Digest header (RFC 9530), which goes with HTTP message signatures."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any, cast

import http_sf

from fedblog.signatures.errors import DigestError

_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_MAX_LENGTH = 2048


def content_digest_header(body: bytes) -> str:
    """The Content-Digest header's value for *body*: its SHA-256."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def check_content_digest(value: str | None, body: bytes) -> None:
    """Check the *value* of a request's Content-Digest against its *body*.

    Several headers arrive joined by commas. SHA-256 or SHA-512 must be among the digests; every one
    of these two that is given must match, and none may be given twice. Raises DigestError (S7).
    """
    if value is None:
        raise DigestError("no Content-Digest header")
    if value == content_digest_header(body):
        return
    if len(value) > _MAX_LENGTH:
        raise DigestError("the Content-Digest header is too long")
    known = 0
    for name, (digest, _) in _read(value).items():
        make = _HASHES.get(name)
        if make is None:
            continue
        if not isinstance(digest, bytes) or not hmac.compare_digest(digest, make(body).digest()):
            raise DigestError("the body is not the one that the content digest was made of")
        known += 1
    if not known:
        raise DigestError("the content digest is neither SHA-256 nor SHA-512")


def _read(value: str) -> dict[str, tuple[Any, Any]]:
    def refuse(name: str, _context: str) -> None:
        raise DigestError(f"the content digest {name} is given twice")

    try:
        read = http_sf.parse(value.encode("latin-1"), tltype="dictionary", on_duplicate_key=refuse)
    except (ValueError, TypeError) as error:
        raise DigestError("the Content-Digest header cannot be read") from error
    return cast(dict[str, tuple[Any, Any]], read)
