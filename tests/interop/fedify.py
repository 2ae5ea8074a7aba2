"""The Fedify server of the tests: started as a process, led through its control interface.

Tests that need it ask for `required()`, which says what is missing. With
FEDBLOG_TEST_INTEROP=required a missing node is a failure, not a skip.
"""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.waiting import PATIENCE

FOLDER = Path(__file__).parent
OLDEST_NODE = 20


def missing() -> str | None:
    """Why the Fedify server cannot be started, or None."""
    node = shutil.which("node")
    if node is None:
        return "node is not installed, so no independent server can be asked"
    printed = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)\.", printed)
    if found is None or int(found[1]) < OLDEST_NODE:
        return f"the independent server needs node {OLDEST_NODE} or later, not {printed.strip()}"
    if not (FOLDER / "node_modules" / "@fedify" / "fedify").is_dir():
        return "tests/interop/node_modules is missing: run `npm ci` in tests/interop"
    return None


def require() -> None:
    """Skip the test, or fail where skipping is not allowed, if the server cannot be started."""
    reason = missing()
    if reason is None:
        return
    if os.environ.get("FEDBLOG_TEST_INTEROP") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


class Fedify:
    """A running Fedify server: what its people can be made to do, and what it has seen."""

    def __init__(self, process: subprocess.Popen[bytes], base_url: str) -> None:
        self._process = process
        self.base_url = base_url

    @classmethod
    def start(cls, listen: str = "127.0.0.1:0") -> "Fedify":
        """Start the server; gives it when it listens."""
        process = subprocess.Popen(
            ["node", "--no-warnings", str(FOLDER / "server.mjs"), listen],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        line = process.stdout.readline().decode().strip()
        if not line.startswith("http://"):
            process.kill()
            raise AssertionError(f"the Fedify server did not start: {line}")
        return cls(process, line)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    async def _control(self, door: str, /, **given: Any) -> Any:
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            answer = await http.post(f"{self.base_url}/control/{door}", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def reset(self, **options: Any) -> None:
        """Forget everything; *options*: firstKnock, demandSigned, implemented (see server.mjs)."""
        await self._control("reset", **options)

    async def person(self, name: str, **fields: Any) -> str:
        """Let *name* live there; gives their URI. *fields*: display, summary, keys."""
        return (await self._control("person", name=name, **fields))["uri"]

    async def act(self, person: str, does: str, **fields: Any) -> dict[str, Any]:
        """Let *person* do something, sent to the actor *to*; gives the ids made for it."""
        return await self._control("act", person=person, does=does, **fields)

    async def look(self, url: str, *, by: str | None = None) -> dict[str, Any] | None:
        """What Fedify makes of *url*, fetched signed as *by* or unsigned."""
        return await self._control("look", url=url, **({"as": by} if by else {}))

    async def webfinger(self, resource: str) -> dict[str, Any] | None:
        """The WebFinger document that Fedify finds for *resource*."""
        return await self._control("webfinger", resource=resource)

    async def error_of_ed25519(self, person: str) -> str | None:
        """What Fedify says when *person*'s Ed25519 key is to sign a request; None if it signs."""
        return (await self._control("sign-by-ed25519", person=person))["error"]

    async def refuse(self, scheme: str, *, method: str = "POST") -> None:
        """Answer 401 to what is signed by *scheme* from now on ("first": the first that comes)."""
        await self._control("refuse", scheme=scheme, method=method)

    async def forward(self, to: str) -> None:
        """Forward what reaches a personal inbox to the actor *to*, signed by who received it."""
        await self._control("forward", to=to)

    async def view(self) -> dict[str, Any]:
        """What it has seen: received, fetched, heard, sendErrors."""
        return await self._control("view")

    async def exchanges(self) -> list[dict[str, Any]]:
        """Every request and answer as it came over the wire."""
        return await self._control("exchanges")

    async def received(self, kind: str = "", *, status: int | None = 202) -> list[dict[str, Any]]:
        """POSTs to its inboxes with an activity of *kind*, answered with *status*."""
        return [
            entry
            for entry in (await self.view())["received"]
            if (not kind or entry["activity"]["type"] == kind)
            and (status is None or entry["status"] == status)
        ]

    async def heard(self, kind: str, *, object_type: str = "") -> list[dict[str, Any]]:
        """What Fedify's listeners were given of *kind*, as its vocabulary shows it."""
        return [
            entry
            for entry in (await self.view())["heard"]
            if entry["type"] == kind
            and (not object_type or (entry["object"] or {}).get("type") == object_type)
        ]

    async def eventually(self, check: Any, *, seconds: float = PATIENCE) -> Any:
        """What *check* gives once it is truthy; AssertionError with Fedify's own errors if not."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            found = await check()
            if found:
                return found
            if asyncio.get_running_loop().time() > deadline:
                view = await self.view()
                came = [
                    (e["path"], e["scheme"], e["isVerified"], e["status"])
                    for e in [*view["received"], *view["fetched"]]
                ]
                raise AssertionError(
                    f"not within {seconds} s; Fedify's errors: {view['sendErrors']}; asked: {came}"
                )
            await asyncio.sleep(0.05)
