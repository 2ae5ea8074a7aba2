"""Runs the blog as a process over a fresh folder, for a bench to measure."""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fedblog.demo.exchange import BlogApi
from fedblog.demo.processes import ProcessError, Running, command, free_port, port_is_free

_OPEN_LIMITS = {
    f"FEDBLOG_{name}": "1000000"
    for name in (
        *("ACTOR_RATE", "ACTOR_BURST", "HOST_RATE", "HOST_BURST", "ADDRESS_RATE", "ADDRESS_BURST"),
        *("ASKED_RATE", "ASKED_BURST", "ASKER_RATE", "ASKER_BURST", "UNPROVEN_FETCHES"),
        "CONNECTIONS_PER_ADDRESS",
    )
}


class Server:
    """The blog's server; *start_seconds* and *restart_seconds* are from spawn to first answer. Its
    limits of rates are open unless *is_limited*."""

    def __init__(self, *, is_limited: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fedblog-bench-")
        self.port = free_port(20000)
        self.base_url = f"http://localhost:{self.port}"
        self.host = f"localhost:{self.port}"
        self.settings = {
            "FEDBLOG_BASE_URL": self.base_url,
            "FEDBLOG_DATA_DIR": str(Path(self._folder.name) / "data"),
            "FEDBLOG_LISTEN": f"127.0.0.1:{self.port}",
            "FEDBLOG_ALLOW_PRIVATE_NETWORK": "true",
            **({} if is_limited else _OPEN_LIMITS),
        }
        self._running: Running | None = None
        self.start_seconds = 0.0
        self.restart_seconds = 0.0

    def __enter__(self) -> Self:
        try:
            self.start_seconds = self.start()
        except ProcessError:
            self.stop()
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> float:
        """Start it; gives the seconds until the home page was answered."""
        begun = time.perf_counter()
        self._running = Running("fedblog", ["serve"], self.settings, self.log)
        self._running.wait_until_it_answers(f"http://127.0.0.1:{self.port}/")
        return time.perf_counter() - begun

    def restart(self) -> None:
        """Stop it and start it over the same folder."""
        self.stop()
        self.restart_seconds = self.start()

    def stop(self) -> None:
        """End the process."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    @property
    def data(self) -> Path:
        """The data folder."""
        return Path(self._folder.name) / "data"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return Path(self._folder.name) / "server.log"

    @property
    def pid(self) -> int:
        """The id of the process."""
        if self._running is None:
            raise RuntimeError("the server is not running")
        return self._running.pid

    @property
    def memory(self) -> int:
        """Bytes of memory that the process holds (Rss), and its children (Pss: what they share
        with it is counted already, for the most part)."""
        held = _kilobytes(self.pid, "Rss:")
        held += sum(_kilobytes(pid, "Pss:") for pid in _children(self.pid))
        return held * 1024

    @property
    def cpu_seconds(self) -> float:
        """Seconds of processor time the process has used, its children aside."""
        return _cpu_seconds(self.pid)

    def api(self) -> BlogApi:
        """The API with a token of the owner."""
        token = command(["token", "create", "--author", "Owner"], self.settings, self.log.parent)
        return BlogApi(self.base_url, token)


class Helper:
    """A script of bench/parts as a process of its own, listening on *port*; stopped at the end."""

    def __init__(self, script: str, *arguments: str, port: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / script), *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        line = self._process.stdout.readline() if self._process.stdout else ""
        while line.strip() != "ready" or port_is_free(port):
            if line.strip() != "ready" or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError(f"{script} did not start: {line}")
            time.sleep(0.02)

    @property
    def cpu_seconds(self) -> float:
        """Seconds of processor time the process has used."""
        return _cpu_seconds(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)


def _kilobytes(pid: int, name: str) -> int:
    """What /proc tells of a process under *name*; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _children(pid: int) -> list[int]:
    found = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, tasks.read_text().split())
    return found


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def post(api: BlogApi, number: int, text: str, title: str = "") -> Any:
    """Publish a post; gives the API's answer."""
    return api.call(
        "POST",
        "/posts",
        {
            "title": title or f"Post number {number}",
            "content": text,
            "status": "published",
            "tags": ["bench"],
        },
    )
