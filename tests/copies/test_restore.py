"""`fedblog restore`: a backup takes the place of what is there, wholly or not at all."""

import io
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from copies.conftest import Place, fill
from storage.test_filled import fill as fill_tables
from storage.test_filled import make_tables, rows_of
from support.commands import environment, free_port
from support.waiting import PATIENCE

from fedblog import serving
from fedblog.storage import migrate

ARCHIVE = "a.tar.gz"


@pytest.fixture
def backed_up(place: Place) -> Place:
    """A place with a backup, and something that came after it."""
    place.do("backup", ARCHIVE)
    place.do("author", "add", "Later")
    (place.data / "media" / "02B.jpg").write_bytes(b"a later picture")
    (place.data / "media" / "01A.jpg").unlink()
    (place.data / "notes of mine.txt").write_text("other words")
    (place.data / "mine alone").write_text("never backed up")
    return place


def is_old(place: Place) -> bool:
    """Whether a place is as it was backed up; if not it must be as it was afterwards."""
    later = "later" in place.authors()
    media = {path.name for path in (place.data / "media").iterdir()}
    notes = (place.data / "notes of mine.txt").read_text()
    expected = ({"02B.jpg"}, "other words") if later else ({"01A.jpg"}, "words")
    assert (media, notes) == expected
    if place.is_sqlite:
        assert place.query("PRAGMA integrity_check") == [("ok",)]
    assert not (place.data / "fedblog.restore").exists()
    assert not (place.data / "fedblog.restore.json").exists()
    return not later


def kept(place: Place) -> list[Path]:
    return sorted((place.data / "backups").glob("replaced-*"))


def schemas(place: Place) -> list[str]:
    found = place.query(
        "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'fedblog_replaced_')"
    )
    return sorted(row[0] for row in found)


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


STOPPED = """
import os, sys
left = int(sys.argv.pop(1))
def stopping(function):
    def stop(*arguments, **keywords):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return function(*arguments, **keywords)
    return stop
for name in ("rename", "replace", "sync"):
    setattr(os, name, stopping(getattr(os, name)))
from fedblog.storage.backups import switching, postgresql_copy
switching._remove = stopping(switching._remove)
postgresql_copy.set_aside = stopping(postgresql_copy.set_aside)
from fedblog.cli import main
main()
"""


def test_kill_at_any_moment_leaves_the_old_or_the_new_and_it_can_be_run_again(
    backed_up: Place,
) -> None:
    place = backed_up
    outcomes = []
    for moment in range(100):
        done = subprocess.run(
            [sys.executable, "-c", STOPPED, str(moment), "restore", ARCHIVE],
            cwd=place.folder,
            env=environment(place.settings),
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        # Whoever opens it next ends what was begun, and the blog is one or the other.
        serving.settle(place.as_settings())
        shutil.rmtree(place.data / "fedblog.restore", ignore_errors=True)
        outcomes.append(is_old(place))
        if outcomes[-1]:  # back to what came later
            place.query(
                "INSERT INTO authors SELECT 'later', blog_id, 'later', name, about, url, "
                "fediverse, avatar, role, created_at, updated_at FROM authors"
            )
            (place.data / "media" / "02B.jpg").write_bytes(b"a later picture")
            (place.data / "media" / "01A.jpg").unlink()
            (place.data / "notes of mine.txt").write_text("other words")
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert outcomes[0] is False
    assert outcomes[-1] is True
    assert outcomes.count(True) > 3
    assert outcomes == sorted(outcomes)
    place.do("restore", ARCHIVE)
    assert is_old(place)


def test_kill_9_at_any_time_does_so_as_well(backed_up: Place) -> None:
    place = backed_up
    for part in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "fedblog", "restore", ARCHIVE],
            cwd=place.folder,
            env=environment(place.settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watched = [place.data / "fedblog.restore", place.data / "fedblog.restore.json"][part % 2]
        while process.poll() is None and not watched.exists():
            pass
        time.sleep(0.01 * (part // 2))
        process.kill()
        process.wait(PATIENCE)
        serving.settle(place.as_settings())
        shutil.rmtree(place.data / "fedblog.restore", ignore_errors=True)
        is_old(place)
    place.do("restore", ARCHIVE)
    assert is_old(place)
    place.do("author", "add", "Later")


def limited(bytes_: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

    return limit


@pytest.mark.parametrize("size", [0, 10_000, 300_000])
def test_disk_that_is_full_half_way_changes_nothing(place: Place, size: int) -> None:
    (place.data / "media" / "large.jpg").write_bytes(os.urandom(400_000))
    place.do("backup", ARCHIVE)
    place.do("author", "add", "Later")
    before = place.files()
    done = subprocess.run(
        [sys.executable, "-m", "fedblog", "restore", ARCHIVE],
        cwd=place.folder,
        env=environment(place.settings) | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=limited(size),
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("fedblog: "), done.stderr
    assert "Traceback" not in done.stderr
    assert place.files() == before
    assert place.authors() == {"owner", "later"}
    place.do("restore", ARCHIVE)
    assert place.authors() == {"owner"}


def test_archive_that_is_damaged_or_cut_short_changes_nothing(backed_up: Place) -> None:
    place = backed_up
    whole = (place.folder / ARCHIVE).read_bytes()
    before = place.files()
    middle = len(whole) // 2
    for spoilt in (
        b"",
        whole[:10],
        whole[:middle],
        whole[:-1],
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        b"a letter",
    ):
        (place.folder / "spoilt.tar.gz").write_bytes(spoilt)
        said = place.refused("restore", "spoilt.tar.gz")
        assert "backup" in said
    assert place.files() == before
    assert not is_old(place)
    for missing in ("missing.tar", "."):
        place.refused("restore", missing)


def repacked(archive: Path, change: Callable[[tarfile.TarInfo], None]) -> Path:
    """The archive with another header for each file, as others might have made it."""
    target = archive.with_name("hostile.tar")
    with tarfile.open(archive) as source, tarfile.open(target, "w") as into:
        for info in source:
            content = source.extractfile(info)
            change(info)
            into.addfile(info, content)
    return target


@pytest.mark.parametrize("name", ["../out", "/tmp/fedblog-out", "media/../../out"])
def test_archive_with_names_that_lead_elsewhere_changes_nothing(
    backed_up: Place, name: str
) -> None:
    def change(info: tarfile.TarInfo) -> None:
        if info.name == "media/01A.jpg":
            info.name = name

    repacked(backed_up.folder / ARCHIVE, change)
    assert "leads out" in backed_up.refused("restore", "hostile.tar")
    assert not is_old(backed_up)
    assert not (backed_up.folder / "out").exists()
    assert not Path("/tmp/fedblog-out").exists()


def test_archive_with_links_changes_nothing(backed_up: Place) -> None:
    def change(info: tarfile.TarInfo) -> None:
        if info.name == "media":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc"

    repacked(backed_up.folder / ARCHIVE, change)
    assert "neither a file nor a folder" in backed_up.refused("restore", "hostile.tar")
    assert not is_old(backed_up)


def test_restore_and_backup_keep_out_of_each_others_way(backed_up: Place) -> None:
    from fedblog.storage.backups import copy_lock

    with copy_lock.shared(backed_up.data):
        assert "being backed up" in backed_up.refused("restore", ARCHIVE)
        backed_up.do("backup", "second.tar")
    with copy_lock.alone(backed_up.data):
        assert "being restored" in backed_up.refused("backup", "third.tar")
    assert not is_old(backed_up)


def test_backup_of_the_other_engine_is_refused(
    backed_up: Place, engine: str, new_place: Callable[..., Place]
) -> None:
    other = new_place("postgresql" if engine == "sqlite" else "sqlite")
    said = other.refused("restore", str(backed_up.folder / ARCHIVE))
    assert "cannot be carried from one to the other" in said
    if engine == "sqlite":
        said = other.refused("restore", str(backed_up.file))
        assert "cannot be carried from one to the other" in said


def test_backup_of_another_blog_is_refused_until_the_folder_forgets_whose_it_is(
    backed_up: Place, engine: str, new_place: Callable[..., Place]
) -> None:
    other = new_place(engine).found()
    before = other.files(), other.authors()
    archive = str(backed_up.folder / ARCHIVE)
    said = other.refused("restore", archive)
    assert "belongs to another blog" in said
    assert "fedblog.blog.json" in said
    assert (other.files(), other.authors()) == before
    (other.data / "fedblog.blog.json").unlink()
    other.do("restore", archive)
    assert is_old(other)


@pytest.mark.parametrize("revision", ["0004", "0010"])
def test_backup_of_an_earlier_version_is_brought_up_to_this_one(
    engine: str, new_place: Callable[..., Place], revision: str
) -> None:
    old, new = (new_place(engine, base_url="https://blog.example.org") for _ in range(2))
    old.data.mkdir()
    url = old.database_url or f"sqlite:///{old.file}"
    make_tables(url, revision)
    fill_tables(url, rows_of(revision))
    comments = sorted(old.query("SELECT id, name, source_html FROM comments"))
    old.do("backup", ARCHIVE)
    assert old.query("SELECT version_num FROM alembic_version") == [(revision,)]
    done = new.run("restore", str(old.folder / ARCHIVE))
    assert done.returncode == 0, done.stderr
    assert "brought up to this one" in done.stderr
    assert new.query("SELECT version_num FROM alembic_version") == [(migrate.head(),)]
    assert sorted(new.query("SELECT id, name, source_html FROM comments")) == comments
    found = new.query("SELECT sum(number) FROM counts WHERE kind = 'comments'")
    assert int(found[0][0]) > 0
    new.do("author", "add", "Another")


def test_backup_of_a_newer_version_is_refused_with_the_version_it_needs(place: Place) -> None:
    place.do("backup", "now.tar")
    newer = tarfile.open(place.folder / "newer.tar", "w")  # noqa: SIM115
    with tarfile.open(place.folder / "now.tar") as source, newer as into:
        for info in source:
            content = source.extractfile(info)
            data = content.read() if content else b""
            if info.name == "fedblog.backup.json":
                data = data.replace(b'"0.1.0"', b'"7.3.0"')
                data = data.replace(f'"{migrate.head()}"'.encode(), b'"9999"')
                info.size = len(data)
            into.addfile(info, io.BytesIO(data))
    before = place.files()
    assert "install fedblog 7.3.0 or later" in place.refused("restore", "newer.tar")
    assert place.files() == before


def test_database_of_a_newer_version_says_which_it_needs_and_gives_way(place: Place) -> None:
    place.do("backup", ARCHIVE)
    place.query("UPDATE alembic_version SET version_num = '9999'")
    place.query("UPDATE server SET value = '7.3.0' WHERE key = 'version'")
    place.query("CREATE TABLE novelties (id INTEGER)")
    assert "install fedblog 7.3.0 or later" in place.refused("migrate")
    if place.is_sqlite:
        shutil.copyfile(place.file, place.folder / "newer.sqlite3")
    place.do("restore", ARCHIVE)
    assert place.query("SELECT version_num FROM alembic_version") == [(migrate.head(),)]
    if place.is_sqlite:
        said = place.refused("restore", "newer.sqlite3")
        assert "install fedblog 7.3.0 or later" in said
    else:
        (schema,) = schemas(place)
        assert place.query(f"SELECT * FROM {schema}.novelties") == []
        with pytest.raises(psycopg.errors.UndefinedTable):
            place.query("SELECT * FROM novelties")


def test_copy_made_before_an_upgrade_is_restored_by_the_same_command(
    new_place: Callable[..., Place],
) -> None:
    place = new_place(base_url="https://blog.example.org")
    place.data.mkdir()
    make_tables(f"sqlite:///{place.file}", "0010")
    fill_tables(f"sqlite:///{place.file}", rows_of("0010"))
    place.do("migrate")
    place.do("author", "add", "Later")
    (copy,) = (place.data / "backups").glob("*.sqlite3")
    place.do("restore", str(copy))
    assert "later" not in place.authors()
    assert place.query("SELECT version_num FROM alembic_version") == [(migrate.head(),)]
    assert copy.exists()
    place.do("author", "add", "Later")


def test_what_is_no_database_of_a_blog_is_refused(new_place: Callable[..., Place]) -> None:
    place = new_place().found()
    fill(place.data)
    before = place.files()
    empty, other, half = (place.folder / name for name in ("empty", "other", "half"))
    migrate.upgrade(f"sqlite:///{empty}")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
        connection.commit()
    content = place.file.read_bytes()
    half.write_bytes(content[: len(content) // 2])
    for file, why in ((empty, "no blog"), (other, "another application"), (half, "damaged")):
        assert why in place.refused("restore", str(file)), file
    assert place.files() == before
    assert place.authors() == {"owner"}


def test_kept_counts_that_are_off_are_put_right(place: Place) -> None:
    place.query("INSERT INTO counts (key, kind, slot, number) VALUES ('1', 'posts', 0, 5)")
    place.do("backup", ARCHIVE)
    done = place.run("restore", ARCHIVE)
    assert done.returncode == 0, done.stderr
    assert "1 counts were off" in done.stderr
    assert place.query("SELECT number FROM counts WHERE kind = 'posts' AND number <> 0") == []


def test_tables_of_others_in_the_database_stay(new_place: Callable[..., Place]) -> None:
    place = new_place("postgresql").found()
    place.query("CREATE TABLE spatial_ref_sys (id INTEGER)")
    place.do("backup", ARCHIVE)
    place.do("restore", ARCHIVE)
    assert place.query("SELECT * FROM spatial_ref_sys") == []


def test_numbers_go_on_where_they_were(new_place: Callable[..., Place]) -> None:
    place = new_place("postgresql").found()
    last = place.query("SELECT nextval(pg_get_serial_sequence('changes', 'seq'))")[0][0]
    place.do("backup", ARCHIVE)
    place.do("restore", ARCHIVE)
    assert place.query("SELECT nextval(pg_get_serial_sequence('changes', 'seq'))") == [(last + 1,)]


def test_schema_that_was_put_aside_can_be_put_back(new_place: Callable[..., Place]) -> None:
    place = new_place("postgresql").found()
    place.do("backup", ARCHIVE)
    place.do("author", "add", "Later")
    place.do("restore", ARCHIVE)
    (schema,) = schemas(place)
    place.query("ALTER SCHEMA public RENAME TO restored")
    place.query(f"ALTER SCHEMA {schema} RENAME TO public")
    place.do("migrate")
    assert place.authors() == {"owner", "later"}
    place.do("author", "add", "More")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away")
def test_files_that_root_restores_belong_to_whom_the_folder_belongs(backed_up: Place) -> None:
    os.chown(backed_up.data, 4321, 4322)
    backed_up.do("restore", ARCHIVE)
    for name in ("media", "media/01A.jpg", "fedblog.blog.json"):
        found = (backed_up.data / name).stat()
        assert (found.st_uid, found.st_gid) == (4321, 4322), name
    if backed_up.is_sqlite:
        assert backed_up.file.stat().st_uid == 4321


def test_folder_that_moved_after_a_kill_is_ended_where_it_is(backed_up: Place) -> None:
    place = backed_up
    for moment in range(400):
        done = subprocess.run(
            [sys.executable, "-c", STOPPED, str(moment), "restore", ARCHIVE],
            cwd=place.folder,
            env=environment(place.settings),
            capture_output=True,
        )
        assert done.returncode == -signal.SIGKILL, moment
        if (place.data / "fedblog.restore.json").exists():
            break
    place.data.rename(place.folder / "moved")
    (place.folder / "data").symlink_to("moved")
    place.run("token", "create", "--author", "Nobody")
    is_old(place)
