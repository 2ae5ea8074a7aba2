"""Where the database or the disk fails, every address says so: 503 or 507, never 404 or 500."""

import errno
import io
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import IO

import httpx
import psycopg
import pytest
from PIL import Image
from sqlalchemy import Connection, make_url
from support.people import People
from support.servers import Server

from fedblog.storage import server as server_rows
from fedblog.storage import sqlite_connection
from fedblog.storage.errors import StorageError


def picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(written, "PNG")
    return written.getvalue()


BROKEN = (
    *("posts", "tokens", "blogs", "authors", "blocks", "comments", "followers"),
    *("activities", "counts", "alembic_version"),
)
ACTIVITY = {"accept": "application/activity+json"}
PNG = picture()


async def gone(server: Server, database_url: str) -> None:
    """The database cannot be reached any more."""
    if database_url.startswith("sqlite"):
        await server.site.store.write(break_tables)
        return
    url = make_url(database_url)
    with psycopg.connect(
        url.set(database="postgres").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [url.database],
        )


def break_tables(connection: Connection) -> None:
    for name in BROKEN:
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {name}_gone")


async def closed(server: Server, database_url: str) -> None:
    """The store is closed, as while the server ends."""
    await server.site.store.close()


@pytest.fixture
def repaired(database_url: str) -> AsyncIterator[None]:
    """Lets the test's database be used again afterwards."""
    yield
    if database_url.startswith("postgresql"):
        url = make_url(database_url)
        with psycopg.connect(
            url.set(database="postgres").render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true")


def check(answer: httpx.Response, *, status: int = 503, is_page: bool = False) -> None:
    what = f"{answer.request.method} {answer.request.url.path}"
    assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text[:300]}"
    assert int(answer.headers["retry-after"]) > 0, what
    assert "no-store" in answer.headers["cache-control"], what
    kind = answer.headers["content-type"]
    assert kind.startswith("text/html" if is_page else "application/problem+json"), what
    if not is_page:
        assert answer.json()["status"] == status, what


@pytest.mark.both_engines
@pytest.mark.parametrize("happens", [gone, closed])
async def test_every_address_says_that_the_database_fails(
    server: Server,
    people: People,
    database_url: str,
    repaired: None,
    happens: Callable[[Server, str], Awaitable[None]],
) -> None:
    people.add("ann")
    post = await server.publish()
    path = post["url"].removeprefix(server.base_url)
    object_path = post["activitypub_id"].removeprefix(server.base_url)
    like = people.activity("Like", "ann", post["activitypub_id"])
    await happens(server, database_url)
    for page in ("/", path, "/feed/", "/tags/x/", "/authors/owner/", "/nothing/here"):
        check(await server.anonymous(page), is_page=True)
    for document in (object_path, "/ap/blog", "/ap/blog/outbox", "/ap/blog/followers"):
        check(await server.anonymous(document, **ACTIVITY))
    check(await server.anonymous(path, **ACTIVITY))
    name = f"acct:owner@{httpx.URL(server.base_url).netloc.decode()}"
    check(await server.anonymous(f"/.well-known/webfinger?resource={name}"))
    check(await server.anonymous("/nodeinfo/2.1"))
    # A signature makes the page cache look at the blocks before anything else.
    signed = {"signature": 'keyId="https://a.example/u#main-key",signature="x"'}
    check(await server.anonymous(object_path, **ACTIVITY, **signed))
    for method, api_path in (
        ("GET", "/posts"),
        ("GET", f"/posts/{post['id']}"),
        ("GET", "/followers"),
        ("GET", "/blocks"),
        ("DELETE", f"/posts/{post['id']}"),
    ):
        check(await server.api(method, api_path))
    check(await server.api("POST", "/posts", json={"title": "T", "content": "C"}))
    check(await server.api("POST", "/blocks", json={"domain": "bad.example"}))
    check(await server.api("POST", "/media", files={"file": ("a.png", PNG)}, data={"alt": "x"}))
    check(await people.post(server.inbox, like, by="ann"))
    assert (await server.anonymous("/healthz")).status_code == 200
    check(await server.anonymous("/readyz"))
    assert (await server.anonymous("/static/style.css")).status_code in (200, 404)


@pytest.mark.both_engines
async def test_everything_is_answered_again_once_the_database_is_back(
    server: Server, database_url: str
) -> None:
    if database_url.startswith("sqlite"):
        await server.site.store.write(break_tables)
        check(await server.anonymous("/"), is_page=True)

        def mend(connection: Connection) -> None:
            rows = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_gone' "
                "ESCAPE '\\'"
            )
            for name in [row.name for row in rows]:
                connection.exec_driver_sql(
                    f"ALTER TABLE {name} RENAME TO {name.removesuffix('_gone')}"
                )

        await server.site.store.write(mend)
    else:
        url = make_url(database_url)
        with psycopg.connect(
            url.set(database="postgres").render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [url.database],
            )
    assert (await server.anonymous("/")).status_code == 200
    assert (await server.api("GET", "/posts")).status_code == 200
    assert (await server.publish("After"))["status"] == "published"


# --- what only a file meets


async def use_up(server: Server) -> None:
    """Write until nothing is left of the last pages."""
    for number in range(10_000):
        await server.site.store.write(server_rows.put, f"fill-{number}", "x" * 500)


@pytest.mark.sqlite_alone
async def test_full_disk_refuses_writing_and_goes_on_reading(
    server: Server, people: People
) -> None:
    people.add("ann")
    post = await server.publish()

    def fill(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    await server.site.store.write(fill)
    with pytest.raises(StorageError):
        await use_up(server)
    large = {"title": "T", "content": "word " * 20_000, "status": "published"}
    check(await server.api("POST", "/posts", json=large), status=507)
    note = {
        "id": people.uri("ann") + "/notes/1",
        "type": "Note",
        "attributedTo": people.uri("ann"),
        "inReplyTo": post["activitypub_id"],
        "content": "<p>" + "word " * 12_000 + "</p>",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
    }
    activity = people.activity("Create", "ann", note)
    check(await people.post(server.inbox, activity, by="ann"), status=507)
    assert (await server.anonymous("/")).status_code == 200
    assert (await server.api("GET", "/posts")).status_code == 200


@pytest.mark.sqlite_alone
async def test_upload_for_which_there_is_no_room_is_refused_as_a_post_is(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = PNG + b"x" * (2 << 20)  # goes into a file before it is looked at
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryFile", on_full_disk)
        check(await server.api("POST", "/media", files={"file": ("a.png", long)}), status=507)
    folder = server.site.settings.data_dir / "media"
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        check(await server.api("POST", "/media", files={"file": ("a.png", PNG)}), status=507)
    assert list(folder.iterdir()) == []
    answer = await server.api("POST", "/media", files={"file": ("a.png", long)})
    assert answer.status_code == 201, answer.text


def on_full_disk(*_: object, **__: object) -> IO[bytes]:
    return Path("/dev/full").open("w+b")


def full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.sqlite_alone
async def test_upload_for_which_there_is_no_process_may_be_sent_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    with monkeypatch.context() as patched:
        patched.setattr("subprocess.Popen", none)
        check(await server.api("POST", "/media", files={"file": ("a.png", PNG)}))
    answer = await server.api("POST", "/media", files={"file": ("a.png", PNG)})
    assert answer.status_code == 201, answer.text


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database waits no longer than a moment for others."""
    monkeypatch.setattr(sqlite_connection, "BUSY_SECONDS", 0.05)


async def test_database_that_another_process_holds_is_busy(
    impatient: None, server: Server, sqlite_url: str
) -> None:
    await server.token()
    await server.api("GET", "/posts")
    holder = sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:///")), isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        body = {"title": "T", "content": "C"}
        check(await server.api("POST", "/posts", json=body))
        assert (await server.anonymous("/")).status_code == 200
        answer = await server.anonymous("/readyz")
        check(answer)
        assert answer.json()["detail"] == "writer: cannot write"
    finally:
        holder.close()
    assert (await server.api("POST", "/posts", json=body)).status_code == 201
