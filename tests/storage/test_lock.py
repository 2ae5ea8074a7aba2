"""One process serves a data folder, and the next is told which."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fedblog.storage.errors import DataFolderInUseError
from fedblog.storage.lock import NOTE_FILE, DataFolderLock

HOLD = """
import sys
from pathlib import Path
from fedblog.storage.lock import DataFolderLock
lock = DataFolderLock(Path(sys.argv[1]))
lock.acquire("127.0.0.1:8123")
print("held", flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,  # it ends with us
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        try:
            with pytest.raises(DataFolderInUseError) as caught:
                DataFolderLock(tmp_path).acquire("127.0.0.1:8000")
        finally:
            process.kill()
    message = str(caught.value)
    assert f"process {process.pid} " in message
    assert "127.0.0.1:8123" in message
    assert str(tmp_path) in message
    assert "--data" in message


def test_the_lock_of_a_killed_process_is_free_and_its_note_replaced(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
    assert json.loads((tmp_path / NOTE_FILE).read_text())["pid"] == process.pid
    with DataFolderLock(tmp_path) as lock:
        lock.acquire("127.0.0.1:8000")
        assert json.loads((tmp_path / NOTE_FILE).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "address": "", "since": ""}', None]
)
def test_a_note_that_cannot_be_read_does_not_hide_that_the_folder_is_in_use(
    tmp_path: Path, note: str | None
) -> None:
    with holder(tmp_path) as process:
        try:
            if note is None:
                (tmp_path / NOTE_FILE).unlink()
            else:
                (tmp_path / NOTE_FILE).write_text(note)
            with pytest.raises(DataFolderInUseError, match="another process"):
                DataFolderLock(tmp_path).acquire("127.0.0.1:8000")
        finally:
            process.kill()


def test_a_note_of_a_dead_process_is_not_believed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with holder(tmp_path) as process:
        try:
            (tmp_path / NOTE_FILE).write_text(
                json.dumps({"pid": dead.pid, "address": "10.0.0.1:1", "since": "long ago"})
            )
            with pytest.raises(DataFolderInUseError) as caught:
                DataFolderLock(tmp_path).acquire("127.0.0.1:8000")
        finally:
            process.kill()
    assert "10.0.0.1" not in str(caught.value)


def test_a_released_folder_can_be_taken_again_and_keeps_no_note(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    with DataFolderLock(folder) as lock:
        lock.acquire("127.0.0.1:8000")
    assert not (folder / NOTE_FILE).exists()
    with holder(folder) as process:
        process.kill()
