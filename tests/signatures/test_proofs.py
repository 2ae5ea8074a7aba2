"""Object integrity proofs (FEP-8b32), against its vectors and proofs made without us."""

import json
import math
import struct
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from fedblog.signatures import base58, proofs
from fedblog.signatures.errors import (
    InvalidSignatureError,
    MalformedSignatureError,
    SignatureError,
    StaleError,
)
from fedblog.signatures.keys import SigningKey, load_public, pem_from_multibase

# The test vector of FEP-8b32 (fep-8b32.feature).
SECRET = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
PUBLIC = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
KEY_ID = "https://server.example/users/alice#ed25519-key"
MADE = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)
CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/data-integrity/v2",
]
DOCUMENT: dict[str, Any] = {
    "@context": CONTEXT,
    "id": "https://server.example/activities/1",
    "type": "Create",
    "actor": "https://server.example/users/alice",
    "object": {
        "id": "https://server.example/objects/1",
        "type": "Note",
        "attributedTo": "https://server.example/users/alice",
        "content": "Hello world",
        "location": {"type": "Place", "longitude": -71.184902, "latitude": 25.273962},
    },
}
PROOF: dict[str, Any] = {
    "@context": CONTEXT,
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-jcs-2022",
    "verificationMethod": KEY_ID,
    "proofPurpose": "assertionMethod",
    "proofValue": "z42ffGu6AUKPCFcFPiabmUvnGLPJzC7e4DGWC52NUasSSH37UMa9c58tdgVszUcZf"
    "ytxa4fQ5TYHaJENCxUDe9SdL",
    "created": "2023-02-24T23:36:38Z",
}
SIGNED = DOCUMENT | {"proof": PROOF}
OLDER = {  # the vector of the proposal's earlier text: no ids, the proof without a context
    "@context": [CONTEXT[0], "https://w3id.org/security/data-integrity/v1"],
    "type": "Create",
    "actor": "https://server.example/users/alice",
    "object": {"type": "Note", "content": "Hello world"},
    "proof": {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": KEY_ID,
        "proofPurpose": "assertionMethod",
        "proofValue": "z3sXaxjKs4M3BRicwWA9peyNPJvJqxtGsDmpt1jjoHCjgeUf71TRFz56osPSfDErszyLp5Ks1E"
        "hYSgpDaNM977Rg2",
        "created": "2023-02-24T23:36:38Z",
    },
}

PUBLIC_KEY = load_public(pem_from_multibase(PUBLIC)[1])
PRIVATE_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(base58.decode(SECRET[1:])[2:])


def sorted_json(value: Any) -> bytes:
    """Canonical JSON of documents of ASCII texts, without the library that is tested."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def proof_by_hand(document: dict[str, Any], stated: dict[str, Any]) -> str:
    """A proof's value by the text of vc-di-eddsa, section 3.3."""
    data = sha256(sorted_json(stated)).digest() + sha256(sorted_json(document)).digest()
    return "z" + base58.encode(PRIVATE_KEY.sign(data))


def signed(**changes: Any) -> dict[str, Any]:
    """The document with a proof of its own making, *changes* in it (... takes away)."""
    stated = {name: value for name, value in PROOF.items() if name != "proofValue"} | changes
    stated = {name: value for name, value in stated.items() if value is not ...}
    return DOCUMENT | {"proof": stated | {"proofValue": proof_by_hand(DOCUMENT, stated)}}


def test_proof_of_the_fep_is_made_as_it_stands_there() -> None:
    assert proofs.add(DOCUMENT, SigningKey(KEY_ID, PRIVATE_KEY), MADE) == SIGNED


def test_proof_of_the_fep_holds_in_both_of_its_texts() -> None:
    proofs.verify(SIGNED, PUBLIC_KEY)
    proofs.verify(OLDER, PUBLIC_KEY)
    assert proofs.verification_method(SIGNED) == KEY_ID
    assert proofs.created_at(SIGNED) == MADE


def test_proof_in_a_list_of_one_holds() -> None:
    proofs.verify(DOCUMENT | {"proof": [PROOF]}, PUBLIC_KEY)


def test_proof_whose_signed_context_was_left_out_holds() -> None:
    document = signed()
    del document["proof"]["@context"]
    proofs.verify(document, PUBLIC_KEY)


def test_context_may_have_grown_after_the_proof_only_where_it_is_signed() -> None:
    stated = {name: value for name, value in PROOF.items() if name != "proofValue"}
    grown = DOCUMENT | {"@context": [*CONTEXT, "https://peer.example/more"]}
    stated["proofValue"] = proof_by_hand(grown, stated)
    proofs.verify(grown | {"proof": stated}, PUBLIC_KEY)
    with pytest.raises(InvalidSignatureError):
        proofs.verify(SIGNED | {"@context": [*CONTEXT, "https://peer.example/more"]}, PUBLIC_KEY)


@pytest.mark.parametrize(
    "changed",
    [
        SIGNED | {"actor": "https://server.example/users/mallory"},
        SIGNED | {"object": DOCUMENT["object"] | {"content": "Hello World"}},
        SIGNED | {"to": []},
        SIGNED | {"@context": CONTEXT[:1]},
        SIGNED | {"@context": CONTEXT[::-1]},
        {name: value for name, value in SIGNED.items() if name != "id"},
        SIGNED | {"proof": PROOF | {"created": "2023-02-24T23:36:39Z"}},
        SIGNED | {"proof": PROOF | {"verificationMethod": "https://server.example/k"}},
        SIGNED | {"proof": PROOF | {"extra": 1}},
        SIGNED | {"proof": PROOF | {"@context": "https://www.w3.org/ns/activitystreams"}},
        signed(**{"@context": "https://other.example/"}),
    ],
)
def test_document_or_proof_that_was_changed_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidSignatureError):
        proofs.verify(changed, PUBLIC_KEY)


def test_proof_of_another_key_or_kind_of_key_is_refused() -> None:
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    with pytest.raises(InvalidSignatureError):
        proofs.verify(SIGNED, other)
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(InvalidSignatureError):
        proofs.verify(SIGNED, rsa_key.public_key())
    with pytest.raises(ValueError, match="Ed25519"):
        proofs.add(DOCUMENT, SigningKey(KEY_ID, rsa_key), MADE)


@pytest.mark.parametrize(
    "proof",
    [
        None,
        "z",
        [],
        [PROOF, PROOF],
        signed(cryptosuite="eddsa-rdfc-2022")["proof"],
        signed(cryptosuite=...)["proof"],
        signed(type="Ed25519Signature2020")["proof"],
        signed(proofPurpose="authentication")["proof"],
        signed(previousProof="urn:uuid:1")["proof"],
    ],
)
def test_proof_of_another_kind_is_none(proof: Any) -> None:
    document = DOCUMENT | {"proof": proof}
    assert proofs.verification_method(document) is None
    with pytest.raises(MalformedSignatureError):
        proofs.verify(document, PUBLIC_KEY)


def test_s5_linked_data_signature_is_no_proof() -> None:
    signature = {"type": "RsaSignature2017", "creator": KEY_ID, "signatureValue": "AAAA"}
    document = DOCUMENT | {"signature": signature}
    assert proofs.verification_method(document) is None


@pytest.mark.parametrize(
    "value", [None, 1, "", "z", "AAAA", "u" + PROOF["proofValue"][1:], "z0", "z" + "2" * 500]
)
def test_value_that_is_no_signature_is_refused(value: Any) -> None:
    with pytest.raises(MalformedSignatureError):
        proofs.verify(DOCUMENT | {"proof": PROOF | {"proofValue": value}}, PUBLIC_KEY)


@pytest.mark.parametrize("method", [None, "", 1, {"id": KEY_ID}])
def test_method_that_is_no_id_names_no_key(method: Any) -> None:
    changed = DOCUMENT | {"proof": PROOF | {"verificationMethod": method}}
    assert proofs.verification_method(changed) is None


def test_proof_that_expires_is_good_until_then() -> None:
    document = signed(expires="2026-11-05T12:00:00Z")
    proofs.verify(document, PUBLIC_KEY, now=datetime(2026, 11, 5, 11, 59, tzinfo=UTC))
    with pytest.raises(StaleError):
        proofs.verify(document, PUBLIC_KEY, now=datetime(2026, 11, 5, 12, 0, tzinfo=UTC))
    with pytest.raises(MalformedSignatureError):
        proofs.verify(signed(expires="soon"), PUBLIC_KEY)


@pytest.mark.parametrize(
    ("created", "moment"),
    [
        ("2026-07-12T19:30:38.560996451Z", datetime(2026, 7, 12, 19, 30, 38, 560996, UTC)),
        ("2026-07-12T19:30:38", datetime(2026, 7, 12, 19, 30, 38, 0, UTC)),
        ("2026-07-12T21:30:38+02:00", datetime(2026, 7, 12, 19, 30, 38, 0, UTC)),
        ("today", None),
        (7, None),
    ],
)
def test_time_of_a_proof_is_read_where_it_can_be(created: Any, moment: datetime | None) -> None:
    assert proofs.created_at(DOCUMENT | {"proof": PROOF | {"created": created}}) == moment


@pytest.mark.parametrize("number", [2**60, math.inf])
def test_number_without_a_canonical_form_is_refused_not_raised(number: Any) -> None:
    with pytest.raises(InvalidSignatureError):
        proofs.verify(SIGNED | {"object": number}, PUBLIC_KEY)


# --- RFC 8785 -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        (  # section 3.2.2
            '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],'
            r'"string":"\u20ac$\u000F\u000aA'
            r"'\u0042\u0022\u005c\\\"\/"
            '","literals":[null,true,false]}',
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        ),
        (  # section 3.2.3
            r'{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With'
            r' Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",'
            r'"\u00f6":"Latin Small Letter O With Diaeresis"}',
            '{"\\r":"Carriage Return","1":"One","\x80":"Control","ö":"Latin Small Letter O With'
            ' Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet'
            ' With Dagesh"}',
        ),
    ],
)
def test_canonical_json_is_that_of_rfc_8785(given: str, canonical: str) -> None:
    assert rfc8785.dumps(json.loads(given)) == canonical.encode()


@pytest.mark.parametrize(  # RFC 8785, Appendix B
    ("bits", "canonical"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_number_of_rfc_8785_appendix_b(bits: str, canonical: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert rfc8785.dumps(number) == canonical.encode()


@pytest.mark.parametrize(  # RFC 8032, section 7.1: secret key, public key, message, signature
    ("secret", "public", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_ed25519_is_that_of_rfc_8032(
    secret: str, public: str, message: str, signature: str
) -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    _, pem = pem_from_multibase("z" + base58.encode(b"\xed\x01" + bytes.fromhex(public)))
    loaded = load_public(pem)
    assert isinstance(loaded, ed25519.Ed25519PublicKey)
    loaded.verify(bytes.fromhex(signature), bytes.fromhex(message))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=9), below),
    max_leaves=10,
)


@given(
    document=st.dictionaries(st.text(max_size=9), JSON),
    proof=JSON | st.dictionaries(st.sampled_from(sorted(PROOF)), JSON).map(PROOF.__or__),
)
def test_whatever_arrives_is_refused_by_name(document: dict[str, Any], proof: Any) -> None:
    claimed = document | {"proof": proof}
    proofs.verification_method(claimed)
    proofs.created_at(claimed)
    with pytest.raises(SignatureError):
        proofs.verify(claimed, PUBLIC_KEY)
