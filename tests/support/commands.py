"""The fedblog command as people run it: processes of their own in folders of their own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
from support.waiting import PATIENCE

CHECKOUT = Path(__file__).parents[2]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without any FEDBLOG_ setting, and FEDBLOG_ settings by their names in lower case."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FEDBLOG_")}
    given = {f"FEDBLOG_{name.upper()}": value for name, value in settings.items()}
    return {**kept, "PYTHONPATH": str(CHECKOUT), **given}


def start(folder: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """Start ``fedblog ARGUMENTS`` in *folder*."""
    return subprocess.Popen(
        [sys.executable, "-m", "fedblog", *arguments],
        cwd=folder,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    folder: Path, *arguments: str, answers: str | None = None, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """``fedblog ARGUMENTS`` in *folder* to its end; *answers* go to its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "fedblog", *arguments],
        cwd=folder,
        env=environment(settings),
        input=answers,
        stdin=subprocess.DEVNULL if answers is None else None,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """``fedblog serve`` in *folder*, on a port of its own; every setting can be said."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder = folder
        self.port = int(settings.pop("port", "")) if "port" in settings else free_port()
        self.base_url = settings.get("base_url", f"http://127.0.0.1:{self.port}")
        self.address = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "listen": f"127.0.0.1:{self.port}",
            "base_url": self.base_url,
            "allow_private_network": "1",
        } | settings
        if not self.settings["base_url"]:
            del self.settings["base_url"]
        self._arguments = arguments
        self._log = folder / "serve.log"
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> "Served":
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()

    def begin(self) -> None:
        """Start it and wait until it answers."""
        self._log.unlink(missing_ok=True)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fedblog", "serve", *self._arguments],
                cwd=self.folder,
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said
            with contextlib.suppress(httpx.TransportError):
                if (
                    httpx.get(f"{self.address}/.well-known/nodeinfo", timeout=PATIENCE).status_code
                    == 200
                ) and "fedblog serves" in self.said:
                    return
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"not ready within {PATIENCE:.0f} s: {self.said}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; gives its exit status."""
        self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it and its workers as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    @property
    def said(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()

    def run(self, *arguments: str) -> str:
        """``fedblog ARGUMENTS`` beside it with its settings, which must succeed; its output."""
        done = run(self.folder, *arguments, **self.settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET *path*."""
        return httpx.get(self.address + path, headers=headers, timeout=PATIENCE)

    def document(self, path: str) -> dict:
        """The ActivityPub document at *path*."""
        answer = self.get(path, accept="application/activity+json")
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.json()
