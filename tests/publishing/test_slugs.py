"""What becomes of a slug: asked for, it is taken, refused or spoken of; else the title makes it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import Connection, event, insert
from support.blog import change, sent, stored, write

from fedblog.domain.errors import InvalidFieldError, TakenError
from fedblog.domain.post import Post, PostStatus
from fedblog.publishing import notices, posts
from fedblog.publishing.site import Site
from fedblog.storage import tables

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def said(post: Post, given: Any = None) -> list[tuple[str, str]]:
    return [(notice.field, notice.message) for notice in notices.of(post, given)]


@pytest.mark.both_engines
async def test_letters_of_a_title_stay_in_path_and_are_encoded_in_what_is_sent(site: Site) -> None:
    with time_machine.travel(NOON, tick=False):
        post = await write(site, title="山田の本")
    assert (post.slug, post.path) == ("山田の本", "/2026/05/01/山田の本/")
    (create,) = await sent(site)
    url = "http://localhost:8000/2026/05/01/%E5%B1%B1%E7%94%B0%E3%81%AE%E6%9C%AC/"
    assert create["object"]["url"] == url
    assert f'<a href="{url}">' in create["object"]["content"]


@pytest.mark.both_engines
async def test_slug_asked_for_that_is_taken_is_refused_and_nothing_is_made(site: Site) -> None:
    first = await write(site, slug="rivers")
    with pytest.raises(TakenError, match=r"stands, or stood, at .*/rivers/") as refused:
        await write(site, title="Other", slug="rivers")
    assert refused.value.field == "slug"
    draft = await write(site, title="Other", slug="rivers", status="draft")
    with pytest.raises(TakenError):
        await change(site, draft, status="published")
    assert (await stored(site, draft.id)).status is PostStatus.DRAFT
    second = await write(site, title="Streams")
    with pytest.raises(TakenError):
        await change(site, second, slug="rivers")
    assert (await stored(site, second.id)).path == second.path
    await posts.delete(site, first.id)
    with pytest.raises(TakenError):
        await write(site, title="Other", slug="rivers")


async def test_slug_made_from_a_title_gets_a_number_and_nothing_is_said(site: Site) -> None:
    made = [await write(site, title="河") for _ in range(4)]
    assert [post.slug for post in made] == ["河", "河-2", "河-3", "河-4"]
    assert [said(post) for post in made] == [[], [], [], []]


async def test_capitals_in_a_slug_are_spoken_of(site: Site) -> None:
    post = await write(site, slug="Große-FLÜSSE")
    assert post.slug == "große-flüsse"
    ((field, message),) = said(await stored(site, post.id))
    assert (field, "“Große-FLÜSSE” became “große-flüsse”" in message) == ("slug", True)


@pytest.mark.parametrize("slug", ["a/b", "a b", "..", "٪", "\u200fא", "字" * 67, "a.b", "%E5"])
async def test_slug_that_cannot_stand_as_it_is_is_refused(site: Site, slug: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        await write(site, slug=slug)
    assert refused.value.field == "slug"


async def test_slug_asked_for_stays_when_the_title_changes_others_follow_it(site: Site) -> None:
    asked = await write(site, title="Rivers", slug="rivers", status="draft")
    made = await write(site, title="Rivers", status="draft")
    assert (await change(site, asked, title="川")).slug == "rivers"
    assert (await change(site, made, title="川")).slug == "川"


async def test_scheduled_post_is_refused_a_slug_that_is_taken_on_its_day(site: Site) -> None:
    with time_machine.travel(NOON, tick=False):
        await write(site, slug="rivers")
        later = {"status": "scheduled", "slug": "rivers"}
        with pytest.raises(TakenError):
            await write(site, publish_at=NOON + timedelta(hours=1), **later)
        tomorrow = NOON + timedelta(days=1)
        await write(site, publish_at=tomorrow, **later)
        with pytest.raises(TakenError, match="will stand"):
            await write(site, publish_at=tomorrow + timedelta(hours=2), **later)
        draft = await write(site, slug="rivers", status="draft")
        with pytest.raises(TakenError):
            await change(site, draft, status="scheduled", publish_at=tomorrow)
        await write(site, publish_at=tomorrow + timedelta(days=1), **later)


@pytest.mark.both_engines
async def test_scheduled_post_whose_slug_was_taken_meanwhile_goes_out_and_says_so(
    site: Site,
) -> None:
    due = NOON + timedelta(hours=1)
    with time_machine.travel(NOON, tick=False):
        waiting = await write(site, slug="rivers", status="scheduled", publish_at=due)
        await write(site, slug="rivers")
    with time_machine.travel(due, tick=False):
        assert await posts.publish_due(site, due) == 1
    post = await stored(site, waiting.id)
    assert post.path == "/2026/05/01/rivers-2/"
    ((field, message),) = said(post)
    assert (field, "“rivers”" in message, "“rivers-2”" in message) == ("slug", True, True)
    updates = len(await sent(site))
    assert said(await change(site, post, slug="rivers-2")) == []
    assert len(await sent(site)) == updates, "nothing changed that anybody could see"


@pytest.mark.both_engines
async def test_a_free_number_is_found_at_once_among_very_many(site: Site) -> None:
    number = 20_000

    def fill(connection: Connection) -> None:
        texts = ("title", "slug", "content_source", "content_html", "excerpt")
        row = dict.fromkeys(texts, "x") | {"status": "draft", "blog_id": 1, "version": 1}
        row |= {"content_format": "html", "language": "en", "voice": "group", "comments": "open"}
        row |= {"created_at": NOON, "updated_at": NOON}
        connection.execute(
            insert(tables.posts),
            [
                {**row, "id": f"P{n}", "path": f"/2026/05/01/rivers{f'-{n}' if n > 1 else ''}/"}
                for n in range(1, number + 1)
            ],
        )

    await site.store.write(fill)
    statements = 0

    def counted(connection: Connection) -> None:
        def count(*_: object) -> None:
            nonlocal statements
            statements += 1

        event.listen(connection, "before_cursor_execute", count)
        blog = posts.blog_rows.get(connection, site.blog_id)
        found = posts._free_path(connection, blog, "new", "rivers", NOON)
        event.remove(connection, "before_cursor_execute", count)
        assert found == (f"rivers-{number + 1}", f"/2026/05/01/rivers-{number + 1}/")

    await site.store.write(counted)
    assert statements < 100


async def test_tags_that_are_one_are_spoken_of_and_symbols_keep_others_apart(site: Site) -> None:
    given = {"tags": ["C", "C++", "#C#", "Climate Action", "climate-action", "C"]}
    post = await write(site, **given)
    assert post.tags == ("C", "C++", "C#", "Climate Action")
    assert said(post, given) == [
        ("tags", "“climate-action” was left out: it is the same as “Climate Action”")
    ]
    (create,) = await sent(site)
    tags = {tag["name"]: tag["href"] for tag in create["object"]["tag"]}
    assert tags == {
        "#C": "http://localhost:8000/tags/c/",
        "#CPlusPlus": "http://localhost:8000/tags/c%2B%2B/",
        "#CSharp": "http://localhost:8000/tags/c%23/",
        "#ClimateAction": "http://localhost:8000/tags/climateaction/",
    }


@pytest.mark.parametrize("tag", ["🔥", "…", "#", "ﷺ" * 20])
async def test_tag_that_can_have_no_address_of_its_own_is_refused(site: Site, tag: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        await write(site, tags=[tag])
    assert refused.value.field == "tags"
