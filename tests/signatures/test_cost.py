"""Headers, keys and proofs cost little to read whatever stands in them (before any proof)."""

from typing import Any

import pytest
from support.cost import units_of

from fedblog.signatures import cavage, content_digest, digest, keys, messages, proofs

CAVAGE = {
    "blanks": " " * 8000 + "x",
    "blanks at the end": 'keyId="x"' + " " * 8000 + "x",
    "tabs": "\t" * 8192,
    "letters": "a" * 8192,
    "an open text": 'keyId="' + "b" * 8000,
    "quotes": '"' * 8192,
    "equals": "=" * 8192,
    "commas": 'keyId="x"' + "," * 8000,
    "parameters": ",".join(f'{"a" * number}="b"' for number in range(1, 120)),
    "one parameter": "a=1," * 2000,
    "digits": "created=" + "1" * 8000,
    "headers": 'keyId="x",headers="' + "a " * 3900 + '",signature="AAAA"',
}


@pytest.mark.parametrize("name", CAVAGE)
def test_draft_cavage_header_costs_little_to_read(name: str) -> None:
    assert units_of(cavage.parse, CAVAGE[name]) < 0.2


def test_header_that_names_many_is_refused() -> None:
    names = " ".join(f"x-{number}" for number in range(101))
    with pytest.raises(cavage.MalformedSignatureError):
        cavage.parse(f'keyId="x",headers="{names}",signature="AAAA"')
    many = ",".join(f'{"a" * number}="b"' for number in range(1, 22))
    with pytest.raises(cavage.MalformedSignatureError):
        cavage.parse(f'keyId="x",signature="AAAA",{many}')


MESSAGES = {
    "labels": ",".join(f's{number}=("@method");created=1' for number in range(300)),
    "open lists": "s=(" * 2700,
    "components": "s=(" + '"a" ' * 2000 + ")",
    "components with parameters": "s=(" + '"a";req;tr;bs ' * 550 + ")",
    "an open text": 's=("' + "a" * 8000,
    "escapes": 's=("a");keyid="' + '\\"' * 3900 + '"',
    "parameters": 's=("a")' + ";a=1" * 2000,
    "blanks": " " * 8192,
    "blanks in a list": 's=("a"' + " " * 8000,
    "semicolons": "s=()" + ";" * 8000,
    "bytes": "s=:" + "A" * 8000,
    "digits": "s=1." + "1" * 8000,
    "percents": 's=%"' + "%c3" * 2600,
    "commas": "," * 8192,
}


@pytest.mark.parametrize("name", MESSAGES)
def test_rfc_9421_headers_cost_little_to_read(name: str) -> None:
    value = MESSAGES[name]
    good = 's=("@method");created=1;keyid="a"'
    for given, signature in ((value, "s=:AAAA:"), (good, value)):
        headers = {"signature-input": given, "signature": signature}
        assert units_of(messages.parse, headers) < 4
    assert units_of(content_digest.check_content_digest, value, b"") < 4


def test_components_with_parameters_are_few_and_of_short_headers() -> None:
    def parse(count: int, length: int) -> None:
        covered = " ".join(f'"x-a";key="{number}"' for number in range(count))
        given = f's=({covered});created=1;keyid="a"'
        messages.parse({"signature-input": given, "signature": "s=:AAAA:", "x-a": "a" * length})

    parse(8, 8192)
    for count, length in ((9, 10), (1, 8193)):
        with pytest.raises(messages.MalformedSignatureError):
            parse(count, length)


@pytest.mark.parametrize(
    "values",
    [["SHA-256=A," * 800], ["," * 8192], ["SHA-256=A"] * 5000, ["x" * 900_000], ["a=b,"] * 100_000],
)
def test_digest_headers_cost_little_to_read(values: list[str]) -> None:
    assert units_of(digest.check_digest, values, b"") < 4


PEMS = {
    "many beginnings": "-----BEGIN PUBLIC KEY-----\n" * 300,
    "many of RSA": "-----BEGIN RSA PUBLIC KEY-----" * 270,
    "dashes": "-" * 8192,
    "no end": "-----BEGIN PUBLIC KEY-----" + "A" * 8000,
    "blanks": "-----BEGIN PUBLIC KEY-----" + " \n" * 4000 + "-----END PUBLIC KEY-----",
    "many ends": "-----BEGIN PUBLIC KEY-----" + "-----END PUBLIC KEY----" * 340,
    "a megabyte": "-----BEGIN PUBLIC KEY-----" * 40_000,
}


@pytest.mark.parametrize("name", PEMS)
def test_pem_costs_little_to_read(name: str) -> None:
    assert units_of(keys.load_public, PEMS[name]) < 0.2


def test_pem_is_found_behind_others_and_in_both_forms() -> None:
    _, pem = keys.generate_ed25519()
    assert keys.load_public(f"Bag Attributes\n-----BEGIN X-----\n{pem}\n{pem}")
    assert keys.load_public("-----BEGIN PUBLIC KEY-----" + "".join(pem.split("\n")[1:]))


@pytest.mark.parametrize("digits", ["1", "z", "6Mk"])
def test_multibase_costs_little_to_read(digits: str) -> None:
    assert units_of(keys.pem_from_multibase, "z" + digits * 499) < 2


def proven(**members: Any) -> dict[str, Any]:
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": proofs.CRYPTOSUITE,
        "verificationMethod": "https://one.example/a#1",
        "proofPurpose": "assertionMethod",
        "proofValue": "z" + "1" * 64,
    }
    return {"id": "https://one.example/1", "signature": {"a": 1}, **members, "proof": proof}


@pytest.mark.parametrize(
    "value",
    [
        [[1.5] * 1000] * 13,
        [[1.234567890123e-7] * 900] * 4,
        [{f"k{number}": 1 for number in range(900)}] * 6,
        "\n" * 30_000,
        {f"é{number}": {} for number in range(1000)},
    ],
)
def test_document_of_the_size_allowed_is_made_canonical_once(value: Any) -> None:
    assert units_of(proofs.read, proven(x=value)) < 15
