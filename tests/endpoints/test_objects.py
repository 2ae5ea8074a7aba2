"""Posts, comments and activities by their ids: what is public, what is gone, what never was."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text as sql
from support.world import NOW, PUBLIC, World

from fedblog.domain.comment import CommentStatus
from fedblog.domain.ids import new_id
from fedblog.domain.post import Byline, CommentPolicy, PostStatus

BASE = "https://blog.example.org"


async def test_post_is_an_article_as_strict_readers_need_it(world: World) -> None:
    picture = world.picture()
    post = await world.post(
        "Herons & <us>",
        tags=("Climate change", "water"),
        featured_media=picture,
        bylines=(
            Byline("Ada Abel", world.authors["ada"].id, "ada"),
            Byline("Gil <Guest>", url="https://gil.example/"),
            Byline("Nobody"),
        ),
    )
    response = await world.get(f"/ap/posts/{post.id}")
    assert response.headers["content-type"] == "application/activity+json"
    item = response.json()
    url = f"{BASE}{post.path}"
    assert item["@context"][0] == "https://www.w3.org/ns/activitystreams"
    assert (item["id"], item["type"]) == (f"{BASE}/ap/posts/{post.id}", "Article")
    assert item["attributedTo"] == f"{BASE}/ap/blog"
    assert item["name"] == "Herons & <us>"
    assert item["url"] == url
    first_line, rest = item["content"].split("\n", 1)
    assert first_line == (
        f'<p><a href="{url}">“Herons &amp; &lt;us&gt;”</a>, by '
        f'<a href="{BASE}/authors/ada/">Ada Abel</a>, '
        '<a href="https://gil.example/">Gil &lt;Guest&gt;</a> and Nobody</p>'
    )
    assert rest == "<p>Text</p>"
    assert item["contentMap"] == {"en": item["content"]}
    assert item["to"] == [PUBLIC]
    assert item["cc"] == [f"{BASE}/ap/blog/followers"]
    assert item["published"] == post.published_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert item["attachment"] == []
    assert item["tag"] == [
        {"type": "Hashtag", "href": f"{BASE}/tags/climatechange/", "name": "#ClimateChange"},
        {"type": "Hashtag", "href": f"{BASE}/tags/water/", "name": "#water"},
    ]
    address = f"{BASE}/media/{picture.file_name}"
    assert item["image"] == {
        "id": address,
        "type": "Image",
        "url": address,
        "mediaType": "image/webp",
        "width": 1200,
        "height": 800,
        "name": "A heron on a post",
        "summary": "A heron on a post",
    }
    assert item["preview"] == {"type": "Note", "content": "<p>Text</p>"}
    assert item["context"] == f"{item['id']}/context"
    assert item["likes"] == {"id": f"{item['id']}/likes", "type": "Collection", "totalItems": 0}
    assert item["shares"] == {"id": f"{item['id']}/shares", "type": "Collection", "totalItems": 0}
    for name in ("summary", "updated", "source", "audience"):
        assert name not in item


async def test_summary_stands_only_where_the_author_wrote_one(world: World) -> None:
    post = await world.post(summary="Why herons wait")
    item = await world.json(f"/ap/posts/{post.id}")
    assert item["summary"] == "Why herons wait"
    assert "Why herons wait" in item["preview"]["content"]


async def test_edit_shows_as_updated_and_renews_the_kept_answer(world: World) -> None:
    post = await world.post()
    assert "updated" not in await world.json(f"/ap/posts/{post.id}")
    await world.change_post(post, edited_at=NOW + timedelta(hours=1), title="Another title")
    item = await world.json(f"/ap/posts/{post.id}")
    assert item["updated"] == "2026-11-20T11:00:00Z"
    assert item["name"] == "Another title"


async def test_closed_comments_are_said_in_the_interaction_policy(world: World) -> None:
    post = await world.post(comments=CommentPolicy.CLOSED)
    policy = (await world.json(f"/ap/posts/{post.id}"))["interactionPolicy"]
    assert policy["canReply"]["automaticApproval"] == [f"{BASE}/ap/blog"]
    assert policy["canLike"]["automaticApproval"] == [PUBLIC]
    assert policy["canQuote"]["automaticApproval"] == [PUBLIC]


async def test_counts_and_first_replies_are_embedded_and_renewed(world: World) -> None:
    post = await world.post()
    path = f"/ap/posts/{post.id}"
    empty = (await world.json(path))["replies"]
    assert (empty["type"], empty["totalItems"]) == ("Collection", 0)
    assert empty["first"]["type"] == "CollectionPage"
    assert empty["first"]["items"] == []
    first = await world.comment(post)
    nested = await world.comment(post, first)
    own = await world.comment(post, nested, author_id=world.authors["ada"].id)
    await world.react(post, "like", "rin")
    await world.react(post, "emoji", "rin", emoji="🎉")
    await world.react(post, "emoji", "sol", emoji="🎉")
    await world.react(post, "dislike", "tom")
    await world.react(post, "announce", "rin")
    await world.react(post, "like", "uma", comment=first)
    item = await world.json(path)
    assert item["replies"]["totalItems"] == 3
    assert item["replies"]["first"]["items"] == [first.uri, nested.uri, own.uri]
    assert item["replies"]["first"]["partOf"] == item["replies"]["id"]
    assert item["likes"]["totalItems"] == 2  # people, not reactions; dislikes never
    assert item["shares"]["totalItems"] == 1


async def test_many_replies_go_on_at_the_next_page(world: World) -> None:
    post = await world.post()
    uris = [(await world.comment(post)).uri for _ in range(53)]
    replies = (await world.json(f"/ap/posts/{post.id}"))["replies"]
    assert replies["totalItems"] == 53
    assert replies["first"]["items"] == uris[:50]
    page = await world.json(replies["first"]["next"])
    assert page["items"] == uris[50:]
    assert "next" not in page


async def test_s30_drafts_and_scheduled_posts_look_like_nothing(world: World) -> None:
    missing = await world.get(f"/ap/posts/{new_id()}")
    assert missing.status_code == 404
    for status in (PostStatus.DRAFT, PostStatus.SCHEDULED):
        post = await world.post("Secret plans", status=status)
        for path in ("", "/replies", "/likes", "/shares", "/context"):
            response = await world.get(f"/ap/posts/{post.id}{path}")
            assert response.status_code == 404
            assert response.text == missing.text
    never_out = await world.post("Draft, dropped", status=PostStatus.DELETED, published_at=None)
    assert (await world.get(f"/ap/posts/{never_out.id}")).status_code == 404


async def test_s30_held_private_and_deleted_comments_are_neither_listed_nor_counted(
    world: World,
) -> None:
    post = await world.post()
    shown = await world.comment(post)
    hidden = [
        await world.comment(post, status=CommentStatus.HELD),
        await world.comment(post, status=CommentStatus.SPAM),
        await world.comment(post, visibility="followers"),
        await world.comment(post, visibility="direct"),
        await world.comment(post, deleted_at=NOW),
    ]
    for path in ("", "/replies", "/replies?page=1", "/context", "/context?page=1"):
        response = await world.get(f"/ap/posts/{post.id}{path}")
        assert shown.uri in response.text
        assert not any(comment.uri in response.text for comment in hidden)
    assert (await world.json(f"/ap/posts/{post.id}/replies"))["totalItems"] == 1


async def test_deleted_post_answers_410_with_a_tombstone(world: World) -> None:
    post = await world.post("Regretted")
    assert (await world.get(f"/ap/posts/{post.id}")).status_code == 200
    when = NOW + timedelta(days=1)
    await world.change_post(post, status="deleted", deleted_at=when)
    response = await world.get(f"/ap/posts/{post.id}")
    assert response.status_code == 410
    assert response.headers["content-type"] == "application/activity+json"
    gone = response.json()
    assert gone["id"] == f"{BASE}/ap/posts/{post.id}"
    assert (gone["type"], gone["formerType"]) == ("Tombstone", "Article")
    assert gone["deleted"] == "2026-11-21T10:00:00Z"
    assert "Regretted" not in response.text
    for name in ("replies", "likes", "shares", "context"):
        assert (await world.get(f"/ap/posts/{post.id}/{name}")).status_code == 410


async def test_published_post_is_503_and_never_404_when_the_database_fails(world: World) -> None:
    post = await world.post()

    async def rename(old: str, new: str) -> None:
        statement = sql(f"ALTER TABLE {old} RENAME TO {new}")
        await world.site.store.write(lambda connection: connection.execute(statement))

    await rename("post_terms", "lost_terms")
    try:
        response = await world.get(f"/ap/posts/{post.id}")
    finally:
        await rename("lost_terms", "post_terms")
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert "no-store" in response.headers["cache-control"]


async def test_authors_comment_is_a_note_that_names_whom_it_answers(world: World) -> None:
    await world.remote_actor("rin")
    post = await world.post()
    theirs = await world.comment(post)
    ada = world.authors["ada"].id
    own = await world.comment(post, theirs, author_id=ada)
    answer = await world.comment(post, own)
    item = await world.json(f"/ap/comments/{own.id}")
    assert (item["id"], item["type"]) == (f"{BASE}/ap/comments/{own.id}", "Note")
    assert item["attributedTo"] == f"{BASE}/ap/authors/{ada}"
    assert item["inReplyTo"] == theirs.uri
    assert item["to"] == [PUBLIC]
    assert "https://peer.example/users/rin" in item["cc"]
    assert item["tag"] == [
        {
            "type": "Mention",
            "href": "https://peer.example/users/rin",
            "name": "@rin@peer.example",
        }
    ]
    assert "@rin@peer.example" in item["content"]
    assert item["content"].endswith("Words</p>")
    assert item["contentMap"] == {"en": item["content"]}
    assert item["context"] == f"{BASE}/ap/posts/{post.id}/context"
    assert item["replies"]["first"]["items"] == [answer.uri]


async def test_guests_comment_speaks_through_the_readers_voice(world: World) -> None:
    post = await world.post()
    comment = await world.comment(post, guest_name="Gil <b>")
    item = await world.json(f"/ap/comments/{comment.id}")
    assert item["attributedTo"] == f"{BASE}/ap/readers"
    assert item["content"].startswith("<p><strong>Gil &lt;b&gt;:</strong></p>")
    assert not any("followers" in address for address in [*item["to"], *item["cc"]])


async def test_remote_and_unapproved_comments_are_not_served_from_here(world: World) -> None:
    post = await world.post()
    draft = await world.post(status=PostStatus.DRAFT)
    others = [
        await world.comment(post),
        await world.comment(post, guest_name="Gil", status=CommentStatus.HELD),
        await world.comment(post, guest_name="Gil", status=CommentStatus.HELD, deleted_at=NOW),
    ]
    for comment in others:
        assert (await world.get(f"/ap/comments/{comment.id}")).status_code == 404
        assert (await world.get(f"/ap/comments/{comment.id}/replies")).status_code == 404
    orphan = await world.comment(draft, author_id=world.authors["ada"].id)
    response = await world.get(f"/ap/comments/{orphan.id}")
    assert response.status_code in (404, 410)
    assert "Words" not in response.text


async def test_deleted_comment_answers_410(world: World) -> None:
    post = await world.post()
    comment = await world.comment(post, author_id=world.authors["ada"].id)
    assert (await world.get(f"/ap/comments/{comment.id}")).status_code == 200
    await world.change_comment(comment, deleted_at=NOW, content_html="", source_html="")
    response = await world.get(f"/ap/comments/{comment.id}")
    assert response.status_code == 410
    assert (response.json()["type"], response.json()["formerType"]) == ("Tombstone", "Note")


async def test_public_activity_is_served_as_it_was_sent(world: World) -> None:
    post = await world.post()
    id_ = await world.activity("Create", post=post)
    response = await world.get(f"/ap/activities/{id_}")
    assert response.headers["content-type"] == "application/activity+json"
    assert response.json()["id"] == f"{BASE}/ap/activities/{id_}"


async def test_s30_activities_between_two_or_about_what_is_gone_are_not_shown(
    world: World,
) -> None:
    post = await world.post()
    accept = await world.activity("Accept", is_public=False)
    assert (await world.get(f"/ap/activities/{accept}")).status_code == 404
    create = await world.activity("Create", post=post)
    reply = await world.comment(post, author_id=world.authors["ada"].id)
    ada = world.authors["ada"].id
    said = await world.activity("Create", owner=ada, post=post, about=reply.uri)
    for id_ in (create, said):
        assert "as it went out" in (await world.get(f"/ap/activities/{id_}")).text
    await world.change_comment(reply, deleted_at=datetime.now(UTC))
    response = await world.get(f"/ap/activities/{said}")
    assert (response.status_code, "as it went out" in response.text) == (410, False)
    await world.change_post(post, status="deleted", deleted_at=datetime.now(UTC))
    response = await world.get(f"/ap/activities/{create}")
    assert (response.status_code, "as it went out" in response.text) == (410, False)
    delete = await world.activity("Delete", post=post)
    assert (await world.get(f"/ap/activities/{delete}")).status_code == 200


async def test_activity_does_not_keep_a_text_that_its_author_changed(world: World) -> None:
    post = await world.post()
    first = await world.activity("Create", post=post, version=1)
    assert "as it went out" in (await world.get(f"/ap/activities/{first}")).text
    await world.change_post(post, version=2, edited_at=NOW)
    second = await world.activity("Update", post=post, version=2)
    for path in (f"/ap/activities/{first}", "/ap/blog/outbox?page=1"):
        document = await world.json(path)
        items = document.get("orderedItems", [document])
        by_id = {item["id"].rpartition("/")[2]: item for item in items}
        assert by_id[first]["object"] == f"{BASE}/ap/posts/{post.id}"
        if second in by_id:
            assert by_id[second]["object"]["content"] == "the text as it went out"


async def test_strange_ids_and_methods_are_refused_plainly(world: World) -> None:
    strange = ("x", "%00", "01arz3ndektsv4rrffq69g5fav", "' OR 1=1 --", "a" * 4000)
    for kind in ("posts", "comments", "activities"):
        for id_ in strange:
            assert (await world.get(f"/ap/{kind}/{id_}")).status_code == 404
        for method in ("POST", "PUT", "DELETE"):
            response = await world.http.request(method, f"/ap/{kind}/{new_id()}")
            assert response.status_code == 405
    for path in ("/ap", "/ap/", "/ap/posts", "/ap/posts/", "/ap/nobody"):
        assert (await world.get(path)).status_code == 404


async def test_s33_ids_of_objects_come_from_the_configured_address(world: World) -> None:
    post = await world.post()
    headers: dict[str, Any] = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    response = await world.http.get(f"/ap/posts/{post.id}", headers=headers)
    assert response.json()["id"] == f"{BASE}/ap/posts/{post.id}"
    assert "evil.example" not in response.text
