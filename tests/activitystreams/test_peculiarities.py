"""What real servers write in ways of their own, each told again in a small document.

The numbers are those of the list of peculiarities in the corpus' README.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from fedblog.activitystreams import values
from fedblog.activitystreams.errors import (
    MissingPropertyError,
    MissingTypeError,
    UnexpectedTypeError,
)
from fedblog.activitystreams.reading import (
    is_public,
    read_activity,
    read_actor,
    read_collection,
    read_key,
    read_object,
)
from fedblog.activitystreams.reading_texts import html_of

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
RIN = "https://one.example/users/rin"
NOTE = "https://one.example/notes/1"
POST = "https://blog.example/ap/posts/1"


def note(**given: Any) -> dict[str, Any]:
    base = {
        "id": NOTE,
        "type": "Note",
        "attributedTo": RIN,
        "inReplyTo": POST,
        "content": "<p>Hello</p>",
        "to": [PUBLIC],
        "cc": [f"{RIN}/followers"],
        "published": "2026-11-20T10:00:00Z",
    }
    return {name: value for name, value in {**base, **given}.items() if value is not ...}


def act(type_: str, object_: Any = NOTE, **given: Any) -> dict[str, Any]:
    base = {"id": f"{RIN}#1", "type": type_, "actor": RIN, "object": object_}
    return {name: value for name, value in {**base, **given}.items() if value is not ...}


def person(**given: Any) -> dict[str, Any]:
    base = {
        "id": RIN,
        "type": "Person",
        "preferredUsername": "rin",
        "inbox": f"{RIN}/inbox",
        "publicKey": {"id": f"{RIN}#main-key", "owner": RIN, "publicKeyPem": PEM},
    }
    return {name: value for name, value in {**base, **given}.items() if value is not ...}


PEM = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ==\n-----END PUBLIC KEY-----\n"


def test_01_tag_and_attachment_may_be_single_objects() -> None:
    item = read_object(
        note(
            tag={"type": "Hashtag", "name": "#birds", "href": "https://one.example/tags/birds"},
            attachment={"type": "Document", "url": "https://one.example/1.png"},
        )
    )
    assert [tag.name for tag in item.hashtags] == ["birds"]
    assert [part.url for part in item.attachments] == ["https://one.example/1.png"]


def test_02_to_and_cc_may_be_bare_texts() -> None:
    activity = read_activity(act("Like", to=RIN, cc=PUBLIC))
    assert (activity.to, activity.cc) == ((RIN,), (PUBLIC,))


@pytest.mark.parametrize("form", [PUBLIC, "as:Public", "Public"])
def test_03_public_is_read_in_every_form_in_to_or_cc(form: str) -> None:
    assert is_public(read_object(note(to=form)))
    assert is_public(read_object(note(to=[RIN, form, PUBLIC])))
    assert is_public(read_object(note(to=[f"{RIN}/followers"], cc=[form])))
    assert read_object(note(to=[form, PUBLIC])).to == (PUBLIC,)
    assert not is_public(read_object(note(to=[f"{RIN}/followers"], cc=[], audience=form, bto=form)))


@pytest.mark.parametrize(
    "context",
    [
        ...,
        None,
        "https://join-lemmy.example/context.json",
        ["https://w3id.org/security/v1", "https://www.w3.org/ns/activitystreams"],
        [{"toot": "http://joinmastodon.org/ns#"}],
        {"@vocab": "http://other.example/"},
    ],
)
def test_04_to_06_contexts_of_any_kind_anywhere_change_nothing(context: Any) -> None:
    plain = read_activity(act("Create", note()))
    inner = note(**{"@context": context})
    assert read_activity(act("Create", inner, **{"@context": context})) == plain


def test_07_actor_may_be_an_embedded_document() -> None:
    assert read_activity(act("Follow", actor=person())).actor == RIN
    assert read_activity(act("Follow", actor=[{"type": "Person", "id": RIN}])).actor == RIN


@pytest.mark.parametrize(
    "authors",
    [
        [{"type": "Person", "id": RIN}, {"type": "Group", "id": "https://one.example/c/birds"}],
        [RIN, "https://one.example/c/birds"],
    ],
)
def test_08_of_several_authors_all_are_kept_in_order(authors: Any) -> None:
    item = read_object(note(attributedTo=authors))
    assert item.attributed_to == (RIN, "https://one.example/c/birds")
    assert item.author == RIN
    assert read_object(note(attributedTo=person())).attributed_to == (RIN,)


def test_08_actor_stands_in_for_a_missing_author() -> None:
    assert read_object(note(attributedTo=..., actor=RIN)).author == RIN
    assert read_object(note(attributedTo=...)).author is None


def test_09_of_many_links_the_page_is_chosen() -> None:
    links = [
        {"type": "Link", "mediaType": "video/mp4", "href": "https://one.example/v.mp4"},
        {"type": "Link", "mediaType": "application/x-bittorrent", "href": "magnet:?xt=urn:1"},
        {"type": "Link", "mediaType": "text/html", "href": "https://one.example/watch/1"},
    ]
    assert read_object(note(url=links)).url == "https://one.example/watch/1"
    assert read_object(note(url=links[:2])).url == NOTE
    assert read_object(note(url={"type": "Link", "href": "https://one.example/p"})).url == (
        "https://one.example/p"
    )


@pytest.mark.parametrize("url", [..., None, "", [], "javascript:alert(1)", "data:text/html,x", 7])
def test_10_without_a_usable_url_the_id_is_linked(url: Any) -> None:
    assert read_object(note(url=url)).url == NOTE
    assert read_object(note(url=url, id="tag:one.example,2026:1")).url == ""


@pytest.mark.parametrize(
    "icon",
    [
        {"type": "Image", "url": "https://one.example/a.png"},
        [{"type": "Image", "url": "https://one.example/a.png"}, {"url": "https://x.example/b"}],
        "https://one.example/a.png",
        {"type": "Image", "url": {"type": "Link", "href": "https://one.example/a.png"}},
        {"type": "Link", "href": "https://one.example/a.png"},
        [None, 3, "https://one.example/a.png"],
    ],
)
def test_11_icon_is_read_in_every_form(icon: Any) -> None:
    assert read_actor(person(icon=icon)).icon_url == "https://one.example/a.png"


@pytest.mark.parametrize("icon", [None, [], {}, 1, "x", {"url": "javascript:alert(1)"}])
def test_11_an_unusable_icon_is_none(icon: Any) -> None:
    assert read_actor(person(icon=icon, image=icon)).icon_url == ""


def test_12_of_several_types_the_known_one_counts() -> None:
    assert read_actor(person(type=["Person", "vcard:individual"])).type == "Person"
    assert read_actor(person(type=["schema:individual", "Person"])).type == "Person"
    assert read_object(note(type="as:Note")).type == "Note"
    assert read_object(note(type="https://www.w3.org/ns/activitystreams#Note")).type == "Note"
    key = {"id": f"{RIN}#k", "type": [], "owner": RIN, "publicKeyPem": PEM}
    assert read_actor(person(publicKey=key)).keys[0].id == f"{RIN}#k"


def test_13_hashtags_need_neither_href_nor_sign() -> None:
    tags = [
        {"type": "Hashtag", "name": "birds"},
        {"type": "Hashtag", "name": " #Sky "},
        {"type": "Hashtag"},
    ]
    found = read_object(note(tag=tags)).hashtags
    assert [(tag.name, tag.href) for tag in found] == [("birds", ""), ("Sky", "")]


def test_14_mentions_are_known_by_href_alone() -> None:
    tags = [
        {"type": "Mention", "href": RIN},
        {"type": "Mention", "href": RIN, "name": "@rin"},
        {"type": "Mention", "name": "@nobody@one.example"},
    ]
    found = read_object(note(tag=tags)).mentions
    assert [(mention.href, mention.name) for mention in found] == [(RIN, ""), (RIN, "@rin")]


def test_15_other_things_among_tags_are_passed_over() -> None:
    tags = [{"type": name, "name": "x", "href": RIN} for name in ("Book", "Category", "Infohash")]
    item = read_object(note(tag=[*tags, "text", None, 3, [], {"type": "Hashtag", "name": "#a"}]))
    assert [tag.name for tag in item.hashtags] == ["a"]
    assert item.mentions == ()


@pytest.mark.parametrize("summary", [..., None, ""])
def test_16_only_a_text_is_a_content_warning(summary: Any) -> None:
    item = read_object(note(summary=summary, sensitive=None))
    assert (item.summary, item.sensitive) == ("", False)


def test_16_a_content_warning_is_kept() -> None:
    item = read_object(note(summary="Spiders", sensitive=True))
    assert (item.summary, item.sensitive) == ("Spiders", True)


@pytest.mark.parametrize("content", [..., None, "", 42, ["x", "y"][:0]])
def test_17_content_may_be_missing(content: Any) -> None:
    item = read_object(note(type="Page", name="A link", content=content))
    assert (item.name, item.content) == ("A link", "")


def test_18_markdown_and_plain_text_become_html() -> None:
    def shown(**properties: Any) -> str:
        item = read_object(note(**properties))
        return html_of(item.content, item.media_type, markdown_characters=10_000)

    assert "<em>so</em>" in shown(content="*so*", mediaType="text/markdown; variant=CommonMark")
    plain = shown(content="a <b>\n\nc & d\ne", mediaType="text/plain")
    assert plain == "<p>a &lt;b&gt;</p><p>c &amp; d<br>e</p>"
    assert shown(mediaType="text/html") == "<p>Hello</p>"
    huge = shown(content="[" * 100_000, mediaType="text/markdown")
    assert huge == f"<p>{'[' * 100_000}</p>"


def test_19_source_is_never_shown() -> None:
    for source in ("*raw*", {"content": "*raw*", "mediaType": "text/markdown"}):
        assert read_object(note(source=source)).content == "<p>Hello</p>"


def test_20_content_map_gives_language_and_stands_in_for_content() -> None:
    item = read_object(note(contentMap={"de": "<p>Hallo</p>", "en": "<p>Hello</p>"}))
    assert (item.content, item.language) == ("<p>Hello</p>", "en")
    other_markup = read_object(note(contentMap={"de": "<div>Hello</div>"}))
    assert (other_markup.content, other_markup.language) == ("<p>Hello</p>", "de")
    only = read_object(note(content=..., contentMap={"fr": "<p>Salut</p>"}))
    assert (only.content, only.language) == ("<p>Salut</p>", "fr")
    assert read_object(note(name=..., nameMap={"fr": "Titre"})).name == "Titre"


@pytest.mark.parametrize(
    ("given", "language"),
    [
        ({"language": "pt-BR"}, "pt-BR"),
        ({"language": {"identifier": "nl", "name": "Nederlands"}}, "nl"),
        ({"@context": ["https://x.example", {"@language": "ja"}]}, "ja"),
        ({"@context": [{"@language": "und"}]}, None),
        ({"language": "und"}, None),
        ({"language": 'en"><script>'}, None),
        ({"contentMap": {"": "<p>Hello</p>"}}, None),
        ({"contentMap": ["en"]}, None),
    ],
)
def test_20_language_is_found_wherever_it_stands(given: dict[str, Any], language: Any) -> None:
    assert read_object(note(**given)).language == language


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:00:00Z",
        "2026-11-20T10:00:00.000Z",
        "2026-11-20T10:00:00.000000123Z",
        "2026-11-20T10:00:00+00:00",
        "2026-11-20T12:00:00+02:00",
        "2026-11-20T05:00:00-0500",
        "2026-11-20T10:00:00+0000",
        "2026-11-20 10:00:00",
        "2026-11-20T10:00:00",
        "2026-11-20T10:00Z",
    ],
)
def test_21_times_are_read_in_every_form(text: str) -> None:
    item = read_object(note(published=text, updated=text))
    assert item.published == item.updated == datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "2026-13-45T99:99:99Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "1969-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "+292277026596-12-04T15:30:07Z",
        "2026-11-20T10:00:00" + "0" * 5000,
        1_700_000_000,
        True,
        {"@value": "2026"},
        ["2026-11-20T10:00:00Z"],
    ],
)
def test_21_absurd_times_are_none(text: Any) -> None:
    item = read_object(note(published=text, updated=text))
    assert item.published is None
    assert item.updated is None


def test_22_a_vote_is_told_from_a_comment() -> None:
    vote = {
        "id": NOTE,
        "type": "Note",
        "name": "Yes",
        "inReplyTo": POST,
        "attributedTo": RIN,
        "to": RIN,
    }
    assert read_object(vote).is_vote
    assert not read_object(note(name="A topic")).is_vote
    assert not read_object(note()).is_vote
    several = read_activity(act("Create", [vote, {**vote, "id": f"{NOTE}2", "name": "No"}]))
    assert several.object is not None
    assert several.object.name == "Yes"
    assert several.object_ids == (NOTE, f"{NOTE}2")
    assert several.object.is_vote


@pytest.mark.parametrize("type_", ["Page", "Article", "Video", "Question", "Event", "ChatMessage"])
def test_23_replies_of_every_type_are_read(type_: str) -> None:
    item = read_object(note(type=type_, name="A title"))
    assert (item.type, item.name, item.in_reply_to) == (type_, "A title", POST)
    assert not item.is_vote


@pytest.mark.parametrize(
    ("document", "emoji"),
    [
        (act("EmojiReact", content="🎉"), "🎉"),
        (act("EmojiReaction", content="🎉"), "🎉"),
        (act("Like", content=":blobcat:", _misskey_reaction=":blobcat:"), ":blobcat:"),
        (act("Like", _misskey_reaction="❤"), "❤"),
        (act("EmojiReact", content="🏳️\u200d🌈"), "🏳️\u200d🌈"),
        (act("EmojiReact", content="\u200d"), ""),
        (act("Like"), ""),
        (act("Like", content="<img src=x onerror=alert(1)>"), ""),
        (act("Like", content="x" * 65), ""),
        (act("Like", content="a\u202eb"), ""),
    ],
)
def test_24_reactions_carry_their_emoji(document: dict[str, Any], emoji: str) -> None:
    activity = read_activity(document)
    assert activity.emoji == emoji
    assert activity.type in ("Like", "EmojiReact")


def test_24_a_custom_emoji_has_its_picture_in_the_tags() -> None:
    icon = {"type": "Image", "url": "https://one.example/blobcat.png"}
    tag = [{"type": "Emoji", "name": ":blobcat:", "icon": icon}]
    (emoji,) = read_activity(act("EmojiReact", content=":blobcat:", tag=tag)).emojis
    assert (emoji.shortcode, emoji.url) == ("blobcat", "https://one.example/blobcat.png")


def test_25_dislike_and_its_undo_are_read() -> None:
    assert read_activity(act("Dislike")).type == "Dislike"
    undo = read_activity(act("Undo", act("Dislike")))
    assert undo.inner is not None
    assert (undo.inner.type, undo.inner.object_id) == ("Dislike", NOTE)


@pytest.mark.parametrize("type_", ["Create", "Update", "Delete", "Like", "Undo", "Lock", "Add"])
def test_26_groups_announce_whole_activities(type_: str) -> None:
    group = "https://two.example/c/birds"
    inner = act(type_, act("Like") if type_ == "Undo" else note(), audience=group)
    announce = read_activity(act("Announce", inner, actor=group, audience=group))
    assert announce.actor == group
    assert announce.inner is not None
    assert (announce.inner.type, announce.inner.actor) == (type_, RIN)
    assert announce.audience == (group,)
    assert announce.object is None


def test_27_announce_and_like_may_embed_their_object() -> None:
    for type_ in ("Announce", "Like"):
        activity = read_activity(act(type_, note()))
        assert activity.object_id == NOTE
        assert activity.object is not None


@pytest.mark.parametrize(
    "gone",
    [
        NOTE,
        {"id": NOTE, "type": "Tombstone", "formerType": "Note"},
        {"id": NOTE, "type": "Note"},
        {"id": NOTE},
    ],
)
def test_28_delete_names_its_object_in_every_form(gone: Any) -> None:
    activity = read_activity(act("Delete", gone))
    assert activity.object_id == NOTE
    if isinstance(gone, dict) and gone.get("type") == "Tombstone":
        assert activity.object is not None
        assert activity.object.former_type == "Note"


def test_28_delete_of_the_actor_itself() -> None:
    assert read_activity(act("Delete", RIN)).object_id == RIN
    embedded = read_activity(act("Delete", person()))
    assert embedded.object_id == RIN
    assert embedded.actor_object is not None


def test_29_undo_by_address_or_by_an_activity_without_id() -> None:
    assert read_activity(act("Undo", f"{RIN}#likes/1")).object_id == f"{RIN}#likes/1"
    undo = read_activity(act("Undo", {"type": "Like", "object": NOTE}))
    assert undo.inner is not None
    assert (undo.inner.id, undo.inner.actor, undo.inner.object_id) == (None, RIN, NOTE)
    assert undo.object_id is None
    other = read_activity(act("Undo", {"type": "Like", "object": NOTE, "actor": 90}))
    assert other.inner is None


def test_30_accept_and_reject_name_what_was_asked_in_every_form() -> None:
    assert read_activity(act("Accept", f"{POST}#f")).object_id == f"{POST}#f"
    follow = {"type": "Follow", "actor": "https://blog.example/ap/blog", "object": RIN}
    accept = read_activity(act("Accept", follow))
    assert accept.inner is not None
    assert (accept.inner.id, accept.inner.type) == (None, "Follow")
    request = {**follow, "type": "ReplyRequest", "id": f"{NOTE}#r", "instrument": note()}
    reject = read_activity(act("Reject", request, result=f"{NOTE}#a"))
    assert reject.inner is not None
    assert reject.inner.type == "ReplyRequest"
    # Nobody is made the asker who was not named.
    assert read_activity(act("Accept", {"type": "Follow", "object": RIN})).inner is None


@pytest.mark.parametrize("type_", ["Delete", "Undo", "Follow", "Like", "Accept"])
def test_31_activities_need_no_id(type_: str) -> None:
    assert read_activity(act(type_, id=...)).id is None
    assert read_activity(act(type_, id=None)).id is None
    assert read_activity(act(type_, id="")).id is None


@pytest.mark.parametrize(
    "id_",
    [
        "https://one.example/?p=1",
        "https://one.example/?author=0",
        "https://one.example/notes/1/",
        "https://one.example/u#likes/1",
        "http://one.example/1",
        "tag:one.example,2026:1",
        "https://éxample.example/ü",
    ],
)
def test_32_ids_are_kept_to_the_letter(id_: str) -> None:
    assert read_object(note(id=id_)).id == id_
    assert read_activity(act("Like", id_, id=id_)).object_id == id_


@pytest.mark.parametrize("entity", ["&#038;", "&amp;", "&#38;", "&#x26;", "&amp;#038;"])
def test_entities_in_addresses_are_decoded_wherever_one_is_read(entity: str) -> None:
    written, meant = f"https://one.example/?a=1{entity}b=2", "https://one.example/?a=1&b=2"
    icon = {"type": "Image", "url": written}
    emoji = {"type": "Emoji", "name": ":x:", "icon": icon}
    actor = read_actor(
        person(
            id=written,
            url=written,
            icon=icon,
            inbox=written,
            endpoints={"sharedInbox": written},
            followers=written,
            movedTo=written,
            alsoKnownAs=[written],
            tag=[emoji],
        )
    )
    assert {
        *(actor.id, actor.url, actor.icon_url, actor.inbox, actor.shared_inbox),
        *(actor.followers, actor.moved_to, *actor.also_known_as, actor.emojis[0].url),
    } == {meant}
    item = read_object(
        note(
            id=written,
            url=[{"type": "Link", "href": written, "mediaType": "text/html"}],
            inReplyTo=written,
            attributedTo=[written],
            attachment=[{"type": "Image", "url": written}],
            tag=[{"type": "Mention", "href": written}, {"type": "Hashtag", "name": "#x"}],
        )
    )
    found = {item.id, item.url, item.in_reply_to, *item.attributed_to, item.mentions[0].href}
    assert found | {one.url for one in item.attachments} == {meant}
    assert read_activity(act("Like", written, id=written)).object_id == meant


@pytest.mark.parametrize("text", ["https://one.example/&#10;x", "https://one.example/&#32;x"])
def test_entities_bring_nothing_into_an_address_that_may_not_stand_there(text: str) -> None:
    assert read_object(note(id=text)).id is None
    assert read_actor(person(icon=text)).icon_url == ""


@pytest.mark.parametrize("id_", ["", " ", "a b", "https://one.example/\n", "x" * 2049, 5, True, {}])
def test_32_what_cannot_be_an_id_is_none(id_: Any) -> None:
    assert read_object(note(id=id_)).id is None


@pytest.mark.parametrize(
    "type_", ["Person", "Group", "Service", "Application", "Organization", "Feed"]
)
def test_33_actors_of_every_type_with_little_else(type_: str) -> None:
    actor = read_actor(
        {"id": RIN, "type": type_, "inbox": f"{RIN}/inbox", "name": None, "summary": None}
    )
    assert (actor.type, actor.name, actor.summary, actor.url) == (type_, "", "", RIN)
    assert actor.shared_inbox is None
    assert actor.keys == ()


def test_33_shared_inbox_stands_in_endpoints_or_at_the_top() -> None:
    shared = "https://one.example/inbox"
    assert read_actor(person(endpoints={"sharedInbox": shared})).shared_inbox == shared
    assert read_actor(person(sharedInbox=shared)).shared_inbox == shared
    for odd in (None, [], "x", {"sharedInbox": None}, {"sharedInbox": "file:///etc/passwd"}):
        assert read_actor(person(endpoints=odd)).shared_inbox is None


@pytest.mark.parametrize(
    "key_id",
    [
        f"{RIN}/main-key",
        f"{RIN}/public_key_pem",
        RIN,
        f"{RIN}?operation=rsakey",
        "https://one.example//users/rin#main-key",
        "not-a-url",
    ],
)
def test_34_keys_have_ids_of_every_kind(key_id: str) -> None:
    key = {"id": key_id, "owner": RIN, "publicKeyPem": PEM}
    beside = {"proof": {"type": "DataIntegrityProof"}, "signature": {"type": "RsaSignature2017"}}
    (found,) = read_actor(person(publicKey=key, **beside)).keys
    assert (found.id, found.owner, found.public_pem, found.kind) == (key_id, RIN, PEM, "rsa")


def test_34_several_keys_and_multikeys_are_listed() -> None:
    keys = [
        {"id": f"{RIN}#old", "owner": RIN, "publicKeyPem": PEM},
        {"id": f"{RIN}#new", "publicKeyPem": PEM},
        {"id": f"{RIN}#none"},
        "https://one.example/key",
    ]
    multikey = {
        "id": f"{RIN}#ed25519-key",
        "type": "Multikey",
        "controller": RIN,
        "publicKeyMultibase": "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    }
    found = read_actor(person(publicKey=keys, assertionMethod=[multikey, "x", None])).keys
    assert [(key.id, key.owner, key.kind) for key in found] == [
        (f"{RIN}#old", RIN, "rsa"),
        (f"{RIN}#new", RIN, "rsa"),
        (f"{RIN}#ed25519-key", RIN, "ed25519"),
    ]


def test_34_a_stub_gives_the_key_and_names_its_owner() -> None:
    key_id = f"{RIN}/main-key"
    stub = {
        "id": RIN,
        "type": "Person",
        "preferredUsername": "rin",
        "publicKey": {"id": key_id, "owner": RIN, "publicKeyPem": PEM},
    }
    assert read_key(stub, key_id).owner == RIN
    bare = {"id": key_id, "type": "CryptographicKey", "owner": RIN, "publicKeyPem": PEM}
    assert read_key(bare).id == key_id
    with pytest.raises(MissingPropertyError):
        read_key(stub, f"{RIN}#other")
    with pytest.raises(MissingPropertyError):
        read_key({"id": key_id, "publicKeyPem": PEM})


def test_35_collections_of_every_shape_give_ids() -> None:
    embedded = {
        "id": f"{NOTE}/replies",
        "type": "Collection",
        "first": {
            "type": "CollectionPage",
            "next": f"{NOTE}/replies?page=2",
            "items": [RIN, note()],
        },
    }
    found = read_collection(embedded)
    assert found.first_page is not None
    assert found.first_page.items == (RIN, NOTE)
    assert found.first_page.next == f"{NOTE}/replies?page=2"
    assert (found.total_items, found.first) == (None, None)
    plain = read_collection(
        {"type": "OrderedCollection", "items": NOTE, "first": RIN, "totalItems": 3}
    )
    assert (plain.items, plain.first, plain.total_items) == ((NOTE,), RIN, 3)
    ordered = read_collection(
        {"type": "OrderedCollectionPage", "orderedItems": [act("Create", note())]}
    )
    assert ordered.items == (f"{RIN}#1",)
    no_page = read_collection({"type": "Collection", "first": {"type": "Create", "id": NOTE}})
    assert (no_page.first, no_page.first_page) == (None, None)


@pytest.mark.parametrize("total", [-1, 1.5, "3", True, None, 2**60])
def test_35_an_absurd_total_is_none(total: Any) -> None:
    assert read_collection({"type": "Collection", "totalItems": total}).total_items is None


def test_35_replies_are_an_address_a_collection_or_a_list() -> None:
    address = f"{NOTE}/replies"
    assert read_object(note(replies=address)).replies == address
    collection = {"id": address, "type": "Collection", "items": [RIN]}
    item = read_object(note(replies=collection, likes={"totalItems": 3}, shares={"totalItems": 1}))
    assert item.replies == address
    assert item.replies_collection is not None
    assert item.replies_collection.items == (RIN,)
    assert (item.likes_total, item.shares_total) == (3, 1)
    bare = read_object(note(replies=[RIN, {"id": NOTE}]))
    assert bare.replies_collection is not None
    assert bare.replies_collection.items == (RIN, NOTE)


def test_36_attachments_are_files_and_links_only() -> None:
    parts = [
        {"type": "Link", "href": "https://one.example/page"},
        {
            "type": "Image",
            "url": "https://one.example/1.png",
            "name": None,
            "width": 3,
            "height": 4,
        },
        {
            "type": "Document",
            "mediaType": "image/png",
            "url": "https://one.example/2.png",
            "name": "Alt",
        },
        {"type": "Video", "url": [{"href": "https://one.example/3.mp4", "mediaType": "video/mp4"}]},
        {"type": "PropertyValue", "name": "a", "value": "b"},
        {"type": "IdentityProof", "name": "x"},
        {"type": "Note", "content": "x"},
        {"type": "Image", "url": "javascript:alert(1)"},
        "https://one.example/text",
    ]
    found = read_object(note(attachment=parts)).attachments
    assert [
        (part.type, part.url.rpartition("/")[2], part.media_type, part.name) for part in found
    ] == [
        ("Link", "page", "", ""),
        ("Image", "1.png", "image/png", ""),
        ("Document", "2.png", "image/png", "Alt"),
        ("Video", "3.mp4", "video/mp4", ""),
    ]
    assert (found[1].width, found[1].height) == (3, 4)


def test_37_quotes_are_found_in_every_property() -> None:
    quoted = "https://two.example/notes/9"
    for name in ("quoteUrl", "quoteUri", "_misskey_quote", "quote"):
        assert read_object(note(**{name: quoted})).quotes == (quoted,)
    link = {"type": "Link", "href": quoted, "mediaType": "application/activity+json"}
    page = {"type": "Link", "href": "https://two.example/x", "mediaType": "text/html"}
    item = read_object(note(tag=[link, page], quoteUrl=quoted, quote={"id": f"{quoted}0"}))
    assert set(item.quotes) == {quoted, f"{quoted}0"}


def test_39_polls_have_options_votes_and_maybe_an_end() -> None:
    options = [
        {"type": "Note", "name": "Yes", "replies": {"type": "Collection", "totalItems": 5}},
        {"type": "Note", "name": "No"},
    ]
    poll = read_object(note(type="Question", oneOf=options, endTime="2026-12-01T00:00:00Z")).poll
    assert poll is not None
    assert [(option.name, option.votes) for option in poll.options] == [("Yes", 5), ("No", None)]
    assert not poll.multiple
    assert poll.ends_at == datetime(2026, 12, 1, tzinfo=UTC)
    many = read_object(note(type="Question", anyOf=options, closed="2026-12-01T00:00:00Z")).poll
    assert many is not None
    assert many.multiple
    assert many.ends_at is not None
    assert read_object(note(type="Question", anyOf=options, closed=True)).poll is not None


def test_40_context_and_conversation_are_opaque() -> None:
    tag = "tag:one.example,2026-11-20:objectId=1:objectType=Conversation"
    assert read_object(note(conversation=tag)).context == tag
    assert (
        read_object(note(context=f"{POST}/context", conversation=tag)).context == f"{POST}/context"
    )
    assert read_object(note(context={"id": POST})).context is None


# --- refusals and claims ------------------------------------------------------------------------


def test_what_is_no_activity_object_or_actor_is_refused_by_name() -> None:
    with pytest.raises(MissingTypeError):
        read_activity({"id": NOTE, "actor": RIN})
    for document in (note(), person(), {"type": "Collection"}, {"type": "Album", "actor": RIN}):
        with pytest.raises(UnexpectedTypeError):
            read_activity(document)
    for document in (act("Create"), person(), {"type": "CollectionPage"}):
        with pytest.raises(UnexpectedTypeError):
            read_object(document)
    with pytest.raises(UnexpectedTypeError):
        read_actor(note())
    for type_ in (16, None, {}, [], [7], True):
        with pytest.raises(MissingTypeError):
            read_object(note(type=type_))


@pytest.mark.parametrize("actor", [..., None, "", 90, [], {}, {"type": "Person"}, "tag:x", "rin"])
def test_an_activity_of_nobody_is_refused(actor: Any) -> None:
    with pytest.raises(MissingPropertyError):
        read_activity(act("Create", note(), actor=actor))


@pytest.mark.parametrize(
    "embedded", [note(), act("Like"), person()], ids=["Note", "Like", "Person"]
)
@pytest.mark.parametrize(
    "before", [f"{RIN}/other", {"id": f"{RIN}/other"}, note(id=f"{RIN}/other", type=...)]
)
def test_what_stands_behind_another_object_is_not_what_the_activity_is_about(
    embedded: dict[str, Any], before: Any
) -> None:
    activity = read_activity(act("Create", [before, embedded]))
    assert activity.object_id == f"{RIN}/other"
    assert activity.object_ids == (f"{RIN}/other", embedded["id"])
    assert (activity.object, activity.inner, activity.actor_object) == (None, None, None)
    first = read_activity(act("Create", [embedded, before]))
    assert first.object_id == embedded["id"]
    assert first.object or first.inner or first.actor_object


@pytest.mark.parametrize("id_", [[NOTE], {"id": NOTE}, ..., 3])
def test_what_is_embedded_under_another_id_than_it_is_named_by_is_not_read(id_: Any) -> None:
    embedded = note(id=id_, href=POST, quote=POST)
    activity = read_activity(act("Create", embedded))
    assert (activity.object_id, activity.object) == (POST, None)
    request = read_activity(act("QuoteRequest", POST, instrument=embedded))
    assert (request.instrument_id, request.instrument) == (POST, None)


def test_object_without_addressing_takes_that_of_its_activity() -> None:
    bare = note(to=..., cc=...)
    activity = read_activity(act("Create", bare, to=[PUBLIC], cc=[RIN]))
    assert activity.object is not None
    assert is_public(activity.object)
    alone = read_object(bare)
    assert not is_public(alone)
    private = read_activity(act("Create", note(to=[RIN], cc=...), to=[PUBLIC]))
    assert private.object is not None
    assert not is_public(private.object)


def test_s17_activities_nested_without_end_are_not_followed() -> None:
    document = act("Like")
    for _ in range(30):
        document = act("Undo", document)
    activity: Any = read_activity(document)
    depth = 0
    while activity.inner is not None:
        activity, depth = activity.inner, depth + 1
    assert depth < 6


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " https://one.example/",
        "https://",
        "https:///path",
        "https:/one.example/a",
        "//one.example/",
        "https://user@one.example/",
        "https://one.example\\@evil.example/",
        "https://one.example/\u0000",
        "https://one.example/a b",
        "ftp://one.example/",
    ],
)
def test_s25_what_is_no_plain_web_address_never_becomes_a_link(address: str) -> None:
    assert values.web_address(address) == ""
    item = read_object(note(url=address, attachment=[{"type": "Image", "url": address}]))
    assert item.url == NOTE
    assert item.attachments == ()


def test_activities_within_activities_are_read_to_a_bound() -> None:
    document = act("Undo")
    for _ in range(30):
        document = act("Undo", document)
    activity, depth = read_activity(document), 0
    while activity.inner is not None:
        activity, depth = activity.inner, depth + 1
    assert depth == 4


@pytest.mark.parametrize(
    "instrument", [{"type": "Like", "actor": "mailto:rin"}, {"id": NOTE, "type": 5}, {}]
)
def test_request_whose_instrument_cannot_be_read_is_read_without_it(instrument: Any) -> None:
    activity = read_activity(act("LikeRequest", POST, instrument=instrument))
    assert activity.object_id == POST
    assert (activity.instrument, activity.instrument_activity) == (None, None)
