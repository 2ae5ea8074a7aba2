"""`fedblog restore`: a backup takes the place of what is there."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

from copies.conftest import ARCHIVE, Place, fill, is_old, kept, schemas
from support.commands import environment, free_port


def test_everything_is_as_it_was_and_what_it_replaces_is_kept(backed_up: Place) -> None:
    place = backed_up
    done = place.run("restore", ARCHIVE)
    assert done.returncode == 0, done.stderr
    assert is_old(place)
    (there,) = kept(place)
    assert str(there) in done.stderr
    assert (there / "media" / "02B.jpg").read_bytes() == b"a later picture"
    assert (there / "notes of mine.txt").read_text() == "other words"
    assert (place.data / "mine alone").read_text() == "never backed up"
    assert (place.data / "notes of mine.txt").stat().st_mode & 0o777 == 0o640
    if place.is_sqlite:
        assert place.file.stat().st_mode & 0o777 == 0o600
        with closing(sqlite3.connect(there / "fedblog.sqlite3")) as former:
            assert ("later",) in former.execute("SELECT handle FROM authors").fetchall()
    else:
        (schema,) = schemas(place)
        assert schema in done.stderr
        assert ("later",) in place.query(f"SELECT handle FROM {schema}.authors")
    place.do("author", "add", "Later")


def test_backup_of_what_was_restored_is_the_same_again(backed_up: Place) -> None:
    place = backed_up
    place.do("restore", ARCHIVE)
    place.do("backup", "again.tar")
    place.do("restore", "again.tar")
    assert is_old(place)
    assert len(kept(place)) == 2
    assert all(any(path.iterdir()) for path in kept(place))


def test_it_is_restored_where_nothing_is(
    backed_up: Place, engine: str, new_place: Callable[..., Place]
) -> None:
    new = new_place(engine)
    new.do("restore", str(backed_up.folder / ARCHIVE))
    assert is_old(new)
    assert kept(new) == []
    assert new.data.stat().st_mode & 0o777 == 0o700
    new.do("author", "add", "Another")


def test_dash_is_standard_input(
    backed_up: Place, engine: str, new_place: Callable[..., Place]
) -> None:
    new = new_place(engine)
    with (backed_up.folder / ARCHIVE).open("rb") as archive:
        done = subprocess.run(
            [sys.executable, "-m", "fedblog", "restore", "-"],
            cwd=new.folder,
            env=environment(new.settings),
            stdin=archive,
            capture_output=True,
        )
    assert done.returncode == 0, done.stderr
    assert is_old(new)


def test_served_blog_is_left_alone(engine: str, new_place: Callable[..., Place]) -> None:
    place = new_place(engine, base_url=f"http://127.0.0.1:{free_port()}").found()
    fill(place.data)
    place.do("backup", ARCHIVE)
    with place.served() as served:
        served.run("author", "add", "Later")
        said = place.refused("restore", ARCHIVE)
        assert (f"process {served.process.pid} " in said) == place.is_sqlite
        assert "Stop it first" in said
        assert served.get("/authors/later/").status_code == 200
        served.kill()  # and is free at once
    assert place.authors() == {"owner", "later"}
    place.do("restore", ARCHIVE)
    assert place.authors() == {"owner"}
    with place.served() as served:
        assert served.get("/authors/later/").status_code == 404


def test_log_that_a_crash_left_neither_undoes_nor_spoils_it(
    new_place: Callable[..., Place],
) -> None:
    place = new_place(base_url=f"http://127.0.0.1:{free_port()}").found()
    with place.served() as served:
        served.run("backup", ARCHIVE)
        for number in range(30):
            place.do("author", "add", f"Later {number}") if number < 3 else None
        served.kill()
    log = place.data / "fedblog.sqlite3-wal"
    assert log.stat().st_size > 0
    place.do("restore", ARCHIVE)
    assert not log.exists()
    assert place.authors() == {"owner"}
    assert place.query("PRAGMA integrity_check") == [("ok",)]
    (there,) = kept(place)
    # The way back: what was replaced has its log with it.
    place.do("restore", str(there / "fedblog.sqlite3"))
    assert place.authors() == {"owner", "later-0", "later-1", "later-2"}


def test_copy_put_in_place_by_hand_after_a_crash_is_refused_by_every_command_until_restored(
    new_place: Callable[..., Place],
) -> None:
    place = new_place(base_url=f"http://127.0.0.1:{free_port()}").found()
    copy = place.folder / "copy.sqlite3"
    with place.served() as served:
        with closing(sqlite3.connect(place.file)) as source, closing(sqlite3.connect(copy)) as to:
            source.backup(to)
        served.run("author", "add", "Later")
        served.kill()
    shutil.copyfile(copy, place.file)
    before = place.file.read_bytes(), (place.data / "fedblog.sqlite3-wal").read_bytes()
    for command in (
        ["serve", "--listen", f"127.0.0.1:{free_port()}"],
        ["migrate"],
        ["init", "--yes"],
        ["author", "add", "More"],
        ["token", "create", "--author", "Owner"],
        ["backup", ARCHIVE],
    ):
        assert "fedblog restore FILE" in place.refused(*command), command
    assert (place.file.read_bytes(), (place.data / "fedblog.sqlite3-wal").read_bytes()) == before
    place.do("restore", str(place.file))
    assert place.authors() == {"owner"}
    with place.served():
        pass
    assert "the blog's database itself" in place.refused("restore", str(place.file))
