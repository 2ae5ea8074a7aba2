"""A database that an earlier version filled is brought up to this one, keeps its rows, is served.

``filled/REVISION.json`` holds rows of every table as they stood at that revision. They are put into
the tables of that revision and upgraded; every row must still be there, and pages, documents and
API show them. CONTRIBUTING.md says what a new migration adds.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine, make_url, select
from support.servers import key_pairs

from fedblog.app import running
from fedblog.publishing.tokens import issue
from fedblog.settings import Settings
from fedblog.storage import counts, migrate, recounting
from fedblog.storage.columns import UtcDateTime
from fedblog.storage.store import Store
from fedblog.storage.tables import metadata

Rows = dict[str, list[dict[str, Any]]]

FILLED = {file.stem: file for file in sorted((Path(__file__).parent / "filled").glob("*.json"))}
POST, ADA = "01KDX0000000000000000000P1", "01KDX0000000000000000000A2"
BASE = "https://blog.example.org"


def rows_of(revision: str) -> Rows:
    """The rows of *revision*, with keys that really sign."""
    text = FILLED[revision].read_text(encoding="utf-8")
    for _fragment, kind, private, public in key_pairs():
        for name, pem in (("private", private), ("public", public)):
            text = text.replace(f"{{{kind} {name}}}", json.dumps(pem)[1:-1])
    rows: Rows = json.loads(text)
    return rows


def engine_of(url: str) -> Any:
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    return create_engine(address)


def make_tables(url: str, revision: str) -> None:
    """The tables as they were at *revision*."""
    path = make_url(url).database
    if url.startswith("sqlite"):
        Path(path or "").parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(migrate.migrations_folder()))
    engine = engine_of(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def value(column: Any, given: Any) -> Any:
    """*given* from JSON as the driver takes it."""
    kind = datetime if isinstance(column.type, UtcDateTime) else column.type.python_type
    if given is None:
        return None
    if kind is datetime:
        return datetime.fromisoformat(given).replace(tzinfo=UTC)
    return given.encode() if kind is bytes else kind(given)


def fill(url: str, rows: Rows) -> None:
    engine = engine_of(url)
    with engine.begin() as connection:
        reflected = MetaData()
        reflected.reflect(connection)
        assert {*rows, "alembic_version"} == set(reflected.tables), "a table without rows"
        for name, items in rows.items():
            table = reflected.tables[name]
            for item in items:
                assert set(item) == set(table.c.keys())
                given = {key: value(table.c[key], item[key]) for key in item}
                connection.execute(table.insert().values(given))
    engine.dispose()


def missing(connection: Connection, rows: Rows) -> list[str]:
    """The rows that are not there any more, or not as they were."""
    lost = []
    for name, items in rows.items():
        table = metadata.tables[name]
        for item in items:
            same = [
                table.c[key].is_(None)
                if given is None
                else table.c[key] == value(table.c[key], given)
                for key, given in item.items()
            ]
            if connection.execute(select(1).where(*same)).first() is None:
                lost.append(f"{name}: {item}")
    return lost


@pytest.fixture(params=sorted(FILLED))
def filled(request: pytest.FixtureRequest, empty_url: str) -> tuple[str, Rows]:
    """A database that was filled at an earlier revision and upgraded, and what it held."""
    rows = rows_of(request.param)
    make_tables(empty_url, request.param)
    fill(empty_url, rows)
    migrate.upgrade(empty_url)
    return empty_url, rows


async def test_every_row_of_an_earlier_version_is_still_there(filled: tuple[str, Rows]) -> None:
    url, rows = filled
    store = await Store.open(url)
    try:
        assert await store.read(missing, rows) == []
        place, drifts = recounting.BEGINNING, []
        while True:
            found, place = await store.read(recounting.check, place)
            drifts += found
            if place == recounting.BEGINNING:
                break
        assert drifts == []
        assert await store.read(counts.one, "reached", POST) == 1
        assert await store.read(_domains_of_inboxes) == {"peer.example", "other.example"}
    finally:
        await store.close()


def _domains_of_inboxes(connection: Connection) -> set[str]:
    return set(connection.execute(select(metadata.tables["inboxes"].c.domain)).scalars())


async def test_what_an_earlier_version_wrote_is_served(
    filled: tuple[str, Rows], settings: Settings
) -> None:
    url, rows = filled
    settings = settings.model_copy(update={"database_url": url, "base_url": BASE})
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with running(settings) as (site, app):
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE)
        token = (await issue(site.store, "Olga Owner")).token
        activity = {"accept": "application/activity+json"}

        async def page(path: str, status: int = 200) -> str:
            answer = await http.get(path, headers={"accept": "text/html"})
            assert answer.status_code == status, path
            return answer.text

        async def document(path: str) -> Any:
            answer = await http.get(path, headers=activity)
            assert answer.status_code == 200, path
            return answer.json()

        async def api(path: str) -> Any:
            answer = await http.get(f"/api/v1{path}", headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == 200, path
            return answer.json()["items"] if "items" in answer.json() else answer.json()

        home = await page("/")
        assert home.index("Post hills") < home.index("Post rivers")
        assert "Post draft" not in home
        assert "Post gone" not in home
        for path in ("/tags/water/", "/authors/blog/", "/categories/notes/", "/feed/"):
            assert "Post rivers" in await page(path)
        assert "Post hills" in await page("/authors/ada/")
        rivers = await page("/2026/01/01/rivers/")
        for words in ("Comment 1", "Comment 2", "Comment 3", "3 thoughts", "One blogger", "🔥"):
            assert words in rivers, words
        for words in ("Comment 4", "Comment 5"):
            assert words not in rivers
        assert "Comment 7" not in await page("/2026/01/02/hills/")
        assert "Comment 9" in await page("/2026/01/02/hills/")
        await page("/2026/01/04/gone/", 410)
        await page("/2025/12/31/old-rivers/", 301)
        assert (await document(f"/ap/posts/{POST}"))["name"] == "Post rivers"
        assert (await document(f"/ap/posts/{POST}/likes"))["totalItems"] == 1
        assert (await document(f"/ap/posts/{POST}/shares"))["totalItems"] == 1
        assert (await document(f"/ap/posts/{POST}/replies"))["totalItems"] == 3
        assert (await document("/ap/blog/followers"))["totalItems"] == 2
        # Two posts, an edit, and the Delete of one that is gone.
        assert (await document("/ap/blog/outbox"))["totalItems"] == 4
        assert (await document(f"/ap/authors/{ADA}/outbox"))["totalItems"] == 1
        assert (await http.get("/nodeinfo/2.1")).json()["usage"]["localComments"] == 2
        post = await api(f"/posts/{POST}")
        assert post["counts"] == {"comments": 3, "likes": 1, "shares": 1, "followers_reached": 1}
        assert len(await api("/posts")) == 3
        assert len(await api(f"/posts/{POST}/comments")) == 5
        assert len(await api("/comments?status=held")) == 1
        assert len(await api("/followers")) == 3
        assert len(await api(f"/deliveries?post={POST}")) == 2
        assert len(await api("/blocks")) == len(rows["blocks"])
        assert len(await api("/reports")) == len(rows["reports"])
        assert len(await api("/authorizations")) == len(rows["authorizations"])
        await http.aclose()
