"""The questions of commands; those of `fedblog init` are each checked where they are asked."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import typer

from fedblog.domain.errors import ConflictError, InvalidFieldError
from fedblog.publishing.identity import Founding, plan
from fedblog.settings import Settings, SettingsError, load

T = TypeVar("T")
_TRIES = 5
"""Wrong answers to one question, after which it is given up: a program may be answering."""
_NOBODY = "fedblog-nobody"
"""Stands for the first author's handle until there is one."""


@dataclass(frozen=True, slots=True)
class _Question:
    field: str
    text: str
    may_be_left: bool = False
    """Nobody need answer: the end of what is typed is "nothing"."""


_ABOUT_THE_BLOG = (
    _Question("title", "The blog's title"),
    _Question(
        "handle",
        "Its handle, the name in @name@host (a to z, digits, _; it cannot be changed later)",
    ),
    _Question("language", "Its language (a tag such as en, de or pt-BR)"),
    _Question("time_zone", "Its time zone (such as Europe/Berlin)"),
)
_AUTHOR = _Question("owner_name", "The first author's name")
_AUTHOR_HANDLE = _Question("owner_handle", "The first author's handle (a to z, digits, _)")
_ABOUT_THE_GROUP = (
    _Question("tagline", "One line below the title (or nothing)", may_be_left=True),
    _Question("group_name", "Who posts are “Published by” (nothing: the title)", may_be_left=True),
    _Question("about", "A few sentences of the group about itself (or nothing)", may_be_left=True),
)


def founding(
    given: dict[str, str | None],
    *,
    base_url: str | None,
    asks: bool,
    config: Path | None,
    data: Path | None,
) -> tuple[Settings, Founding]:
    """The settings and the founding that options (*given*, by the fields of `Founding`, and
    *base_url*) and answers make. What was given is checked before anything is asked.

    Raises SettingsError, InvalidFieldError, ConflictError.
    """

    def settings_at(address: str | None) -> Settings:
        settings = load(config, data_dir=data, base_url=address)
        if is_set and settings.base_url != standing.base_url:  # nobody could serve what it makes
            raise SettingsError(
                f"base_url: the settings (file or FEDBLOG_BASE_URL) say {standing.base_url}; "
                "change it there first"
            )
        return settings

    standing = load(config, data_dir=data)
    is_set = "base_url" in standing.model_fields_set
    settings = settings_at(base_url)
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    made = Founding(**said)
    if not asks:
        _plan_author(settings, made)
        return settings, made
    plan(settings, _without_author_handle(made))
    if base_url is None:
        question = _Question("base_url", "The address it will be reached at (cannot be changed)")
        settings = _asked(question, settings.base_url, settings_at)

    def put(question: _Question, standing: Founding) -> Founding:
        def taken(answer: str) -> Founding:
            changed = replace(standing, **{question.field: answer})
            plan(settings, _without_author_handle(changed))
            return changed

        return _asked(question, getattr(standing, question.field) or "", taken)

    for question in (*_ABOUT_THE_BLOG, _AUTHOR):
        if question.field not in said:
            default = replace(made, handle=made.handle or "blog")
            made = put(question, default)
    try:
        _plan_author(settings, made)
    except SettingsError as error:
        _say(str(error))
        made = put(_AUTHOR_HANDLE, made)
    for question in _ABOUT_THE_GROUP:
        if question.field not in said:
            made = put(question, made)
    return settings, made


def confirmed(question: str) -> bool:
    """Whether the user says yes to *question*. Raises SettingsError where nobody answers."""
    unasked = SettingsError(f"nobody answers the question “{question}”; say it with --yes")
    if sys.stdin is None:
        raise unasked
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        _say("")
        raise unasked from None


def _plan_author(settings: Settings, made: Founding) -> None:
    """Raises SettingsError where all is well but the handle made from the author's name."""
    plan(settings, _without_author_handle(made))
    try:
        plan(settings, made)
    except (InvalidFieldError, ConflictError) as error:
        sentence = f"{error} (made from the author's name; say another: --author-handle)"
        raise SettingsError(sentence) from None


def _without_author_handle(made: Founding) -> Founding:
    """*made* for a check of everything else."""
    return replace(made, owner_handle=made.owner_handle or _NOBODY)


def _asked(question: _Question, default: str, taken: Callable[[str], T]) -> T:
    """What *taken* makes of the answer; it is asked again where that raises."""
    wrong = 0
    while True:
        answer = _answer(question, default)
        try:
            return taken(answer)
        except (SettingsError, InvalidFieldError, ConflictError) as error:
            wrong += 1
            if wrong == _TRIES:
                raise
            _say(str(error))


def _answer(question: _Question, default: str) -> str:
    """What the user types, or the next line of standard input. Raises SettingsError at its end."""
    unasked = SettingsError(
        f"nobody answers the question “{question.text}”; say it by an option (fedblog init "
        "--help), or take the defaults with --yes"
    )
    if sys.stdin is None:
        raise unasked
    try:
        return str(
            typer.prompt(question.text, default=default, show_default=bool(default), err=True)
        )
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        _say("")
        if question.may_be_left:
            return default
        raise unasked from None


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
