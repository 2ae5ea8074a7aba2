"""docs/interop.md says what becomes of every kind of document; the corpus is held to it.

What a table means by "when" is looked up in the raw JSON here, not with our own reading.
"""

import copy
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from support.outcomes import Document, as_answer, corpus, document_of, verdict
from support.world import World

from fedblog.activitystreams.vocabulary import (
    ACTIVITY_TYPES,
    ACTOR_TYPES,
    COLLECTION_TYPES,
    REPLY_TYPES,
)

PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
FILES = corpus()
PUBLIC = {"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"}
_ROW = re.compile(r"^\| (.+?) \| (.*?) ?\| `([^`]+)` \|$", re.MULTILINE)

without_corpus = pytest.mark.skipif(not FILES, reason="no corpus beside this checkout")


# What a document is


def type_name(value: Any) -> str:
    types = value.get("type", value.get("@type")) if isinstance(value, dict) else None
    if not isinstance(types, list):
        types = [types]
    names = [name.split(":")[-1] for name in types if isinstance(name, str) and name]
    return next((name for name in names if name[0].isupper()), "untyped")


def carried(document: Document) -> Any:
    """The object that an activity is about: of several the first that has an id."""
    value = document.get("object")
    if isinstance(value, list):
        return next((item for item in value if ids(item)), value[0] if value else None)
    return value


def kind_of(document: Any, name: str = "") -> str:
    """The kind as the tables write it."""
    if name.startswith("webfinger"):
        return "WebFinger"
    if name.startswith("nodeinfo"):
        return "NodeInfo"
    type_ = type_name(document)
    if type_ not in ACTIVITY_TYPES:
        return type_
    value = carried(document)
    if isinstance(value, str):
        return f"{type_}(address)"
    return f"{type_}({kind_of(value)})" if isinstance(value, dict) else f"{type_}(nothing)"


def ids(value: Any) -> list[str]:
    """The ids in *value*, in whatever form it is."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key in ("id", "href") if isinstance(text := value.get(key), str)][:1]
    return [text for item in value or [] for text in ids(item)] if isinstance(value, list) else []


def origin(uri: str) -> list[str]:
    return uri.split("/", 3)[:3]


def is_web(uri: str) -> bool:
    return re.match(r"https?://[^/@\s]+", uri) is not None


# What "when" means: each takes the document and what it carries (itself, where it is an object).


def carries_no_object(item: Any) -> bool:
    types = ACTOR_TYPES | ACTIVITY_TYPES | COLLECTION_TYPES | {"untyped"}
    return not isinstance(item, dict) or type_name(item) in types


def is_own(uri: str, document: Document) -> bool:
    """Whether *uri* is of the host of the document's actor."""
    return origin(uri) == origin(ids(document["actor"])[0])


def by_another(document: Document, item: Any) -> bool:
    authors = ids(item.get("attributedTo")) or ids(item.get("actor"))
    return bool(authors) and ids(document["actor"])[0] not in authors


def no_own_author(document: Document, item: Any) -> bool:
    authors = ids(item.get("attributedTo")) or ids(item.get("actor"))
    return not authors or not ids(item) or origin(authors[0]) != origin(ids(item)[0])


def not_public(document: Document, item: Any) -> bool:
    named = item if "to" in item or "cc" in item else document
    return not PUBLIC & {*ids(named.get("to")), *ids(named.get("cc"))}


def carries_emoji(document: Document, item: Any) -> bool:
    text = document.get("content") or document.get("_misskey_reaction")
    if not isinstance(text, str) or not text.strip():
        return False
    name = text.strip()
    # What it looks like, said apart from our own reading: a name between colons, or nothing that
    # is written with letters, digits and signs of ASCII.
    return name.startswith(":") or not name.isascii()


def undoes_another(document: Document, item: Any) -> bool:
    return bool(
        isinstance(item, dict) and ids(item.get("actor")) not in ([], ids(document["actor"]))
    )


def has_no_key(document: Document, item: Any) -> bool:
    names = ("publicKey", "assertionMethod", "authentication")
    found = str([document.get(name) for name in names])
    return "publicKeyPem" not in found and "publicKeyMultibase" not in found


def links_to_no_actor(document: Document, item: Any) -> bool:
    return not any(
        link.get("rel") == "self" and re.search(r"activity\+json|ld\+json", str(link.get("type")))
        for link in document.get("links") or []
    )


CONDITIONS: dict[str, Callable[[Document, Any], bool]] = {
    "": lambda document, item: True,
    "it names no actor with a web address": lambda document, item: (
        not any(is_web(uri) for uri in ids(document.get("actor"))[:1])
    ),
    "its id is of another host than its actor": lambda document, item: any(
        origin(uri) != origin(ids(document["actor"])[0]) for uri in ids(document.get("id"))
    ),
    "it is the actor itself": lambda document, item: ids(item)[:1] == ids(document["actor"])[:1],
    "it is about nothing": lambda document, item: (
        not ids(item) and type_name(item) not in ACTIVITY_TYPES
    ),
    "it carries no object, and no address of its own host": lambda document, item: (
        carries_no_object(item) and not any(is_own(uri, document) for uri in ids(item))
    ),
    "it carries no object": lambda document, item: carries_no_object(item),
    "the object has no id": lambda document, item: not ids(item),
    "the object is of another host": lambda document, item: not is_own(ids(item)[0], document),
    "the object is by another": by_another,
    "the object is of a type that answers nothing": lambda document, item: (
        type_name(item) not in REPLY_TYPES
    ),
    "the object answers nothing": lambda document, item: not ids(item.get("inReplyTo")),
    "the object is a vote in a poll": lambda document, item: bool(
        type_name(item) == "Note"
        and item.get("name")
        and not (item.get("content") or item.get("contentMap"))
        and not item.get("attachment")
    ),
    "the object is not addressed to everyone": not_public,
    "it carries one emoji": carries_emoji,
    "what is announced carries no object": lambda document, item: carries_no_object(carried(item)),
    "what is announced answers something": lambda document, item: bool(
        isinstance(carried(item), dict) and ids(carried(item).get("inReplyTo"))
    ),
    "it undoes what another did": undoes_another,
    "it says not what wants to interact": lambda document, item: (
        not ids(document.get("instrument"))
    ),
    "what wants to interact is of another host": lambda document, item: (
        not is_own(ids(document["instrument"])[0], document)
    ),
    "the reply is in it": lambda document, item: isinstance(document["instrument"], dict),
    "it has no type": lambda document, item: type_name(document) == "untyped",
    "it names no author of its own host": no_own_author,
    "it has no id with a web address": lambda document, item: not is_web(str(document.get("id"))),
    "it has no key": has_no_key,
    "it links to no actor": links_to_no_actor,
}


def fits(kinds: str, kind: str) -> bool:
    """Whether a row's kinds have *kind* among them."""
    for wanted in kinds.split(", "):
        if wanted in (kind, f"any {group_of(kind)}"):
            return True
        pattern = wanted.strip("`")
        if "ACTIVITY" in pattern:
            inner = re.fullmatch(r"\w+\((\w+)\(.*\)\)", kind)
            if inner is None or inner[1] not in ACTIVITY_TYPES:
                continue
            pattern = pattern.replace("ACTIVITY", inner[1])
        if wanted.startswith("`") and fnmatchcase(kind, pattern):
            return True
    return False


def group_of(kind: str) -> str:
    if "(" in kind:
        return "activity"
    if kind in ACTOR_TYPES:
        return "actor"
    if kind in COLLECTION_TYPES:
        return "collection"
    return "document" if kind in ("WebFinger", "NodeInfo") else "object"


def stated(document: Document, name: str = "") -> str:
    """The outcome that docs/interop.md states for *document*."""
    kind = kind_of(document, name)
    is_activity = group_of(kind) == "activity"
    item = carried(document) if is_activity else document
    for kinds, when, outcome in ROWS:
        if fits(kinds, kind) and CONDITIONS[when](document, item):
            type_ = type_name(item) if outcome.endswith("is no reply") else type_name(document)
            return outcome.replace("TYPE", type_).replace("INNER", type_name(item))
    raise AssertionError(f"docs/interop.md says nothing about {kind}")


ROWS = _ROW.findall(PAGE.read_text().split("<!-- inputs -->")[0])


@without_corpus
async def test_every_document_of_the_corpus_has_the_outcome_that_the_docs_state(
    world: World,
) -> None:
    post = await world.post()
    uri = world.site.addresses.post(post.id)
    wrong = []
    for path in FILES:
        document = document_of(path)
        for tried in filter(None, (document, as_answer(document, path.name))):
            found = (await verdict(world.site, uri, tried, path.name)).outcome
            expected = stated(tried, path.name)
            if found != expected:
                wrong.append(f"{path.parent.name}/{path.name}: {found}, the docs say {expected}")
    assert not wrong, "\n".join(wrong)


def changed(document: Document, way: int) -> Document | None:
    """*document* as yet another server could write it; None where that way does not apply."""
    document = copy.deepcopy(document)
    item = document.get("object")
    inner: Any = item if isinstance(item, dict) else document
    ways: list[tuple[Any, str, Any]] = [
        (document, "id", None),
        (document, "actor", {"type": "Person", "id": document.get("actor")}),
        (document, "actor", [document.get("actor")]),
        (document, "object", [item]),
        (document, "type", [document.get("type"), "ex:Other"]),
        (inner, "type", ["ex:other", inner.get("type")]),
        (inner, "attributedTo", None),
        (inner, "to", "as:Public"),
        (inner, "to", None),
        (inner, "content", None),
        (inner, "id", None),
        (inner, "tag", {"type": "Mention"}),
        (inner, "attachment", 7),
        (document, "actor", None),
    ]
    place, name, value = ways[way % len(ways)]
    if place.get(name) in (None, value) or not isinstance(document.get("actor", ""), str):
        return None
    place[name] = value
    return document


@without_corpus
async def test_documents_in_other_forms_have_the_outcome_that_the_docs_state(
    world: World,
) -> None:
    post = await world.post()
    uri = world.site.addresses.post(post.id)
    wrong, number = [], 0
    for place, path in enumerate(FILES):
        if path.name.startswith(("webfinger", "nodeinfo")):
            continue
        original = as_answer(document_of(path), path.name) or document_of(path)
        for way in (place, place + 5, place + 10):
            if (tried := changed(original, way)) is None:
                continue
            number += 1
            found = (await verdict(world.site, uri, tried, path.name)).outcome
            if found != (expected := stated(tried, path.name)):
                wrong.append(f"{path.parent.name}/{path.name} {way}: {found}, not {expected}")
    assert not wrong, "\n".join(wrong)
    assert number > len(FILES) // 2


def test_every_row_of_the_tables_can_be_read() -> None:
    tables = PAGE.read_text().split("<!-- inputs -->")[0]
    lines = [line for line in tables.splitlines() if re.match(r"\| (?!kind )", line)]
    assert len(ROWS) == len(lines)
    assert {when for _, when, _ in ROWS} == set(CONDITIONS)


def test_types_that_may_answer_are_those_of_the_code() -> None:
    sentence = re.search(r"Types that may answer something: (.*?)\. A", PAGE.read_text(), re.DOTALL)
    assert sentence is not None
    assert set(re.findall(r"`(\w+)`", sentence[1])) == REPLY_TYPES
