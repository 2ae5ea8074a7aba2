"""HTTP message signatures (RFC 9421), against bases and signatures made without us."""

import contextlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from hypothesis import given
from hypothesis import strategies as st

from fedblog.signatures import messages
from fedblog.signatures.content_digest import check_content_digest
from fedblog.signatures.errors import (
    InvalidSignatureError,
    MalformedSignatureError,
    SignatureError,
    StaleError,
    UncoveredError,
)
from fedblog.signatures.keys import PublicKey, SigningKey, load_public

KEY_ID = "https://peer.example/users/ada#main-key"
URL = "https://blog.example/ap/inbox"
NOW = datetime(2026, 11, 5, 12, 0, 0, tzinfo=UTC)
CREATED = int(NOW.timestamp())
BODY = b'{"type":"Create"}'
DIGEST = f"sha-256=:{b64encode(sha256(BODY).digest()).decode()}:"
USUAL = ("@method", "@target-uri", "content-digest")

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
P256_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())

VALUES = {
    "@method": "POST",
    "@target-uri": URL,
    "@authority": "blog.example",
    "@path": "/ap/inbox",
    "@query": "?",
    "@request-target": "/ap/inbox",
    "@scheme": "https",
    "host": "blog.example",
    "date": "Thu, 05 Nov 2026 12:00:00 GMT",
    "content-digest": DIGEST,
    "content-type": "application/activity+json",
}


def rsa_v1_5(data: bytes) -> bytes:
    return RSA_KEY.sign(data, padding.PKCS1v15(), hashes.SHA256())


def rsa_pss(data: bytes) -> bytes:
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)
    return RSA_KEY.sign(data, pss, hashes.SHA512())


def ecdsa(key: ec.EllipticCurvePrivateKey, kind: hashes.HashAlgorithm, size: int):
    def sign(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(kind)))
        return r.to_bytes(size) + s.to_bytes(size)

    return sign


def by_hand(
    covered: tuple[str, ...] = USUAL,
    *,
    parameters: str = f';created={CREATED};keyid="{KEY_ID}"',
    signer: Callable[[bytes], bytes] = rsa_v1_5,
    values: dict[str, str] = VALUES,
    label: str = "sig1",
) -> dict[str, str]:
    """A signed request's headers, as section 2.5 has it; lower-case names."""
    stated = "(" + " ".join(f'"{name}"' for name in covered) + ")" + parameters
    lines = [f'"{name}": {values[name]}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": {stated}'])
    return {name: values[name] for name in ("host", "date", "content-digest", "content-type")} | {
        "signature-input": f"{label}={stated}",
        "signature": f"{label}=:{b64encode(signer(base.encode())).decode()}:",
    }


def check(
    headers: dict[str, str],
    *,
    key: PublicKey | None = None,
    method: str = "POST",
    url: str = URL,
    body: bytes = BODY,
    now: datetime = NOW,
) -> None:
    """Everything that is asked of a request's signature, in the order of the inbox."""
    parsed = messages.parse(headers)
    messages.check_coverage(parsed, method=method)
    messages.check_time(parsed, now, past=3600, future=300)
    if "content-digest" in parsed.covered:
        check_content_digest(headers.get("content-digest"), body)
    messages.verify(parsed, key or RSA_KEY.public_key(), method=method, url=url, headers=headers)


# --- what is accepted ---------------------------------------------------------------------------


def test_post_signed_as_mastodon_signs_is_accepted() -> None:
    check(by_hand())


@pytest.mark.parametrize(
    "covered",
    [
        ("content-digest", "@target-uri", "@method"),
        ("@method", "@target-uri", "@authority", "host", "date", "content-digest"),
        ("@method", "@authority", "@path", "@query", "content-digest"),
        ("@method", "@authority", "@request-target", "content-digest", "content-type"),
        ("@method", "host", "@path", "@query", "content-digest"),
    ],
)
def test_target_may_be_covered_whole_or_in_its_parts(covered: tuple[str, ...]) -> None:
    check(by_hand(covered))


@pytest.mark.parametrize(
    ("algorithm", "key", "signer"),
    [
        ("rsa-v1_5-sha256", RSA_KEY, rsa_v1_5),
        ("rsa-pss-sha512", RSA_KEY, rsa_pss),
        ("ed25519", ED_KEY, ED_KEY.sign),
        ("ecdsa-p256-sha256", P256_KEY, ecdsa(P256_KEY, hashes.SHA256(), 32)),
        ("ecdsa-p384-sha384", P384_KEY, ecdsa(P384_KEY, hashes.SHA384(), 48)),
    ],
)
def test_every_algorithm_of_the_library_but_hmac_is_accepted(algorithm, key, signer) -> None:
    stated = f';created={CREATED};keyid="{KEY_ID}";alg="{algorithm}"'
    check(by_hand(parameters=stated, signer=signer), key=key.public_key())
    if algorithm != "rsa-pss-sha512":
        check(by_hand(signer=signer), key=key.public_key())


def test_label_tag_and_nonce_may_be_what_the_sender_likes() -> None:
    stated = f';keyid="{KEY_ID}";created={CREATED};tag="activitypub";nonce="n"'
    check(by_hand(parameters=stated, label="activitypub"))


def test_expiry_ahead_is_accepted() -> None:
    check(by_hand(parameters=f';created={CREATED};expires={CREATED + 60};keyid="{KEY_ID}"'))


def test_get_needs_no_digest_and_its_query_is_part_of_the_target() -> None:
    url = "https://blog.example/ap/blog/outbox?page=true"
    values = VALUES | {"@method": "GET", "@target-uri": url}
    headers = by_hand(("@method", "@target-uri"), values=values)
    check(headers, method="GET", url=url)
    with pytest.raises(InvalidSignatureError):
        check(headers, method="GET", url=url.partition("?")[0])


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("missing", USUAL)
def test_s6_post_that_leaves_out_a_component_is_refused(missing: str) -> None:
    with pytest.raises(UncoveredError):
        check(by_hand(tuple(name for name in USUAL if name != missing)))


@pytest.mark.parametrize(
    "covered",
    [
        ("@method", "@path", "@query", "content-digest"),
        ("@method", "@authority", "@path", "content-digest"),
        ("@method", "@authority", "content-digest"),
        (),
    ],
)
def test_s6_target_in_too_few_parts_is_refused(covered: tuple[str, ...]) -> None:
    with pytest.raises(UncoveredError):
        check(by_hand(covered))


def test_s6_request_replayed_to_another_inbox_method_or_host_is_refused() -> None:
    headers = by_hand()
    with pytest.raises(InvalidSignatureError):
        check(headers, url="https://blog.example/ap/blog/inbox")
    with pytest.raises(InvalidSignatureError):
        check(headers, url="https://other.example/ap/inbox")
    with pytest.raises(InvalidSignatureError):
        check(headers, method="PUT")


def test_s33_host_header_of_the_request_is_not_believed() -> None:
    headers = by_hand(
        ("@method", "host", "@path", "@query", "content-digest"),
        values=VALUES | {"host": "evil.example"},
    )
    with pytest.raises(InvalidSignatureError):
        check(headers)


def test_s7_body_that_is_not_the_digests_is_refused() -> None:
    with pytest.raises(SignatureError):
        check(by_hand(), body=b"{}")


@pytest.mark.parametrize(
    "stated",
    [
        f';keyid="{KEY_ID}"',
        f';created={CREATED - 7200};keyid="{KEY_ID}"',
        f';created={CREATED + 7200};keyid="{KEY_ID}"',
        f';created={CREATED};expires={CREATED - 1};keyid="{KEY_ID}"',
        f';created={CREATED};expires={CREATED};keyid="{KEY_ID}"',
    ],
)
def test_s11_created_absent_past_or_ahead_and_expiry_past_are_refused(stated: str) -> None:
    with pytest.raises(StaleError):
        check(by_hand(parameters=stated))


def test_s11_two_labels_are_refused() -> None:
    one, two = by_hand(), by_hand(label="sig2")
    both = one | {name: f"{one[name]}, {two[name]}" for name in ("signature-input", "signature")}
    with pytest.raises(MalformedSignatureError):
        check(both)
    with pytest.raises(MalformedSignatureError):
        check(one | {"signature-input": both["signature-input"]})
    with pytest.raises(MalformedSignatureError):
        check(one | {"signature": both["signature"]})


def test_s11_one_label_twice_is_refused() -> None:
    one = by_hand()
    for name in ("signature-input", "signature"):
        with pytest.raises(MalformedSignatureError):
            check(one | {name: f"{one[name]}, {one[name]}"})


def test_s11_signature_under_another_label_is_refused() -> None:
    headers = by_hand()
    with pytest.raises(MalformedSignatureError):
        check(headers | {"signature": headers["signature"].replace("sig1", "sig2")})


@pytest.mark.parametrize("flag", [";req", ";tr", ";req;sf"])
def test_s11_components_of_another_message_are_refused(flag: str) -> None:
    headers = by_hand()
    stated = headers["signature-input"].replace('"@method"', f'"@method"{flag}')
    with pytest.raises(MalformedSignatureError):
        check(headers | {"signature-input": stated})


def test_s11_component_covered_twice_is_refused() -> None:
    with pytest.raises(MalformedSignatureError):
        check(by_hand((*USUAL, "content-digest")))


@pytest.mark.parametrize("flag", [";sf", ";bs", ';key="sha-256"', ";unknown"])
def test_s11_component_with_a_parameter_does_not_count_as_covered(flag: str) -> None:
    headers = by_hand()
    stated = headers["signature-input"].replace('"content-digest"', f'"content-digest"{flag}')
    with pytest.raises(UncoveredError):
        check(headers | {"signature-input": stated})


@pytest.mark.parametrize(
    ("algorithm", "key", "signer"),
    [
        ("ed25519", RSA_KEY, rsa_v1_5),
        ("rsa-pss-sha512", RSA_KEY, rsa_v1_5),
        ("rsa-v1_5-sha256", RSA_KEY, rsa_pss),
        ("rsa-v1_5-sha256", ED_KEY, ED_KEY.sign),
        ("ecdsa-p384-sha384", P256_KEY, ecdsa(P256_KEY, hashes.SHA256(), 32)),
        ("ecdsa-p256-sha256", P384_KEY, ecdsa(P384_KEY, hashes.SHA384(), 48)),
    ],
)
def test_s11_algorithm_that_is_not_the_keys_is_refused(algorithm, key, signer) -> None:
    stated = f';created={CREATED};keyid="{KEY_ID}";alg="{algorithm}"'
    with pytest.raises(InvalidSignatureError):
        check(by_hand(parameters=stated, signer=signer), key=key.public_key())


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "none", "rsa-sha256", "", "RSA-V1_5-SHA256"])
def test_s10_other_algorithms_are_refused_before_any_key_is_asked_for(algorithm: str) -> None:
    with pytest.raises(MalformedSignatureError):
        messages.parse(by_hand(parameters=f';created={CREATED};keyid="{KEY_ID}";alg="{algorithm}"'))


def test_s10_signature_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidSignatureError):
        check(by_hand(), key=OTHER_KEY.public_key())


@pytest.mark.parametrize(
    "stated",
    [
        "sig1",
        "sig1=",
        "sig1=(",
        "sig1=1",
        'sig1="@method"',
        f'sig1=(@method);created={CREATED};keyid="k"',
        f'sig1=("@method" 1);created={CREATED};keyid="k"',
        f'sig1=("@Method");created={CREATED};keyid="k"',
        f'sig1=("@method");created={CREATED}',
        f'sig1=("@method");created={CREATED};keyid=""',
        f'sig1=("@method");created={CREATED};keyid=k',
        f'sig1=("@method");created="{CREATED}";keyid="k"',
        f'sig1=("@method");created={CREATED}.5;keyid="k"',
        f'sig1=("@method");created={CREATED};keyid="k";alg=ed25519',
        f'sig1=("@method");created={CREATED};keyid="k";extra=1',
        'sig1=("@method");created=9999999999999999;keyid="k"',
        "sig1=(" + '"a" ' * 51 + f');created={CREATED};keyid="k"',
        "sig1=(" + '"a" ' * 5000 + ")",
        "☃",
        "",
    ],
)
def test_s11_signature_input_that_cannot_be_read_is_refused(stated: str) -> None:
    with pytest.raises(MalformedSignatureError):
        messages.parse(by_hand() | {"signature-input": stated})


@pytest.mark.parametrize(
    "signature", ["", "sig1", "sig1=AAAA", 'sig1="AAAA"', "sig1=:*:", "sig1=()"]
)
def test_s11_signature_that_is_no_byte_sequence_is_refused(signature: str) -> None:
    with pytest.raises(MalformedSignatureError):
        messages.parse(by_hand() | {"signature": signature})


def test_one_header_without_the_other_is_refused() -> None:
    for name in ("signature-input", "signature"):
        headers = by_hand()
        del headers[name]
        with pytest.raises(MalformedSignatureError):
            messages.parse(headers)


def test_s11_component_that_the_request_lacks_or_nobody_knows_is_refused() -> None:
    for name in ("x-absent", "@unknown", "@status"):
        headers = by_hand((*USUAL, name), values=VALUES | {name: "1"})
        with pytest.raises(InvalidSignatureError):
            check(headers)


# --- what is sent -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA_KEY, messages.RSA_V1_5_SHA256), (ED_KEY, messages.ED25519)]
)
def test_what_is_sent_is_what_the_text_of_the_rfc_asks(key, algorithm) -> None:
    added = messages.sign(
        SigningKey(KEY_ID, key),
        method="post",
        url=URL,
        headers={"Host": "blog.example"},
        body=BODY,
        created=CREATED,
        algorithm=algorithm,
    )
    signer = ED_KEY.sign if key is ED_KEY else rsa_v1_5
    wanted = by_hand(signer=signer)
    assert added == {
        "Content-Digest": wanted["content-digest"],
        "Signature-Input": wanted["signature-input"],
        "Signature": wanted["signature"],
    }


def test_get_is_sent_without_digest_and_without_a_fragment() -> None:
    url = "https://peer.example/users/ada?x=1"
    added = messages.sign(
        SigningKey(KEY_ID, ED_KEY),
        method="GET",
        url=f"{url}#main-key",
        headers={},
        body=None,
        created=CREATED,
        algorithm=messages.ED25519,
    )
    values = VALUES | {"@method": "GET", "@target-uri": url}
    wanted = by_hand(("@method", "@target-uri"), values=values, signer=ED_KEY.sign)
    assert added == {
        "Signature-Input": wanted["signature-input"],
        "Signature": wanted["signature"],
    }


def test_digest_that_was_made_before_is_signed_and_not_made_again() -> None:
    added = messages.sign(
        SigningKey(KEY_ID, ED_KEY),
        method="POST",
        url=URL,
        headers={"Content-Digest": DIGEST},
        body=b"another",
        created=CREATED,
        algorithm=messages.ED25519,
    )
    assert added["Signature"] == by_hand(signer=ED_KEY.sign)["signature"]
    assert "Content-Digest" not in added


@pytest.mark.parametrize(
    ("key_id", "algorithm"),
    [(KEY_ID, messages.ED25519), (KEY_ID, messages.RSA_PSS_SHA512), ('a"b', "rsa-v1_5-sha256")],
)
def test_key_that_cannot_sign_so_is_an_error(key_id: str, algorithm: str) -> None:
    with pytest.raises(ValueError, match="key"):
        messages.sign(
            SigningKey(key_id, RSA_KEY),
            method="POST",
            url=URL,
            headers={},
            body=BODY,
            created=CREATED,
            algorithm=algorithm,
        )


# --- RFC 9421, Appendix B: the requests signed with keys that are used here -----------------------
# B.2.4 signs a response and B.2.5 with a shared secret: neither comes to an inbox.

TEST_KEY_RSA_PSS = load_public(
    """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----"""
)
TEST_KEY_P256 = load_public(
    """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----"""
)
TEST_KEY_ED25519 = load_public(
    """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----"""
)
TEST_BODY = b'{"hello": "world"}'
TEST_URL = "https://example.com/foo?param=Value&Pet=dog"
TEST_HEADERS = {
    "host": "example.com",
    "date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "content-type": "application/json",
    "content-digest": "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm"
    "+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    "content-length": "18",
}
B21 = (
    '();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
    "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8U"
    "dx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJz"
    "sPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s"
    "++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
    "rsa-pss-sha512",
    TEST_KEY_RSA_PSS,
)
B22 = (
    '("@authority" "content-digest" "@query-param";name="Pet");created=1618884473'
    ';keyid="test-key-rsa-pss";tag="header-example"',
    "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7"
    "KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTla"
    "qwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVk"
    "SFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
    "rsa-pss-sha512",
    TEST_KEY_RSA_PSS,
)
B23 = (
    '("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest"'
    ' "content-length");created=1618884473;keyid="test-key-rsa-pss"',
    "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5"
    "p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aY"
    "A2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+Q"
    "IF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
    "rsa-pss-sha512",
    TEST_KEY_RSA_PSS,
)
B26 = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473'
    ';keyid="test-key-ed25519"',
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    None,
    TEST_KEY_ED25519,
)


def vector(
    stated: str,
    signature: str,
    algorithm: str | None,
    key: PublicKey,
    *,
    method: str = "POST",
    url: str = TEST_URL,
    headers: dict[str, str] = TEST_HEADERS,
) -> None:
    """Check one of the RFC's signatures; what it must cover here is not asked."""
    signed = headers | {"signature-input": f"sig={stated}", "signature": f"sig=:{signature}:"}
    parsed = replace(messages.parse(signed), algorithm=algorithm)
    messages.verify(parsed, key, method=method, url=url, headers=signed)


@pytest.mark.parametrize("case", [B21, B22, B23, B26], ids=["B.2.1", "B.2.2", "B.2.3", "B.2.6"])
def test_request_of_rfc_9421_appendix_b_2(case) -> None:
    vector(*case)
    if case is not B21:  # it covers nothing
        with pytest.raises(InvalidSignatureError):
            vector(*case, headers=TEST_HEADERS | {"content-length": "19", "content-digest": "x"})


def test_vectors_full_coverage_is_enough_for_an_inbox_and_its_digest_holds() -> None:
    stated, signature, _, _ = B23
    signed = {"signature-input": f"sig={stated}", "signature": f"sig=:{signature}:"}
    messages.check_coverage(messages.parse(signed), method="POST")
    check_content_digest(TEST_HEADERS["content-digest"], TEST_BODY)


def test_request_behind_a_proxy_of_rfc_9421_appendix_b_3() -> None:
    certificate = (
        ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNV"
        "BAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAk"
        "JDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8Ot"
        "hxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct"
        "0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1w"
        "bGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urm"
        "iZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:"
    )
    vector(
        '("@path" "@query" "@method" "@authority" "client-cert");created=1618884473'
        ';keyid="test-key-ecc-p256"',
        "xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==",
        None,
        TEST_KEY_P256,
        url="https://service.internal.example/foo?param=Value&Pet=dog",
        headers={"client-cert": certificate},
    )


@pytest.mark.parametrize(
    ("url", "method", "accept", "holds"),
    [
        (
            "https://example.org/demo?name1=Value1&Name2=value2",
            "GET",
            "application/json, */*",
            True,
        ),
        ("https://example.org/demo?param=added", "GET", "application/json, */*", True),
        ("https://example.com/demo", "GET", "application/json, */*", False),
        ("https://example.org/demo", "POST", "application/json, */*", False),
        ("https://example.org/demo", "GET", "*/*, application/json", False),
    ],
)
def test_request_changed_on_its_way_of_rfc_9421_appendix_b_4(
    url: str, method: str, accept: str, holds: bool
) -> None:
    def changed() -> None:
        vector(
            '("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
            "ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==",
            None,
            TEST_KEY_ED25519,
            method=method,
            url=url,
            headers={"accept": accept},
        )

    if holds:
        changed()
        return
    with pytest.raises(InvalidSignatureError):
        changed()


# --- whatever arrives -----------------------------------------------------------------------------


@given(
    stated=st.one_of(
        st.text(max_size=200),
        st.text(alphabet='sig1=(")@;:,ab 0-9*?%', max_size=80),
        st.lists(st.sampled_from(sorted(VALUES)), max_size=5).map(
            lambda names: by_hand(tuple(names))["signature-input"]
        ),
    ),
    signature=st.one_of(st.text(max_size=100), st.just(by_hand()["signature"])),
    digest=st.text(max_size=100),
    path=st.text(max_size=50),
)
def test_whatever_arrives_is_refused_by_name(
    stated: str, signature: str, digest: str, path: str
) -> None:
    headers = {
        "host": "blog.example",
        "date": digest,
        "content-type": path,
        "content-digest": digest,
        "signature-input": stated,
        "signature": signature,
    }
    with pytest.raises(SignatureError):
        check(headers, url=f"https://blog.example/{path}")
    with contextlib.suppress(MalformedSignatureError):
        parsed = messages.parse(headers)
        with pytest.raises(InvalidSignatureError):
            messages.verify(
                parsed,
                OTHER_KEY.public_key(),
                method="POST",
                url=f"https://blog.example/{path}",
                headers=headers,
            )


def test_s17_signature_input_over_its_bounds_is_refused_though_it_would_hold() -> None:
    long = by_hand(parameters=f';created={CREATED};keyid="{KEY_ID}";nonce="{"n" * 8192}"')
    with pytest.raises(MalformedSignatureError, match="too long"):
        check(long)
    names = tuple(f"x-{number}" for number in range(50))
    wide = by_hand((*USUAL, *names), values=VALUES | dict.fromkeys(names, "1"))
    with pytest.raises(MalformedSignatureError, match="too many components"):
        check(wide | dict.fromkeys(names, "1"))
