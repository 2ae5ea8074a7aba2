"""What strangers have the server ask of others: hosts that never answer, and a third server."""

import asyncio
import http.client
import json
from collections.abc import Callable

from parts.attacks.stage import Kind, Stage, answered

_MOST = 400
"""Requests that a third server may get of a kind: `asked_burst` and what `asked_rate` adds."""


def _silent(stage: Stage, number: int) -> bytes:
    actor = f"http://{stage.bad.host(number % stage.domains)}/silent/{number}"
    body = stage.create(number, "silent").replace(stage.person(number).encode(), actor.encode())
    return stage.sign_as(actor, body, number)


async def _never(_host: str, _path: str) -> bytes | None:
    await asyncio.sleep(60)
    return None


def _victim(stage: Stage) -> str:
    """The third server: no attacker's request comes from there."""
    return stage.bad.host(stage.bad.hosts - 1)


def _made_up_key(stage: Stage, number: int) -> bytes:
    actor = f"http://{_victim(stage)}/nobody/{number}"
    body = stage.create(number, "key").replace(stage.person(number).encode(), actor.encode())
    return stage.sign_as(actor, body, number)


def _announce(stage: Stage, number: int) -> bytes:
    uri = f"http://{_victim(stage)}/announced/{number}"
    author = f"http://{_victim(stage)}/users/0"
    note = {
        "id": uri,
        "type": "Note",
        "attributedTo": author,
        "inReplyTo": stage.post(number),
        "content": "x",
    }
    inner = {"id": f"{uri}#create", "type": "Create", "actor": author, "object": note}
    return stage.sign(stage.activity(number, "announce", "Announce", inner), number)


def _unknown_parent(stage: Stage, number: int) -> bytes:
    parent = f"http://{_victim(stage)}/parents/{number}"
    note = stage.note(number, "child", inReplyTo=parent)
    return stage.sign(stage.create(number, "child", note), number)


def _few(beginning: str) -> Callable[[Stage], list[str]]:
    """What looks whether the third server was asked seldom."""

    def look(stage: Stage) -> list[str]:
        host, _, port = _victim(stage).partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            connection.request("GET", "/count")
            counts: dict[str, int] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        asked = sum(count for path, count in counts.items() if path.startswith(beginning))
        return [f"a third server was asked {asked} times"] if asked > _MOST else []

    return look


ANSWERS = {"/silent/": _never}
KINDS = [
    Kind("keys at silent hosts", _silent, answered(401, 429, 503, "none")),
    Kind("keys at a third server", _made_up_key, answered(401, 429, 503), after=_few("/nobody/")),
    Kind("announces of a third server", _announce, answered(202), after=_few("/announced/")),
    Kind("parents at a third server", _unknown_parent, answered(202), after=_few("/parents/")),
]
