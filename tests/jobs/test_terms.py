"""Terms: what is old goes where nothing refers to it, and what refers to a row keeps it."""

import asyncio
import os
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update
from support.outgoing import add_post
from support.sinks import NOW, OpenSite, running
from support.waiting import PATIENCE, eventually

from fedblog.domain.ids import new_id
from fedblog.jobs import erasing, housekeeping
from fedblog.jobs.erasing import erase
from fedblog.jobs.housekeeping import (
    HousekeepingLoop,
    drop_old_files,
    drop_what_is_lone,
    keep_house,
)
from fedblog.publishing.media import media_folder, remove_files
from fedblog.publishing.site import Site
from fedblog.storage import tables as t
from fedblog.storage import threads
from fedblog.storage.media import note_uses

LONG_AGO = NOW - timedelta(days=365)


def actor(name: str, **changes: Any) -> dict[str, Any]:
    texts = ("type", "handle", "name", "url", "avatar_url", "summary", "inbox")
    uri = f"https://{name}.example/users/{name}"
    row = dict.fromkeys(texts, "") | {"uri": uri, "host": f"{name}.example", "also_known_as": "[]"}
    return row | {"fetched_at": LONG_AGO} | changes


def uri(name: str) -> str:
    return f"https://{name}.example/users/{name}"


def activity(activity_id: str, **changes: Any) -> dict[str, Any]:
    row = {"id": activity_id, "blog_id": 1, "owner": "blog", "type": "Accept", "body": b"{}"}
    return row | {"is_public": False, "created_at": LONG_AGO} | changes


async def write(site: Site, *rows: tuple[Any, dict[str, Any]]) -> None:
    def unit(connection: Connection) -> None:
        for table, row in rows:
            connection.execute(insert(table).values(**row))

    await site.store.write(unit)


async def column(site: Site, column: Any) -> set[Any]:
    query = select(column)
    return set(await site.store.read(lambda c: c.execute(query).scalars().all()))


@pytest.mark.both_engines
async def test_actors_that_nothing_refers_to_go_with_their_keys(open_site: OpenSite) -> None:
    site = await open_site()
    comment = dict.fromkeys(
        ("url", "name", "source_html", "content_html", "summary", "in_reply_to_uri"), ""
    )
    referred = ("follower", "writer", "liker", "asker", "reporter", "blocked")
    await write(
        site,
        *((t.actors, actor(name)) for name in (*referred, "lone")),
        (t.actors, actor("fresh", fetched_at=NOW - timedelta(days=29))),
        *(
            (
                t.actor_keys,
                {"key_id": f"{uri(name)}#key", "actor_uri": uri(name), "kind": "rsa"}
                | {"public_pem": "", "fetched_at": LONG_AGO},
            )
            for name in ("follower", "lone")
        ),
        (t.inboxes, {"id": 1, "url": "https://follower.example/inbox", "host": "follower.example"}),
        (
            t.followers,
            {"blog_id": 1, "owner": "blog", "actor_uri": uri("follower"), "inbox_id": 1}
            | {"created_at": NOW},
        ),
        (
            t.comments,
            comment
            | {"id": new_id(), "blog_id": 1, "uri": "u", "depth": 0, "actor_uri": uri("writer")}
            | {"visibility": "public", "status": "approved", "attachments": "[]"}
            | {"published_at": NOW, "received_at": NOW},
        ),
        (
            t.reactions,
            {"id": new_id(), "blog_id": 1, "object_uri": "u", "actor_uri": uri("liker")}
            | {"kind": "like", "emoji": "", "created_at": NOW},
        ),
        (
            t.authorizations,
            {"id": new_id(), "blog_id": 1, "interaction": "Quote", "owner": "blog"}
            | {"target_uri": "t", "object_uri": "o", "actor_uri": uri("asker"), "created_at": NOW}
            | {"state": "granted", "was_granted": True},
        ),
        (
            t.reports,
            {"id": new_id(), "blog_id": 1, "actor_uri": uri("reporter"), "object_uris": "[]"}
            | {"content": "", "created_at": NOW},
        ),
        (
            t.blocks,
            {"id": new_id(), "blog_id": 1, "actor_uri": uri("blocked"), "created_at": NOW},
        ),
    )
    await drop_what_is_lone(site, NOW)
    assert await column(site, t.actors.c.uri) == {uri(name) for name in (*referred, "fresh")}
    assert await column(site, t.actor_keys.c.actor_uri) == {uri("follower")}


@pytest.mark.both_engines
async def test_inboxes_and_hosts_without_anybody_go(open_site: OpenSite) -> None:
    site = await open_site()
    names = ("followed", "sent-to", "lone")
    await write(
        site,
        *(
            (
                t.inboxes,
                {"id": n, "url": f"https://{name}.example/inbox", "host": f"{name}.example"},
            )
            for n, name in enumerate(names, 1)
        ),
        (
            t.followers,
            {"blog_id": 1, "owner": "blog", "actor_uri": "x", "inbox_id": 1, "created_at": NOW},
        ),
        (t.activities, activity(new_id(), created_at=NOW)),
        *(
            (t.hosts, {"host": f"{name}.example", "last_success_at": LONG_AGO})
            for name in (*names, "known")
        ),
        (t.hosts, {"host": "recent.example", "last_failure_at": NOW - timedelta(days=89)}),
        (t.hosts, {"host": "never.example", "software": "x"}),
        (t.actors, actor("known", fetched_at=NOW)),
    )
    (sent,) = await column(site, t.activities.c.id)
    await write(site, (t.deliveries, {"activity_id": sent, "inbox_id": 2, "state": "delivered"}))
    await drop_what_is_lone(site, NOW)
    assert await column(site, t.inboxes.c.host) == {"followed.example", "sent-to.example"}
    assert await column(site, t.hosts.c.host) == {
        f"{name}.example" for name in ("followed", "sent-to", "known", "recent")
    }


@pytest.mark.both_engines
async def test_answers_to_follows_go_after_their_term_and_what_is_public_stays(
    open_site: OpenSite,
) -> None:
    site = await open_site()
    old, waiting, public, recent = (new_id() for _ in range(4))
    await write(
        site,
        (t.inboxes, {"id": 1, "url": "https://a.example/inbox", "host": "a.example"}),
        (t.activities, activity(old)),
        (t.activities, activity(waiting)),
        (t.activities, activity(public, type="Create", is_public=True)),
        (t.activities, activity(recent, created_at=NOW - timedelta(days=29))),
        (t.deliveries, {"activity_id": old, "inbox_id": 1, "state": "delivered"}),
        (
            t.deliveries,
            {"activity_id": waiting, "inbox_id": 1, "state": "waiting", "next_at": NOW},
        ),
    )
    await keep_house(site, NOW)
    assert await column(site, t.activities.c.id) == {waiting, public, recent}


@pytest.mark.both_engines
async def test_reports_requests_and_revoked_tokens_have_their_terms(open_site: OpenSite) -> None:
    site = await open_site()
    author = {"id": new_id(), "blog_id": 1, "handle": "ada", "role": "owner"}
    author |= dict.fromkeys(("name", "about", "url", "fediverse"), "")
    author |= {"created_at": NOW, "updated_at": NOW}
    rows: list[tuple[Any, dict[str, Any]]] = [(t.authors, author)]
    for name, state, age in (
        ("old", "waiting", 31),
        ("granted", "granted", 400),
        ("recent", "waiting", 29),
    ):
        asked = {"id": new_id(), "blog_id": 1, "interaction": "Quote", "owner": "blog"}
        asked |= {"target_uri": "t", "object_uri": name, "actor_uri": "a", "state": state}
        asked |= {"was_granted": state == "granted", "created_at": NOW - timedelta(days=age)}
        rows.append((t.authorizations, asked))
    for name, age in (("old", 91), ("recent", 89)):
        report = {"id": new_id(), "blog_id": 1, "actor_uri": name, "object_uris": "[]"}
        rows.append((t.reports, report | {"content": "", "created_at": NOW - timedelta(days=age)}))
        token = {"id": new_id(), "author_id": author["id"], "name": name, "token_hash": name}
        token |= {"created_at": NOW}
        rows.append((t.tokens, token | {"revoked_at": NOW - timedelta(days=age)}))
    in_use = {"id": new_id(), "author_id": author["id"], "token_hash": "used"}
    in_use |= {"name": "used"}
    rows.append((t.tokens, in_use | {"created_at": LONG_AGO}))
    await write(site, *rows)
    await keep_house(site, NOW)
    assert await column(site, t.authorizations.c.object_uri) == {"granted", "recent"}
    assert await column(site, t.reports.c.actor_uri) == {"recent"}
    assert await column(site, t.tokens.c.token_hash) == {"recent", "used"}


@pytest.mark.both_engines
async def test_of_receipts_and_tombstones_there_are_so_many_and_the_oldest_go(
    open_site: OpenSite,
) -> None:
    site = await open_site(receipts_kept=3, tombstones_kept=2)
    for number in range(6):
        at = NOW - timedelta(hours=number)
        await write(
            site,
            (
                t.received,
                {"actor_uri": "a", "activity_uri": str(number), "type": "Like", "outcome": ""}
                | {"reason": "", "received_at": at},
            ),
            (t.tombstones, {"uri": str(number), "actor_uri": "a", "until": at + timedelta(days=9)}),
        )
    await keep_house(site, NOW)
    assert await column(site, t.received.c.activity_uri) == {"0", "1", "2"}
    assert await column(site, t.tombstones.c.uri) == {"0", "1"}


@pytest.mark.both_engines
async def test_server_that_floods_has_nobody_elses_receipts_and_tombstones_forgotten(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_STRETCH", 7)
    site = await open_site(receipts_kept=12, tombstones_kept=12)
    honest = [f"https://{name}.example/u" for name in ("a", "b", "b")]
    flood = [f"https://s{number % 3}.flood.example/{number % 5}" for number in range(30)]
    # What is honest is older, and many came at the same moment.
    rows: list[tuple[Any, dict[str, Any]]] = []
    for number, actor in enumerate(honest + flood):
        at, until = NOW + timedelta(seconds=number // 4), NOW + timedelta(days=9 + number // 4)
        receipt = {"actor_uri": actor, "activity_uri": f"{number:02}", "received_at": at}
        rows.append((t.received, receipt | {"type": "Like", "outcome": "", "reason": ""}))
        rows.append((t.tombstones, {"uri": f"{number:02}", "actor_uri": actor, "until": until}))
    await write(site, *rows)
    await keep_house(site, NOW + timedelta(minutes=1))
    left = {"00", "01", "02"} | {f"{number:02}" for number in range(24, 33)}
    assert await column(site, t.received.c.activity_uri) == left
    assert await column(site, t.tombstones.c.uri) == left


@pytest.mark.both_engines
async def test_server_that_floods_takes_nobody_elses_place_among_orphans(
    open_site: OpenSite,
) -> None:
    site = await open_site()
    comment = dict.fromkeys(("url", "name", "source_html", "content_html", "summary"), "")
    flood = [f"https://s{number % 3}.flood.example/{number}" for number in range(12)]
    everyone = ("https://a.example/u", *flood, "https://b.example/u")
    of_all = {"blog_id": 1, "in_reply_to_uri": "?", "visibility": "public", "status": "approved"}
    of_all |= {"depth": 0, "attachments": "[]", "published_at": NOW, "received_at": NOW}
    rows = [
        (t.comments, comment | of_all | {"id": new_id(), "uri": f"{uri}#1", "actor_uri": uri})
        for uri in everyone
    ]
    await write(site, *rows)
    for _ in range(2):
        await site.store.write(threads.keep_orphans, ["https://b.example/u"], 5, 6)
        left = await column(site, t.comments.c.actor_uri)
        assert left == {"https://a.example/u", *flood[-4:], "https://b.example/u"}


@pytest.mark.both_engines
async def test_orphans_go_with_what_was_said_of_them(open_site: OpenSite) -> None:
    site = await open_site()
    comment = dict.fromkeys(("url", "name", "source_html", "content_html", "summary"), "")
    orphan = new_id()
    await write(
        site,
        (
            t.comments,
            comment
            | {"id": orphan, "blog_id": 1, "uri": "u", "in_reply_to_uri": "?", "depth": 0}
            | {"actor_uri": "a", "visibility": "public", "status": "approved"}
            | {"attachments": "[]", "published_at": NOW, "received_at": NOW - timedelta(days=8)},
        ),
        (
            t.reactions,
            {"id": new_id(), "blog_id": 1, "object_uri": "u", "comment_id": orphan}
            | {"actor_uri": "b", "kind": "like", "emoji": "", "created_at": NOW},
        ),
    )
    await keep_house(site, NOW)
    assert await column(site, t.comments.c.id) == set()
    assert await column(site, t.reactions.c.id) == set()


@pytest.mark.both_engines
async def test_pictures_that_stand_nowhere_go_with_their_files(open_site: OpenSite) -> None:
    site = await open_site()
    folder = media_folder(site.settings)
    folder.mkdir(parents=True)
    numbers = {"width": 1, "height": 1, "size": 1, "blog_id": 1, "media_type": "image/png"}
    texts = {"alt": "", "caption": "", "credit": ""}
    for name, age in (("lone", 31), ("recent", 29), ("used", 400)):
        (folder / f"{name}.png").write_bytes(b"png")
        row = {"id": name, "file_name": f"{name}.png", "created_at": NOW - timedelta(days=age)}
        await write(site, (t.media, row | numbers | texts))
    # Of a text with more pictures than anyone looks at, the last stands there as well.
    text = " ".join(f"/media/{number}.png" for number in range(3000)) + " /media/used.png"
    await site.store.write(note_uses, 1, new_id(), [text])
    await drop_what_is_lone(site, NOW)
    assert await column(site, t.media.c.id) == {"recent", "used"}
    assert {path.name for path in folder.iterdir()} == {"recent.png", "used.png"}


@pytest.mark.both_engines
async def test_what_cannot_be_erased_yet_does_not_keep_what_was_deleted_later(
    open_site: OpenSite,
) -> None:
    site = await open_site()
    names = [f"{number:03}" for number in range(61)]
    texts = dict.fromkeys(("name", "source_html", "content_html", "summary"), "")
    comment = texts | {"blog_id": 1, "in_reply_to_uri": "?", "depth": 0, "actor_uri": "a"}
    comment |= {"visibility": "public", "status": "approved", "attachments": "[]"}
    comment |= {"published_at": LONG_AGO, "received_at": LONG_AGO}
    inbox = {"id": 1, "url": "https://a.example/inbox", "host": "a.example"}
    post_ids = [await site.store.write(add_post) for _ in names]
    await write(
        site,
        (t.inboxes, inbox),
        *((t.activities, activity(f"a{name}", object_uri=name)) for name in names[:-1]),
        *(
            (t.deliveries, {"activity_id": f"a{name}", "inbox_id": 1, "state": "waiting"})
            for name in names[:-1]
        ),
        *(
            (t.comments, comment | {"id": name, "uri": name, "url": name, "deleted_at": LONG_AGO})
            for name in names
        ),
        *((t.activities, activity(f"p{id_}", post_id=id_)) for id_ in post_ids[:-1]),
        *(
            (t.deliveries, {"activity_id": f"p{id_}", "inbox_id": 1, "state": "waiting"})
            for id_ in post_ids[:-1]
        ),
    )
    gone = {"status": "deleted", "deleted_at": LONG_AGO}
    await site.store.write(lambda c: c.execute(update(t.posts).values(**gone)))
    assert not await erase(site, NOW)
    assert await column(site, t.comments.c.url) == {*names[:-1], ""}
    left = select(t.posts.c.id).where(t.posts.c.erased_at.is_(None))
    assert set(await site.store.read(lambda c: c.scalars(left).all())) == set(post_ids[:-1])


@pytest.mark.both_engines
async def test_file_that_cannot_be_deleted_does_not_keep_others(open_site: OpenSite) -> None:
    site = await open_site()
    folder = media_folder(site.settings)
    (folder / "1.png").mkdir(parents=True)
    (folder / "2.png").write_bytes(b"png")
    numbers = {"width": 1, "height": 1, "size": 1, "blog_id": 1, "media_type": "image/png"}
    texts = {"alt": "", "caption": "", "credit": "", "created_at": NOW - timedelta(days=31)}
    for name in ("1", "2"):
        row = {"id": name, "file_name": f"{name}.png"}
        await write(site, (t.media, row | numbers | texts))
    await drop_what_is_lone(site, NOW)
    assert await column(site, t.media.c.id) == set()
    assert {path.name for path in folder.iterdir()} == {"1.png"}


@pytest.mark.both_engines
async def test_picture_that_a_post_takes_while_it_is_dropped_keeps_its_file_or_is_not_taken(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, loop = await open_site(), asyncio.get_running_loop()
    folder = media_folder(site.settings)
    folder.mkdir(parents=True)
    numbers = {"width": 1, "height": 1, "size": 1, "blog_id": 1, "media_type": "image/png"}
    texts = {"alt": "", "caption": "", "credit": "", "created_at": NOW}
    for name in ("erased", "lone"):
        (folder / f"{name}.png").write_bytes(b"png")
        row = {"id": name, "file_name": f"{name}.png"}
        await write(site, (t.media, row | numbers | texts))
    deleted = await site.store.write(add_post)
    await write(site, (t.media_uses, {"media_id": "erased", "object_id": deleted}))
    gone = {"status": "deleted", "deleted_at": LONG_AGO}
    await site.store.write(lambda c: c.execute(update(t.posts).values(**gone)))

    def after_a_post_took_it(folder: Path, names: Collection[str]) -> None:
        for name in names:
            text = f"/media/{name}"
            taking = site.store.write(note_uses, 1, new_id(), [text])
            asyncio.run_coroutine_threadsafe(taking, loop).result()
        remove_files(folder, names)

    monkeypatch.setattr(erasing, "remove_files", after_a_post_took_it)
    assert await erasing.erase(site, NOW)
    await erasing.drop_lone_media(site, ["lone"])
    assert await column(site, t.media.c.file_name) == {path.name for path in folder.iterdir()}


@pytest.mark.both_engines
async def test_old_files_of_pictures_that_have_no_row_go(open_site: OpenSite) -> None:
    site = await open_site()
    folder = media_folder(site.settings)
    folder.mkdir(parents=True)
    numbers = {"width": 1, "height": 1, "size": 1, "blog_id": 1, "media_type": "image/png"}
    texts = {"alt": "", "caption": "", "credit": "", "created_at": LONG_AGO}
    row = {"id": "kept", "file_name": "kept.png"}
    await write(site, (t.media, row | numbers | texts))
    await write(site, (t.media_uses, {"media_id": "kept", "object_id": new_id()}))
    for name, age in (("stray", 31), (".upload-1", 31), ("recent", 29), ("kept", 400)):
        path = folder / f"{name}.png"
        path.write_bytes(b"png")
        moment = (NOW - timedelta(days=age)).timestamp()
        os.utime(path, (moment, moment))
    await drop_what_is_lone(site, NOW)
    assert {path.name for path in folder.iterdir()} == {"recent.png", "kept.png"}


async def test_folder_that_cannot_be_read_does_not_end_the_loop(
    open_site: OpenSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = await open_site()
    folder = media_folder(site.settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("no folder")
    async with running(HousekeepingLoop(site)) as task:
        await eventually(lambda: "housekeeping failed" in caplog.text or task.done())
        assert not task.done()


async def test_daily_look_that_failed_is_made_again_within_the_hour(
    open_site: OpenSite,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(housekeeping, "EVERY", 0.01)  # an hour
    monkeypatch.setattr(housekeeping, "DAILY", 1_000_000)
    site = await open_site()
    folder = media_folder(site.settings)
    ready, stray = tmp_path / "ready", tmp_path / "ready" / "stray.png"
    ready.mkdir()
    stray.write_bytes(b"png")
    os.utime(stray, (1000, 1000))
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(stray)
    (tmp_path / "link").symlink_to(ready)
    async with running(HousekeepingLoop(site)) as task:
        await eventually(lambda: "housekeeping failed" in caplog.text or task.done())
        (tmp_path / "link").replace(folder)
        await eventually(lambda: not stray.exists())


def test_fetched_pictures_go_after_their_term(tmp_path: Path) -> None:
    for name, age in (("old", 100), ("recent", 10)):
        path = tmp_path / "avatars" / "ab" / f"{name}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (1000 - age, 1000 - age))
    drop_old_files(tmp_path, 1000 - 50)
    assert [path.name for path in tmp_path.rglob("*.webp")] == ["recent.webp"]
    drop_old_files(tmp_path / "none", 1000)


async def test_many_rows_go_in_slices_that_let_other_writers_in(open_site: OpenSite) -> None:
    site = await open_site(slice_seconds=0.001)

    def fill(connection: Connection) -> None:
        connection.execute(
            insert(t.tombstones),
            [{"uri": str(n), "actor_uri": "a", "until": LONG_AGO} for n in range(20_000)],
        )

    await site.store.write(fill)
    writes = 0

    def count(connection: Connection) -> int:
        return connection.execute(select(func.count()).select_from(t.tombstones)).scalar_one()

    seen: list[int] = []

    async def others() -> None:
        nonlocal writes
        while True:
            await site.store.write(touch)
            writes += 1
            seen.append(await site.store.read(count))
            if seen[-1] == 0:
                return

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(others())
        group.create_task(keep_house(site, NOW))
    assert len({number for number in seen if 0 < number < 20_000}) >= 3


def touch(connection: Connection) -> None:
    connection.execute(update(t.server).values(value=t.server.c.value))
