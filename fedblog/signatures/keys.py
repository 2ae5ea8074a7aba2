"""Keys: making them, and reading them in the forms in which peers publish theirs."""

from base64 import b64decode
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from fedblog.signatures import base58
from fedblog.signatures.errors import KeyFormatError

PrivateKey = RSAPrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | Ed25519PublicKey | EllipticCurvePublicKey
"""What can be verified with. Elliptic curve keys (P-256, P-384) are never made here."""

RSA = "rsa"
ED25519 = "ed25519"
ECDSA = "ecdsa"

_PEM_KINDS = ("PUBLIC KEY", "RSA PUBLIC KEY")
_MAX_PEM = 8192
_MAX_MULTIBASE = 1500
_MAX_RSA_BITS = 8192
_MAX_RSA_EXPONENT = 1 << 33
_STRONG_RSA_BITS = 2048
_SHORT_RSA_BITS = 1024

# Multicodec prefixes (varints) of the kinds of keys: ed25519-pub, rsa-pub, p256-pub, p384-pub.
_ED25519_CODE = b"\xed\x01"
_RSA_CODE = b"\x85\x24"
_CURVES = {b"\x80\x24": SECP256R1(), b"\x81\x24": SECP384R1()}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is found."""

    key_id: str
    private_key: PrivateKey


def generate_rsa() -> tuple[str, str]:
    """A new RSA-2048 key as (private PKCS #8 PEM, public SPKI PEM)."""
    return _pems(generate_private_key(public_exponent=65537, key_size=_STRONG_RSA_BITS))


def generate_ed25519() -> tuple[str, str]:
    """A new Ed25519 key as (private PKCS #8 PEM, public SPKI PEM)."""
    return _pems(Ed25519PrivateKey.generate())


@lru_cache(maxsize=32)
def load_private(pem: str) -> PrivateKey:
    """The private key in *pem* (no password), checked, which takes some 40 ms for an RSA key.

    Raises KeyFormatError.
    """
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFormatError("the private key cannot be read") from error
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise KeyFormatError("the private key is neither RSA nor Ed25519")
    return key


def load_public(pem: str) -> PublicKey:
    """The public key in *pem*: SubjectPublicKeyInfo or PKCS #1 RSA, white space as it may be.

    Raises KeyFormatError, also for RSA keys so large that checking a signature would be costly.
    """
    if len(pem) > _MAX_PEM or (encoded := _between_marks(pem)) is None:
        raise KeyFormatError("there is no public key in PEM")
    try:
        der = b64decode("".join(encoded.split()), validate=True)
    except ValueError as error:
        raise KeyFormatError("the public key's base64 cannot be read") from error
    return _from_der(der)


def _between_marks(pem: str) -> str | None:
    """What stands between the first mark of a public key and the end mark that belongs to it."""
    for kind in _PEM_KINDS:
        _, begin, rest = pem.partition(f"-----BEGIN {kind}-----")
        encoded, end, _ = rest.partition(f"-----END {kind}-----")
        if begin and end:
            return encoded
    return None


def kind(key: PublicKey) -> str:
    """``rsa``, ``ed25519`` or ``ecdsa``."""
    if isinstance(key, RSAPublicKey):
        return RSA
    return ED25519 if isinstance(key, Ed25519PublicKey) else ECDSA


def spki_pem(key: PublicKey) -> str:
    """*key* as SubjectPublicKeyInfo PEM, the form in which keys are stored and published."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def multibase(public_pem: str) -> str:
    """The ``publicKeyMultibase`` of an Ed25519 or RSA key (FEP-521a). Raises KeyFormatError."""
    key = load_public(public_pem)
    if isinstance(key, Ed25519PublicKey):
        return "z" + base58.encode(_ED25519_CODE + key.public_bytes_raw())
    if not isinstance(key, RSAPublicKey):
        raise KeyFormatError("only Ed25519 and RSA keys are written as multibase")
    return "z" + base58.encode(_RSA_CODE + key.public_bytes(Encoding.DER, PublicFormat.PKCS1))


def pem_from_multibase(text: str) -> tuple[str, str]:
    """The (kind, SPKI PEM) of a ``publicKeyMultibase`` (FEP-521a: base58btc, so ``z…``).

    Raises KeyFormatError.
    """
    if not text.startswith("z") or len(text) > _MAX_MULTIBASE:
        raise KeyFormatError("the key is not multibase in base58btc")
    try:
        data = base58.decode(text[1:])
        if data.startswith(_ED25519_CODE):
            key: PublicKey = Ed25519PublicKey.from_public_bytes(data[len(_ED25519_CODE) :])
        elif data.startswith(_RSA_CODE):
            key = _from_der(data[len(_RSA_CODE) :])
        elif curve := _CURVES.get(data[:2]):
            key = EllipticCurvePublicKey.from_encoded_point(curve, data[2:])
        else:
            raise KeyFormatError("the multibase key is of a kind that is not used here")
    except ValueError as error:
        raise KeyFormatError("the multibase key cannot be read") from error
    return kind(key), spki_pem(key)


def is_rsa(key: PublicKey) -> TypeGuard[RSAPublicKey]:
    """Whether *key* is one of RSA. It is asked several times for each request, and isinstance goes
    through abstract classes each time."""
    return _is_of_rsa(type(key))


@lru_cache(maxsize=16)
def _is_of_rsa(kind: type) -> bool:
    return issubclass(kind, RSAPublicKey)


def is_strong(key: PublicKey, *, allow_short: bool) -> bool:
    """Whether *key* may vouch for anything: Ed25519, P-256, P-384, or RSA of 2,048 bits (1,024 by
    a setting)."""
    if not is_rsa(key):
        return True
    return key.key_size >= (_SHORT_RSA_BITS if allow_short else _STRONG_RSA_BITS)


def _from_der(der: bytes) -> PublicKey:
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFormatError("the public key cannot be read") from error
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1 | SECP384R1):
        return key
    if not isinstance(key, RSAPublicKey):
        raise KeyFormatError("the public key is of a kind that is not used here")
    if key.key_size > _MAX_RSA_BITS or key.public_numbers().e > _MAX_RSA_EXPONENT:
        raise KeyFormatError("the RSA key is larger than any in use")
    return key


def _pems(key: PrivateKey) -> tuple[str, str]:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private.decode("ascii"), spki_pem(key.public_key())
