"""Blogs on either engine that are backed up and restored by the commands; see `Place`."""

import contextlib
import io
import sqlite3
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest
from PIL import Image
from sqlalchemy import make_url
from support.commands import Served, run

from fedblog.settings import Settings

ARCHIVE = "a.tar.gz"
SIDES = ("-wal", "-shm", "-journal")
LOCKS = {"fedblog.lock", "fedblog.lock.json", "fedblog.backup.lock"}


@dataclass
class Place:
    """A folder with a data folder in it, and on PostgreSQL a database; made or not."""

    folder: Path
    database_url: str
    base_url: str = "http://127.0.0.1:8000"
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def file(self) -> Path:
        return self.data / "fedblog.sqlite3"

    @property
    def is_sqlite(self) -> bool:
        return not self.database_url

    @property
    def settings(self) -> dict[str, str]:
        url = {"database_url": self.database_url} if self.database_url else {}
        return {"base_url": self.base_url} | url | self.more

    def as_settings(self) -> Settings:
        """The same as a command has it."""
        given = {"data_dir": self.data, "database_url": self.database_url}
        return Settings(**given | self.settings | self.more)  # type: ignore[arg-type]

    def found(self) -> "Place":
        """Make a blog in it."""
        if not self.is_sqlite:
            self.do("migrate")
        self.do("init", "--yes", "--base-url", self.base_url)
        return self

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run(self.folder, *arguments, **self.settings)

    def do(self, *arguments: str) -> str:
        """Run a command that must succeed; its standard output."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused; what it says last."""
        done = self.run(*arguments)
        assert done.returncode == 1, (done.stdout, done.stderr)
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("fedblog: "), done.stderr
        assert "Traceback" not in done.stderr
        return last

    def served(self) -> Served:
        """The blog, to be served."""
        port = self.base_url.rpartition(":")[2]
        return Served(self.folder, port=port, **self.settings)

    def query(self, statement: str) -> list[tuple]:
        """What is in the database, read as by another program."""
        if self.is_sqlite:
            with contextlib.closing(sqlite3.connect(self.file)) as connection:
                found = connection.execute(statement).fetchall()
                connection.commit()
                return found
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def authors(self) -> set[str]:
        """The handles of the authors: what tells one state of a blog from another here."""
        return {row[0] for row in self.query("SELECT handle FROM authors")}

    def files(self) -> dict[str, bytes | None]:
        """Everything in the data folder but locks and the database, folders as None."""
        return {
            name: None if path.is_dir() else path.read_bytes()
            for name, path in self.paths().items()
            if not name.startswith(self.file.name)
        }

    def paths(self) -> dict[str, Path]:
        """Everything in the data folder but locks and what SQLite keeps beside a database."""
        found = {str(path.relative_to(self.data)): path for path in self.data.rglob("*")}
        sides = {f"{self.file.name}{side}" for side in SIDES}
        return {name: path for name, path in found.items() if name not in LOCKS | sides}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine whose turn it is."""
    kind: str = request.param
    return kind


@pytest.fixture
def new_place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Place]]:
    """Makes places on an engine; their databases go at the end."""
    made: list[str] = []

    def make(engine: str = "sqlite", **keywords: str) -> Place:
        folder = tmp_path / f"place{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        if engine == "sqlite":
            return Place(folder, "", **keywords)
        server: str = request.getfixturevalue("postgresql_server")
        name = f"fedblog_copies_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        made.append(name)
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        return Place(folder, url, **keywords)

    yield make
    if made:
        with psycopg.connect(
            request.getfixturevalue("postgresql_server"), autocommit=True
        ) as connection:
            for name in made:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def place(engine: str, new_place: Callable[..., Place]) -> Place:
    """A place with a blog, and something of everything in its data folder."""
    made = new_place(engine).found()
    fill(made.data)
    return made


def fill(data: Path) -> None:
    """Put into a data folder what may be there."""
    for name, content in {
        "media/01A.jpg": b"a picture",
        "cache/avatars/ab/abc.webp": b"a face",
        "backups/fedblog-0001-20260101T000000000000Z.sqlite3": b"a copy of long ago",
        "notes of mine.txt": b"words",
        "日本/語.txt": b"words",
        ".hidden/.deeper/x": b"",
    }.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (data / "nothing in it").mkdir()
    (data / "notes of mine.txt").chmod(0o640)


def picture() -> bytes:
    """A small PNG."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return out.getvalue()


def api(served: Served) -> httpx.Client:
    """The API of a served blog as its owner."""
    token = served.run("token", "create", "--author", "Owner").strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{served.base_url}/api/v1", headers=headers, timeout=120)


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
