"""The Digest header, against hashes made by hashlib and openssl."""

import subprocess
from base64 import b64encode
from hashlib import sha256, sha512

import pytest

from fedblog.signatures.digest import check_digest, digest_header
from fedblog.signatures.errors import DigestError

BODY = b'{"hello":"world"}'
GOOD = "SHA-256=" + b64encode(sha256(BODY).digest()).decode()
OTHER = "SHA-256=" + b64encode(sha256(b"other").digest()).decode()
LONG = "SHA-512=" + b64encode(sha512(BODY).digest()).decode()


def test_digest_is_what_openssl_says() -> None:
    command = ["openssl", "dgst", "-sha256", "-binary"]
    raw = subprocess.run(command, input=BODY, check=True, capture_output=True).stdout
    assert digest_header(BODY) == "SHA-256=" + b64encode(raw).decode()


@pytest.mark.parametrize(
    "values",
    [
        [GOOD],
        [GOOD.replace("SHA", "sha")],
        [f"{LONG},{GOOD}"],
        [f"{GOOD} , {LONG}"],
        [LONG, GOOD],
        ["unixsum=30637", GOOD],
    ],
)
def test_digest_that_names_sha_256_once_and_matches_is_accepted(values: list[str]) -> None:
    check_digest(values, BODY)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        [LONG],
        [OTHER],
        [GOOD, GOOD],
        [GOOD, OTHER],
        [OTHER, GOOD],
        [f"{OTHER},{GOOD}"],
        [f"{GOOD},{GOOD}"],
        ["SHA-256="],
        [GOOD.removeprefix("SHA-256=")],
        ["MD5=" + GOOD.removeprefix("SHA-256=")],
        ["SHA-256=" + sha256(BODY).hexdigest()],
        [GOOD.rstrip("=")],
    ],
)
def test_s7_digest_missing_several_wrong_or_without_sha_256_is_refused(values: list[str]) -> None:
    with pytest.raises(DigestError):
        check_digest(values, BODY)


def test_digest_header_is_looked_at_to_a_bound() -> None:
    rest = f",{GOOD}"
    check_digest(["x" * (8192 - len(rest)) + rest], BODY)
    for values in (["x" * (8193 - len(rest)) + rest], ["x" * 8192, GOOD]):
        with pytest.raises(DigestError):
            check_digest(values, BODY)


def test_s7_body_altered_afterwards_is_refused() -> None:
    with pytest.raises(DigestError):
        check_digest([GOOD], BODY + b" ")
