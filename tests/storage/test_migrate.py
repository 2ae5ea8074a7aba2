"""Migrations on both engines, and the backup before an SQLite file changes."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text
from support.waiting import PATIENCE

from fedblog.storage import migrate
from fedblog.storage.errors import SchemaError, StorageError, UnusableDatabaseError
from fedblog.storage.tables import metadata

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{previous}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("{table}", sa.Column("id", sa.Integer(), primary_key=True))
    {more}
"""


@pytest.fixture
def later_version(tmp_path: Path) -> "LaterVersion":
    return LaterVersion(tmp_path / "migrations")


HEAD = migrate._revisions(migrate.migrations_folder())[1]


class LaterVersion:
    """A copy of the migrations with more of them, as a later version would have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(
            migrate.migrations_folder(), folder, ignore=shutil.ignore_patterns("__pycache__")
        )

    def add(self, revision: str, table: str, more: str = "", previous: str = HEAD) -> None:
        (self.folder / "versions" / f"{revision}.py").write_text(
            NEXT.format(revision=revision, previous=previous, table=table, more=more)
        )


def run(url: str, statement: str) -> Any:
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    return migrate.standing(url) is migrate.Standing.CURRENT


def tables(url: str) -> set[str]:
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_an_empty_database_gets_the_tables_that_the_code_describes(empty_url: str) -> None:
    assert migrate.standing(empty_url) is migrate.Standing.EMPTY
    assert migrate.upgrade(empty_url) is None
    assert is_current(empty_url)
    address = make_url(empty_url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_upgrade_with_nothing_to_do_does_nothing(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    run(empty_url, "INSERT INTO server (key, value) VALUES ('a', 'b')")
    assert migrate.upgrade(empty_url) is None
    assert run(empty_url, "SELECT value FROM server") == "b"
    if empty_url.startswith("sqlite"):
        assert not (Path(make_url(empty_url).database or "").parent / "backups").exists()


def test_a_later_version_adds_its_tables_and_keeps_the_rows(
    empty_url: str, later_version: LaterVersion
) -> None:
    migrate.upgrade(empty_url)
    run(empty_url, "INSERT INTO server (key, value) VALUES ('a', 'b')")
    later_version.add("9002", "novelties")
    later_version.add("9003", "curiosities", previous="9002")
    migrate.upgrade(empty_url, migrations=later_version.folder)
    assert {"novelties", "curiosities"} <= tables(empty_url)
    assert run(empty_url, "SELECT value FROM server") == "b"


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    empty_url: str, later_version: LaterVersion
) -> None:
    migrate.upgrade(empty_url)
    later_version.add("9002", "novelties")
    later_version.add("9003", "curiosities", "raise LookupError('on purpose')", previous="9002")
    with pytest.raises(LookupError):
        migrate.upgrade(empty_url, migrations=later_version.folder)
    assert is_current(empty_url)
    assert not {"novelties", "curiosities"} & tables(empty_url)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    empty_url: str, later_version: LaterVersion
) -> None:
    later_version.add("9002", "novelties")
    migrate.upgrade(empty_url, migrations=later_version.folder)
    for look in (migrate.standing, migrate.upgrade):
        with pytest.raises(SchemaError, match="newer"):
            look(empty_url)
    assert "novelties" in tables(empty_url)


@pytest.mark.parametrize("revision", [None, "9999", "0001"])
def test_a_database_of_another_application_is_refused_and_left_alone(
    empty_url: str, revision: str | None
) -> None:
    if empty_url.startswith("sqlite"):
        Path(make_url(empty_url).database or "").parent.mkdir()
    run(empty_url, "CREATE TABLE posts (text TEXT)")
    if revision is not None:
        run(empty_url, "CREATE TABLE alembic_version (version_num VARCHAR(32))")
        run(empty_url, f"INSERT INTO alembic_version VALUES ('{revision}')")
    before = tables(empty_url)
    for look in (migrate.standing, migrate.upgrade):
        with pytest.raises(UnusableDatabaseError, match="another application's"):
            look(empty_url)
    assert tables(empty_url) == before


@pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
def test_a_database_on_a_server_may_have_tables_of_others_in_it(empty_url: str) -> None:
    run(empty_url, "CREATE TABLE spatial_ref_sys (id INTEGER)")
    migrate.upgrade(empty_url)
    assert is_current(empty_url)


def test_two_processes_that_upgrade_at_once_both_succeed(empty_url: str) -> None:
    program = f"from fedblog.storage import migrate; migrate.upgrade({empty_url!r})"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors.decode()
    assert is_current(empty_url)


def test_an_sqlite_file_is_copied_before_it_changes(
    sqlite_url: str, later_version: LaterVersion
) -> None:
    run(sqlite_url, "INSERT INTO server (key, value) VALUES ('a', 'b')")
    later_version.add("9002", "novelties")
    backup = migrate.upgrade(sqlite_url, migrations=later_version.folder)
    assert backup is not None
    path = Path(make_url(sqlite_url).database or "")
    assert backup.parent == path.parent / "backups"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT value FROM server").fetchone() == ("b",)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert not copy.execute("SELECT 1 FROM sqlite_master WHERE name = 'novelties'").fetchall()
    copy.close()


def test_the_newest_copies_from_before_upgrades_are_kept(
    sqlite_url: str, later_version: LaterVersion
) -> None:
    made, previous = [], HEAD
    for number in range(9002, 9006):
        later_version.add(f"{number}", f"novelties_{number}", previous=previous)
        previous = f"{number}"
        made.append(migrate.upgrade(sqlite_url, migrations=later_version.folder, backups_kept=2))
    folder = Path(make_url(sqlite_url).database or "").parent / "backups"
    assert sorted(folder.iterdir()) == sorted(file for file in made[2:] if file is not None)
    later_version.add("9006", "broken", "raise LookupError('on purpose')", previous=previous)
    with pytest.raises(LookupError):
        migrate.upgrade(sqlite_url, migrations=later_version.folder, backups_kept=1)
    assert len(list(folder.iterdir())) == 3


def test_a_new_sqlite_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "fedblog.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_upgrade_that_would_leave_rows_without_their_parents_is_refused(
    sqlite_url: str, later_version: LaterVersion
) -> None:
    later_version.add(
        "9002",
        "novelties",
        "op.execute(\"INSERT INTO actor_keys VALUES ('k', 'nobody', 'rsa', '', '2026-01-01')\")",
    )
    with pytest.raises(SchemaError, match="actor_keys"):
        migrate.upgrade(sqlite_url, migrations=later_version.folder)
    assert is_current(sqlite_url)


@pytest.mark.parametrize("url", ["mysql://localhost/x", "not an address", "sqlite://"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(StorageError):
        migrate.upgrade(url)


def test_the_first_migration_does_not_depend_on_the_codes_own_types() -> None:
    for file in (migrate.migrations_folder() / "versions").glob("*.py"):
        assert "fedblog" not in file.read_text()
