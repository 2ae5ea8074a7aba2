"""What an object carries beside its text, bounded and harmless."""

import json
from typing import Any

from fedblog.activitystreams import carried
from fedblog.activitystreams.reading import read_object
from fedblog.activitystreams.reading_texts import html_of, with_inline_pictures

NOTE = {"id": "https://one.example/notes/1", "type": "Note"}


def of(**properties: Any) -> dict[str, Any]:
    item = read_object({**NOTE, **properties})
    html = html_of(item.content, item.media_type, markdown_characters=10_000)
    return carried.of_object(item, html, with_inline_pictures(item, html))


def emoji(name: str, url: str = "https://one.example/e.png") -> dict[str, Any]:
    return {"type": "Emoji", "name": name, "icon": {"type": "Image", "url": url}}


def test_plain_note_carries_nothing() -> None:
    assert of(content="<p>Hi</p>") == {
        "attachments": "[]",
        "sensitive": False,
        "poll": None,
        "quotes": None,
        "emojis": None,
    }


def test_poll_keeps_answers_votes_and_end() -> None:
    found = of(
        type="Question",
        anyOf=[
            {"type": "Note", "name": "Rye", "replies": {"totalItems": 3}},
            {"type": "Note", "name": "Wheat"},
            {"type": "Note", "name": ""},
        ],
        endTime="2026-11-26T00:00:00Z",
        votersCount=3,
    )
    assert json.loads(found["poll"]) == {
        "options": [{"name": "Rye", "votes": 3}, {"name": "Wheat", "votes": None}],
        "multiple": True,
        "ends_at": "2026-11-26T00:00:00+00:00",
        "is_closed": False,
        "voters": 3,
    }


def test_poll_may_be_closed_without_a_time() -> None:
    options = [{"name": "Rye"}]
    assert json.loads(of(type="Question", oneOf=options, closed=True)["poll"])["is_closed"]
    at = "2026-11-25T00:00:00Z"
    later = json.loads(
        of(type="Question", oneOf=options, closed=at, endTime="2026-11-26T00:00:00Z")["poll"]
    )
    assert later["ends_at"] == "2026-11-25T00:00:00+00:00"
    assert of(type="Question", oneOf=[])["poll"] is None


def test_s17_polls_quotes_emojis_and_attachments_are_bounded() -> None:
    found = of(
        content=" ".join(f":e{number}:" for number in range(200)),
        oneOf=[{"name": "x" * 5000, "replies": {"totalItems": -1}} for _ in range(500)],
        tag=[
            *(emoji(f":e{number}:") for number in range(200)),
            *(
                {
                    "type": "Link",
                    "mediaType": "application/activity+json",
                    "href": f"https://two.example/{number}",
                }
                for number in range(50)
            ),
        ],
        attachment=[{"type": "Image", "url": f"https://two.example/{n}.png"} for n in range(90)],
    )
    poll = json.loads(found["poll"])
    assert len(poll["options"]) == carried.MAX_OPTIONS
    assert len(poll["options"][0]["name"]) <= 200
    assert poll["options"][0]["votes"] is None
    assert len(json.loads(found["quotes"])) == carried.MAX_QUOTES
    assert len(json.loads(found["emojis"])) == carried.MAX_EMOJIS
    assert len(json.loads(found["attachments"])) == carried.MAX_ATTACHMENTS


def test_s25_quotes_and_emojis_lead_to_the_web_alone() -> None:
    found = of(
        content=":a: :b: :c<d:",
        quoteUrl="javascript:alert(1)",
        _misskey_quote="tag:two.example,2026:1",
        tag=[emoji(":a:", "javascript:alert(1)"), emoji(":b:", "data:image/png,"), emoji(":c<d:")],
    )
    assert found["quotes"] is None
    assert found["emojis"] is None


def test_only_emojis_that_are_used_are_kept() -> None:
    found = of(
        content="Hi :blob:", name=":title:", tag=[emoji(":blob:"), emoji("title"), emoji(":x:")]
    )
    assert [item["shortcode"] for item in json.loads(found["emojis"])] == ["blob", "title"]


def test_pictures_in_the_text_are_attachments() -> None:
    found = of(
        content='<p>Look <img src="https://two.example/1.jpg?a=1&amp;b=2" alt="A &quot;cow&quot;"> '
        "<IMG title='B' src='https://two.example/2.png'><img src='javascript:x'>"
        '<img class="emoji" src="https://two.example/e.png" alt=":e:"></p>',
        attachment={"type": "Document", "url": "https://two.example/2.png", "name": "First"},
    )
    assert [
        (item["url"], item["name"], item["mediaType"]) for item in json.loads(found["attachments"])
    ] == [
        ("https://two.example/2.png", "First", "image/png"),
        ("https://two.example/1.jpg?a=1&b=2", 'A "cow"', "image/jpeg"),
    ]


def test_attachment_that_is_sensitive_makes_its_note_so() -> None:
    picture = {"type": "Image", "url": "https://two.example/1.png"}
    assert of(attachment={**picture, "sensitive": True})["sensitive"]
    assert not of(attachment=[picture])["sensitive"]


def test_prefixed_quotes_are_read() -> None:
    uri = "https://two.example/notes/1"
    for name in ("as:quoteUrl", "fedibird:quoteUri", "misskey:_misskey_quote"):
        assert json.loads(of(**{name: uri})["quotes"]) == [uri]
