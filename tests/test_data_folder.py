"""The data folder remembers whose it is: a lost database does not become a new blog in silence."""

import os
import sqlite3
from asyncio import to_thread
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete

from fedblog.publishing.identity import Founding, IdentityChangedError
from fedblog.serving import has_database, prepare
from fedblog.settings import Settings
from fedblog.storage import folder, migrate, server
from fedblog.storage.errors import SchemaError, StorageError, UnusableDatabaseError
from fedblog.storage.store import Store
from fedblog.storage.tables import metadata


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a server on the test's database."""
    return Settings(data_dir=tmp_path / "data", database_url=database_url)


async def on_database(settings: Settings, unit: Any) -> Any:
    store = await Store.open(settings.database, listen=False)
    try:
        return await store.write(unit)
    finally:
        await store.close()


def empty(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(delete(table))


@pytest.mark.both_engines
async def test_folder_and_database_know_each_other_from_the_first_start(settings: Settings) -> None:
    assert (await prepare(settings)).is_new
    remembered = await to_thread(folder.read, settings.data_dir)
    assert remembered is not None
    assert (remembered.base_url, remembered.handle) == ("http://localhost:8000", "blog")
    assert await on_database(settings, lambda c: server.get(c, "id")) == remembered.id
    assert not (await prepare(settings)).is_new
    assert await to_thread(folder.read, settings.data_dir) == remembered


@pytest.mark.both_engines
async def test_emptied_database_is_refused_with_the_ways_out(settings: Settings) -> None:
    await prepare(settings)
    await on_database(settings, empty)
    for founding in (None, Founding(handle="other")):
        with pytest.raises(IdentityChangedError) as refusal:
            await prepare(settings, founding)
        assert "its database is empty" in str(refusal.value)
        assert "backup" in str(refusal.value)
        assert str(settings.data_dir / folder.FILE) in str(refusal.value)
    (settings.data_dir / folder.FILE).unlink()
    assert (await prepare(settings)).is_new


@pytest.mark.both_engines
async def test_database_of_another_blog_at_the_same_address_is_refused(
    settings: Settings, tmp_path: Path
) -> None:
    await prepare(settings)
    await on_database(settings, lambda c: server.put(c, "id", "another"))
    with pytest.raises(IdentityChangedError, match="is another blog's"):
        await prepare(settings)


@pytest.mark.both_engines
async def test_process_with_a_folder_of_its_own_takes_the_database_as_it_is(
    settings: Settings, tmp_path: Path
) -> None:
    await prepare(settings)
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    assert not (await prepare(elsewhere)).is_new
    assert await to_thread(folder.read, elsewhere.data_dir) == await to_thread(
        folder.read, settings.data_dir
    )


async def test_database_from_before_is_given_the_id_that_its_folder_has(settings: Settings) -> None:
    await prepare(settings)
    remembered = await to_thread(folder.read, settings.data_dir)
    assert remembered is not None
    await on_database(settings, lambda c: server.remove(c, "id"))
    await prepare(settings)
    assert await on_database(settings, lambda c: server.get(c, "id")) == remembered.id


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("is_truncated", [False, True])
async def test_lost_file_is_refused_before_a_new_one_is_made(
    settings: Settings, is_truncated: bool
) -> None:
    await prepare(settings)
    file = Path(settings.database.removeprefix("sqlite:///"))
    if is_truncated:
        file.write_bytes(b"")
    else:
        file.unlink()
    for name in ("-wal", "-shm"):
        Path(f"{file}{name}").unlink(missing_ok=True)
    with pytest.raises(IdentityChangedError, match="its database is missing"):
        await prepare(settings)
    assert not await to_thread(has_database, settings)


def _garbage(file: Path) -> None:
    file.write_bytes(b"these are not the pages of a database" * 1000)


def _half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _overwritten_in_the_middle(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[8192:32768] = b"\xff" * (32768 - 8192)
    file.write_bytes(data)


def _of_another_application(file: Path) -> None:
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()


@pytest.mark.sqlite_alone
@pytest.mark.parametrize("is_remembered", [True, False])
@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (_garbage, "no database at all"),
        (_half, "damaged"),
        (_overwritten_in_the_middle, "damaged"),
        (_of_another_application, "another application's"),
    ],
)
async def test_file_that_is_no_database_of_a_blog_is_refused_with_the_ways_out(
    settings: Settings, is_remembered: bool, spoil: Callable[[Path], None], what: str
) -> None:
    await prepare(settings)
    file = Path(settings.database.removeprefix("sqlite:///"))
    for name in ("-wal", "-shm"):
        Path(f"{file}{name}").unlink(missing_ok=True)
    spoil(file)
    spoilt = file.read_bytes()
    if not is_remembered:
        (settings.data_dir / folder.FILE).unlink()
    expected = IdentityChangedError if is_remembered else UnusableDatabaseError
    with pytest.raises(expected, match=what) as refusal:
        await prepare(settings)
    for way_out in ("restore a backup", "FEDBLOG_DATABASE_URL"):
        assert way_out in str(refusal.value)
    assert file.read_bytes() == spoilt


@pytest.mark.both_engines
async def test_database_of_a_newer_version_is_said_to_be_one(settings: Settings) -> None:
    await prepare(settings)

    async def say_revision(revision: str) -> None:
        statement = f"UPDATE alembic_version SET version_num = '{revision}'"
        await on_database(settings, lambda c: c.exec_driver_sql(statement).close())

    await say_revision("9999")
    try:
        with pytest.raises(SchemaError, match=r"newer.*9999.*install.*backup"):
            await prepare(settings)
    finally:
        await say_revision(await to_thread(migrate.head))


def test_note_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the new name may stand there with nothing of what was only written."""
    belonging = folder.Belonging("1", "https://blog.example", "blog")
    synced: list[tuple[int, bool]] = []

    def sync(file: int) -> None:
        synced.append((os.fstat(file).st_size, (tmp_path / folder.FILE).exists()))

    monkeypatch.setattr(os, "fsync", sync)
    folder.write(tmp_path, belonging)
    assert synced == [((tmp_path / folder.FILE).stat().st_size, False)]
    assert folder.read(tmp_path) == belonging


async def test_note_that_cannot_be_read_stops_the_start(settings: Settings) -> None:
    await prepare(settings)
    (settings.data_dir / folder.FILE).write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be read"):
        await prepare(settings)


async def test_other_base_url_is_named_as_before(settings: Settings) -> None:
    await prepare(settings)
    moved = settings.model_copy(update={"base_url": "https://blog.example"})
    with pytest.raises(IdentityChangedError, match="this database belongs to"):
        await prepare(moved)
