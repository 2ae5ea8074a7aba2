"""What restores replaced stays for its days, and nothing else goes with it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from fedblog.jobs import housekeeping
from fedblog.publishing.site import Site
from fedblog.storage.backups import replaced


@pytest.mark.both_engines
async def test_what_restores_replaced_goes_when_its_days_are_over(site: Site) -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    old, young = (replaced.stamp(now - timedelta(days=days)) for days in (31, 29))
    backups = site.settings.data_dir / "backups"
    mine = ("replaced-by me", "fedblog-0001-20260101T000000000000Z.sqlite3")
    for name in (f"replaced-{old}", f"replaced-{young}", *mine):
        (backups / name / "media").mkdir(parents=True)
        (backups / name / "media" / "a.jpg").write_bytes(b"a")
    schemas = [replaced.schema(old), replaced.schema(young)]
    is_postgresql = site.store.dialect == "postgresql"
    if is_postgresql:
        for schema in schemas:
            await site.store.write(_run, f"CREATE SCHEMA {schema}")
            await site.store.write(_run, f"CREATE TABLE {schema}.posts (id TEXT)")
    try:
        await housekeeping.drop_replaced(site, now)
        assert {path.name for path in backups.iterdir()} == {f"replaced-{young}", *mine}
        if is_postgresql:
            assert await site.store.read(replaced.schemas) == schemas[1:]
    finally:
        if is_postgresql:
            for schema in schemas:
                await site.store.write(replaced.drop_schema, schema)


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
