"""Records conversations of fedblog with the Fedify server into captured/, to be replayed without
node: `python tests/interop/record.py`, after `npm ci` in this folder. See recording.py.

The two servers listen on loopback addresses that nothing else uses, so that the recorded URLs are
free when the recording is replayed.
"""

import asyncio
import gzip
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from interop.fedify import FOLDER, Fedify, missing
from interop.recording import CAPTURED, Exchange, Recording, Step
from support.servers import Server, found, listening_socket, serving
from support.waiting import PATIENCE

from fedblog import __version__
from fedblog.app import running
from fedblog.settings import Settings
from fedblog.storage import keys as key_rows
from fedblog.storage import migrate

FEDBLOG = ("127.8.0.1", 18473)
FEDIFY = ("127.8.0.2", 18473)


class Recorder:
    """An ASGI layer that keeps what *app* is asked and what it answers."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.exchanges: list[Exchange] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        at = datetime.now(UTC)
        body, answered = bytearray(), bytearray()
        start: dict[str, Any] = {}

        async def keeping_receive() -> Any:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def keeping_send(message: Any) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            answered.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, keeping_receive, keeping_send)
        query = scope["query_string"].decode()
        self.exchanges.append(
            Exchange(
                "fedblog",
                at,
                scope["method"],
                scope["raw_path"].decode() + (f"?{query}" if query else ""),
                _texts(scope["headers"]),
                body.decode(),
                start["status"],
                _texts(start["headers"]),
                _unpacked(start["headers"], bytes(answered)).decode(),
            )
        )


def _texts(raw: Any) -> tuple[tuple[str, str], ...]:
    return tuple((n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in raw)


def _unpacked(raw: Any, body: bytes) -> bytes:
    is_packed = any(name.lower() == b"content-encoding" for name, _ in raw)
    return gzip.decompress(body) if is_packed else body


async def shown(server: Server, post: dict[str, Any]) -> dict[str, Any]:
    """What fedblog shows of the conversation: to be the same when it is replayed."""
    followers = (await server.api("GET", "/followers")).json()["items"]
    return {
        "followers": [item["actor"] for item in followers],
        "counts": await server.counts(post),
        "comments": [
            {
                "activitypub_id": comment["activitypub_id"],
                "content": comment["content"],
                "author": comment["author"]["name"],
                "in_reply_to": comment["in_reply_to"],
            }
            for comment in await server.comments(post)
            if comment["activitypub_id"].startswith("http://127.8.0.2")
        ],
    }


class Conversation:
    """A recording as it is made."""

    def __init__(self, server: Server, fedify: Fedify, recorder: Recorder) -> None:
        self.server, self.fedify, self._recorder = server, fedify, recorder
        self.post: dict[str, Any] = {}
        self.steps: list[Step] = []
        self._taken = (0, 0)

    async def step(
        self, name: str, act: Awaitable[Any], until: Callable[[], Awaitable[Any]]
    ) -> Any:
        """One step: *act*, and waiting *until* it has had its effect."""
        result = await act
        await self.fedify.eventually(until)
        await asyncio.sleep(0.3)  # what follows from it on the other side
        theirs = [Exchange.read("fedify", item) for item in await self.fedify.exchanges()]
        ours, (before, before_theirs) = self._recorder.exchanges, self._taken
        happened = [*ours[before:], *theirs[before_theirs:]]
        self._taken = (len(ours), len(theirs))
        happened.sort(key=lambda exchange: exchange.at)
        shows = await shown(self.server, self.post)
        self.steps.append(Step(name, tuple(happened), shows))
        return result


async def converse(scheme: str, folder: Path) -> Recording:
    """Play the conversation in which Fedify knocks first with *scheme* and takes only that."""
    settings = Settings(
        base_url=f"http://{FEDBLOG[0]}:{FEDBLOG[1]}",
        data_dir=folder,
        allow_private_network=True,
    )
    await asyncio.to_thread(migrate.upgrade, settings.database)
    await found(settings)
    fedify = Fedify.start(f"{FEDIFY[0]}:{FEDIFY[1]}")
    try:
        await fedify.reset(firstKnock=scheme)
        await fedify.refuse({"cavage": "rfc9421", "rfc9421": "cavage"}[scheme])
        async with running(settings) as (site, app):
            recorder = Recorder(app)
            async with (
                serving(recorder, listening_socket(*FEDBLOG)),
                httpx.AsyncClient(base_url=settings.base_url, timeout=PATIENCE) as http,
            ):
                server = Server(site, settings.base_url, http)
                talk = Conversation(server, fedify, recorder)
                await _play(talk)
                keys = await site.store.read(key_rows.active, site.blog_id)
    finally:
        fedify.stop()
    lock = json.loads((FOLDER / "package-lock.json").read_text())
    version = lock["packages"]["node_modules/@fedify/fedify"]["version"]
    return Recording(
        {"fedblog": __version__, "fedify": version},
        settings.base_url,
        fedify.base_url,
        tuple(astuple(key) for key in keys),
        talk.post,
        tuple(talk.steps),
    )


async def _play(talk: Conversation) -> None:
    server, fedify = talk.server, talk.fedify
    await fedify.person("ann", display="Ann of Fedify")
    talk.post = await server.publish("On rivers")
    blog, target = f"{server.base_url}/ap/blog", talk.post["activitypub_id"]

    async def comments() -> list[str]:
        return [c["content"] for c in (await shown(server, talk.post))["comments"]]

    async def followed() -> bool:
        return bool((await shown(server, talk.post))["followers"])

    await talk.step(
        "follow", fedify.act("ann", "follow", target=blog, to=blog), lambda: fedify.heard("Accept")
    )
    made = await talk.step(
        "reply",
        fedify.act("ann", "reply", target=target, to=blog, content="<p>From <b>Fedify</b></p>"),
        comments,
    )
    await talk.step("second post", server.publish("On brooks"), lambda: fedify.heard("Create"))

    async def edited() -> bool:
        return await comments() == ["<p>Thought again</p>"]

    await talk.step(
        "edit to the shared inbox",
        fedify.act(
            "ann",
            "edit",
            target=made["object"],
            to=blog,
            content="<p>Thought again</p>",
            isShared=True,
        ),
        edited,
    )
    like = await talk.step(
        "like", fedify.act("ann", "like", target=target, to=blog), _counted(talk, "likes", 1)
    )
    await talk.step(
        "boost", fedify.act("ann", "boost", target=target, to=blog), _counted(talk, "shares", 1)
    )
    await talk.step(
        "undo of the like",
        fedify.act("ann", "undo", target=like["id"], to=blog),
        _counted(talk, "likes", 0),
    )
    await talk.step(
        "reaction",
        fedify.act("ann", "react", target=target, to=blog, content="🌊"),
        _counted(talk, "likes", 1),
    )

    async def deleted() -> bool:
        return "<p>Thought again</p>" not in await comments()

    await talk.step("delete", fedify.act("ann", "delete", target=made["object"], to=blog), deleted)

    async def left() -> bool:
        return not await followed()

    await talk.step("block", fedify.act("ann", "block", target=blog, to=blog), left)


def _counted(talk: Conversation, name: str, number: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return (await talk.server.counts(talk.post))[name] == number

    return check


async def main() -> None:
    """Record a conversation for each scheme."""
    reason = missing()
    if reason is not None:
        sys.exit(reason)
    for scheme in ("cavage", "rfc9421"):
        with tempfile.TemporaryDirectory() as folder:
            recording = await converse(scheme, Path(folder))
        path = CAPTURED / f"{scheme}.json"
        recording.save(path)
        print(f"{path}: {len(recording.steps)} steps, {len(recording.exchanges)} exchanges")


if __name__ == "__main__":
    asyncio.run(main())
