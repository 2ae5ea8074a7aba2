"""What /readyz looks at beside the database (whose troubles are in faults/test_trouble.py)."""

from support.servers import running_server

from fedblog.endpoints.health import FAILED_LATELY, KEPT_SECONDS, Health
from fedblog.publishing.site import Site
from fedblog.settings import Settings


async def test_server_without_room_lives_and_is_not_ready(settings: Settings, sqlite_url: str):
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    changed = settings.model_copy(update={"database_url": sqlite_url, "disk_reserve": 1 << 62})
    async with running_server(changed) as server:
        assert (await server.anonymous("/healthz")).status_code == 200
        answer = await server.anonymous("/readyz")
        assert answer.status_code == 503
        assert answer.json()["detail"].startswith("disk: ")


async def test_loop_that_failed_is_named_for_a_moment(site: Site) -> None:
    now = 0.0
    health = Health(site, clock=lambda: now)
    assert await health.troubles() == {}
    health.failed("deliveries")
    now += KEPT_SECONDS
    assert list(await health.troubles()) == ["loops"]
    assert "deliveries" in (await health.troubles())["loops"]
    now += FAILED_LATELY
    assert await health.troubles() == {}
