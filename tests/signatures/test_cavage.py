"""Signatures by draft-cavage-http-signatures-12, against strings and signatures made without us."""

import hmac
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from fedblog.signatures import cavage
from fedblog.signatures.errors import (
    InvalidSignatureError,
    MalformedSignatureError,
    SignatureError,
    StaleError,
    UncoveredError,
)
from fedblog.signatures.keys import SigningKey

HOST = "blog.example"
KEY_ID = "https://peer.example/users/ada#main-key"
NOW = datetime(2026, 11, 5, 12, 0, 0, tzinfo=UTC)
DATE = "Thu, 05 Nov 2026 12:00:00 GMT"
BODY = b'{"type":"Create"}'
DIGEST = "SHA-256=" + b64encode(sha256(BODY).digest()).decode()
HEADERS = {
    "host": HOST,
    "date": DATE,
    "digest": DIGEST,
    "content-type": "application/activity+json",
}
POST_COVERED = "(request-target) host date digest"

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def rsa_sha256(data: bytes) -> bytes:
    return RSA_KEY.sign(data, padding.PKCS1v15(), hashes.SHA256())


def rsa_sha512(data: bytes) -> bytes:
    return RSA_KEY.sign(data, padding.PKCS1v15(), hashes.SHA512())


def by_hand(
    lines: list[str],
    *,
    signer: Callable[[bytes], bytes] = rsa_sha256,
    algorithm: str | None = "rsa-sha256",
    extra: str = "",
) -> str:
    """A Signature header over *lines* of a signing string, as another server would make it."""
    names = " ".join(line.split(": ", 1)[0] for line in lines)
    signature = b64encode(signer("\n".join(lines).encode())).decode()
    stated = f'algorithm="{algorithm}",' if algorithm else ""
    return f'keyId="{KEY_ID}",{stated}{extra}headers="{names}",signature="{signature}"'


def post_lines(target: str = "/ap/inbox") -> list[str]:
    return [
        f"(request-target): post {target}",
        f"host: {HOST}",
        f"date: {DATE}",
        f"digest: {DIGEST}",
    ]


def check(
    header: str,
    *,
    key: cavage.PublicKey | None = None,
    method: str = "POST",
    targets: tuple[str, ...] = ("/ap/inbox",),
    headers: dict[str, str] = HEADERS,
    now: datetime = NOW,
    host: str = HOST,
) -> None:
    """Everything that is asked of a request's signature, in the order of the inbox."""
    parsed = cavage.parse(header)
    cavage.check_coverage(parsed, method=method)
    cavage.check_time(parsed, headers.get("date"), now, past=3600, future=300)
    cavage.verify(
        parsed,
        key or RSA_KEY.public_key(),
        method=method,
        targets=targets,
        headers=headers,
        host=host,
    )


# --- what is accepted ---------------------------------------------------------------------------


def test_post_signed_with_rsa_sha256_is_accepted() -> None:
    check(by_hand(post_lines()))


def test_hs2019_with_an_rsa_key_means_rsa_with_sha_256() -> None:
    check(by_hand(post_lines(), algorithm="hs2019"))


def test_hs2019_with_an_rsa_key_and_sha_512_is_accepted() -> None:
    check(by_hand(post_lines(), algorithm="hs2019", signer=rsa_sha512))


def test_signature_without_algorithm_follows_the_key() -> None:
    check(by_hand(post_lines(), algorithm=None))
    check(
        by_hand(post_lines(), algorithm=None, signer=ED_KEY.sign),
        key=ED_KEY.public_key(),
    )


def test_ed25519_is_accepted_under_hs2019() -> None:
    header = by_hand(post_lines(), algorithm="hs2019", signer=ED_KEY.sign)
    check(header, key=ED_KEY.public_key())


def test_created_and_expires_are_signed_as_their_parameters_say() -> None:
    created = int(NOW.timestamp()) - 20
    lines = [
        "(request-target): post /ap/inbox",
        f"(created): {created}",
        f"(expires): {created + 300}",
        f"host: {HOST}",
        f"digest: {DIGEST}",
    ]
    without_date = {name: value for name, value in HEADERS.items() if name != "date"}
    bare = by_hand(lines, algorithm="hs2019", extra=f"created={created},expires={created + 300},")
    check(bare, headers=without_date)
    quoted = by_hand(
        lines, algorithm="hs2019", extra=f'created="{created}",expires={created + 300},'
    )
    check(quoted, headers=without_date)


def test_get_is_accepted_without_digest() -> None:
    lines = ["(request-target): get /ap/blog", f"host: {HOST}", f"date: {DATE}"]
    check(by_hand(lines), method="GET", targets=("/ap/blog",))


@pytest.mark.parametrize("signed", ["/ap/blog/outbox?page=1", "/ap/blog/outbox"])
def test_target_may_be_signed_with_or_without_its_query(signed: str) -> None:
    lines = [f"(request-target): get {signed}", f"host: {HOST}", f"date: {DATE}"]
    check(by_hand(lines), method="GET", targets=("/ap/blog/outbox?page=1", "/ap/blog/outbox"))


def test_parameters_may_come_in_any_order_and_with_spaces() -> None:
    signature = b64encode(rsa_sha256("\n".join(post_lines()).encode())).decode()
    check(
        f'headers="(request-target) Host Date Digest", signature="{signature}" ,  '
        f'algorithm="RSA-SHA256", keyId="{KEY_ID}"'
    )


def test_parameters_that_nobody_knows_are_passed_over() -> None:
    check(by_hand(post_lines(), extra='opaque="abc",'))


def test_the_covered_headers_may_come_in_another_order_and_be_more() -> None:
    lines = [*reversed(post_lines()), "content-type: application/activity+json"]
    check(by_hand(lines))


def test_signature_made_by_openssl_is_accepted(tmp_path: Path) -> None:
    private, data = tmp_path / "key.pem", tmp_path / "data"
    private.write_bytes(
        RSA_KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )

    def openssl(signed: bytes) -> bytes:
        data.write_bytes(signed)
        command = ["openssl", "dgst", "-sha256", "-sign", str(private), str(data)]
        return subprocess.run(command, check=True, capture_output=True).stdout

    check(by_hand(post_lines(), signer=openssl))


# --- what is sent -------------------------------------------------------------------------------


def sent_parameters(header: str) -> dict[str, str]:
    return dict(part.rstrip('"').split('="', 1) for part in header.split('",'))


def test_what_is_sent_verifies_by_the_draft_text() -> None:
    header = cavage.sign(
        SigningKey(KEY_ID, RSA_KEY),
        method="POST",
        target="/users/bob/inbox?x=1",
        headers={"Host": HOST, "Date": DATE, "Digest": DIGEST, "User-Agent": "x"},
        covered=("(request-target)", "host", "date", "digest"),
    )
    parameters = sent_parameters(header)
    assert parameters["keyId"] == KEY_ID
    assert parameters["algorithm"] == "rsa-sha256"
    assert parameters["headers"] == POST_COVERED
    RSA_KEY.public_key().verify(
        b64decode(parameters["signature"]),
        "\n".join(post_lines("/users/bob/inbox?x=1")).encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    with pytest.raises(InvalidSignature):
        OTHER_KEY.public_key().verify(
            b64decode(parameters["signature"]),
            "\n".join(post_lines("/users/bob/inbox?x=1")).encode(),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )


def test_what_is_sent_verifies_with_openssl(tmp_path: Path) -> None:
    header = cavage.sign(
        SigningKey(KEY_ID, RSA_KEY),
        method="GET",
        target="/users/bob",
        headers={"host": HOST, "date": DATE},
        covered=("(request-target)", "host", "date"),
    )
    public, signature, data = tmp_path / "key.pem", tmp_path / "signature", tmp_path / "data"
    public.write_bytes(
        RSA_KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    signature.write_bytes(b64decode(sent_parameters(header)["signature"]))
    data.write_text(f"(request-target): get /users/bob\nhost: {HOST}\ndate: {DATE}")
    command = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, data]
    assert b"Verified OK" in subprocess.run(command, check=True, capture_output=True).stdout


def test_ed25519_keys_sign_as_hs2019() -> None:
    header = cavage.sign(
        SigningKey(KEY_ID, ED_KEY),
        method="GET",
        target="/users/bob",
        headers={"host": HOST, "date": DATE},
        covered=("(request-target)", "host", "date"),
    )
    assert sent_parameters(header)["algorithm"] == "hs2019"
    data = f"(request-target): get /users/bob\nhost: {HOST}\ndate: {DATE}".encode()
    ED_KEY.public_key().verify(b64decode(sent_parameters(header)["signature"]), data)


def test_signing_a_header_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        cavage.sign(
            SigningKey(KEY_ID, RSA_KEY),
            method="POST",
            target="/",
            headers={"host": HOST},
            covered=("(request-target)", "host", "date"),
        )


# --- S6: what must be covered -------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["(request-target)", "host", "date", "digest"])
def test_s6_post_that_leaves_out_a_header_is_refused(missing: str) -> None:
    lines = [line for line in post_lines() if not line.startswith(missing + ":")]
    with pytest.raises(UncoveredError):
        check(by_hand(lines))


@pytest.mark.parametrize("missing", ["(request-target)", "host", "date"])
def test_s6_get_that_leaves_out_a_header_is_refused(missing: str) -> None:
    lines = ["(request-target): get /ap/blog", f"host: {HOST}", f"date: {DATE}"]
    lines = [line for line in lines if not line.startswith(missing + ":")]
    with pytest.raises(UncoveredError):
        check(by_hand(lines), method="GET", targets=("/ap/blog",))


def test_s6_signature_without_a_list_of_headers_is_refused() -> None:
    header = by_hand(post_lines()).replace(f'headers="{POST_COVERED}",', "")
    with pytest.raises(SignatureError):
        check(header)


def test_s6_request_replayed_to_another_inbox_is_refused() -> None:
    with pytest.raises(InvalidSignatureError):
        check(by_hand(post_lines("/ap/inbox")), targets=("/ap/blog/inbox",))


def test_s6_request_replayed_with_another_method_is_refused() -> None:
    with pytest.raises(InvalidSignatureError):
        check(by_hand(post_lines()), method="PUT")


def test_s6_request_signed_for_another_host_is_refused() -> None:
    with pytest.raises(InvalidSignatureError):
        check(by_hand(post_lines()), host="other.example")


def test_s6_host_header_of_the_request_is_not_believed() -> None:
    lines = [line.replace(HOST, "other.example") for line in post_lines()]
    with pytest.raises(InvalidSignatureError):
        check(by_hand(lines), headers=HEADERS | {"host": "other.example"})


def test_s6_signed_header_that_the_request_lacks_is_refused() -> None:
    with pytest.raises(InvalidSignatureError):
        check(by_hand([*post_lines(), "x-more: 1"]))


def test_s6_verification_alone_never_holds_without_the_target() -> None:
    parsed = cavage.parse(by_hand([f"host: {HOST}", f"date: {DATE}"]))
    with pytest.raises(InvalidSignatureError):
        cavage.verify(
            parsed,
            RSA_KEY.public_key(),
            method="GET",
            targets=("",),
            headers=HEADERS,
            host=HOST,
        )


def test_s6_signature_may_cover_a_hundred_headers_and_no_more() -> None:
    for number in (100, 101):
        names = " ".join(f"h{index}" for index in range(number))
        given = f'keyId="{KEY_ID}",headers="{names}",signature="YQ=="'
        if number == 100:
            assert len(cavage.parse(given).headers) == 100
        else:
            with pytest.raises(MalformedSignatureError):
                cavage.parse(given)


# --- S8: time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 05 Nov 2026 10:00:00 GMT",
        "Thu, 05 Nov 2026 14:00:00 GMT",
        "Thu, 05 Nov 2026 12:06:00 GMT",
        "Thu, 31 Feb 2026 12:00:00 GMT",
        "Thu, 05 Xyz 2026 12:00:00 GMT",
        "Thu, 05 Nov 0000 12:00:00 GMT",
        "Thu, 05 Nov 99999 12:00:00 +9999",
        "yesterday",
        "",
        "1793880000",
    ],
)
def test_s8_date_outside_the_window_or_unreadable_is_refused(date: str) -> None:
    lines = [line if not line.startswith("date:") else f"date: {date}" for line in post_lines()]
    with pytest.raises(StaleError):
        check(by_hand(lines), headers=HEADERS | {"date": date})


def test_s8_absent_date_is_refused() -> None:
    headers = {name: value for name, value in HEADERS.items() if name != "date"}
    with pytest.raises(StaleError):
        check(by_hand(post_lines()), headers=headers)


def test_s8_signature_that_was_good_is_refused_an_hour_later() -> None:
    check(by_hand(post_lines()), now=NOW + timedelta(minutes=59))
    with pytest.raises(StaleError):
        check(by_hand(post_lines()), now=NOW + timedelta(minutes=61))


@pytest.mark.parametrize(
    ("created", "expires"), [(7200, None), (-7200, None), (0, -1), (-10, 0), (301, 600)]
)
def test_s8_created_ahead_or_too_old_and_expires_past_are_refused(
    created: int, expires: int | None
) -> None:
    moment = int(NOW.timestamp()) + created
    extra = f"created={moment},"
    if expires is not None:
        extra += f"expires={int(NOW.timestamp()) + expires},"
    lines = [
        "(request-target): post /ap/inbox",
        f"(created): {moment}",
        f"host: {HOST}",
        f"digest: {DIGEST}",
    ]
    with pytest.raises(StaleError):
        check(by_hand(lines, algorithm="hs2019", extra=extra))


def test_s8_good_date_does_not_excuse_a_stale_created() -> None:
    moment = int(NOW.timestamp()) + 7200
    with pytest.raises(StaleError):
        check(by_hand(post_lines(), algorithm="hs2019", extra=f"created={moment},"))


def test_s8_signed_created_without_its_parameter_is_refused() -> None:
    lines = [*post_lines(), f"(created): {int(NOW.timestamp())}"]
    with pytest.raises(SignatureError):
        check(by_hand(lines, algorithm="hs2019"))


def test_date_of_every_month_is_read() -> None:
    parsed = cavage.parse(f'keyId="{KEY_ID}",headers="(request-target) host date",signature="YQ=="')
    for month in range(1, 13):
        at = datetime(2026, month, 5, 12, 0, 0, tzinfo=UTC)
        header = format_datetime(at, usegmt=True)
        cavage.check_time(parsed, header, at, past=60, future=60)
        for days in (-1, 1):
            with pytest.raises(StaleError):
                cavage.check_time(parsed, header, at + timedelta(days=days), past=60, future=60)


@pytest.mark.parametrize(
    "date", ["Thu, 05 Nov 2026 13:00:00 +0100", "Thu, 5 Nov 2026 12:00:00 GMT"]
)
def test_dates_of_older_forms_are_read(date: str) -> None:
    lines = [line if not line.startswith("date:") else f"date: {date}" for line in post_lines()]
    check(by_hand(lines), headers=HEADERS | {"date": date})


# --- S10: algorithms ----------------------------------------------------------------------------


def test_s10_hmac_with_the_public_key_as_its_secret_is_refused() -> None:
    pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for algorithm in ("hmac-sha256", "hs2019", None):
        header = by_hand(
            post_lines(),
            algorithm=algorithm,
            signer=lambda data: hmac.digest(pem, data, "sha256"),
        )
        with pytest.raises(SignatureError):
            check(header)


@pytest.mark.parametrize(
    "algorithm", ["rsa-sha1", "ecdsa-sha256", "ed25519", "none", "", "rsa-sha512", "hmac-sha256"]
)
def test_s10_other_algorithms_are_refused_before_any_key_is_asked_for(algorithm: str) -> None:
    header = by_hand(post_lines()).replace("rsa-sha256", algorithm)
    with pytest.raises(MalformedSignatureError):
        cavage.parse(header)


def test_s10_algorithm_that_does_not_fit_the_key_is_refused() -> None:
    header = by_hand(post_lines(), algorithm="rsa-sha256", signer=ED_KEY.sign)
    with pytest.raises(InvalidSignatureError):
        check(header, key=ED_KEY.public_key())
    with pytest.raises(InvalidSignatureError):
        check(by_hand(post_lines(), algorithm="hs2019"), key=ED_KEY.public_key())
    with pytest.raises(InvalidSignatureError):
        check(by_hand(post_lines(), algorithm="hs2019", signer=ED_KEY.sign))


def test_s10_elliptic_curve_key_signs_nothing_in_this_scheme() -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    def signer(data: bytes) -> bytes:
        return key.sign(data, ec.ECDSA(hashes.SHA256()))

    for algorithm in ("hs2019", None):
        with pytest.raises(InvalidSignatureError):
            check(by_hand(post_lines(), signer=signer, algorithm=algorithm), key=key.public_key())


def test_s10_rsa_sha256_does_not_cover_sha_512_or_sha_1() -> None:
    with pytest.raises(InvalidSignatureError):
        check(by_hand(post_lines(), signer=rsa_sha512))


def test_s10_created_does_not_go_with_rsa_sha256() -> None:
    created = int(NOW.timestamp())
    lines = [*post_lines(), f"(created): {created}"]
    with pytest.raises(MalformedSignatureError):
        check(by_hand(lines, extra=f"created={created},"))


def test_s10_signature_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidSignatureError):
        check(by_hand(post_lines()), key=OTHER_KEY.public_key())


# --- headers that cannot be read ----------------------------------------------------------------

GOOD = by_hand(post_lines())


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Signature",
        "keyId",
        'keyId=""',
        f'keyId="{KEY_ID}"',
        GOOD.replace('keyId="', 'keyid="'),
        GOOD.replace('signature="', 'sig="'),
        GOOD + ',keyId="https://evil.example/key"',
        GOOD + ", " + GOOD,
        GOOD + ',algorithm="hs2019"',
        GOOD + ',signature="AAAA"',
        GOOD + " trailing",
        GOOD[:-1],
        GOOD.replace('keyId="', 'keyId="a" b="'),
        GOOD.replace(POST_COVERED, POST_COVERED + " digest"),
        GOOD.replace(POST_COVERED, POST_COVERED + " Digest"),
        GOOD.replace(POST_COVERED, ""),
        GOOD.replace('signature="', 'signature="*'),
        GOOD.replace('signature="', 'signature="é'),
        GOOD + ",created=1.5",
        GOOD + ",created=-1",
        GOOD + ',created="soon"',
        GOOD + ",created=" + "9" * 400,
        GOOD + ',created="' + "9" * 400 + '"',
        GOOD + ',created="١٢"',
        GOOD + ',x="' + "a" * 9000 + '"',
    ],
)
def test_header_that_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(MalformedSignatureError):
        cavage.parse(header)


def test_target_outside_latin_1_is_refused_not_raised() -> None:
    with pytest.raises(InvalidSignatureError):
        check(GOOD, targets=("/☃",))
