"""The bare loop of the pages: one ASGI function with ready bytes, under uvicorn as we run it.

``bare_pages.py FILE MEDIA_TYPE PORT``: every request is answered with the bytes of FILE.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn

BODY = Path(sys.argv[1]).read_bytes()
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", sys.argv[2].encode()),
        (b"content-length", str(len(BODY)).encode()),
    ],
}
ANSWER = {"type": "http.response.body", "body": BODY}


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer with the ready bytes."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            print("ready", flush=True)
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send(START)
    await send(ANSWER)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[3]),
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
