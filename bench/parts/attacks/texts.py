"""Work after proof: dear texts by a bad account of an honest server, and what it has us fetch."""

import json

from parts import people
from parts.attacks.stage import Kind, Stage, answered


def _markdown(stage: Stage, number: int) -> bytes:
    note = stage.note(number, "smd", content="![*" * 2600 + "`" * 100, mediaType="text/markdown")
    return stage.sign(stage.create(number, "smd", note), number)


def _long_markdown(stage: Stage, number: int) -> bytes:
    note = stage.note(number, "lmd", content="[[*`<" * 18_000, mediaType="text/markdown")
    return stage.sign(stage.create(number, "lmd", note), number)


def _unclosed(stage: Stage, number: int) -> bytes:
    note = stage.note(number, "open", content="<b><i><a href=x>" * 90 + "<p>" * 20_000)
    return stage.sign(stage.create(number, "open", note), number)


def _attributes(stage: Stage, number: int) -> bytes:
    text = "<p " + " ".join(f"a{place}=b" for place in range(9000)) + ">x</p>"
    return stage.sign(stage.create(number, "att", stage.note(number, "att", content=text)), number)


def _entities(stage: Stage, number: int) -> bytes:
    note = stage.note(number, "ent", content="&CounterClockwiseContourIntegral;&#x" * 2700)
    return stage.sign(stage.create(number, "ent", note), number)


def _pictures(stage: Stage, number: int) -> bytes:
    note = stage.note(number, "pic", content=("<img " + "a" * 2990 + ">") * 30)
    return stage.sign(stage.create(number, "pic", note), number)


def _many_parts(stage: Stage, number: int) -> bytes:
    tags = [
        {"type": "Emoji", "name": f":e{place}:", "icon": {"url": f"https://example.org/{place}"}}
        for place in range(900)
    ]
    files = [{"type": "Image", "url": "https://example.org/x.png", "name": "n" * 300}] * 900
    note = stage.note(number, "parts", tag=tags, attachment=files, content=":e1:" * 9000)
    return stage.sign(stage.create(number, "parts", note), number)


def _long_names(stage: Stage, number: int) -> bytes:
    note = stage.note(number, "name", name="é" * 200_000, summary="&amp;" * 50_000)
    return stage.sign(stage.create(number, "name", note), number)


def _too_long(stage: Stage, number: int) -> bytes:
    note = stage.note(number, "long", content="<p>word " * 100_000)
    return stage.sign(stage.create(number, "long", note), number)


def _new_actor(stage: Stage, number: int) -> bytes:
    host = stage.bad.host(number % stage.domains)
    actor = f"http://{host}/bomb/{number}"
    body = stage.create(number, "actor").replace(stage.person(number).encode(), actor.encode())
    return stage.sign_as(actor, body, number)


async def _bomb(host: str, path: str) -> bytes | None:
    """An actor whose every part is large."""
    actor = f"http://{host}{path}"
    pem = "-----BEGIN PUBLIC KEY-----\n" * 300
    document = people.actor_document(actor, 0, pem) | {
        "name": "\u202e" * 100_000,
        "summary": "<b>&" * 50_000,
        "preferredUsername": "x" * 100_000,
        "publicKey": [
            {"id": f"{actor}#{place}", "owner": actor, "publicKeyPem": pem} for place in range(30)
        ],
    }
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/activity+json\r\ncontent-length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body


ANSWERS = {"/bomb/": _bomb}
_TAKEN = answered(202, 413, 429, 503)
KINDS = [
    Kind("signed, Markdown", _markdown, _TAKEN),
    Kind("signed, long Markdown", _long_markdown, _TAKEN),
    Kind("signed, 20,000 open tags", _unclosed, _TAKEN),
    Kind("signed, 9,000 attributes", _attributes, _TAKEN),
    Kind("signed, entities", _entities, _TAKEN),
    Kind("signed, pictures in text", _pictures, _TAKEN),
    Kind("signed, emoji and files", _many_parts, _TAKEN),
    Kind("signed, long names", _long_names, _TAKEN),
    Kind("signed, 800 kB of text", _too_long, _TAKEN),
    Kind("actor of large parts", _new_actor, answered(401, 429, 503)),
]
