"""Rows travel in pieces, and come back as they were whatever is in them."""

import io

import pytest
from sqlalchemy import Connection, delete, insert, select

from fedblog.storage import migrate
from fedblog.storage.backups import archive, postgresql_copy
from fedblog.storage.backups.archive import Manifest, Packing, Unpacking
from fedblog.storage.backups.progress import silent
from fedblog.storage.errors import BackupError
from fedblog.storage.tables import server

ODD = ["", "\\", "\\.", "\\N", "a\tb", "a\nb\r\n", "日本語 🔥", "\x01", "x" * 5000]


def rows(connection: Connection) -> list[tuple[str, str]]:
    return sorted((row.key, row.value) for row in connection.execute(select(server)))


def dumped(connection: Connection) -> bytes:
    wanted = postgresql_copy.tables(connection)
    out = io.BytesIO()
    manifest = Manifest("1", "1", "postgresql", archive.DATABASE, "", "", "", "", wanted)
    with Packing(out, manifest, is_compressed=True) as packing:
        postgresql_copy.dump(connection, wanted, packing, silent)
    return out.getvalue()


def load(connection: Connection, content: bytes) -> int:
    unpacking = Unpacking(io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]
    pieces = 0
    tables = unpacking.manifest.tables
    with postgresql_copy.Loading(connection, tables, silent) as loading:
        for member in unpacking:
            loading.add(member.name, member.content)
            pieces += 1
        loading.finish()
    return pieces


def load_pieces(
    connection: Connection, wanted: tuple[archive.TableOf, ...], pieces: list[tuple[str, bytes]]
) -> None:
    with postgresql_copy.Loading(connection, wanted, silent) as loading:
        for name, data in pieces:
            loading.add(f"{archive.DATABASE}/{name}.000001.copy", io.BytesIO(data))
        loading.finish()


def fill(connection: Connection) -> None:
    for number in range(300):
        odd = ODD[number % len(ODD)]
        connection.execute(insert(server).values(key=f"{number} {odd}", value=odd))


def test_rows_come_back_in_bounded_pieces(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_copy, "PIECE", 10_000)
    with migrate.opened(postgresql_url) as engine, engine.begin() as connection:
        fill(connection)
        before = rows(connection)
        content = dumped(connection)
        for member in Unpacking(io.BufferedReader(io.BytesIO(content))):  # type: ignore[arg-type]
            assert member.size < 10_000 + 12_000  # and no more than the row that made it full
        connection.execute(delete(server))
        assert load(connection, content) > 20
        assert rows(connection) == before


def test_rows_that_are_missing_twice_or_not_as_the_tables_want_them_are_refused(
    postgresql_url: str,
) -> None:
    with migrate.opened(postgresql_url) as engine:
        for what in ("less", "unknown", "again", "nonsense"):
            with engine.connect() as connection:
                wanted = postgresql_copy.tables(connection)
                wanted = tuple(
                    archive.TableOf(it.name, 2 if it.name == "server" else it.rows, it.columns)
                    for it in wanted
                )
                pieces = {
                    "less": [("server", b"a\tb\n")],
                    "unknown": [("posts; DROP TABLE posts", b"a\n")],
                    "again": [("server", b"a\tb\nb\tc\n"), ("blogs", b""), ("server", b"d\te\n")],
                    "nonsense": [("server", b"a\tb\tc\td\n")],
                }[what]
                with pytest.raises(BackupError):
                    load_pieces(connection, wanted, pieces)
                connection.rollback()
                assert rows(connection) == []
