"""The inputs of fediverse-pasture-inputs as replies to a post, and what a reader sees of them."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.pages import Element

WRITTEN = Path(__file__).parents[2] / ".pasture" / "inputs.json"

ACTOR = "http://pasture-one-actor/actor"
"""The author that the inputs themselves name."""
HERE = "http://pasture-one-actor/assets/note1.jsonap"
"""What they answer: put in the place of a post here."""


@dataclass(frozen=True)
class Input:
    """One example: *name* of its group, its *number* there, and the reply that is made of it."""

    name: str
    title: str
    number: int
    activity: dict[str, Any]

    def answering(self, post_uri: str) -> dict[str, Any]:
        """The reply, with the post at *post_uri* in the place of what it answers."""
        item = dict(self.activity["object"])
        answered = json.dumps(item.get("inReplyTo"))
        item["inReplyTo"] = json.loads(answered.replace(f'"{HERE}"', json.dumps(post_uri)))
        return {**self.activity, "object": item}


def inputs() -> list[Input]:
    """All inputs by name. Properties that an example gives as None are left out.

    Skips the test that asks where .ci/pasture has not written them; fails it where
    FEDBLOG_TEST_INPUTS=required.
    """
    if not WRITTEN.exists():
        reason = "the inputs of fediverse-pasture-inputs are not there: run .ci/pasture"
        if os.environ.get("FEDBLOG_TEST_INPUTS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return [
        Input(name, data["title"], number, _activity(f"{name}/{number}", example))
        for name, data in sorted(json.loads(WRITTEN.read_text()).items())
        for number, example in enumerate(data["examples"], 1)
    ]


def _activity(key: str, example: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {
        "type": "Note",
        "attributedTo": ACTOR,
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "id": f"http://pasture-one-actor/objects/pasture/{key}",
        "published": "2026-11-20T10:00:00Z",
        "content": "text",
        "inReplyTo": HERE,
    }
    given = dict(example)
    context = given.pop("@context", "https://www.w3.org/ns/activitystreams")
    item.update(given)
    return {
        "@context": context,
        "type": "Create",
        "id": f"http://pasture-one-actor/activities/{key}",
        "actor": ACTOR,
        "to": item.get("to") or [],
        "cc": item.get("cc") or [],
        "object": {name: value for name, value in item.items() if value is not None},
    }


def seen(comment: Element) -> str:
    """What a reader sees of a comment, in words."""
    parts = []
    for warning in comment.all("details"):
        parts.append(f"behind “{warning.one('summary').text}”")
    for title in comment.all("p", class_="comment-title"):
        parts.append(f"title “{title.text}”")
    (body,) = comment.all("div", class_="text")
    text = _marked(body)
    parts.append(text or "no text")
    if body.attributes.get("lang"):
        parts.append(f"in the language {body.attributes['lang']}")
    for box in comment.all("p", class_="quote"):
        parts.append(f"box “{box.text}”")
    for poll in comment.all("div", class_="poll"):
        parts.append(f"poll: {', '.join(item.text for item in poll.all('li'))}")
    for picture in comment.all("img"):
        if picture.attributes.get("class") == "emoji" or picture.attributes.get("alt"):
            parts.append(f"picture described as “{picture.attributes['alt']}”")
    for item in comment.all("ul", class_="attachments"):
        parts.extend(f"link “{entry.text}”" for entry in item.all("li"))
    for link in comment.all("a"):
        own = comment.all("p", class_="facts")[-1].all("a")
        href = link.attributes["href"]
        if link in own and "/objects/pasture/" not in href and not href.startswith("/interact?"):
            parts.append(f"leads to {href}")
    return "; ".join(parts)


def _marked(body: Element) -> str:
    """The text of a comment with the names of the elements that are more than paragraphs."""
    text = re.sub(r"\s+", " ", body.text).strip()
    names = sorted({e.name for e in walk(body)} - {"div", "p", "br", "span"})
    shown = text if len(text) <= 90 else text[:89] + "…"
    shown = shown.replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
    return f"{shown} ({', '.join(names)})" if names and shown else shown


def walk(element: Element) -> Iterator[Element]:
    """Every element below *element*."""
    for child in element.children:
        if isinstance(child, Element):
            yield child
            yield from walk(child)
