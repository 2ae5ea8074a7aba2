"""A database file and the log beside it are told to belong together, whatever crashed or was
copied."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fedblog.storage import file_number, migrate
from fedblog.storage.backups import sqlite_copy
from fedblog.storage.backups.progress import silent
from fedblog.storage.errors import ForeignLogError

CRASH = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
for statement in sys.argv[2:]:
    connection.execute(statement)
os._exit(9)
"""
FILLED = "INSERT INTO server VALUES ('{0}', '{0}')"


@pytest.fixture
def database(sqlite_url: str, tmp_path: Path) -> Path:
    """A database as a start leaves it: with a number, and a log that holds more."""
    path = tmp_path / "fedblog.sqlite3"
    file_number.renew(path)
    crash(path, FILLED.format("first"))
    file_number.renew(path)
    return path


def crash(path: Path, *statements: str) -> None:
    """Write to *path* and end as by kill -9, which leaves the log."""
    done = subprocess.run([sys.executable, "-c", CRASH, str(path), *statements])
    assert done.returncode == 9


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def keys(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT key FROM server ORDER BY key")]


def test_number_stands_in_the_file_itself_and_beside_it_and_is_another_each_time(
    database: Path,
) -> None:
    seen = set()
    for _ in range(5):
        number = file_number.renew(database)
        head, note = file_number.header(database), file_number.noted(database)
        assert head is not None
        assert note is not None
        assert (head.number,) == note.numbers == (number,)
        seen.add(number)
    assert len(seen) == 5
    assert file_number.beside(database, ".number").stat().st_mode & 0o777 == 0o600


def _by_backup(path: Path, copy: Path) -> None:
    opened = contextlib.closing(sqlite3.connect(copy))
    with contextlib.closing(sqlite3.connect(path)) as source, opened as target:
        source.backup(target)


def _by_vacuum(path: Path, copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))


def _by_fedblog(path: Path, copy: Path) -> None:
    sqlite_copy.copy(path, copy, silent)


def _by_cp_before_the_start(path: Path, copy: Path) -> None:
    shutil.copyfile(path, copy)
    file_number.renew(path)


def _by_upgrade(path: Path, copy: Path) -> None:
    kept = migrate._back_up(path, "0001")
    shutil.move(kept, copy)


COPIES = [_by_backup, _by_vacuum, _by_fedblog, _by_cp_before_the_start, _by_upgrade]


@pytest.mark.parametrize(
    ("make", "log"),
    [
        *((make, "-wal") for make in COPIES),
        *((make, "-journal") for make in COPIES[2:]),  # where the number tells
    ],
)
def test_copy_put_beside_the_log_that_a_crash_left_is_refused_with_the_ways_out(
    database: Path, tmp_path: Path, make: Callable[[Path, Path], None], log: str
) -> None:
    copy = tmp_path / "copy.sqlite3"
    make(database, copy)
    crash(database, *(FILLED.format(f"later {number}") for number in range(50)))
    if log == "-journal":
        file_number.beside(database, "-wal").rename(file_number.beside(database, log))
    shutil.copyfile(copy, database)
    before = contents(tmp_path)
    for open_it in (migrate.standing, migrate.upgrade):
        with pytest.raises(ForeignLogError) as refusal:
            open_it(f"sqlite:///{database}")
        assert "fedblog restore FILE" in str(refusal.value)
        assert f"fedblog restore {database}" in str(refusal.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("make", COPIES)
def test_copy_put_in_place_where_no_log_is_left_is_taken(
    database: Path, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    copy = tmp_path / "copy.sqlite3"
    make(database, copy)
    for side in file_number.SIDES:
        file_number.beside(database, side).unlink(missing_ok=True)
    shutil.copyfile(copy, database)
    assert migrate.upgrade(f"sqlite:///{database}") is None
    crash(database, FILLED.format("after"))
    file_number.check(database)
    assert keys(database) == ["after", "first"]


@pytest.mark.parametrize(
    "statements",
    [
        [FILLED.format("after")],
        ["CREATE TABLE more (a)", FILLED.format("after")],
        ["CREATE TABLE more (a)", FILLED.format("after"), "PRAGMA wal_checkpoint"],
        ["ANALYZE", FILLED.format("after"), "PRAGMA wal_checkpoint(FULL)"],
    ],
)
def test_log_that_a_crash_left_beside_its_own_file_is_read(
    database: Path, statements: list[str]
) -> None:
    crash(database, *statements)
    assert file_number.has_log(database)
    file_number.check(database)
    assert "after" in keys(database)


def test_folder_that_is_moved_or_copied_after_a_crash_is_whole(
    database: Path, tmp_path: Path
) -> None:
    crash(database, FILLED.format("after"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in tmp_path.glob("fedblog.sqlite3*"):
        shutil.copyfile(path, elsewhere / path.name)
    file_number.check(elsewhere / database.name)
    assert keys(elsewhere / database.name) == ["after", "first"]


def test_database_of_before_there_were_numbers_is_taken_with_its_log(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    crash(path, FILLED.format("after"))
    file_number.check(path)
    file_number.renew(path)
    assert keys(path) == ["after"]


def test_reader_that_holds_the_log_up_lets_both_numbers_count(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_number, "_PATIENCE", 0.0)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM server").fetchall()
        former = file_number.noted(database)
        assert former is not None
        first, second = file_number.renew(database), file_number.renew(database)
        note = file_number.noted(database)
        assert note is not None
        assert set(note.numbers) == {*former.numbers, first, second}
        reader.execute("ROLLBACK")
    file_number.check(database)
    third = file_number.renew(database)
    note = file_number.noted(database)
    assert note is not None
    assert note.numbers == (third,)


KILLED = """
import os, sys
from pathlib import Path
from fedblog.storage import file_number
left = int(sys.argv[2])
def stopping(function):
    def stop(*arguments, **keywords):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return function(*arguments, **keywords)
    return stop
os.fsync, os.open, os.replace = stopping(os.fsync), stopping(os.open), stopping(os.replace)
file_number._is_log_in_file = stopping(file_number._is_log_in_file)
file_number._numbers = stopping(file_number._numbers)
file_number.renew(Path(sys.argv[1]))
"""


def test_kill_at_any_moment_of_renewing_refuses_nothing(database: Path) -> None:
    for moment in range(100):
        crash(database, FILLED.format(f"before {moment}"))
        done = subprocess.run([sys.executable, "-c", KILLED, str(database), str(moment)])
        crash(database, FILLED.format(f"after {moment}"))
        file_number.check(database)
        if done.returncode == 0:
            break
    assert moment > 8
    assert len(keys(database)) == 1 + 2 * (moment + 1)


def test_processes_that_renew_at_once_agree_on_one_number(database: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from fedblog.storage import file_number\n"
        "for _ in range(10): file_number.renew(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", program, str(database)]
    started = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    head, note = file_number.header(database), file_number.noted(database)
    assert head is not None
    assert note is not None
    assert head.number in note.numbers
    file_number.check(database)


@pytest.mark.parametrize("note", ["", "{", "[]", '{"numbers": 3}', '{"numbers": ["x"]}'])
def test_note_that_cannot_be_read_keeps_nobody_from_the_file(database: Path, note: str) -> None:
    file_number.beside(database, ".number").write_text(note)
    crash(database, FILLED.format("after"))
    file_number.check(database)
    file_number.renew(database)
    assert json.loads(file_number.beside(database, ".number").read_text())["numbers"]


def test_file_that_is_no_database_is_left_to_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "fedblog.sqlite3"
    for content in (b"", b"SQLite", b"\0" * 4096):
        path.write_bytes(content)
        file_number.beside(path, "-wal").write_bytes(b"\0" * 4096)
        assert file_number.header(path) is None
        file_number.check(path)
