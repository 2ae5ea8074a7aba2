"""NodeInfo 2.1: discovery, schema and true counts."""

from datetime import UTC, datetime

import orjson
import pytest
from support.world import World

from fedblog.domain.comment import CommentStatus
from fedblog.domain.post import PostStatus
from fedblog.endpoints.nodeinfo import Kept
from fedblog.settings import Settings


@pytest.fixture
def nodeinfo_seconds() -> float:
    return 0


@pytest.fixture
def settings(settings: Settings, nodeinfo_seconds: float) -> Settings:
    return settings.model_copy(update={"nodeinfo_seconds": nodeinfo_seconds})


async def test_discovery_links_to_the_document(world: World) -> None:
    links = {
        item["rel"]: item["href"] for item in (await world.json("/.well-known/nodeinfo"))["links"]
    }
    address = links["http://nodeinfo.diaspora.software/ns/schema/2.1"]
    assert address == "https://blog.example.org/nodeinfo/2.1"
    assert links["https://www.w3.org/ns/activitystreams#Application"].endswith("/ap/instance")


async def test_document_says_what_the_schema_asks_for(world: World) -> None:
    response = await world.http.get("/nodeinfo/2.1")
    assert response.headers["content-type"] == (
        'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.1#"'
    )
    document = response.json()
    assert document["version"] == "2.1"
    assert document["software"]["name"] == "fedblog"
    assert document["software"]["version"]
    assert document["protocols"] == ["activitypub"]
    assert document["openRegistrations"] is False
    assert document["metadata"]["nodeName"] == "Act Today"
    assert set(document["services"]) == {"inbound", "outbound"}


async def test_counts_change_by_exactly_what_happened(world: World) -> None:
    async def usage() -> dict:
        return (await world.json("/nodeinfo/2.1"))["usage"]

    assert await usage() == {
        "users": {"total": 2, "activeMonth": 0, "activeHalfyear": 0},
        "localPosts": 0,
        "localComments": 0,
    }
    post = await world.post(published_at=datetime.now(UTC))
    await world.post(status=PostStatus.DRAFT)
    await world.post(status=PostStatus.SCHEDULED)
    await world.post(status=PostStatus.DELETED)
    assert (await usage())["localPosts"] == 1
    assert (await usage())["users"] == {"total": 2, "activeMonth": 1, "activeHalfyear": 1}
    await world.comment(post)
    assert (await usage())["localComments"] == 0
    own = await world.comment(post, author_id=world.authors["ben"].id)
    await world.comment(post, guest_name="Gil", status=CommentStatus.HELD)
    assert (await usage())["localComments"] == 1
    await world.comment(post, guest_name="Gil")
    assert (await usage())["localComments"] == 2
    await world.change_comment(own, deleted_at=datetime.now(UTC))
    assert (await usage())["localComments"] == 1


async def test_a_comment_under_a_deleted_post_makes_nobody_active(world: World) -> None:
    ben = world.authors["ben"].id
    for status, active in ((PostStatus.DELETED, 0), (PostStatus.PUBLISHED, 1)):
        post = await world.post(status=status, published_at=datetime(2020, 1, 1, tzinfo=UTC))
        await world.comment(post, author_id=ben)
        users = (await world.json("/nodeinfo/2.1"))["usage"]["users"]
        assert users == {"total": 2, "activeMonth": active, "activeHalfyear": active}


async def test_a_post_long_ago_makes_nobody_active(world: World) -> None:
    await world.post(published_at=datetime(2020, 1, 1, tzinfo=UTC))
    users = (await world.json("/nodeinfo/2.1"))["usage"]["users"]
    assert users == {"total": 2, "activeMonth": 0, "activeHalfyear": 0}


@pytest.mark.parametrize("nodeinfo_seconds", [300])
async def test_figures_stand_for_a_while_whatever_is_written(world: World) -> None:
    now = 1000.0
    kept = Kept(world.site, lambda: now)

    async def posts() -> int:
        return orjson.loads(await kept.document("2.1"))["usage"]["localPosts"]

    assert await posts() == 0
    await world.post()
    now += 299
    assert await posts() == 0
    now += 2
    assert await posts() == 1
