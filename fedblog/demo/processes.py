"""Starts and stops the two servers of the demo, and reads the peer's database from outside."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fedblog.demo.exchange import ExchangeError, ask

_T = TypeVar("_T")


class ProcessError(Exception):
    """A process did not start or ended by itself; the message holds the end of its log."""


def port_is_free(port: int) -> bool:
    """Whether nothing on this machine listens on *port*."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:
                return False
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def free_port(first: int) -> int:
    """The first free port from *first* upwards. Raises ProcessError when there is none near."""
    for port in range(first, first + 500):
        if port_is_free(port):
            return port
    raise ProcessError(f"no port from {first} to {first + 499} is free")


OWN = frozenset(
    f"FEDBLOG_{name}"
    for name in (
        *("BASE_URL", "HANDLE_HOST", "DATA_DIR", "DATABASE_URL", "LISTEN"),
        *("ALLOW_PRIVATE_NETWORK", "NODEINFO_SECONDS"),
    )
)
"""Settings that the demo's blog has of its own: with those of another blog it would be that one."""


def environment(**settings: str) -> dict[str, str]:
    """The environment of a child: ours, and *settings* in place of those that are the demo's."""
    kept = {name: value for name, value in os.environ.items() if name not in OWN}
    return {**kept, "PYTHONUNBUFFERED": "1", **settings}


def left_out() -> list[str]:
    """The settings in our environment that do not hold for the demo's blog."""
    return sorted(OWN & set(os.environ))


def command(arguments: Sequence[str], settings: Mapping[str, str], folder: Path) -> str:
    """Run ``fedblog …`` to its end in *folder*; gives its standard output.

    Raises ProcessError with what it said when it fails.
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter with our own arguments
        [sys.executable, "-m", "fedblog", *arguments],
        env=environment(**settings),
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ProcessError(
            f"fedblog {arguments[0]} ended with {done.returncode}: {said[-1] if said else ''}"
        )
    return done.stdout.strip()


class Running:
    """A server process of its own, in a session of its own so that Ctrl-C does not hit it."""

    def __init__(
        self, module: str, arguments: Sequence[str], settings: Mapping[str, str], log: Path
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", module, *arguments],
                env=environment(**settings),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def wait_until_it_answers(self, url: str, seconds: float = 30) -> None:
        """Return once *url* is answered with 200. Raises ProcessError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ProcessError(f"the process ended: {self._tail()}")
            with contextlib.suppress(ExchangeError):
                if ask("GET", url, {"accept": "text/html"}).status == 200:
                    return
            time.sleep(0.02)
        raise ProcessError(f"{url} was not answered in {seconds:.0f} s: {self._tail()}")

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _tail(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (see {self._log})"


class PeerDatabase:
    """The peer's database file, opened for reading only: what stands there was really stored."""

    def __init__(self, file: Path) -> None:
        self._address = f"{file.absolute().as_uri()}?mode=ro"

    def row(self, query: str, *values: Any) -> dict[str, Any] | None:
        """The first row of *query*, or None."""
        with contextlib.closing(sqlite3.connect(self._address, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(query, values).fetchone()
            return dict(found) if found is not None else None


def until(check: Callable[[], _T | None], seconds: float) -> _T | None:
    """What *check* gives once it gives something, asked again and again; None when time is up."""
    deadline = time.monotonic() + seconds
    pause = 0.004
    while True:
        if found := check():
            return found
        if time.monotonic() > deadline:
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
