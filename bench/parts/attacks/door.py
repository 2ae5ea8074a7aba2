"""What an inbox refuses at the door, or passes over."""

import json

from parts import people
from parts.attacks.stage import Kind, Stage, answered

BLOCKED = "spam.example"
# A port where nothing listens, on addresses that nobody else uses.
_DEAD = "http://127.0.250.{}:9"


def _unsigned(stage: Stage, number: int) -> bytes:
    return stage.request(stage.create(number, "unsigned"), {})


def _garbage(stage: Stage, number: int) -> bytes:
    return stage.sign(b'{"id": ' * 40 + b"\xff", number)


def _too_large(stage: Stage, number: int) -> bytes:
    request = stage.sign(stage.create(number, "large").ljust(64 << 10), number)
    return request.replace(b"Content-Length: 65536", b"Content-Length: 8388608", 1)


def _too_deep(stage: Stage, number: int) -> bytes:
    return stage.sign(b'{"object": ' * 1000 + b"1" + b"}" * 1000, number)


def _wrong_digest(stage: Stage, number: int) -> bytes:
    return stage.sign(stage.create(number, "digest"), number).replace(b"Not honest", b"All honest")


def _bad_signature(stage: Stage, number: int) -> bytes:
    return stage.forge(stage.create(number, "bad"), number)


def _elsewhere(stage: Stage, number: int, actor: str, serial: str) -> bytes:
    body = stage.create(number, serial).replace(stage.person(number).encode(), actor.encode())
    return stage.sign_as(actor, body, number)


def _dead_host(stage: Stage, number: int) -> bytes:
    host = _DEAD.format(1 + number % stage.domains % 250)
    return _elsewhere(stage, number, f"{host}/users/{number}", "dead")


def _blocked_host(stage: Stage, number: int) -> bytes:
    actor = f"https://a{number % stage.domains}.{BLOCKED}/users/{number}"
    return _elsewhere(stage, number, actor, "blocked")


def _unknown_delete(stage: Stage, number: int) -> bytes:
    actor = f"https://gone{number % stage.domains}.example/users/{number}"
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{actor}#delete",
        "type": "Delete",
        "actor": actor,
        "object": actor,
        "to": [people.PUBLIC],
    }
    return stage.sign_as(actor, json.dumps(document).encode(), number)


def _replay(stage: Stage, number: int) -> bytes:
    return stage.replays[number % len(stage.replays)]


KINDS = [
    Kind("unsigned", _unsigned, answered(401)),
    Kind("garbage", _garbage, answered(400)),
    Kind("too large", _too_large, answered(413)),
    Kind("too deep", _too_deep, answered(413)),
    Kind("wrong digest", _wrong_digest, answered(401)),
    Kind("bad signature", _bad_signature, answered(401, 429, 503)),
    Kind("dead host", _dead_host, answered(401, 429, 503)),
    Kind("unknown Delete", _unknown_delete, answered(202)),
    Kind("blocked host", _blocked_host, answered(403)),
    Kind("replay", _replay, answered(202)),
]
