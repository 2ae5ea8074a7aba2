"""The Digest header (RFC 3230) over a request's body."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from fedblog.signatures.errors import DigestError

_PREFIX = "SHA-256="
_MAX_LENGTH = 8192


def digest_header(body: bytes) -> str:
    """The Digest header's value for *body*: ``SHA-256=`` and the base64 of its hash."""
    return _PREFIX + b64encode(sha256(body).digest()).decode("ascii")


def check_digest(values: Sequence[str], body: bytes) -> None:
    """Check the *values* of all Digest headers of a request against its *body*.

    A value may list several algorithms; SHA-256 must be among them exactly once and match, the
    others are not looked at. Raises DigestError (S7).
    """
    expected = digest_header(body)
    if len(values) == 1 and values[0] == expected:
        return
    if sum(map(len, values)) > _MAX_LENGTH:
        raise DigestError("the Digest header is too long")
    found = [
        part.strip()
        for value in values
        for part in value.split(",")
        if part.strip()[: len(_PREFIX)].upper() == _PREFIX
    ]
    if not found:
        raise DigestError(
            "there is no SHA-256 digest of the body" if values else "no Digest header"
        )
    if len(found) > 1:
        raise DigestError("there are several SHA-256 digests of the body")
    if found[0][len(_PREFIX) :] != expected[len(_PREFIX) :]:
        raise DigestError("the body is not the one that the digest was made of")
