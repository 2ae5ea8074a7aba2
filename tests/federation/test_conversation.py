"""What remote people do, and what becomes of it: scenarios through a real inbox."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.people import PUBLIC, People
from support.servers import Server

from fedblog.storage.changes import Change


async def send(server: Server, people: People, name: str, activity: dict[str, Any]) -> None:
    answer = await people.post(server.inbox, activity, by=name)
    assert answer.status_code == 202, answer.text


async def reply(
    server: Server, people: People, name: str, parent: str, text: str, **changes: Any
) -> dict[str, Any]:
    note = people.note(name, parent, f"<p>{text}</p>", **changes)
    await send(server, people, name, people.activity("Create", name, note))
    return note


async def texts(server: Server, post: dict[str, Any]) -> list[tuple[str, int]]:
    return [(c["content"], c["depth"]) for c in await server.comments(post)]


@pytest.fixture
async def post(server: Server, people: People) -> dict[str, Any]:
    for name in ("ann", "ben", "cleo"):
        people.add(name)
    return await server.publish()


@pytest.mark.both_engines
async def test_follow_is_accepted_and_undone(server: Server, people: People, post):
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    await send(server, people, "ann", follow)
    accept = await server.eventually(lambda: first(people, "Accept"))
    assert accept["actor"] == f"{server.base_url}/ap/blog"
    assert accept["object"]["id"] == follow["id"]
    assert accept["object"]["actor"] == people.uri("ann")
    assert await follower_uris(server) == [people.uri("ann")]
    await send(server, people, "ann", people.activity("Undo", "ann", follow))
    assert await follower_uris(server) == []
    again = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    await send(server, people, "ann", again)
    assert await follower_uris(server) == [people.uri("ann")]


async def first(people: People, kind: str) -> Any:
    return next((e["json"] for e in people.inbox if e["json"]["type"] == kind), None)


async def follower_uris(server: Server) -> list[str]:
    answer = await server.api("GET", "/followers")
    return [item["actor"] for item in answer.json()["items"]]


@pytest.mark.parametrize("name", ["readers", "instance"])
async def test_follow_of_an_actor_for_nobody_is_rejected(
    server: Server, people: People, post, name: str
):
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/{name}")
    await send(server, people, "ann", follow)
    reject = await server.eventually(lambda: first(people, "Reject"))
    assert reject["object"]["id"] == follow["id"]
    assert await follower_uris(server) == []


async def test_author_can_be_followed(server: Server, people: People, post):
    owner = (await server.api("GET", f"/posts/{post['id']}")).json()["authors"][0]["id"]
    uri = f"{server.base_url}/ap/authors/{owner}"
    await send(server, people, "ann", people.activity("Follow", "ann", uri))
    accept = await server.eventually(lambda: first(people, "Accept"))
    assert accept["actor"] == uri


@pytest.mark.both_engines
async def test_replies_thread_at_any_depth(server: Server, people: People, post):
    parent = post["activitypub_id"]
    for depth in range(12):
        name = ("ann", "ben")[depth % 2]
        note = await reply(server, people, name, parent, f"At {depth}")
        parent = note["id"]
    assert await texts(server, post) == [(f"<p>At {d}</p>", d) for d in range(12)]


@pytest.mark.both_engines
async def test_reply_to_unknown_parent_is_fetched_and_threaded(
    server: Server, people: People, post
):
    first_note = people.note("ann", post["activitypub_id"], "<p>One</p>")
    second = people.note("ben", first_note["id"], "<p>Two</p>")
    for note in (first_note, second):
        people.publish(note["id"][len(people.base_url) :], note)
    await reply(server, people, "cleo", second["id"], "Three")
    assert await server.comments(post) == []

    async def all_three() -> bool:
        return len(await server.comments(post)) == 3

    await server.eventually(all_three)
    found = {c["content"]: c["depth"] for c in await server.comments(post)}
    assert found == {"<p>One</p>": 0, "<p>Two</p>": 1, "<p>Three</p>": 2}


@pytest.mark.both_engines
async def test_orphan_is_adopted_when_its_parent_comes(server: Server, people: People, post):
    first_note = people.note("ann", post["activitypub_id"], "<p>One</p>")
    await reply(server, people, "ben", first_note["id"], "Two")
    assert await server.comments(post) == []
    await send(server, people, "ann", people.activity("Create", "ann", first_note))
    assert await texts(server, post) == [("<p>One</p>", 0), ("<p>Two</p>", 1)] or await texts(
        server, post
    ) == [("<p>Two</p>", 1), ("<p>One</p>", 0)]


@pytest.mark.parametrize("kind", ["Note", "Article", "Page", "Question", "Video", "Audio", "Event"])
async def test_replies_of_many_types(server: Server, people: People, post, kind: str):
    await reply(server, people, "ann", post["activitypub_id"], "A reply", type=kind)
    assert len(await server.comments(post)) == 1


async def test_what_never_becomes_a_comment(server: Server, people: People, post):
    uri = post["activitypub_id"]
    followers_only = [people.uri("ann") + "/followers"]
    for note in (
        people.note("ann", uri, "") | {"name": "Yes", "content": None},  # a vote
        people.note("ann", uri, "<p>psst</p>", type="ChatMessage"),
        people.note("ann", uri, "<p>psst</p>", to=[f"{server.base_url}/ap/blog"], cc=[]),
        people.note("ann", uri, "<p>psst</p>", to=followers_only, cc=[]),
        people.note("ann", None, "<p>not a reply</p>"),
    ):
        await send(server, people, "ann", people.activity("Create", "ann", note, to=note["to"]))
    assert await server.comments(post) == []


async def test_unlisted_reply_is_public(server: Server, people: People, post):
    await reply(server, people, "ann", post["activitypub_id"], "Quietly", to=[], cc=["as:Public"])
    assert len(await server.comments(post)) == 1


@pytest.mark.both_engines
async def test_edit_by_its_author_and_only_a_newer_one(server: Server, people: People, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "Teh text")
    later = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    edited = note | {"content": "<p>The text</p>", "updated": later}
    await send(server, people, "ann", people.activity("Update", "ann", edited))
    older = note | {"content": "<p>Old</p>", "updated": "2020-01-01T00:00:00Z"}
    await send(server, people, "ann", people.activity("Update", "ann", older))
    comments = await server.comments(post)
    assert [c["content"] for c in comments] == ["<p>The text</p>"]
    assert comments[0]["updated"]


async def test_s20_nobody_changes_what_another_wrote(server: Server, people: People, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "Mine")
    later = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    for activity in (
        people.activity("Update", "ben", note | {"content": "<p>No</p>", "updated": later}),
        people.activity(
            "Update",
            "ben",
            note | {"content": "<p>No</p>", "updated": later, "attributedTo": people.uri("ben")},
        ),
        people.activity("Delete", "ben", note["id"]),
        people.activity("Delete", "ben", {"id": note["id"], "type": "Tombstone"}),
    ):
        await send(server, people, "ben", activity)
    like = people.activity("Like", "ann", post["activitypub_id"])
    await send(server, people, "ann", like)
    await send(server, people, "ben", people.activity("Undo", "ben", like))
    await send(server, people, "ben", people.activity("Undo", "ben", like["id"]))
    await send(
        server,
        people,
        "ben",
        people.activity(
            "Undo",
            "ben",
            {"type": "Like", "actor": people.uri("ann"), "object": post["activitypub_id"]},
        ),
    )
    assert await texts(server, post) == [("<p>Mine</p>", 0)]
    assert (await server.counts(post))["likes"] == 1


async def test_s21_object_of_another_or_of_ours_is_not_believed(
    server: Server, people: People, post
):
    uri = post["activitypub_id"]
    draft = await server.api("POST", "/posts", json={"title": "Secret", "content": "x"})
    for note in (
        people.note("ben", uri, "<p>by Ben</p>"),
        people.note("ann", uri, "<p>ours</p>", id=f"{server.base_url}/ap/posts/{post['id']}"),
        people.note("ann", uri, "<p>elsewhere</p>", id="https://elsewhere.example/notes/1"),
        people.note("ann", draft.json()["activitypub_id"], "<p>to a draft</p>"),
    ):
        await send(server, people, "ann", people.activity("Create", "ann", note))
    assert await server.comments(post) == []
    drafted = await server.comments(draft.json())
    assert drafted == []


@pytest.mark.both_engines
async def test_delete_takes_the_text_and_keeps_the_answers(server: Server, people: People, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "Gone soon")
    await reply(server, people, "ben", note["id"], "An answer")
    delete = people.activity("Delete", "ann", {"id": note["id"], "type": "Tombstone"})
    await send(server, people, "ann", delete)
    page = (await server.anonymous(post["url"])).text
    assert "Gone soon" not in page
    assert "An answer" in page
    # A late Create does not bring it back.
    await send(server, people, "ann", people.activity("Create", "ann", note))
    assert "Gone soon" not in (await server.anonymous(post["url"])).text


@pytest.mark.both_engines
async def test_likes_boosts_and_emoji_are_counted_once_a_person(
    server: Server, people: People, post
):
    uri = post["activitypub_id"]
    await send(server, people, "ann", people.activity("Like", "ann", uri))
    await send(server, people, "ann", people.activity("Like", "ann", uri))
    await send(server, people, "ann", people.activity("EmojiReact", "ann", uri, content="🎉"))
    await send(server, people, "ben", people.activity("Like", "ben", uri, id=...))
    await send(server, people, "ben", people.activity("Like", "ben", uri, id=...))
    await send(server, people, "cleo", people.activity("EmojiReact", "cleo", uri, content="👍"))
    await send(server, people, "cleo", people.activity("Dislike", "cleo", uri))
    await send(server, people, "ben", people.activity("Announce", "ben", uri))
    counts = await server.counts(post)
    assert (counts["likes"], counts["shares"]) == (3, 1)


@pytest.mark.parametrize("form", ["embedded", "iri", "without id"])
@pytest.mark.parametrize("kind", ["Like", "Announce", "Follow", "EmojiReact", "Dislike"])
async def test_s39_undo_in_every_form(server: Server, people: People, post, kind: str, form: str):
    item = f"{server.base_url}/ap/blog" if kind == "Follow" else post["activitypub_id"]
    extra = {"content": "🎉"} if kind == "EmojiReact" else {}
    done = people.activity(kind, "ann", item, **extra)
    await send(server, people, "ann", done)
    nothing = {"comments": 0, "likes": 0, "shares": 0}
    if kind != "Dislike":
        counts = await server.counts(post)
        assert counts["likes"] + counts["shares"] + len(await follower_uris(server)) == 1
    undone: Any = done
    if form == "iri":
        undone = done["id"]
    elif form == "without id":
        undone = {key: value for key, value in done.items() if key != "id"}
    await send(server, people, "ann", people.activity("Undo", "ann", undone))
    counts = await server.counts(post)
    assert {name: counts[name] for name in nothing} == nothing
    assert await follower_uris(server) == []


@pytest.mark.parametrize("form", ["embedded", "without id"])
@pytest.mark.parametrize("kind", ["Like", "EmojiReact"])
async def test_undo_leaves_the_other_reaction_of_the_same_person(
    server: Server, people: People, post, kind: str, form: str
):
    uri = post["activitypub_id"]
    like = people.activity("Like", "ann", uri)
    react = people.activity("EmojiReact", "ann", uri, content="🎉")
    await send(server, people, "ann", like)
    await send(server, people, "ann", react)
    undone, other = (like, react) if kind == "Like" else (react, like)
    if form == "without id":
        undone = {key: value for key, value in undone.items() if key not in ("id", "content")}
    await send(server, people, "ann", people.activity("Undo", "ann", undone))
    assert (await server.counts(post))["likes"] == 1
    assert ("🎉" in (await server.anonymous(post["url"])).text) == (kind == "Like")
    await send(server, people, "ann", people.activity("Undo", "ann", other["id"]))
    assert (await server.counts(post))["likes"] == 0


async def test_s39_undo_of_an_unknown_iri_is_ignored(server: Server, people: People, post):
    await send(server, people, "ann", people.activity("Like", "ann", post["activitypub_id"]))
    await send(server, people, "ann", people.activity("Undo", "ann", f"{people.base_url}/nothing"))
    assert (await server.counts(post))["likes"] == 1


@pytest.mark.both_engines
async def test_actor_that_goes_takes_everything_along(server: Server, people: People, post):
    await reply(server, people, "ann", post["activitypub_id"], "By Ann")
    await send(server, people, "ann", people.activity("Like", "ann", post["activitypub_id"]))
    follow = people.activity("Follow", "ann", f"{server.base_url}/ap/blog")
    await send(server, people, "ann", follow)
    await send(server, people, "ann", people.activity("Delete", "ann", people.uri("ann")))
    assert "By Ann" not in (await server.anonymous(post["url"])).text
    assert (await server.counts(post))["likes"] == 0
    assert await follower_uris(server) == []


async def test_update_of_an_actor_shows_the_new_name(server: Server, people: People, post):
    await reply(server, people, "ann", post["activitypub_id"], "Hello")
    document = people.actor_document("ann") | {"name": "Ann Renamed"}
    people.publish("/users/ann", document)
    await send(server, people, "ann", people.activity("Update", "ann", document))

    async def renamed() -> bool:
        return (await server.comments(post))[0]["author"]["name"] == "Ann Renamed"

    await server.eventually(renamed)
    assert "Ann Renamed" in (await server.anonymous(post["url"])).text


@pytest.mark.both_engines
async def test_block_ends_the_following(server: Server, people: People, post):
    blog = f"{server.base_url}/ap/blog"
    await send(server, people, "ann", people.activity("Follow", "ann", blog))
    await send(server, people, "ann", people.activity("Block", "ann", blog))
    assert await follower_uris(server) == []


async def test_flag_is_listed_for_moderators(server: Server, people: People, post):
    flag = people.activity(
        "Flag",
        "ann",
        [f"{server.base_url}/ap/blog", post["activitypub_id"]],
        content="This is spam",
        to=...,
    )
    await send(server, people, "ann", flag)
    items = (await server.api("GET", "/reports")).json()["items"]
    assert len(items) == 1
    assert items[0]["content"] == "This is spam"


async def test_create_whose_object_is_only_an_address_is_fetched(
    server: Server, people: People, post
):
    note = people.note("ann", post["activitypub_id"], "<p>By reference</p>")
    people.publish(note["id"][len(people.base_url) :], note)
    await send(server, people, "ann", people.activity("Create", "ann", note["id"]))
    comments = await server.eventually(lambda: server.comments(post))
    assert comments[0]["content"] == "<p>By reference</p>"


async def test_closed_comments_take_nothing_and_held_ones_wait(server: Server, people: People):
    people.add("ann")
    closed = await server.publish("Closed", comments="closed")
    await reply(server, people, "ann", closed["activitypub_id"], "No")
    assert await server.comments(closed) == []
    held = await server.publish("Held", comments="held")
    await reply(server, people, "ann", held["activitypub_id"], "Wait")
    comments = await server.comments(held)
    assert [c["status"] for c in comments] == ["held"]
    assert "Wait" not in (await server.anonymous(held["url"])).text


async def test_a_reply_alters_pages_only_where_it_is_shown(server: Server, people: People):
    people.add("ann")
    shown = await server.publish("Shown")
    held = await server.publish("Held", comments="held")
    heard: list[Change] = []
    server.site.store.listen(heard.extend)
    await reply(server, people, "ann", held["activitypub_id"], "Wait")
    await reply(server, people, "ann", shown["activitypub_id"], "Well")
    await server.eventually(lambda: Change("news", shown["id"]) in heard)
    assert held["id"] not in {change.key for change in heard}
    (comment,) = await server.comments(held)
    await server.api("POST", f"/comments/{comment['id']}/approve")
    await server.eventually(lambda: Change("comments", held["id"]) in heard)
    assert "Wait" in (await server.anonymous(held["url"])).text


async def test_moderators_decision_outlives_an_edit(server: Server, people: People, post):
    note = await reply(server, people, "ann", post["activitypub_id"], "Buy now")
    comment = (await server.comments(post))[0]
    await server.api("POST", f"/comments/{comment['id']}/spam")
    later = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    edited = note | {"content": "<p>Buy now!</p>", "updated": later}
    await send(server, people, "ann", people.activity("Update", "ann", edited))
    assert [c["status"] for c in await server.comments(post)] == ["spam"]
    assert "Buy now" not in (await server.anonymous(post["url"])).text


async def test_reply_of_an_author_leaves_other_servers_with_its_post(
    server: Server, people: People, post
):
    await reply(server, people, "ann", post["activitypub_id"], "Well said")
    comment = (await server.comments(post))[0]
    answer = await server.api("POST", f"/comments/{comment['id']}/reply", json={"content": "Hi"})
    ours = answer.json()["activitypub_id"]
    await server.api("DELETE", f"/posts/{post['id']}")

    async def gone() -> bool:
        deletes = [e["json"]["object"]["id"] for e in people.inbox if e["json"]["type"] == "Delete"]
        return sorted(deletes) == sorted([post["activitypub_id"], ours])

    await server.eventually(gone)
    assert (await server.anonymous(ours)).status_code == 410


async def test_what_is_said_of_a_post_before_it_is_out_is_not_kept(server: Server, people: People):
    """The id of a scheduled post can be guessed by nobody, but its author may have shown it."""
    people.add("ann")
    fields = {"title": "Soon", "content": "x", "publish_at": "2099-01-01T09:00:00Z"}
    made = await server.api("POST", "/posts", json=fields | {"status": "scheduled"})
    scheduled = made.json()
    await reply(server, people, "ann", scheduled["activitypub_id"], "First!")
    for kind in ("Like", "Announce"):
        activity = people.activity(kind, "ann", scheduled["activitypub_id"])
        await send(server, people, "ann", activity)
    await server.api("PATCH", f"/posts/{scheduled['id']}", json={"status": "published"})
    assert await server.comments(scheduled) == []
    assert set((await server.counts(scheduled)).values()) == {0}


@pytest.mark.parametrize(
    "published",
    [
        "3024-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2016-12-31T23:59:60Z",
        "yesterday",
        1700000000,
    ],
)
async def test_reply_of_an_impossible_or_future_moment_counts_as_of_its_arrival(
    server: Server, people: People, post, published: object
):
    before = datetime.now(UTC).replace(microsecond=0)
    await reply(server, people, "ann", post["activitypub_id"], "When?", published=published)
    (comment,) = await server.comments(post)
    assert before <= datetime.fromisoformat(comment["published"]) <= datetime.now(UTC)
    assert (await server.anonymous(post["url"])).status_code == 200


async def test_follower_with_nothing_but_an_inbox_and_a_key_hears_and_answers(
    server: Server, people: People, post
):
    document = people.actor_document("dot")
    needed = ("@context", "id", "type", "preferredUsername", "inbox", "publicKey")
    people.publish("/users/dot", {name: document[name] for name in needed})
    follow = people.activity("Follow", "dot", f"{server.base_url}/ap/blog")
    await send(server, people, "dot", follow)
    await server.eventually(lambda: first(people, "Accept"))
    await server.publish("News")
    await server.eventually(lambda: first(people, "Create"))
    assert {entry["path"] for entry in people.inbox} == {"/users/dot/inbox"}
    await reply(server, people, "dot", post["activitypub_id"], "Hello")
    assert await texts(server, post) == [("<p>Hello</p>", 0)]


async def test_whole_actor_in_place_of_its_id_is_that_actor_and_no_other(
    server: Server, people: People, post
):
    whole = people.actor_document("ann")
    for author in (whole, [whole], {"id": whole["id"]}):
        await reply(server, people, "ann", post["activitypub_id"], "Mine", attributedTo=author)
    assert await texts(server, post) == [("<p>Mine</p>", 0)] * 3
    other = people.actor_document("ben")
    note = people.note("ann", post["activitypub_id"], "<p>His</p>", attributedTo=other)
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    assert await texts(server, post) == [("<p>Mine</p>", 0)] * 3


async def test_newest_post_leads_the_outbox_at_once_also_one_that_was_looked_at(server: Server):
    as_object = {"accept": "application/activity+json"}
    for number in range(1, 4):
        made = await server.publish(f"Post {number}")
        outbox = (await server.anonymous("/ap/blog/outbox", **as_object)).json()
        page = (await server.anonymous(outbox["first"], **as_object)).json()
        assert outbox["totalItems"] == len(page["orderedItems"]) == number
        assert page["orderedItems"][0]["object"]["id"] == made["activitypub_id"]


async def test_words_of_others_cannot_be_edited_here(server: Server, people: People, post):
    await reply(server, people, "ann", post["activitypub_id"], "As I said")
    comment = (await server.comments(post))[0]
    for method in ("PATCH", "PUT"):
        path = f"/comments/{comment['id']}"
        assert (await server.api(method, path, json={"content": "No"})).status_code == 405
    assert await texts(server, post) == [("<p>As I said</p>", 0)]


async def test_former_address_leads_on_to_page_and_object_and_is_kept_by_nobody_unasked(
    server: Server,
):
    """What stands between may not answer who asks for the one with what was meant for the other."""
    post = await server.publish(slug="one")
    await server.api("PATCH", f"/posts/{post['id']}", json={"slug": "two"})
    there = post["url"].replace("/one/", "/two/")
    for accept in ("text/html", "application/activity+json"):
        for spelled in (post["url"], post["url"].rstrip("/"), f"{post['url']}?utm_source=x"):
            answer = await server.anonymous(spelled, accept=accept)
            assert (answer.status_code, answer.headers["location"]) == (301, there), spelled
            assert "accept" in answer.headers["vary"].lower(), spelled
            assert answer.headers["cache-control"] in ("no-cache", "private, no-store"), spelled
            assert (await server.anonymous(there, accept=accept)).status_code == 200


async def test_unknown_activity_types_are_accepted_and_do_nothing(
    server: Server, people: People, post
):
    for kind in ("Add", "Remove", "Accept", "Reject", "Join", "View", "Move", "Lock"):
        await send(server, people, "ann", people.activity(kind, "ann", post["activitypub_id"]))
    assert await server.comments(post) == []


async def test_public_in_the_activity_alone_is_enough(server: Server, people: People, post):
    note = people.note("ann", post["activitypub_id"], "<p>Hi</p>")
    del note["to"], note["cc"]
    await send(server, people, "ann", people.activity("Create", "ann", note, to=PUBLIC))
    assert len(await server.comments(post)) == 1


# What comments carry


def question(people: People, post: dict[str, Any], votes: int, **changes: Any) -> dict[str, Any]:
    options = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": votes}}
        for name in ("Rye", "Wheat")
    ]
    note = people.note("ann", post["activitypub_id"], "<p>Which?</p>", type="Question", **changes)
    return note | {"oneOf": options, "votersCount": 2 * votes}


@pytest.mark.both_engines
async def test_votes_are_counted_without_an_edit(server: Server, people: People, post):
    asked = question(people, post, 1)
    await send(server, people, "ann", people.activity("Create", "ann", asked))
    counted = question(people, post, 5, id=asked["id"], published=asked["published"])
    await send(server, people, "ann", people.activity("Update", "ann", counted))
    (comment,) = await server.comments(post)
    assert [option["votes"] for option in comment["poll"]["options"]] == [5, 5]
    assert comment["poll"]["voters"] == 10
    assert comment["updated"] is None
    later = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    await send(
        server,
        people,
        "ann",
        people.activity("Update", "ann", counted | {"content": "<p>What?</p>", "updated": later}),
    )
    (comment,) = await server.comments(post)
    assert comment["updated"]


async def test_s20_votes_are_told_by_the_asker_alone(server: Server, people: People, post):
    asked = question(people, post, 1)
    await send(server, people, "ann", people.activity("Create", "ann", asked))
    forged = question(people, post, 9, id=asked["id"], published=asked["published"])
    await send(server, people, "ben", people.activity("Update", "ben", forged))
    (comment,) = await server.comments(post)
    assert comment["poll"]["voters"] == 2


async def test_other_pictures_wait_for_a_moderator_anew(server: Server, people: People, post):
    picture = {"type": "Document", "mediaType": "image/png", "url": "https://x.example/1.png"}
    note = people.note("ann", post["activitypub_id"], "<p>See</p>", attachment=[picture])
    await send(server, people, "ann", people.activity("Create", "ann", note))
    (comment,) = await server.comments(post)
    await server.api("POST", f"/comments/{comment['id']}/approve-media")

    async def edited(seconds: int, **changes: Any) -> str:
        later = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        changed = note | {"updated": later} | changes
        await send(server, people, "ann", people.activity("Update", "ann", changed))
        (found,) = await server.comments(post)
        return str(found["media_status"])

    assert await edited(2, content="<p>Look</p>") == "approved"
    other = picture | {"url": "https://x.example/2.png"}
    assert await edited(4, attachment=[other]) == "held"


async def test_summary_of_an_article_is_no_warning(server: Server, people: People, post):
    uri = post["activitypub_id"]
    await reply(server, people, "ann", uri, "Text", type="Article", summary="What it is about")
    await reply(server, people, "ben", uri, "Text", summary="Spiders &amp; <b>snakes</b>")
    summaries = {c["author"]["name"]: c["summary"] for c in await server.comments(post)}
    assert sorted(summaries.values()) == ["", "Spiders & snakes"]
