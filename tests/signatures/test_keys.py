"""Keys in the forms in which peers publish them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from fedblog.signatures import base58, keys
from fedblog.signatures.errors import KeyFormatError

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SPKI = (
    RSA_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
PKCS1 = (
    RSA_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    .decode()
)


@pytest.mark.parametrize(
    "pem",
    [
        SPKI,
        PKCS1,
        SPKI.strip(),
        "\n\n  " + SPKI + "\n\n",
        SPKI.replace("\n", "\r\n"),
        SPKI.replace("\n", " "),
        "\n".join("   " + line for line in SPKI.splitlines()),
        SPKI.replace("-----BEGIN PUBLIC KEY-----\n", "-----BEGIN PUBLIC KEY-----"),
        PKCS1.replace("\n", "\n\t"),
    ],
)
def test_public_key_is_read_whatever_its_white_space(pem: str) -> None:
    key = keys.load_public(pem)
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.public_numbers() == RSA_KEY.public_key().public_numbers()
    assert keys.spki_pem(key) == SPKI


def pem_of(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "no key at all",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        SPKI.replace("M", "*", 1),
        SPKI.replace("END PUBLIC", "END RSA PUBLIC"),
        SPKI[:-40],
        SPKI + " " * 10_000,
        pem_of(ec.generate_private_key(ec.SECP256K1())),
        pem_of(ec.generate_private_key(ec.SECP521R1())),
        "-----BEGIN PUBLIC KEY-----\n☃\n-----END PUBLIC KEY-----",
    ],
)
def test_what_is_no_public_key_of_a_kind_that_is_used_is_refused(pem: str) -> None:
    with pytest.raises(KeyFormatError):
        keys.load_public(pem)


def test_private_keys_are_never_taken_for_public_ones() -> None:
    private, _ = keys.generate_rsa()
    with pytest.raises(KeyFormatError):
        keys.load_public(private)


def test_unreadable_private_key_is_named_as_such() -> None:
    with pytest.raises(KeyFormatError):
        keys.load_private("nothing")
    with pytest.raises(KeyFormatError):
        keys.load_private(SPKI)


@pytest.mark.parametrize("generate", [keys.generate_rsa, keys.generate_ed25519])
def test_generated_keys_are_pairs_that_openssl_reads(
    generate: Callable[[], tuple[str, str]], tmp_path: Path
) -> None:
    private, public = generate()
    file = tmp_path / "key.pem"
    file.write_text(private)
    command = ["openssl", "pkey", "-in", str(file), "-pubout"]
    derived = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert derived.split() == public.split()
    assert keys.spki_pem(keys.load_private(private).public_key()) == public


def test_generated_rsa_key_has_2048_bits() -> None:
    key = keys.load_public(keys.generate_rsa()[1])
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


# The test vector "Ed25519" of did:key (W3C CCG, did:key method, section "Test vectors").
DID_KEY = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
DID_KEY_RAW = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")


def test_multibase_of_a_known_key_is_the_published_one() -> None:
    pem = (
        ed25519.Ed25519PublicKey.from_public_bytes(DID_KEY_RAW)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    assert keys.multibase(pem) == DID_KEY
    assert keys.pem_from_multibase(DID_KEY) == ("ed25519", pem)


def test_rsa_key_in_multibase_is_read() -> None:
    der = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.PKCS1
    )
    text = "z" + base58.encode(b"\x85\x24" + der)
    assert keys.pem_from_multibase(text) == ("rsa", SPKI)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "z6Mk",
        DID_KEY[1:],
        "u" + DID_KEY[1:],
        DID_KEY[:-1],
        DID_KEY + "1",
        DID_KEY.replace("k", "0", 1),
        "z" + "9" * 5000,
        "z" + base58.encode(b"\xe7\x01" + b"\x02" * 33),
        "z☃",
    ],
)
def test_multibase_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        keys.pem_from_multibase(text)


@pytest.mark.parametrize(
    ("curve", "code"), [(ec.SECP256R1(), b"\x80\x24"), (ec.SECP384R1(), b"\x81\x24")]
)
def test_elliptic_curve_key_is_read_from_pem_and_multibase(
    curve: ec.EllipticCurve, code: bytes
) -> None:
    private_key = ec.generate_private_key(curve)
    pem = pem_of(private_key)
    point = private_key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    assert keys.pem_from_multibase("z" + base58.encode(code + point)) == ("ecdsa", pem)
    key = keys.load_public(pem)
    assert keys.kind(key) == "ecdsa"
    assert keys.is_strong(key, allow_short=False)


def test_elliptic_curve_keys_are_not_written_as_multibase() -> None:
    with pytest.raises(KeyFormatError):
        keys.multibase(pem_of(ec.generate_private_key(ec.SECP256R1())))


@given(st.binary(max_size=80))
def test_base58_gives_back_what_it_was_given(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
        (b"", ""),
        (b"\0", "1"),
    ],
)
def test_base58_matches_the_vectors_of_its_draft(raw: bytes, text: str) -> None:
    assert base58.encode(raw) == text
    assert base58.decode(text) == raw


def test_s10_short_rsa_keys_are_weak_unless_the_setting_allows_them() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    middle = rsa.generate_private_key(public_exponent=65537, key_size=2047).public_key()
    assert not keys.is_strong(short, allow_short=False)
    assert not keys.is_strong(middle, allow_short=False)
    assert keys.is_strong(short, allow_short=True)
    assert keys.is_strong(RSA_KEY.public_key(), allow_short=False)
    assert keys.is_strong(ed25519.Ed25519PrivateKey.generate().public_key(), allow_short=False)


SHORTEST = """-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALRiMLAHudeSA2yJp8GMjbmKkN6y/Zq1
kM9WjDdX9uA2D6nRkx2OQxxcpFQ9Wn5zHgQpCkTn3bLxHkqhYQYlSXcCAwEAAQ==
-----END PUBLIC KEY-----
"""


def test_s10_rsa_keys_under_1024_bits_are_never_taken() -> None:
    try:
        key = keys.load_public(SHORTEST)
    except KeyFormatError:
        return
    assert not keys.is_strong(key, allow_short=True)


def test_s10_rsa_keys_that_make_checking_costly_are_refused() -> None:
    numbers = rsa.RSAPublicNumbers((1 << 33) + 3, RSA_KEY.public_key().public_numbers().n)
    pem = numbers.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(KeyFormatError):
        keys.load_public(pem.decode())
    huge = rsa.RSAPublicNumbers(65537, (1 << 9000) + 1).public_key()
    pem = huge.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(KeyFormatError):
        keys.load_public(pem.decode())


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_public_key_of_the_curves_of_rfc_9421_is_read(curve: ec.EllipticCurve) -> None:
    public = ec.generate_private_key(curve).public_key()
    read = keys.load_public(keys.spki_pem(public))
    assert isinstance(read, ec.EllipticCurvePublicKey)
    assert read.public_numbers() == public.public_numbers()


def test_private_key_that_is_neither_rsa_nor_ed25519_is_refused() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(KeyFormatError, match="neither RSA nor Ed25519"):
        keys.load_private(pem.decode())
