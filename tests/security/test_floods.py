"""Many at once, with bad intent: what one sender may send, and what stays of strangers."""

from typing import Any

from sqlalchemy import Connection, text
from support.people import People
from support.servers import Server, listening_socket, running_server, serving

from fedblog.domain.rates import TokenBuckets
from fedblog.settings import Settings


def reply(people: People, post: dict[str, Any], name: str) -> dict[str, Any]:
    return people.activity("Create", name, people.note(name, post["activitypub_id"], "<p>Buy!</p>"))


def test_s19_what_is_remembered_of_hostile_senders_is_bounded() -> None:
    buckets = TokenBuckets(60, 2, 100)
    for number in range(10_000):
        for _ in range(3):
            buckets.take(f"host{number}.example")
    assert len(buckets) <= 100


async def test_s19_strangers_who_prove_nothing_leave_nothing_behind(
    server: Server, people: People
) -> None:
    post = await server.publish()
    people.add("ann")

    def rows(connection: Connection) -> dict[str, int]:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("actors", "actor_keys", "received", "comments", "jobs", "tombstones")
        }

    before = await server.site.store.read(rows)
    for number in range(20):
        activity = reply(people, post, "ann")
        # Under ever new key ids, at addresses where there is nothing.
        key_id = f"{people.uri('ann')}/{number}#main-key"
        answer = await people.post(server.inbox, activity, by="ann", key_id=key_id)
        assert answer.status_code == 401
    assert await server.site.store.read(rows) == before


async def test_s29_flood_of_one_actor_or_host_is_held_back_and_others_get_through(
    settings: Settings, database_url: str
) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    bounded = settings.model_copy(
        update={
            "database_url": database_url,
            "actor_rate": 0.01,
            "actor_burst": 5,
            "host_rate": 0.01,
            "host_burst": 12,
        }
    )
    one, two = listening_socket(), listening_socket("127.0.0.2")
    crowd = People(f"http://127.0.0.1:{one.getsockname()[1]}")
    honest = People(f"http://127.0.0.2:{two.getsockname()[1]}")
    async with (
        running_server(bounded) as server,
        crowd,
        honest,
        serving(crowd, one),
        serving(honest, two),
    ):
        post = await server.publish()
        for name in ("spam1", "spam2", "spam3"):
            crowd.add(name)
        honest.add("ann")
        statuses: list[int] = []
        for name in ("spam1", "spam2", "spam3"):
            for _ in range(8):
                answer = await crowd.post(server.inbox, reply(crowd, post, name), by=name)
                statuses.append(answer.status_code)
                if answer.status_code == 429:
                    assert int(answer.headers["retry-after"]) >= 1
        # Five of the first actor, whose three more count for its host: four of the second.
        assert statuses[:8] == [202] * 5 + [429] * 3
        assert statuses.count(202) <= 12
        assert statuses[-1] == 429
        answer = await honest.post(server.inbox, reply(honest, post, "ann"), by="ann")
        assert answer.status_code == 202
        assert (await server.counts(post))["comments"] == statuses.count(202) + 1


async def test_s29_replies_to_a_post_that_holds_them_are_seen_by_nobody(
    server: Server, people: People
) -> None:
    post = await server.publish(comments="held")
    people.add("ann")
    for _ in range(5):
        answer = await people.post(server.inbox, reply(people, post, "ann"), by="ann")
        assert answer.status_code == 202
    assert (await server.counts(post))["comments"] == 0
    for path in (post["url"], "/comments/feed/", post["activitypub_id"] + "/replies?page=1"):
        assert "Buy!" not in (await server.anonymous(path)).text
