"""The address of a comment: to the page that shows it, to its object, or to what is left of it."""

from typing import Any

import pytest
from sqlalchemy import Connection, insert
from support.pages import Readers
from support.world import World

from fedblog.domain.comment import Comment, CommentStatus
from fedblog.domain.ids import new_id
from fedblog.domain.post import Post, PostStatus
from fedblog.storage import tables as t
from fedblog.storage.comment_pages import ANSWERS, THREADS

AS = {"accept": "application/activity+json"}
BASE = "http://localhost:8000"


def address(post: Post, comment_id: str) -> str:
    return f"{post.path}comments/{comment_id}/"


async def shown_at(readers: Readers, post: Post, comment_id: str) -> str:
    """Where the address of a comment leads, below the post's path, once it was seen there."""
    answer = await readers.get(address(post, comment_id))
    assert answer.status_code == 303, answer.text
    place, _, fragment = answer.headers["location"].partition("#")
    assert fragment == f"comment-{comment_id}"
    assert place.startswith(f"{BASE}{post.path}")
    page = await readers.page(place.removeprefix(BASE))
    shown = page.one("section", id="comments").all("article", class_="comment")
    assert f"comment-{comment_id}" in [one.attributes["id"] for one in shown], place
    return place.removeprefix(f"{BASE}{post.path}")


@pytest.mark.both_engines
async def test_comment_is_shown_on_the_page_that_its_address_leads_to(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    # 250 first-level comments; below the last and the first of them some answers.
    parents: list[int | None] = [None] * 250
    parents += [249, 250, 251, 0, 99]
    ids = await world.comments(post, parents)
    for number in (0, 50, THREADS - 1, 253, 254):
        assert await shown_at(readers, post, ids[number]) == ""
    for number in (THREADS, THREADS + 1, 2 * THREADS, 249):
        assert await shown_at(readers, post, ids[number]) == f"?after={ids[number - 1]}"
    for number in (250, 251, 252):
        assert await shown_at(readers, post, ids[number]) == f"?after={ids[248]}"


@pytest.mark.both_engines
async def test_answer_that_the_pages_leave_out_has_one_of_its_own(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    parents: list[int | None] = [None] * 3
    parents += [1] * (ANSWERS + 200)  # beside each other
    parents += [2, *range(len(parents), len(parents) + ANSWERS + 20)]  # each below the last
    ids = await world.comments(post, parents)
    last = len(ids) - 1
    assert await shown_at(readers, post, ids[3]) == ""
    for number in (3 + ANSWERS + 100, last, last - 1):
        assert await shown_at(readers, post, ids[number]) == f"?from={ids[number]}"
    # The page that begins with a later first-level comment has room for what is below it.
    assert await shown_at(readers, post, ids[2]) == ""
    below_third = 3 + ANSWERS + 200 + 10
    assert await shown_at(readers, post, ids[below_third]) == f"?after={ids[1]}"


async def test_long_comments_are_found_where_the_page_ends_before_them(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    text = "<p>" + "word " * 20_000 + "</p>"
    ids = await world.comments(post, [None, None, None, None, 3, 3, 3], content_html=text)
    places = [await shown_at(readers, post, one) for one in ids]
    assert places[0] == places[1] == ""
    assert places[3] == f"?after={ids[2]}"
    assert places[6] == f"?from={ids[6]}"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"status": CommentStatus.HELD}, 404),
        ({"status": CommentStatus.SPAM}, 404),
        ({"visibility": "followers"}, 404),
        ({"deleted_at": "now"}, 410),
        ({"status": CommentStatus.HELD, "deleted_at": "now"}, 404),
    ],
)
async def test_s30_address_of_a_comment_that_is_not_shown(
    world: World, readers: Readers, given: dict[str, Any], status: int
) -> None:
    post = await world.post()
    if "deleted_at" in given:
        given = given | {"deleted_at": post.created_at}
    for who in ({}, {"author_id": world.authors["ada"].id}):
        comment = await world.comment(post, **given, **who)
        for headers in ({}, AS):
            answer = await readers.get(address(post, comment.id), **headers)
            assert answer.status_code == status, (who, headers)
            if status == 410 and headers:
                assert (answer.json()["type"], answer.json()["id"]) == ("Tombstone", comment.uri)
            elif status == 410:
                assert "This comment is gone" in answer.text
        page = f"{post.path}?from={comment.id}"
        assert (await readers.get(page)).status_code == 404
        spelled = await readers.get(address(post, comment.id).rstrip("/"))
        assert spelled.status_code == (404 if status == 404 else 301)


async def test_address_of_a_comment_below_a_post_that_is_not_public(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    comment = await world.comment(post)
    await world.change_post(post, status=PostStatus.DELETED.value, deleted_at=post.created_at)
    for headers in ({}, AS):
        assert (await readers.get(address(post, comment.id), **headers)).status_code == 410
    await world.change_post(post, status=PostStatus.DRAFT.value, deleted_at=None)
    for headers in ({}, AS):
        assert (await readers.get(address(post, comment.id), **headers)).status_code == 404


async def test_address_of_a_comment_is_nothing_below_another_post(
    world: World, readers: Readers
) -> None:
    post, other = await world.post(), await world.post()
    comment = await world.comment(post)
    for path in (address(other, comment.id), address(post, new_id()), f"{post.path}comments/x/"):
        assert (await readers.get(path)).status_code == 404, path
    assert (await readers.get(f"{other.path}?from={comment.id}")).status_code == 404
    assert (await readers.get(f"{post.path}?from=x")).status_code == 404


async def test_other_spellings_lead_to_the_address_of_a_comment(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    comment = await world.comment(post)

    def unit(connection: Connection) -> None:
        row = {"blog_id": 1, "path": "/2020/01/01/first-name/", "post_id": post.id}
        connection.execute(insert(t.permalinks).values(row))

    await world.site.store.write(unit)
    here = f"{BASE}{address(post, comment.id)}"
    for path in (
        address(post, comment.id).rstrip("/"),
        f"/2020/01/01/first-name/comments/{comment.id}/",
        f"/2020/01/01/first-name/comments/{comment.id}",
        f"http://elsewhere.test/{address(post, comment.id)}",
    ):
        for headers in ({}, AS):
            answer = await readers.get(path, **headers)
            assert (answer.status_code, answer.headers["location"]) == (301, here), path
    for path, uri in {
        f"/ap/posts/{post.id}/": f"{BASE}/ap/posts/{post.id}",
        f"/ap/comments/{comment.id}/": f"{BASE}/ap/comments/{comment.id}",
        "/ap/blog/": f"{BASE}/ap/blog",
        f"/ap//authors/{world.authors['ada'].id}": world.site.addresses.actor(
            world.authors["ada"].id
        ),
    }.items():
        answer = await readers.get(path, **AS)
        assert (answer.status_code, answer.headers["location"]) == (301, uri), path
    assert (await readers.get("/ap/nothing/", **AS)).status_code == 404


async def test_servers_are_given_the_object_of_a_comment(world: World, readers: Readers) -> None:
    post = await world.post()
    remote = await world.comment(post)
    local = await world.comment(post, remote, author_id=world.authors["ada"].id)
    answer = await readers.get(address(post, local.id), **AS)
    assert (answer.status_code, answer.json()["id"]) == (200, local.uri)
    assert answer.json()["url"] == f"{BASE}{address(post, local.id)}"
    assert "no-store" in answer.headers["cache-control"]
    elsewhere = await readers.get(address(post, remote.id), **AS)
    assert (elsewhere.status_code, elsewhere.headers["location"]) == (303, remote.uri)
    assert "no-store" in elsewhere.headers["cache-control"]
    page = await readers.get(address(post, local.id))
    assert page.headers["location"] == f"{BASE}{post.path}#comment-{local.id}"
    assert "Accept" in page.headers["vary"]


async def test_url_of_a_comment_follows_its_post_to_a_new_path(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    local = await world.comment(
        post, author_id=world.authors["ada"].id, url=f"{BASE}/2020/01/01/old/#comment-x"
    )
    await world.change_post(post, path="/2026/11/20/renamed/")
    item = (await readers.get(f"/2026/11/20/renamed/comments/{local.id}/", **AS)).json()
    assert item["url"] == f"{BASE}/2026/11/20/renamed/comments/{local.id}/"


async def test_form_of_a_comment_takes_each_of_its_addresses(
    world: World, readers: Readers
) -> None:
    post = await world.post()
    comment: Comment = await world.comment(post)
    for named in (
        f"{BASE}/ap/comments/{comment.id}",
        f"{BASE}{address(post, comment.id)}",
        f"{BASE}{post.path}#comment-{comment.id}",
        f"HTTPS://LOCALHOST:8000{post.path}comments/{comment.id}",
    ):
        page = (
            await readers.http.get("/interact", params={"action": "reply", "object": named})
        ).text
        assert f"{BASE}{address(post, comment.id)}" in page or address(post, comment.id) in page
        assert comment.uri in page, named
    page = (await readers.http.get("/interact", params={"object": f"{BASE}{post.path}?x#y"})).text
    assert world.site.addresses.post(post.id) in page


async def test_post_with_letters_of_any_script_in_its_path_is_found_in_each_spelling(
    world: World, readers: Readers
) -> None:
    path = "/2026/11/20/caf\u00e9-山/"
    post = await world.post(path=path)
    comment = await world.comment(post)
    here = f"{BASE}/2026/11/20/caf%C3%A9-%E5%B1%B1/"
    assert (await readers.get(path)).status_code == 200
    assert (await readers.get("/2026/11/20/caf%c3%a9-%E5%b1%B1/")).status_code == 200
    for spelled in ("/2026/11/20/cafe\u0301-山/", "/2026/11/20/cafe%CC%81-%E5%B1%B1", path[:-1]):
        answer = await readers.get(spelled)
        assert (answer.status_code, answer.headers["location"]) == (301, here), spelled
    answer = await readers.get(f"{path}comments/{comment.id}/")
    assert answer.headers["location"] == f"{here}#comment-{comment.id}"


async def test_missing_page_of_a_post_leads_nowhere(world: World, readers: Readers) -> None:
    """Not to itself, for ever."""
    post = await world.post()
    for query in ("?page=7", f"?after={new_id()}", f"?from={new_id()}", "?page=0"):
        assert (await readers.get(f"{post.path}{query}")).status_code == 404, query
    draft = await world.post(status=PostStatus.DRAFT)
    assert (await readers.get(f"/ap/posts/{draft.id}")).status_code == 404
