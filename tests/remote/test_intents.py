"""Where a server says that its people follow, answer, like and boost, and what is refused of it."""

from typing import Any
from urllib.parse import quote

import pytest

from fedblog.remote import intents
from fedblog.remote.errors import BlockedAddressError
from fedblog.remote.intents import Destination, NoIntentError
from fedblog.remote.webfinger import Handle

POST = "https://blog.example.org/ap/posts/01KAXJ5C2N6V0Q3T8W9Y4Z7B1D"
PAGE = "https://blog.example.org/2026/11/25/on-rivers/?a=b&c"
FEP = "https://w3id.org/fep/3b86/"
SUBSCRIBE = {
    "rel": "http://ostatus.org/schema/1.0/subscribe",
    "template": "https://social.example/authorize_interaction?uri={uri}",
}


def lead(action: str, *links: Any, allow_private: bool = False) -> Destination:
    found = intents.read(Handle("bo", "social.example"), list(links))
    return intents.destination(
        found, action, object_uri=POST, page=PAGE, allow_private=allow_private
    )


def intent(name: str, href: str, key: str = "href") -> dict[str, str]:
    return {"rel": FEP + name, key: href}


@pytest.mark.parametrize(
    ("action", "name"),
    [("follow", "Follow"), ("reply", "Object"), ("like", "Like"), ("boost", "Announce")],
)
@pytest.mark.parametrize("key", ["href", "template"])
def test_intent_of_the_action_is_taken_before_the_subscribe_template(
    action: str, name: str, key: str
) -> None:
    found = lead(action, SUBSCRIBE, intent(name, "https://social.example/do?id={object}", key))
    assert found.url == f"https://social.example/do?id={POST}"
    assert found.is_same_host


def test_names_of_intents_are_read_without_case() -> None:
    found = lead("like", intent("like", "https://social.example/like?id={object}"))
    assert found.url.startswith("https://social.example/like?")


@pytest.mark.parametrize("action", ["follow", "reply", "like", "boost"])
def test_subscribe_template_serves_every_action(action: str) -> None:
    assert lead(action, SUBSCRIBE).url == f"https://social.example/authorize_interaction?uri={POST}"


@pytest.mark.parametrize("action", ["reply", "like", "boost"])
def test_object_intent_serves_what_has_none_of_its_own(action: str) -> None:
    found = lead(action, SUBSCRIBE, intent("Object", "https://social.example/see?id={object}"))
    assert found.url == f"https://social.example/see?id={POST}"


def test_create_serves_a_reply_only_where_it_says_what_is_answered() -> None:
    share = intent("Create", "https://social.example/share?text={content}")
    assert "authorize_interaction" in lead("reply", SUBSCRIBE, share).url
    write = intent("Create", "https://social.example/write?to={inReplyTo}&text={content}&x={y}")
    assert lead("reply", SUBSCRIBE, write).url == (
        f"https://social.example/write?to={POST}&text=&x="
    )


def test_way_back_is_told_where_it_is_asked_for() -> None:
    found = lead(
        "like",
        intent("Like", "https://social.example/l?id={object}&ok={on-success}&no={on-cancel}"),
    )
    back = quote(PAGE, safe="/:?")
    assert found.url == f"https://social.example/l?id={POST}&ok={back}&no={back}"
    assert "%26c" in found.url


def test_nothing_named_is_said() -> None:
    for links in ([], [SUBSCRIBE | {"template": "https://social.example/follow"}], [7, {}, None]):
        with pytest.raises(NoIntentError):
            lead("follow", *links)
    for not_a_list in (None, "x", {"rel": "self"}, 3):
        assert intents.read(Handle("bo", "social.example"), not_a_list).templates == {}


@pytest.mark.parametrize(
    "template",
    [
        "http://social.example/?uri={uri}",
        "javascript:alert(1)//{uri}",
        "data:text/html,{uri}",
        "//social.example/{uri}",
        "https://{uri}/",
        "{uri}",
        "https://social.example{uri}",
        "https://{nothing}social.example/{uri}",
        "https://user@social.example/{uri}",
        "https://127.0.0.1/{uri}",
        "https://2130706433/{uri}",
        "https://0x7f.1/{uri}",
        "https://[::1]/{uri}",
        "https://[::ffff:10.0.0.1]/{uri}",
        "https://169.254.169.254/latest/{uri}",
        "https://localhost/{uri}",
        "https://printer.local/{uri}",
        "https://social.example\\@evil.example/{uri}",
        "https://social.example/\r\nset-cookie: a=b{uri}",
        "ftp://social.example/{uri}",
    ],
)
def test_s13_template_that_leads_where_nobody_is_sent_is_refused(template: str) -> None:
    with pytest.raises(BlockedAddressError):
        lead("follow", SUBSCRIBE | {"template": template})


def test_s13_refused_template_does_not_hide_a_good_one() -> None:
    found = lead("follow", intent("Follow", "https://10.0.0.1/{object}"), SUBSCRIBE)
    assert found.host == "social.example"


@pytest.mark.parametrize(
    ("template", "host"),
    [
        ("https://evil.example/?uri={uri}", "evil.example"),
        ("https://social.example.evil.example/?uri={uri}", "social.example.evil.example"),
        ("https://social.example:444/?uri={uri}", "social.example:444"),
    ],
)
def test_s13_other_host_than_that_of_the_handle_is_told_apart(template: str, host: str) -> None:
    found = lead("follow", SUBSCRIBE | {"template": template})
    assert (found.host, found.is_same_host) == (host, False)


def test_s13_what_is_put_in_stays_in_its_place() -> None:
    found = intents.read(
        Handle("bo", "social.example"),
        [SUBSCRIBE | {"template": "https://social.example/?u={uri}"}],
    )
    url = intents.destination(
        found, "follow", object_uri="https://b.example/?a&b=c#d/../é", page="", allow_private=False
    ).url
    assert url == "https://social.example/?u=https://b.example/?a%26b%3Dc%23d/../%C3%A9"


def test_longest_and_most_links_are_bounded() -> None:
    long = SUBSCRIBE | {"template": "https://social.example/?uri={uri}" + "x" * 3000}
    with pytest.raises(NoIntentError):
        lead("follow", long)
    with pytest.raises(NoIntentError):
        lead("follow", *[{"rel": "x"}] * 200, SUBSCRIBE)


@pytest.mark.parametrize("key", ["href", "template"])
def test_template_with_entities_keeps_its_parameters(key: str) -> None:
    link = {"rel": intents.SUBSCRIBE, key: "https://social.example/do?a=1&#038;uri={uri}"}
    found = intents.read(Handle("bo", "social.example"), [link])
    assert found.subscribe == "https://social.example/do?a=1&uri={uri}"
