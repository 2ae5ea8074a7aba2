"""Backups of other versions, and what stands beside a blog in its database."""

import io
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from copies.conftest import ARCHIVE, Place, fill, schemas
from storage.test_filled import fill as fill_tables
from storage.test_filled import make_tables, rows_of

from fedblog.storage import migrate


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
