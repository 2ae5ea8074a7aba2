"""Nothing that others may leave here grows without end: each kind has a bound and a rate."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select
from support.names import Names
from support.people import People
from support.servers import Server, running_server

from fedblog.federation.handlers import HANDLERS
from fedblog.settings import Settings
from fedblog.storage import tables as t

Bounded = Callable[..., AbstractAsyncContextManager[Server]]


@pytest.fixture
def bounded(settings: Settings, database_url: str) -> Bounded:
    """``async with bounded(NAME=VALUE) as server``: a server with these bounds."""

    @asynccontextmanager
    async def serve(**bounds: Any) -> AsyncIterator[Server]:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        update = {"database_url": database_url, "comment_levels": 8, **bounds}
        async with running_server(settings.model_copy(update=update)) as server:
            yield server

    return serve


async def send(server: Server, people: People, name: str, kind: str, item: Any, **more: Any) -> int:
    people.add(name)
    activity = people.activity(kind, name, item, **more)
    return (await people.post(server.inbox, activity, by=name)).status_code


async def number(server: Server, table: Any) -> int:
    query = select(func.count()).select_from(table)
    return await server.site.store.read(lambda connection: connection.execute(query).scalar_one())


async def reports(server: Server) -> list[dict[str, Any]]:
    return (await server.api("GET", "/reports?limit=100")).json()["items"]


async def test_a_report_keeps_so_many_characters_and_ids_and_none_that_is_too_long(
    bounded: Bounded, people: People
) -> None:
    async with bounded(report_length=100, report_objects=5) as server:
        post = (await server.publish())["activitypub_id"]
        ours = [f"{server.base_url}/ap/posts/{'0' * 26}", post]
        named = [people.new_uri("notes") for _ in range(20)]
        named.insert(1, f"{people.base_url}/".ljust(1010, "x"))
        assert await send(server, people, "ann", "Flag", named + ours, content="r" * 50_000) == 202
        (kept,) = await reports(server)
        assert kept["content"] == "r" * 100
        assert kept["objects"] == [*ours, named[0], *named[2:4]]


async def test_one_actor_has_so_many_reports_here_and_others_are_heard(
    bounded: Bounded, people: People
) -> None:
    async with bounded(reports_per_actor=3) as server:
        post = (await server.publish())["activitypub_id"]
        for _ in range(5):
            assert await send(server, people, "ann", "Flag", [post], content="No") == 202
        await send(server, people, "ben", "Flag", [post], content="No")
        writers = [report["actor"] for report in await reports(server)]
        assert writers == [people.uri("ben")] + [people.uri("ann")] * 3


async def test_one_server_has_so_many_reports_here_whatever_its_people_are_called(
    bounded: Bounded, people: People
) -> None:
    async with bounded(reports_per_host=4) as server:
        post = (await server.publish())["activitypub_id"]
        for number_of in range(6):
            await send(server, people, f"ann{number_of}", "Flag", [post], content="No")
        assert len(await reports(server)) == 4


@pytest.mark.parametrize(
    "content",
    [
        *("hello", "🎉🎉", "x" * 64, "🎉 party", "<b>", "👍" * 20, ":a b:"),
        "\u200d".join(["👍🏽"] * 9),
    ],
)
async def test_a_text_that_is_no_emoji_counts_as_the_one_like_it_stands_for(
    bounded: Bounded, people: People, content: str
) -> None:
    async with bounded() as server:
        post = await server.publish()
        await send(server, people, "ann", "Like", post["activitypub_id"])
        for kind in ("EmojiReact", "Like"):
            await send(server, people, "ann", kind, post["activitypub_id"], content=content)
        assert await number(server, t.reactions) == 1
        assert (await server.counts(post))["likes"] == 1


async def test_one_person_has_so_many_reactions_to_one_post_and_may_change_them(
    bounded: Bounded, people: People
) -> None:
    async with bounded(reactions_per_person=3) as server:
        post = await server.publish()
        uri = post["activitypub_id"]
        for emoji in ("🎉", "❤️", ":blobcat:", "👍", "🏳️‍🌈"):
            await send(server, people, "ann", "EmojiReact", uri, content=emoji)
        await send(server, people, "ann", "Announce", uri)
        assert await number(server, t.reactions) == 3
        await send(server, people, "ben", "EmojiReact", uri, content="👍")
        assert await number(server, t.reactions) == 4
        undone = people.activity("EmojiReact", "ann", uri, content="🎉")
        await send(server, people, "ann", "Undo", undone)
        await send(server, people, "ann", "EmojiReact", uri, content="👍")
        assert await number(server, t.reactions) == 4
        other = await server.publish()
        await send(server, people, "ann", "EmojiReact", other["activitypub_id"], content="👍")
        assert await number(server, t.reactions) == 5


async def test_whatever_an_actor_sends_counts_in_its_rate(bounded: Bounded, people: People) -> None:
    """Also what it says of itself, or of itself before it comes to anything else."""
    async with bounded(actor_burst=2, actor_rate=0.01, host_burst=1000) as server:
        post = (await server.publish())["activitypub_id"]

        def of_oneself(name: str) -> Any:
            return people.uri(name)

        def of_oneself_first(name: str) -> Any:
            return [people.uri(name), people.note(name, post, "<p>More</p>"), post]

        cases = [(kind, of_oneself_first) for kind in (*HANDLERS, "View", "Accept")]
        cases += [(kind, of_oneself) for kind in ("Update", "Delete", "Flag")]
        for number_of, (kind, item) in enumerate(cases):
            name = f"ann{number_of}"
            # The first makes it known: of strangers an Update is not even looked at.
            sent = [("Listen", post), ("Undo", post), *[(kind, item(name))] * 3]
            statuses = [await send(server, people, name, *one) for one in sent]
            assert statuses[-2:] == [429, 429], kind
        assert await send(server, people, "ben", "Like", post) == 202


async def test_one_address_may_send_so_much_that_is_worth_nothing(
    bounded: Bounded, people: People
) -> None:
    bounds = {"address_rate": 0.1, "address_burst": 11, "host_rate": 0.1, "host_burst": 11}
    async with bounded(**bounds) as server:
        post = (await server.publish())["activitypub_id"]
        people.add("ann")
        assert await send(server, people, "ann", "Like", post) == 202
        headers = {"content-type": "application/activity+json"}
        answers = [await people.post_raw(server.inbox, b"{}", headers) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
        assert await send(server, people, "ann", "Announce", post) == 429


async def test_what_an_actor_wrote_can_be_taken_back_as_fast_and_no_faster(
    bounded: Bounded, people: People
) -> None:
    async with bounded(actor_burst=3, actor_rate=0.1) as server:
        post = (await server.publish())["activitypub_id"]
        notes = [people.note("ann", post, "<p>More</p>") for _ in range(4)]
        written = [await send(server, people, "ann", "Create", note) for note in notes]
        assert written == [202] * 3 + [429]
        gone = [await send(server, people, "ann", "Delete", note["id"]) for note in notes]
        assert gone == [202] * 3 + [429]
        assert await number(server, t.tombstones) == 3


@pytest.mark.both_engines
async def test_so_many_follow_from_one_host(bounded: Bounded, people: People) -> None:
    async with bounded(followers_per_host=3) as server:
        blog = f"{server.base_url}/ap/blog"
        for name in ("ann", "ben", "cleo", "dan", "ann"):
            assert await send(server, people, name, "Follow", blog) == 202
        assert await number(server, t.followers) == 3
        owner = (await server.api("GET", "/posts")).json()
        assert owner["items"] == []
        undone = people.activity("Follow", "ben", blog)
        await send(server, people, "ben", "Undo", undone)
        await send(server, people, "dan", "Follow", blog)
        assert await number(server, t.followers) == 3


async def test_names_below_one_domain_have_the_followers_of_one(
    bounded: Bounded, people: People
) -> None:
    async with (
        Names({"*": ["127.0.0.1"]}) as names,
        bounded(followers_per_host=3, name_servers=names.address) as server,
    ):
        blog = f"{server.base_url}/ap/blog"
        for number_of in range(5):
            there = People(people.base_url.replace("127.0.0.1", f"a{number_of}.evil.example"))
            async with there:
                people.publish(f"/users/ann{number_of}", there.actor_document(f"ann{number_of}"))
                follow = there.activity("Follow", f"ann{number_of}", blog)
                answer = await there.post(server.inbox, follow, by=f"ann{number_of}")
                assert answer.status_code == 202, answer.text
        assert await number(server, t.followers) == 3


@pytest.mark.both_engines
async def test_of_replies_without_a_parent_so_many_of_one_actor_wait_and_the_oldest_go(
    bounded: Bounded, people: People
) -> None:
    async with bounded(orphans_per_actor=2, ancestor_limit=0) as server:
        await server.publish()
        notes = [people.note("ann", people.new_uri("unknown"), "<p>x</p>") for _ in range(4)]
        for note in notes:
            await send(server, people, "ann", "Create", note)
        await send(server, people, "ben", "Create", people.note("ben", notes[3]["id"], "y"))
        kept = await server.site.store.read(
            lambda connection: connection.execute(select(t.comments.c.uri)).scalars().all()
        )
        assert {note["id"] for note in notes[2:]} <= set(kept)
        assert len(kept) == 3


@pytest.mark.both_engines
async def test_of_replies_without_a_parent_so_many_wait_in_all(
    bounded: Bounded, people: People
) -> None:
    async with bounded(orphans_kept=3, ancestor_limit=0) as server:
        await server.publish()
        for place in range(5):
            note = people.note(f"ann{place}", people.new_uri("unknown"), "<p>x</p>")
            await send(server, people, f"ann{place}", "Create", note)
        assert await number(server, t.comments) == 3


@pytest.mark.both_engines
async def test_one_actor_may_ask_for_leave_so_many_times(bounded: Bounded, people: People) -> None:
    async with bounded(authorizations_per_actor=2) as server:
        post = (await server.publish())["activitypub_id"]
        quotes = [people.new_uri("notes") for _ in range(4)]
        for quote in (*quotes, quotes[0]):
            await send(server, people, "ann", "QuoteRequest", post, instrument=quote)
        assert await number(server, t.authorizations) == 2
