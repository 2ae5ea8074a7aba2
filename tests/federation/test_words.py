"""What an activity says in words: made once, bounded, refused where it is too long."""

import json
from typing import Any

import pytest
from support.cost import units_of

from fedblog.activitystreams.reading import read_activity, read_object
from fedblog.federation import words
from fedblog.federation.words import Limits, TextTooLongError

ANN = "https://one.example/ann"
POST = "https://blog.example/ap/posts/1"
LIMITS = Limits()


def note(**properties: Any) -> dict[str, Any]:
    return {
        "id": "https://one.example/1",
        "type": "Note",
        "attributedTo": ANN,
        "inReplyTo": POST,
        "content": "<p>Well said.</p>",
        **properties,
    }


def made(**properties: Any) -> dict[str, Any]:
    return words.of_object(read_object(note(**properties)), LIMITS)


FULL = 100_000
DEAR = {
    "pictures without end": {"content": "<img " * 20_000},
    "pictures of letters": {"content": ("<img " + "a" * 2990 + ">") * 33},
    "pictures of attributes": {"content": ("<img " + "a=b " * 740 + ">") * 33},
    "pictures of quotes": {"content": ("<img " + "a='" * 990 + ">") * 33},
    "pictures of equals": {"content": ("<img " + "=" * 2990 + ">") * 33},
    "pictures of blanks": {"content": ("<img " + " " * 2990 + "a>") * 33},
    "pictures of entities": {"content": ('<img src="' + "&amp;" * 590 + '">') * 33},
    "long Markdown": {"content": "![*" * 33_000, "mediaType": "text/markdown"},
    "Markdown": {"content": "![*" * 3300, "mediaType": "text/markdown"},
    "nested Markdown": {"content": "> - " * 2500, "mediaType": "text/x-markdown"},
    "plain text": {"content": "<&\n\n" * 10_000, "mediaType": "text/plain"},
    "blank lines": {"content": "\n" * FULL, "mediaType": "text/plain"},
    "a long name": {"name": "é" * 900_000},
    "a long summary": {"summary": "<b>&amp;" * 100_000},
    "a summary of an article": {"type": "Article", "summary": "<b>&amp;" * 100_000, "content": ""},
    "emoji": {
        "content": ":e1:" * 25_000,
        "tag": [
            {"type": "Emoji", "name": f":e{number}:", "icon": "https://one.example/e.png"}
            for number in range(900)
        ],
    },
    "alternative texts": {
        "attachment": [{"url": "https://one.example/1.png", "name": "é" * 1000}] * 900
    },
    "answers": {"type": "Question", "oneOf": [{"name": "é:" * 400}] * 900},
}


@pytest.mark.parametrize("name", DEAR)
def test_words_cost_little_whatever_is_said(name: str) -> None:
    item = read_object(note(**DEAR[name]))
    assert units_of(words.of_object, item, LIMITS) < 40


def test_text_longer_than_allowed_is_refused_and_not_cut() -> None:
    assert made(content="a" * FULL)["content_html"] == "a" * FULL
    activity = read_activity(
        {"type": "Create", "actor": ANN, "object": note(content="a" * (FULL + 1))}
    )
    for look in (words.check_length, words.of_activity):
        with pytest.raises(TextTooLongError):
            look(activity, LIMITS)


def test_markdown_that_is_too_long_or_too_dear_is_shown_as_written() -> None:
    for text in ("*a* " * 2600, "![*" * 3000):
        html = made(content=text, mediaType="text/markdown")["content_html"]
        assert html == f"<p>{text.strip()}</p>"
    assert "<em>a</em>" in made(content="*a* " * 100, mediaType="text/markdown")["content_html"]


def test_summary_of_what_is_no_note_tells_what_it_is_about_and_hides_nothing() -> None:
    for type_ in ("Article", "Page", "Video", "Audio", "Image", "Event"):
        found = made(type=type_, content="", summary="Of rivers", name="Rivers")
        assert (found["name"], found["summary"]) == ("Rivers", ""), type_
        assert "Of rivers" in found["content_html"], type_
        assert made(type=type_, summary="Floods", sensitive=True)["summary"] == "Floods", type_
    assert made(summary="Floods")["summary"] == "Floods"


def test_activity_without_a_reply_in_it_has_no_words_of_one() -> None:
    for kind, item in (("Like", POST), ("Announce", note()), ("Create", note(inReplyTo=None))):
        activity = read_activity({"type": kind, "actor": ANN, "object": item})
        assert words.of_activity(activity, LIMITS).comment is None
    flag = read_activity({"type": "Flag", "actor": ANN, "object": POST, "content": "<p>Bad</p>"})
    assert words.of_activity(flag, LIMITS).report == "Bad"


def test_pictures_in_the_text_are_found_in_every_spelling() -> None:
    text = (
        "<img src=https://one.example/1.png><IMG alt='B' src='https://one.example/2.png'/>"
        '<img alt="a > b" src="https://one.example/3.png"><img/src="https://one.example/4.png">'
        "<img =x src='https://one.example/5.png' disabled><image src='https://one.example/6.png'>"
    )
    found = [item["url"][-5] for item in json.loads(made(content=text)["attachments"])]
    assert found == ["1", "2", "4", "5"]


def test_what_most_people_write_is_read_among_others() -> None:
    assert words.is_light(json.dumps(note()).encode())
    assert not words.is_light(json.dumps(note(content="a" * 9000)).encode())
    for mark in ("<b>", "&lt;", "\\u003cb\\u003E"):
        assert words.is_light(json.dumps(note(content="MARK")).replace("MARK", mark * 190).encode())
        assert not words.is_light(
            json.dumps(note(content="MARK")).replace("MARK", mark * 410).encode()
        )
    assert not words.is_light(json.dumps(note(tag=[{}] * 200)).encode())


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        *[(kind, True) for kind in ("text/markdown", " Text/MarkDown ; charset=utf-8")],
        *[("text/x-Markdown", True), ("text/html", False), ("text/plain; a=markdown", False)],
    ],
)
def test_markdown_is_known_however_it_is_written(media_type: str, expected: bool) -> None:
    for kind, name in (("Create", "object"), ("Update", "object"), ("ReplyRequest", "instrument")):
        document = {"type": kind, "actor": ANN, "object": POST, name: note(mediaType=media_type)}
        assert words.are_markdown(read_activity(document)) is expected
    assert not words.are_markdown(read_activity({"type": "Like", "actor": ANN, "object": POST}))


LIGHT = {
    "open tags": "<b>" * 190,
    "headings": "<h1>a</h1>" * 190,
    "misnested": "<b>" * 90 + "<p>x</b>" * 150,
    "entities": "&lt;" * 380,
    "ampersands": "&" * 390,
    "attributes": "<p " + " ".join(f"a{number}" for number in range(1300)) + ">",
    "lines": "<br>" * 380,
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_text_of_the_worst_kind_costs_a_part_of_a_millisecond(name: str) -> None:
    """A unit is ten milliseconds."""
    document = note(content=LIGHT[name])
    assert words.is_light(json.dumps(document).encode())
    item = read_object(document)
    assert units_of(lambda: [words.of_object(item, LIMITS) for _ in range(20)]) < 8


def test_plain_content_warning_and_alt_text_keep_angle_brackets_and_lines() -> None:
    picture = {"type": "Document", "url": "https://one.example/1.png", "name": "a <b>\nc < d"}
    found = made(summary="spoilers for <Alien>, I <3 it", attachment=[picture])
    assert found["summary"] == "spoilers for <Alien>, I <3 it"
    assert json.loads(found["attachments"])[0]["name"] == "a <b>\nc < d"


def test_summary_of_an_article_without_content_is_shown_whole() -> None:
    found = made(type="Article", content="", summary="about <Alien> & more")
    assert found["content_html"] == "<p>about &lt;Alien&gt; &amp; more</p>"


def test_report_keeps_what_stands_between_angle_brackets() -> None:
    flag = {"id": f"{ANN}/f", "type": "Flag", "actor": ANN, "object": POST, "content": "a <b> c"}
    assert words.of_activity(read_activity(flag), LIMITS).report == "a <b> c"
