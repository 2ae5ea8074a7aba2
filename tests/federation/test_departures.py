"""Inboxes that are elsewhere or not there, hosts that are silent: who is asked, and who is gone."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Connection, insert, select, update
from support import blog
from support.people import People
from support.servers import Server
from support.sinks import hurry

from fedblog.jobs.housekeeping import ask_followers
from fedblog.publishing.site import Site
from fedblog.storage import hosts
from fedblog.storage.changes import Change, record
from fedblog.storage.inboxes import authority_of
from fedblog.storage.tables import activities, actors, deliveries, followers, inboxes, jobs

pytestmark = pytest.mark.both_engines
NODEINFO = "/.well-known/nodeinfo"


async def follow(server: Server, people: People, *names: str, **changes: Any) -> None:
    for name in names:
        people.add(name, **changes)
        activity = people.activity("Follow", name, f"{server.base_url}/ap/blog")
        answer = await people.post(server.inbox, activity, by=name)
        assert answer.status_code == 202, answer.text

    async def accepted() -> bool:
        kinds = [entry["json"]["type"] for entry in people.inbox]
        return kinds.count("Accept") >= len(names)

    await server.eventually(accepted)


async def follower_names(server: Server) -> set[str]:
    answer = await server.api("GET", "/followers")
    return {item["actor"].rpartition("/")[2] for item in answer.json()["items"]}


async def sent(server: Server, post: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The deliveries of the article, by the path of their inbox."""
    answer = await server.api("GET", f"/deliveries?post={post['id']}")
    return {
        "/" + item["inbox"].split("/", 3)[3]: item
        for item in answer.json()["items"]
        if item["type"] == "Create"
    }


async def follow_ups_are_done(server: Server) -> bool:
    return not await server.site.store.read(_jobs)


def _jobs(connection: Connection) -> list[str]:
    return list(connection.execute(select(jobs.c.key).where(jobs.c.kind == "ask_inbox")).scalars())


async def settles(server: Server, post: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The deliveries once each was tried and those who have the inboxes were asked."""

    async def tried() -> bool:
        rows = await sent(server, post)
        return bool(rows) and all(
            item["attempts"] or item["state"] != "waiting" for item in rows.values()
        )

    await server.eventually(tried)
    await server.eventually(lambda: follow_ups_are_done(server))
    return await sent(server, post)


async def silent_days(server: Server, people: People) -> int:
    name = authority_of(people.base_url + "/")
    found = await server.site.store.read(hosts.find, [name])
    return found[name].failures if name in found else 0


async def was_silent(server: Server, people: People, days: int) -> None:
    """Let the server of *people* have been silent on so many days before today."""
    await server.site.store.write(_was_silent, authority_of(people.base_url + "/"), days)


def _was_silent(connection: Connection, name: str, days: int) -> None:
    for ago in range(days, 0, -1):
        hosts.note_silence(connection, [name], datetime.now(UTC) - timedelta(days=ago))


# --- 404 and 410 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410])
async def test_follower_whose_own_server_says_gone_is_gone(
    server: Server, people: People, status: int
):
    await follow(server, people, "ann", "ben", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (status, {})
    people.publish("/users/ann", b"", status=status)
    rows = await settles(server, await server.publish())
    assert await follower_names(server) == {"ben"}
    assert rows["/users/ben/inbox"]["state"] == "delivered"
    gone = rows["/users/ann/inbox"]
    assert (gone["state"], gone["last_error"]) == ("failed", "nobody is there any more")
    await server.site.store.write(hurry)
    again = await settles(server, await server.publish("Again"))
    assert again.keys() == {"/users/ben/inbox"}


@pytest.mark.parametrize(("status", "stays"), [(410, False), (404, True)])
async def test_words_of_the_gone_go_only_where_their_server_says_for_good(
    server: Server, people: People, status: int, stays: bool
):
    await follow(server, people, "ann", "ben", endpoints={})
    post = await server.publish()
    note = people.note("ann", post["activitypub_id"], "<p>Hello</p>")
    answer = await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    assert answer.status_code == 202
    people.inbox_answers["/users/ann/inbox"] = (status, {})
    people.publish("/users/ann", b"", status=status)
    await settles(server, await server.publish("Another"))
    assert await follower_names(server) == {"ben"}
    assert [item["content"] for item in await server.comments(post)] == (
        ["<p>Hello</p>"] if stays else []
    )


@pytest.mark.parametrize("inbox_answer", [404, 410])
@pytest.mark.parametrize("type_", ["Tombstone", ["Tombstone"]])
async def test_tombstone_is_nobody_though_it_is_answered_with_200(
    server: Server, people: People, inbox_answer: int, type_: Any
):
    await follow(server, people, "ann", "ben", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (inbox_answer, {})
    grave = {"id": people.uri("ann"), "type": type_, "formerType": "Person"}
    people.publish("/users/ann", grave)
    rows = await settles(server, await server.publish())
    assert await follower_names(server) == {"ben"}
    assert rows["/users/ann/inbox"]["last_error"] == "nobody is there any more"


async def test_tombstone_of_another_is_nothing_said_of_a_person(server: Server, people: People):
    await follow(server, people, "ann", "ben", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (410, {})
    people.publish("/users/ann", {"id": people.uri("cy"), "type": "Tombstone"})  # which answers 404
    await settles(server, await server.publish())
    assert await follower_names(server) == {"ann", "ben"}


async def test_who_is_gone_may_come_back(server: Server, people: People):
    await follow(server, people, "ann", "ben", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (410, {})
    people.publish("/users/ann", b"", status=410)
    await settles(server, await server.publish())
    assert await follower_names(server) == {"ben"}
    people.inbox_answers.clear()
    await follow(server, people, "ann", endpoints={})
    assert await follower_names(server) == {"ann", "ben"}


@pytest.mark.parametrize("status", [404, 410])
async def test_server_that_says_gone_of_everything_drops_nobody(
    server: Server, people: People, status: int
):
    await follow(server, people, "ann", "ben", "cleo", endpoints={})
    kept = dict(people.documents)
    people.inbox_answer = status
    for path in (*people.documents, NODEINFO):
        people.publish(path, b"", status=status)
    post = await server.publish()
    rows = await settles(server, post)
    assert {item["state"] for item in rows.values()} == {"waiting"}
    assert await follower_names(server) == {"ann", "ben", "cleo"}
    assert await silent_days(server, people) == 1
    people.inbox_answer = 202
    people.documents = kept
    await server.site.store.write(hurry)

    async def all_have_it() -> bool:
        return {item["state"] for item in (await sent(server, post)).values()} == {"delivered"}

    await server.eventually(all_have_it)
    assert await silent_days(server, people) == 0


async def test_people_of_a_server_that_says_gone_for_seven_days_are_gone(
    server: Server, people: People
):
    await follow(server, people, "ann", "ben", endpoints={})
    people.inbox_answer = 410
    for path in (*people.documents, NODEINFO):
        people.publish(path, b"", status=410)
    await was_silent(server, people, 5)
    await settles(server, await server.publish())
    assert await follower_names(server) == {"ann", "ben"}
    await server.site.store.write(_a_day_passes)
    await server.site.store.write(hurry)

    async def nobody_follows() -> bool:
        return not await follower_names(server)

    await server.eventually(nobody_follows)


def _a_day_passes(connection: Connection) -> None:
    connection.execute(
        update(hosts.hosts).values(last_failure_at=datetime.now(UTC) - timedelta(days=1))
    )
    record(connection, Change("hosts"))


async def test_nodeinfo_vouches_for_a_server_with_one_person(server: Server, people: People):
    await follow(server, people, "ann", endpoints={})
    people.publish(NODEINFO, {"links": []}, media_type="application/json")
    people.inbox_answers["/users/ann/inbox"] = (404, {})
    people.publish("/users/ann", b"", status=404)
    await settles(server, await server.publish())
    assert await follower_names(server) == set()


async def test_server_that_lost_its_people_drops_nobody(server: Server, people: People):
    """It answers for itself, and 404 for everyone: an empty database, a wrong path."""
    await follow(server, people, "ann", "ben", "cleo", endpoints={})
    people.publish(NODEINFO, {"links": []}, media_type="application/json")
    for name in ("ann", "ben", "cleo"):
        people.publish(f"/users/{name}", b"", status=404)
    people.inbox_answer = 404
    await settles(server, await server.publish())
    assert await follower_names(server) == {"ann", "ben", "cleo"}
    assert await silent_days(server, people) == 1


async def test_all_whom_a_living_server_deleted_are_gone(server: Server, people: People):
    await follow(server, people, "ann", "ben", endpoints={})
    people.publish(NODEINFO, {"links": []}, media_type="application/json")
    for name in ("ann", "ben"):
        people.publish(f"/users/{name}", b"", status=410)
    people.inbox_answer = 410
    await settles(server, await server.publish())
    assert await follower_names(server) == set()


async def test_gone_shared_inbox_of_a_living_server_drops_nobody(server: Server, people: People):
    await follow(server, people, *(f"p{number}" for number in range(6)))
    people.inbox_answers["/inbox"] = (410, {})
    people.requests.clear()
    rows = await settles(server, await server.publish())
    assert rows["/inbox"]["state"] == "waiting"
    assert len(await follower_names(server)) == 6
    assert await silent_days(server, people) == 1
    # A few of those who share it were asked, not all.
    asked = [path for method, path, _ in people.requests if method == "GET"]
    assert asked == ["/users/p0", "/users/p1", "/users/p2"]


async def test_all_who_had_a_shared_inbox_are_led_to_their_new_ones(server: Server, people: People):
    names = [f"p{number}" for number in range(6)]
    await follow(server, people, *names)
    people.inbox_answers["/inbox"] = (404, {})
    for name in names:
        people.add(name, endpoints={"sharedInbox": f"{people.base_url}/new"})
    people.publish("/users/p3", b"", status=410)
    post = await server.publish()
    await server.eventually(lambda: is_delivered(server, post, "/new"))
    await server.eventually(lambda: follow_ups_are_done(server))
    rows = await sent(server, post)
    assert rows["/inbox"]["state"] == "failed"
    assert await follower_names(server) == {*names} - {"p3"}
    assert len(people.came_to("/new", "Create")) == 1
    assert await server.site.store.read(_inboxes) == {f"{people.base_url}/new"}


def _inboxes(connection: Connection) -> set[str]:
    query = select(inboxes.c.url).join(followers, followers.c.inbox_id == inboxes.c.id)
    return set(connection.execute(query).scalars())


async def is_delivered(server: Server, post: dict[str, Any], path: str) -> bool:
    row = (await sent(server, post)).get(path)
    return row is not None and row["state"] == "delivered"


async def test_one_whose_server_does_not_answer_is_not_gone(server: Server, people: People):
    await follow(server, people, "ann", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (410, {})
    people.publish("/users/ann", b"", status=503)
    post = await server.publish()

    async def asked() -> bool:
        return await silent_days(server, people) == 1

    await server.eventually(asked)
    assert (await sent(server, post))["/users/ann/inbox"]["state"] == "waiting"
    assert await follower_names(server) == {"ann"}


@pytest.mark.parametrize("status", [401, 403, 500, 200])
async def test_one_whose_document_cannot_be_had_is_not_gone(
    server: Server, people: People, status: int
):
    await follow(server, people, "ann", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (410, {})
    people.publish("/users/ann", b"<html>", status=status, media_type="text/html")
    await server.publish()

    async def asked() -> bool:
        return await silent_days(server, people) == 1

    await server.eventually(asked)
    assert await follower_names(server) == {"ann"}


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 307, 308])
async def test_redirected_delivery_goes_to_the_inbox_that_the_actor_names_now(
    server: Server, people: People, status: int
):
    await follow(server, people, "ann", endpoints={})
    new = f"{people.base_url}/new"
    elsewhere = {"Location": "https://elsewhere.example/inbox"}
    people.inbox_answers["/users/ann/inbox"] = (status, elsewhere)
    people.add("ann", endpoints={}, inbox=new)
    post = await server.publish()
    await server.eventually(lambda: is_delivered(server, post, "/new"))
    assert await server.site.store.read(_inboxes) == {new}
    assert (await sent(server, post))["/users/ann/inbox"]["state"] == "failed"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect_within_the_domain_is_followed(server: Server, people: People, status: int):
    await follow(server, people, "ann", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (status, {"Location": "/there"})
    post = await server.publish()
    rows = await settles(server, post)
    row = rows["/users/ann/inbox"]
    assert (row["state"], row["attempts"], row["last_status"]) == ("delivered", 1, 202)
    [activity] = people.came_to("/there", "Create")
    assert activity["object"]["id"] == post["activitypub_id"]
    assert await silent_days(server, people) == 0
    # Signed anew for that place.
    [entry] = [e for e in people.inbox if e["path"] == "/there"]
    [before] = [
        e for e in people.inbox if e["path"] == "/users/ann/inbox" and e["json"]["type"] == "Create"
    ]
    assert entry["headers"]["signature"] != before["headers"]["signature"]


async def test_redirects_in_a_circle_end(server: Server, people: People):
    await follow(server, people, "ann", endpoints={})
    people.inbox_answers["/users/ann/inbox"] = (308, {"Location": "/there"})
    people.inbox_answers["/there"] = (308, {"Location": "/users/ann/inbox"})
    rows = await settles(server, await server.publish())
    row = rows["/users/ann/inbox"]
    assert (row["state"], row["last_status"]) == ("waiting", 308)
    assert len(people.came_to("/users/ann/inbox", "Create")) == 1
    assert await silent_days(server, people) == 1


async def test_redirect_into_another_domain_is_not_followed(server: Server, people: People):
    await follow(server, people, "ann", endpoints={})
    other = people.base_url.replace("127.0.0.1", "127.0.0.2")
    people.inbox_answers["/users/ann/inbox"] = (308, {"Location": f"{other}/inbox"})
    rows = await settles(server, await server.publish())
    row = rows["/users/ann/inbox"]
    assert (row["state"], row["last_status"]) == ("waiting", 308)
    assert row["last_error"] == f"redirects to {other}/inbox"


async def test_two_inboxes_that_take_turns_do_not_go_on_for_ever(server: Server, people: People):
    await follow(server, people, "ann", endpoints={})
    one, two = f"{people.base_url}/one", f"{people.base_url}/two"
    far = {"Location": "https://elsewhere.example/"}
    for path in ("/users/ann/inbox", "/one", "/two"):
        people.inbox_answers[path] = (308, far)
    post = await server.publish()
    for number in range(24):
        people.add("ann", endpoints={}, inbox=(one, two)[number % 2])
        await server.site.actors.actor(people.uri("ann"), fresh=True)
        await server.site.store.write(hurry)
        await settles(server, post)
    rows = await sent(server, post)
    assert {row["state"] for row in rows.values()} == {"failed"}


# --- silence --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_host_is_parked_after_silence_on_seven_days(
    server: Server, people: People, status: int
):
    await follow(server, people, "ann")
    people.inbox_answer = status
    await was_silent(server, people, 6)
    first = await server.publish("First")
    row = (await settles(server, first))["/inbox"]
    assert (row["state"], row["last_status"], row["parked"]) == ("waiting", status, True)
    assert await silent_days(server, people) == 7
    before = len(people.inbox)
    second = await server.publish("Second")
    row = (await settles(server, second))["/inbox"]
    assert (row["state"], row["last_status"], row["parked"]) == ("waiting", None, True)
    assert "parked" in row["last_error"]
    assert len(people.inbox) == before
    people.inbox_answer = 202
    note = people.note("ann", first["activitypub_id"], "<p>Back</p>")
    answer = await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    assert answer.status_code == 202
    assert await silent_days(server, people) == 0
    for post in (first, second):
        await server.eventually(lambda post=post: is_delivered(server, post, "/inbox"))
        assert (await sent(server, post))["/inbox"]["parked"] is False


async def test_days_go_by_until_a_host_is_parked_and_until_it_sends(server: Server, people: People):
    await follow(server, people, "ann")
    people.inbox_answer = 503
    today = datetime.now(UTC)
    for day in range(9):
        with time_machine.travel(today + timedelta(days=day)):
            before = len(people.inbox)
            post = await server.publish(f"Day {day}")
            row = (await settles(server, post))["/inbox"]
            assert row["state"] == "waiting"
            assert row["parked"] is (day >= 6)
            assert (len(people.inbox) > before) is (day < 7)
            assert await silent_days(server, people) == min(day + 1, 7)
    people.inbox_answer = 202
    with time_machine.travel(today + timedelta(days=8, minutes=5)):
        like = people.activity("Like", "ann", post["activitypub_id"])
        answer = await people.post(server.inbox, like, by="ann")
        assert answer.status_code == 202, answer.text
        await server.eventually(lambda: is_delivered(server, post, "/inbox"))
        assert await silent_days(server, people) == 0


async def test_day_of_silence_counts_once(server: Server, people: People):
    await follow(server, people, "ann", "ben", endpoints={})
    people.inbox_answer = 500
    for number in range(3):
        await settles(server, await server.publish(f"Post {number}"))
    assert await silent_days(server, people) == 1


@pytest.mark.parametrize("status", [405, 406, 413, 415, 422, 429])
async def test_refusals_say_nothing_of_the_host(server: Server, people: People, status: int):
    await follow(server, people, "ann")
    people.inbox_answer = status
    await was_silent(server, people, 6)
    row = (await settles(server, await server.publish()))["/inbox"]
    assert row["state"] == ("waiting" if status == 429 else "failed")
    assert await silent_days(server, people) == 6


async def test_delivery_that_arrives_ends_the_silence(server: Server, people: People):
    await follow(server, people, "ann")
    await was_silent(server, people, 6)
    await settles(server, await server.publish())
    assert await silent_days(server, people) == 0


async def test_only_what_is_proven_revives(server: Server, people: People):
    await follow(server, people, "ann")
    await was_silent(server, people, 7)
    forged = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    answer = await people.post(
        server.inbox, forged, by="ben", key_id=f"{people.uri('ann')}#main-key"
    )
    assert answer.status_code == 401
    assert await silent_days(server, people) == 7


async def test_what_waited_for_a_parked_host_too_long_is_given_up(server: Server, people: People):
    await follow(server, people, "ann")
    await was_silent(server, people, 7)
    post = await server.publish()
    await settles(server, post)
    await server.site.store.write(_age)
    await server.site.store.write(hurry)

    async def is_given_up() -> bool:
        rows = await server.site.store.read(_states)
        return rows == ["failed"]

    await server.eventually(is_given_up)


OLD = "01K0000000000000000000000A"


def _age(connection: Connection) -> None:
    """Give the last activity an id of days ago."""
    row = connection.execute(select(activities).where(activities.c.type == "Create")).one()
    connection.execute(insert(activities).values(row._asdict() | {"id": OLD}))
    connection.execute(
        update(deliveries).where(deliveries.c.activity_id == row.id).values(activity_id=OLD)
    )


def _states(connection: Connection) -> list[str]:
    query = select(deliveries.c.state).where(deliveries.c.activity_id == OLD)
    return list(connection.execute(query).scalars())


# --- followers who say nothing --------------------------------------------------------------------


async def test_deleted_account_behind_a_shared_inbox_is_found_in_time(
    server: Server, people: People
):
    await follow(server, people, "ann", "ben", "cleo")
    people.publish("/users/ann", b"", status=410)
    people.add("ben", endpoints={"sharedInbox": f"{people.base_url}/new"})
    await ask_followers(server.site, datetime.now(UTC))
    assert await server.site.store.read(_asked) == []
    await server.site.store.write(_were_fetched_long_ago)
    await ask_followers(server.site, datetime.now(UTC))

    async def all_were_asked() -> bool:
        return not await server.site.store.read(_asked)

    await server.eventually(all_were_asked)
    assert await follower_names(server) == {"ben", "cleo"}
    assert await server.site.store.read(_inboxes) == {
        f"{people.base_url}/new",
        f"{people.base_url}/inbox",
    }


def _were_fetched_long_ago(connection: Connection) -> None:
    connection.execute(update(actors).values(fetched_at=datetime.now(UTC) - timedelta(days=8)))


def _asked(connection: Connection) -> list[str]:
    query = select(jobs.c.key).where(jobs.c.kind == "ask_follower")
    return list(connection.execute(query).scalars())


async def test_followers_are_gone_through_some_an_hour_and_not_those_of_silent_hosts(
    site: Site,
):
    names = [f"u{number:02}" for number in range(10)]
    for name in names:
        host = "dead.example" if name < "u02" else "one.example"
        await blog.follow(site, blog.remote_actor(name, host))
    await site.store.write(hosts.note_silence, ["dead.example"], datetime.now(UTC))
    some = dataclasses.replace(
        site, settings=site.settings.model_copy(update={"followers_asked": 4})
    )
    later = datetime.now(UTC) + timedelta(days=8)
    found = []
    for _ in range(3):
        await ask_followers(some, later)
        found.append(len(await site.store.read(_asked)))
    assert found == [2, 6, 8]
    await ask_followers(some, later)  # from the beginning: who waits to be asked is not asked twice
    assert len(await site.store.read(_asked)) == 8
