"""Object integrity proofs (FEP-8b32): a signature that travels inside a document.

Only the cryptosuite eddsa-jcs-2022 is known: Ed25519 over the canonical JSON (RFC 8785) of the
document and of the proof's own members.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fedblog.domain.frozen import frozen
from fedblog.signatures import base58
from fedblog.signatures.errors import InvalidSignatureError, MalformedSignatureError, StaleError
from fedblog.signatures.keys import PublicKey, SigningKey

CRYPTOSUITE = "eddsa-jcs-2022"
CONTEXT = "https://w3id.org/security/data-integrity/v2"
"""The JSON-LD context that defines a proof's terms."""

_TYPE = "DataIntegrityProof"
_PURPOSE = "assertionMethod"
_SIGNATURE_BYTES = 64
_MAX_VALUE = 100


def add(document: Mapping[str, Any], key: SigningKey, created: datetime) -> dict[str, Any]:
    """*document* with a proof by *key*, made at *created*, in place of any it had.

    The proof repeats the document's ``@context`` (Data Integrity EdDSA Cryptosuites, section
    3.3.1). Raises ValueError where the key is not Ed25519 or the document has a number that
    canonical JSON cannot carry.
    """
    private_key = key.private_key
    if not isinstance(private_key, Ed25519PrivateKey):
        raise ValueError(f"the key {key.key_id} is not Ed25519")
    bare = {name: value for name, value in document.items() if name != "proof"}
    proof: dict[str, Any] = {}
    if "@context" in bare:
        proof["@context"] = bare["@context"]
    proof |= {
        "type": _TYPE,
        "cryptosuite": CRYPTOSUITE,
        "verificationMethod": key.key_id,
        "proofPurpose": _PURPOSE,
        "created": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    signature = private_key.sign(_hashed(proof) + _hashed(bare))
    return {**bare, "proof": proof | {"proofValue": "z" + base58.encode(signature)}}


def verification_method(document: Mapping[str, Any]) -> str | None:
    """The id of the key with which the proof in *document* says it was made; None without a proof
    of the kind known here."""
    proof = _proof(document)
    method = proof.get("verificationMethod") if proof is not None else None
    return method if isinstance(method, str) and method else None


@frozen
class Proof:
    """The proof of a document, ready to be held against a key: *signature*, and the hashes of what
    it may have been made over. Reading a document into this is the dear part, and needs no key."""

    signature: bytes
    candidates: tuple[bytes, ...]


def read(document: Mapping[str, Any], *, now: datetime | None = None) -> Proof:
    """The proof in *document*.

    Each part of the document is brought into its canonical form (RFC 8785) once, in time that grows
    with its size. Raises MalformedSignatureError, StaleError for an ``expires`` before *now*,
    InvalidSignatureError for a document that no proof can hold for.
    """
    proof = _proof(document)
    if proof is None:
        raise MalformedSignatureError("there is no proof of the kind known here")
    _check_expiry(proof, now or datetime.now(UTC))
    signature = _signature(proof)
    context = document.get("@context")
    if "@context" in proof and not _begins_with(context, proof["@context"]):
        raise InvalidSignatureError("the proof was made in another context")
    try:
        members = _canonical_members(document)
        options = _canonical_members(proof)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidSignatureError("the document has no canonical form") from error
    members.pop("proof")
    options.pop("proofValue")
    option_hashes = [_hash_of(options)]
    # Some sign the document's context within the proof and then send the proof without it.
    if "@context" not in options and "@context" in members:
        option_hashes.append(_hash_of(options | {"@context": members["@context"]}))
    document_hashes = [_hash_of(members)]
    # Fedify adds a Linked Data signature after the proof, which therefore does not cover it.
    if members.pop("signature", None) is not None:
        document_hashes.append(_hash_of(members))
    return Proof(
        signature,
        tuple(first + second for second in document_hashes for first in option_hashes),
    )


def check(proof: Proof, public_key: PublicKey) -> None:
    """Check *proof* against *public_key*, which the caller has found under `verification_method`
    and knows to be the actor's. Raises InvalidSignatureError."""
    if not isinstance(public_key, Ed25519PublicKey):
        raise InvalidSignatureError("the algorithm does not fit the key")
    if not any(_holds(public_key, proof.signature, data) for data in proof.candidates):
        raise InvalidSignatureError("the proof is not that of the key over this document")


def verify(
    document: Mapping[str, Any], public_key: PublicKey, *, now: datetime | None = None
) -> None:
    """Check the proof in *document* against *public_key*: `read` and `check` in one."""
    check(read(document, now=now), public_key)


def _proof(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The proof in *document* if it is the only one there and of the kind known here."""
    proof = document.get("proof")
    if isinstance(proof, list) and len(proof) == 1:
        proof = proof[0]
    if (
        isinstance(proof, dict)
        and proof.get("type") == _TYPE
        and proof.get("cryptosuite") == CRYPTOSUITE
        and proof.get("proofPurpose") == _PURPOSE
        and "previousProof" not in proof
    ):
        return proof
    return None


def _signature(proof: Mapping[str, Any]) -> bytes:
    value = proof.get("proofValue")
    if not isinstance(value, str) or not value.startswith("z") or len(value) > _MAX_VALUE:
        raise MalformedSignatureError("the proof's value is not multibase in base58btc")
    try:
        signature = base58.decode(value[1:])
    except ValueError as error:
        raise MalformedSignatureError("the proof's value cannot be read") from error
    if len(signature) != _SIGNATURE_BYTES:
        raise MalformedSignatureError("the proof's value is no Ed25519 signature")
    return signature


def created_at(document: Mapping[str, Any]) -> datetime | None:
    """When the proof in *document* says it was made, if it does so readably."""
    proof = _proof(document)
    return _moment(proof.get("created")) if proof is not None else None


def _check_expiry(proof: Mapping[str, Any], now: datetime) -> None:
    if "expires" not in proof:
        return
    expires = _moment(proof["expires"])
    if expires is None:
        raise MalformedSignatureError("the proof's expiry cannot be read")
    if expires <= now:
        raise StaleError("the proof has expired")


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _begins_with(context: Any, wanted: Any) -> bool:
    """Whether *context* begins with all of *wanted*, in its order (section 3.3.2)."""
    has = context if isinstance(context, list) else [context]
    wants = wanted if isinstance(wanted, list) else [wanted]
    return has[: len(wants)] == wants


def _canonical_members(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Each member of *document* as it stands in the canonical form, by its name."""
    return {name: rfc8785.dumps({name: value})[1:-1] for name, value in document.items()}


def _hash_of(members: Mapping[str, bytes]) -> bytes:
    """The hash of the object that *members* make: they stand in the order of their names' UTF-16
    code units (RFC 8785, section 3.2.3)."""
    names = sorted(members, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return hashlib.sha256(b"{" + b",".join([members[name] for name in names]) + b"}").digest()


def _hashed(document: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(rfc8785.dumps(dict(document))).digest()


def _holds(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
