"""Work before proof: what is dear to parse, from senders who prove nothing."""

from parts.attacks.stage import Kind, Stage, answered

_LARGE = 960_000


def _claimed(stage: Stage, body: bytes, number: int) -> bytes:
    """A POST that looks signed by a key nobody will fetch: its digest is another body's."""
    return stage.sign(b"{}", number).partition(b"Content-Length:")[0] + (
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    )


def _five_objects(stage: Stage, number: int) -> bytes:
    text = "![*" * 3_500
    notes = [
        stage.note(number, f"md{place}", content=text, mediaType="text/markdown")
        for place in range(5)
    ]
    return stage.create(number, "md", notes)


def _unsigned_markdown(stage: Stage, number: int) -> bytes:
    return stage.request(_five_objects(stage, number), {})


def _unproven_markdown(stage: Stage, number: int) -> bytes:
    return stage.forge(_five_objects(stage, number), number)


def _unproven_pictures(stage: Stage, number: int) -> bytes:
    text = ("<img " + "a" * 2990 + ">") * 30
    notes = [stage.note(number, f"img{place}", content=text) for place in range(5)]
    return stage.forge(stage.create(number, "img", notes), number)


def _blank_signature(stage: Stage, number: int) -> bytes:
    return stage.request(b"{}", {"Signature": 'keyId="x"' + " " * 8000 + "x"})


def _many_labels(stage: Stage, number: int) -> bytes:
    labels = ",".join(f's{place}=("@method");created=1' for place in range(260))
    return stage.request(b"{}", {"Signature-Input": labels, "Signature": "s0=:AAAA:"})


def _many_digests(stage: Stage, number: int) -> bytes:
    body = stage.create(number, "digests")
    request = stage.sign(body, number)
    begin = request.index(b"Digest: ")
    end = request.index(b"\r\n", begin)
    return request[:begin] + b"Digest: " + b"SHA-256=A," * 700 + request[end:]


def _nested_lists(stage: Stage, number: int) -> bytes:
    lists = "[" + ",".join(["[" + ",".join(["[]"] * 1000) + "]"] * 300) + "]"
    return stage.forge(stage.create(number, "lists", x=0)[:-2] + f"{lists}}}".encode(), number)


def _nul_texts(stage: Stage, number: int) -> bytes:
    return stage.forge(stage.create(number, "nul", x="\\u0000" * 130_000), number)


def _many_objects(stage: Stage, number: int) -> bytes:
    tags = [{"type": "Hashtag", "name": "#a"} for _ in range(20)]
    notes = [stage.note(number, f"o{place}", tag=tags, content="") for place in range(900)]
    return stage.forge(stage.create(number, "objects", notes), number)


def _many_numbers(stage: Stage, number: int) -> bytes:
    actor = stage.person(number)
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": f"{actor}#ed25519",
        "proofPurpose": "assertionMethod",
        "created": "2026-01-01T00:00:00Z",
        "proofValue": "z" + "1" * 86,
    }
    numbers = [[1.5] * 1000] * 140
    return stage.forge(stage.create(number, "numbers", x=numbers, proof=proof), number)


def _long_resource(stage: Stage, number: int) -> bytes:
    path = f"/.well-known/webfinger?resource=acct:{'a%40' * 500}&" + "rel=x&" * 4000
    return stage.request(b"", {}, "GET", path)


def _one_header_often(stage: Stage, number: int) -> bytes:
    whole = stage.request(b"{}", {"Signature": 'keyId="x"'})
    return whole.replace(b"\r\n\r\n", b"\r\n" + b"Digest: SHA-256=A\r\n" * 2000 + b"\r\n", 1)


def _wrong_digest_large(stage: Stage, number: int) -> bytes:
    return _claimed(stage, b'{"a":"' + b"x" * _LARGE + b'"}', number)


KINDS = [
    Kind("unsigned, Markdown", _unsigned_markdown, answered(401)),
    Kind("unproven, Markdown", _unproven_markdown, answered(401, 413, 429, 503)),
    Kind("unproven, pictures in text", _unproven_pictures, answered(401, 429, 503)),
    Kind("blanks in Signature", _blank_signature, answered(401, 431)),
    Kind("260 labels", _many_labels, answered(401, 431)),
    Kind("700 digests", _many_digests, answered(401, 431)),
    Kind("nested lists", _nested_lists, answered(413, 400)),
    Kind("NUL texts", _nul_texts, answered(400, 401, 429, 503)),
    Kind("900 objects", _many_objects, answered(401, 413, 429, 503)),
    Kind("proof over 140,000 numbers", _many_numbers, answered(401, 413, 429, 503)),
    Kind("wrong digest, large", _wrong_digest_large, answered(401)),
    Kind("resource and 4,000 rel", _long_resource, answered(400, 404, 414, 431)),
    Kind("one header 2,000 times", _one_header_often, answered(401, 400, 431)),
]
