"""Whoever shuts others out: servers not yet known get in while strangers have us ask in vain."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from support.names import Names
from support.people import People
from support.servers import Server, listening_socket, running_server, serving
from support.waiting import PATIENCE

from fedblog.settings import Settings

BOUNDS = {"unproven_fetches": 8, "fetch_patience": 0.2, "fetch_timeout": 5.0}


class Silent:
    """Servers at many addresses that accept and never answer. *asked* counts their connections."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._stack = AsyncExitStack()
        self._end = asyncio.Event()

    async def __aenter__(self) -> "Silent":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end.set()
        await self._stack.aclose()

    async def listen(self, host: str) -> str:
        """One more of them; gives its address."""

        async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.asked[host] += 1
            try:
                await self._end.wait()
            finally:
                writer.close()

        server = await asyncio.start_server(accept, host, 0)
        self._stack.callback(server.close)
        return f"http://{host}:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def newcomers(*hosts: str) -> AsyncIterator[list[People]]:
    """Honest servers at *hosts*, each with an ann whom nobody here knows."""
    async with AsyncExitStack() as stack:
        found = []
        for host in hosts:
            listener = listening_socket(host)
            people = People(f"http://{host}:{listener.getsockname()[1]}")
            await people._http.aclose()
            people._http = client_at(host)
            await stack.enter_async_context(people)
            await stack.enter_async_context(serving(people, listener))
            people.add("ann")
            found.append(people)
        yield found


def client_at(host: str) -> httpx.AsyncClient:
    """A client that sends from *host*."""
    return httpx.AsyncClient(timeout=60, transport=httpx.AsyncHTTPTransport(local_address=host))


def bounded(settings: Settings, database_url: str, **changes: Any) -> Settings:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return settings.model_copy(update={"database_url": database_url} | BOUNDS | changes)


async def like(server: Server, people: People, post: dict[str, Any], **how: Any) -> Any:
    activity = people.activity("Like", "ann", post["activitypub_id"])
    return await people.post(server.inbox, activity, by="ann", **how)


async def come_in(server: Server, people: People, post: dict[str, Any]) -> list[int]:
    """What an honest newcomer is answered until it is taken: it comes again as its server would."""
    answers: list[int] = []
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await like(server, people, post)
            answers.append(answer.status_code)
            if answer.status_code == 202:
                return answers
            assert int(answer.headers["retry-after"]) >= 1
            await asyncio.sleep(0.2)


async def test_hosts_that_accept_and_never_answer_shut_no_newcomer_out(
    settings: Settings, sqlite_url: str
) -> None:
    async with (
        Silent() as silent,
        running_server(bounded(settings, sqlite_url, asker_burst=1000)) as server,
        newcomers("127.0.9.1", "127.0.9.2", "127.0.9.3") as honest,
        newcomers(*(f"127.0.8.{number}" for number in range(1, 41))) as crowd,
    ):
        post = await server.publish()
        hosts = [await silent.listen(f"127.0.7.{number}") for number in range(1, 41)]
        stop = asyncio.Event()

        async def attack(mallory: People, host: str) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                await like(server, mallory, post, key_id=f"{host}/users/{number}#main-key")
                await asyncio.sleep(0.2)

        attackers = [
            asyncio.create_task(attack(mallory, host))
            for mallory, host in zip(crowd, hosts, strict=True)
        ]
        try:
            while len(silent.asked) < BOUNDS["unproven_fetches"]:
                await asyncio.sleep(0.01)
            for people in honest:
                answers = await come_in(server, people, post)
                assert 401 not in answers
        finally:
            stop.set()
            await asyncio.gather(*attackers)
        assert (await server.counts(post))["likes"] == 3
        # Each of them held a place once or twice, not for each key that was named.
        assert max(silent.asked.values()) <= 8


async def test_names_below_one_domain_hold_only_its_share(
    settings: Settings, sqlite_url: str
) -> None:
    async with (
        Silent() as silent,
        Names({"*": ["127.0.7.50"], "newcomer.example": ["127.0.9.4"]}) as names,
        newcomers("127.0.9.4") as (good,),
        newcomers("127.0.8.2") as (mallory,),
        running_server(
            bounded(settings, sqlite_url, name_servers=names.address, fetch_patience=1000.0)
        ) as server,
    ):
        port = (await silent.listen("127.0.7.50")).rpartition(":")[2]
        people = People(good.base_url.replace("127.0.9.4", "newcomer.example"))
        good.documents |= {
            "/users/ann": (
                200,
                "application/activity+json",
                json.dumps(people.actor_document("ann")).encode(),
            )
        }
        post = await server.publish()
        attack = [
            asyncio.create_task(
                like(server, mallory, post, key_id=f"http://a{number}.evil.example:{port}/a#k")
            )
            for number in range(30)
        ]
        try:
            while not silent.asked:
                await asyncio.sleep(0.01)
            assert (await like(server, people, post)).status_code == 202
            assert silent.asked.total() <= 2  # of eight places
        finally:
            for task in attack:
                task.cancel()
            await asyncio.gather(*attack, return_exceptions=True)


def named(there: People) -> People:
    """The people of a server that is called newcomer.example, whom *there* answers for."""
    people = People(f"http://newcomer.example:{there.base_url.rpartition(':')[2]}")
    document = json.dumps(people.actor_document("ann")).encode()
    there.documents["/users/ann"] = (200, "application/activity+json", document)
    return people


async def test_silent_ports_and_names_of_a_newcomer_do_not_shut_it_out(
    settings: Settings, sqlite_url: str
) -> None:
    async with (
        Silent() as silent,
        Names({"*": ["127.0.9.12"]}) as names,
        newcomers("127.0.9.12", "127.0.8.4") as (good, mallory),
        running_server(
            bounded(settings, sqlite_url, name_servers=names.address, fetch_timeout=0.5)
        ) as server,
    ):
        people = named(good)
        post = await server.publish()
        port = (await silent.listen("127.0.9.12")).rpartition(":")[2]
        for name in ("newcomer", "www.newcomer", "a.b.newcomer"):
            key_id = f"http://{name}.example:{port}/x#k"
            answer = await like(server, mallory, post, key_id=key_id)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 60
        assert (await like(server, people, post)).status_code == 202


async def test_names_that_nobody_answers_for_shut_no_newcomer_out(
    settings: Settings, sqlite_url: str
) -> None:
    known: dict[str, Any] = {"*": None, "newcomer.example": ["127.0.9.5"]}
    async with (
        Names(known) as names,
        newcomers("127.0.9.5") as (good,),
        newcomers("127.0.8.3") as (mallory,),
        running_server(
            bounded(
                settings,
                sqlite_url,
                name_servers=names.address,
                unproven_fetches=128,
                fetch_timeout=60.0,
            )
        ) as server,
    ):
        people = named(good)
        post = await server.publish()
        attack = [
            asyncio.create_task(
                like(server, mallory, post, key_id=f"http://slow{number}.example/a#k")
            )
            for number in range(31)
        ]
        while len(names.asked) < 31:
            await asyncio.sleep(0.01)
        assert (await like(server, people, post)).status_code == 202
        assert not any(task.done() for task in attack)
        statuses = {(await task).status_code for task in attack}
        assert statuses <= {503}  # whose name it is was not found out: nothing is said of it


async def test_one_address_that_names_keys_without_end_spoils_it_for_itself_alone(
    settings: Settings, sqlite_url: str
) -> None:
    async with (
        newcomers("127.0.9.6", "127.0.9.7") as (victim, other),
        running_server(bounded(settings, sqlite_url, asker_rate=0.01, asker_burst=60)) as server,
    ):
        post = await server.publish()
        statuses = Counter[int]()
        for number in range(100):
            key_id = f"{victim.base_url}/made/up/{number}#main-key"
            statuses[(await like(server, other, post, key_id=key_id)).status_code] += 1
        assert statuses == {401: 60, 429: 40}
        asked = [path for _, path, _ in victim.requests if path.startswith("/made/up/")]
        assert len(asked) == 60


async def test_announces_without_end_become_few_requests_at_a_victim(
    settings: Settings, sqlite_url: str
) -> None:
    async with (
        newcomers("127.0.9.8", "127.0.9.9") as (evil, victim),
        running_server(
            bounded(
                settings,
                sqlite_url,
                actor_burst=1000,
                asker_burst=60,
                asker_rate=0.01,
                asked_rate=0.01,
            )
        ) as server,
    ):
        post = await server.publish()
        for number in range(150):
            inner = {
                "id": f"{victim.base_url}/c/{number}",
                "type": "Create",
                "actor": victim.uri("ann"),
                "object": {
                    "id": f"{victim.base_url}/notes/{number}",
                    "type": "Note",
                    "attributedTo": victim.uri("ann"),
                    "inReplyTo": post["activitypub_id"],
                    "content": "x",
                },
            }
            answer = await evil.post(
                server.inbox, evil.activity("Announce", "ann", inner), by="ann"
            )
            assert answer.status_code == 202

        async def is_held_back() -> bool:
            waiting = await server.site.store.read(_postponed)
            return waiting > 0 and len(victim.requests) >= 60

        await server.eventually(is_held_back)
        assert len(victim.requests) <= 61


async def test_parents_that_one_host_names_on_another_are_fetched_later_and_not_lost(
    settings: Settings, sqlite_url: str
) -> None:
    async with (
        newcomers("127.0.9.10", "127.0.9.11") as (one, two),
        running_server(bounded(settings, sqlite_url, asker_burst=2, asker_rate=600)) as server,
    ):
        post = await server.publish()
        for number in range(6):
            parent = two.note("ann", post["activitypub_id"], f"<p>Parent {number}</p>")
            two.publish(parent["id"][len(two.base_url) :], parent)
            child = one.note("ann", parent["id"], f"<p>Child {number}</p>")
            answer = await one.post(server.inbox, one.activity("Create", "ann", child), by="ann")
            assert answer.status_code == 202

        async def all_there() -> bool:
            return len(await server.comments(post)) == 12

        await server.eventually(all_there)


@pytest.mark.both_engines
async def test_parent_that_one_may_not_have_fetched_is_fetched_for_another(
    settings: Settings, database_url: str
) -> None:
    async with (
        newcomers("127.0.9.13", "127.0.9.14", "127.0.9.15") as (evil, honest, third),
        running_server(bounded(settings, database_url, asker_burst=4, asker_rate=0.01)) as server,
    ):
        post = await server.publish()

        async def reply(people: People, parent: str, text: str) -> dict[str, Any]:
            note = people.note("ann", parent, f"<p>{text}</p>")
            answer = await people.post(
                server.inbox, people.activity("Create", "ann", note), by="ann"
            )
            assert answer.status_code == 202
            return note

        root = third.note("ann", post["activitypub_id"], "<p>Root</p>")
        middle = third.note("ann", root["id"], "<p>Middle</p>")
        third.publish(root["id"][len(third.base_url) :], root)
        third.publish(middle["id"][len(third.base_url) :], middle)
        for number in range(6):  # it uses up what it may ask
            await reply(evil, f"{third.base_url}/made/up/{number}", "Nothing")
        await reply(evil, root["id"], "Evil")

        async def waits() -> bool:
            return await server.site.store.read(_postponed) >= 3

        await server.eventually(waits)
        await reply(honest, middle["id"], "Honest")

        async def is_there() -> bool:
            texts = {one["content"] for one in await server.comments(post)}
            return {"<p>Root</p>", "<p>Middle</p>", "<p>Honest</p>"} <= texts

        await server.eventually(is_there)


def _postponed(connection: Any) -> int:
    found: int = connection.exec_driver_sql(
        "SELECT count(*) FROM jobs WHERE attempts = 0 AND last_error IS NOT NULL"
    ).scalar_one()
    return found
