"""The bare loop of the inbox: parse, digest, verify with a known key, two inserts, group commit.

``bare_inbox.py DATABASE COUNT HOSTS KEYS PEOPLE_PORT PORT``. A raw ASGI function under uvicorn; a
writer thread takes up to 64 waiting activities into one transaction (WAL, synchronous=FULL), and
each request is answered after the commit that holds its comment.
"""

import asyncio
import base64
import hashlib
import queue
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from parts.people import Neighbourhood, keys

Waiting = tuple[dict[str, Any], "asyncio.Future[None]"]
BATCH = 64


def write(
    database: str, waiting: "queue.SimpleQueue[Waiting]", loop: asyncio.AbstractEventLoop
) -> None:
    """The writer thread."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE received (id TEXT PRIMARY KEY, actor TEXT)")
    connection.execute(
        "CREATE TABLE comments (uri TEXT PRIMARY KEY, actor TEXT, parent TEXT, content TEXT)"
    )
    while True:
        batch = [waiting.get()]
        while len(batch) < BATCH:
            try:
                batch.append(waiting.get_nowait())
            except queue.Empty:
                break
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT OR IGNORE INTO received VALUES (?, ?)",
            [(activity["id"], activity["actor"]) for activity, _ in batch],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO comments VALUES (?, ?, ?, ?)",
            [
                (note["id"], note["attributedTo"], note["inReplyTo"], note["content"])
                for note in (activity["object"] for activity, _ in batch)
            ],
        )
        connection.execute("COMMIT")
        loop.call_soon_threadsafe(_answer, [future for _, future in batch])


def _answer(futures: "list[asyncio.Future[None]]") -> None:
    for future in futures:
        future.set_result(None)


class Inbox:
    """The ASGI function and what it needs."""

    def __init__(self, database: str, people: Neighbourhood) -> None:
        self._database = database
        pairs = keys(people.keys)
        loaded = [load_pem_public_key(public.encode()) for _, public in pairs]
        self._keys = {
            f"{people.actor(number)}#main-key": loaded[number % len(loaded)]
            for number in range(people.count)
        }
        self._waiting: queue.SimpleQueue[Waiting] = queue.SimpleQueue()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await receive()
            arguments = (self._database, self._waiting, asyncio.get_running_loop())
            threading.Thread(target=write, args=arguments, daemon=True).start()
            print("ready", flush=True)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = dict(scope["headers"])
        digest = b"SHA-256=" + base64.b64encode(hashlib.sha256(body).digest())
        parts = dict(
            part.split("=", 1) for part in headers[b"signature"].decode().split(",") if "=" in part
        )
        names = parts["headers"].strip('"').split()
        target = scope["path"]
        text = "\n".join(
            f"{name}: post {target}"
            if name == "(request-target)"
            else f"{name}: {headers[name.encode()].decode()}"
            for name in names
        )
        key = self._keys[parts["keyId"].strip('"')]
        assert isinstance(key, rsa.RSAPublicKey)
        signature = base64.b64decode(parts["signature"].strip('"'))
        key.verify(signature, text.encode(), padding.PKCS1v15(), SHA256())
        status = 202 if digest == headers[b"digest"] else 401
        if status == 202:
            future = asyncio.get_running_loop().create_future()
            self._waiting.put((orjson.loads(body), future))
            await future
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-length", b"0")],
            }
        )
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    count, hosts, key_count, people_port, own_port = map(int, sys.argv[2:7])
    uvicorn.run(
        Inbox(sys.argv[1], Neighbourhood(count, hosts, key_count, people_port)),
        host="127.0.0.1",
        port=own_port,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
