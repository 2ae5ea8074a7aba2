"""What is said of a value that does not hold is said in our words, wherever pydantic looks."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fedblog.api.bodies import validated
from fedblog.api.comments import ReplyModel
from fedblog.api.network import BlockModel
from fedblog.api.posts import GuestModel, PostModel
from fedblog.api.problems import ProblemError
from fedblog.rules import sentence
from fedblog.settings import Settings, SettingsError, load

MODELS = (PostModel, GuestModel, BlockModel, ReplyModel)
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, float("nan"), float("inf"), 10**30, 10**400, "", "x", "\ud800"),
    *("x" * 100_000, b"\xff", [], [None], [[]], ["x"] * 2000, {}, {"a": 1}, [{"name": 5}], "1e999"),
)
THEIRS = re.compile(
    r"[Ii]nput|should|permitted|[Ee]xtra |valid|parse|instance|character\(s\)|dictionary|cast|"
    r"schema|pydantic|is not taken"
)


def said_of_settings() -> Iterator[tuple[str, str]]:
    for name in [*Settings.model_fields, "colour"]:
        for value in ODD:
            if value is None:
                continue  # left out
            try:
                load(**{name: value})
            except SettingsError as error:
                yield f"{name}={value!r:.40}", str(error)


def said_of_bodies() -> Iterator[tuple[str, str]]:
    for model in MODELS:
        for name in [*model.model_fields, "colour"]:
            for value in ODD:
                try:
                    validated(model, {name: value})
                except ProblemError as problem:
                    for item in problem.errors:
                        yield f"{model.__name__}.{name}={value!r:.40}", item.message


@pytest.mark.parametrize("said", [said_of_settings, said_of_bodies])
def test_every_refusal_of_an_odd_value_is_a_sentence_of_ours(said: Any) -> None:
    sentences = list(said())
    assert len(sentences) > 100
    assert [pair for pair in sentences if THEIRS.search(pair[1])] == []


def test_bounds_and_choices_are_named() -> None:
    class Model(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)

        short: str = Field("", max_length=3)
        long: str = Field("", min_length=2)
        few: list[int] = Field([], max_length=2)
        most: int = Field(0, le=7)
        least: float = Field(1.0, ge=0.5)

    wrong = {"short": "abcd", "long": "a", "few": [1, 2, 3], "most": 8, "least": 0.25, "so": 1}
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(wrong)
    assert {e["loc"][0]: sentence(e, unknown="is unknown") for e in caught.value.errors()} == {
        "short": "takes at most 3 characters",
        "long": "takes at least 2 characters",
        "few": "takes at most 2",
        "most": "takes at most 7",
        "least": "takes at least 0.5",
        "so": "is unknown",
    }


def refused(model: type[BaseModel], document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ProblemError) as caught:
        validated(model, document)
    return {item.field: item.message for item in caught.value.errors}


def test_name_that_is_no_field_is_told_which_are() -> None:
    assert refused(BlockModel, {"host": "x"}) == {
        "host": "is none of the fields: domain, actor, confirm"
    }
    (said,) = refused(PostModel, {"titel": "x"}).values()
    assert said.startswith("is none of the fields: title, content, ")


def test_what_may_be_one_of_two_kinds_is_told_once() -> None:
    assert refused(PostModel, {"authors": [5]}) == {"authors.0": "takes a text or an object"}
    assert refused(PostModel, {"authors": ["ann", {"name": 5}]}) == {
        "authors.1.name": "takes a text"
    }
    assert refused(PostModel, {"status": "out"}) == {
        "status": "takes draft, published or scheduled"
    }


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'colour = "red"', "colour: is no setting"),
        (b"base_url = [", "is no TOML"),
        (b"title = '\xff'", "is not in UTF-8"),
        (b'base_url = "https://x.example:99999"', "65535"),
        (b'base_url = "https://[x"', "host name"),
        (b"[base_url]\nx = 1", "base_url: takes a text"),
    ],
)
def test_settings_file_that_does_not_hold_is_told_in_one_sentence(
    tmp_path: Any, content: bytes, says: str
) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=re.escape(says)) as caught:
        load(file)
    assert "\n" not in str(caught.value)
