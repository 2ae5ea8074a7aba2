"""The Content-Digest header (RFC 9530); RFC 9421, section 2.1 and Appendix B use its values."""

from base64 import b64encode
from hashlib import sha256, sha512

import pytest

from fedblog.signatures.content_digest import check_content_digest, content_digest_header
from fedblog.signatures.errors import DigestError

BODY = b'{"hello": "world"}\n'
SHA256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"  # RFC 9530, Appendix B.1
SHA512 = f"sha-512=:{b64encode(sha512(BODY).digest()).decode()}:"
WRONG256 = f"sha-256=:{b64encode(sha256(b'other').digest()).decode()}:"
WRONG512 = f"sha-512=:{b64encode(sha512(b'other').digest()).decode()}:"


def test_what_is_sent_is_the_vector_of_rfc_9530() -> None:
    assert content_digest_header(BODY) == SHA256


@pytest.mark.parametrize(
    "value",
    [
        SHA256,
        SHA512,
        f"{SHA256}, {SHA512}",
        f"{SHA512},{SHA256}",
        f"unixsum=:AAA=:, {SHA256}",
        f"{SHA256};note=1",
    ],
)
def test_digest_of_the_body_is_accepted(value: str) -> None:
    check_content_digest(value, BODY)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        WRONG256,
        WRONG512,
        f"{SHA256}, {WRONG512}",
        f"{WRONG256}, {SHA512}",
        f"{SHA256}, {SHA256}",
        f"{WRONG256}, {SHA256}",
        "unixsum=:AAA=:",
        "sha-256",
        "sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
        'sha-256="RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="',
        "sha-256=(:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:)",
        SHA256.replace("sha-256", "SHA-256"),
        SHA256[:-1],
        SHA256 + " " * 5000,
        "☃",
    ],
)
def test_s7_missing_wrong_repeated_or_unreadable_digest_is_refused(value: str | None) -> None:
    with pytest.raises(DigestError):
        check_content_digest(value, BODY)
