"""Catalogues of the pages' texts."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import fedblog
from fedblog.text.catalogues import CATALOGUES
from fedblog.web.languages import language

FOLDER = Path(fedblog.__file__).parent


def messages() -> set[str | tuple[str, ...]]:
    """Every text of templates and handlers that is meant to be translated."""
    return {
        message if isinstance(message, str) else tuple(message)
        for _, _, message, _, _ in extract_from_dir(
            FOLDER,
            method_map=[
                ("web/templates/**.html", "jinja2.ext:babel_extract"),
                ("web/*.py", "python"),
                ("text/f*.py", "python"),
                ("activitystreams/writing*.py", "python"),
            ],
            keywords={
                "_": None,
                "ngettext": (1, 2),
                "text": None,
                "count": (1, 2),
                "sentence": (2,),
            },
        )
    }


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.name)


def test_texts_are_found() -> None:
    assert ("One thought on “%(title)s”", "%(number)s thoughts on “%(title)s”") in messages()


@pytest.mark.parametrize("path", sorted(CATALOGUES.glob("*/fedblog.po")), ids=str)
def test_every_text_is_translated_and_none_is_left_over(path: Path) -> None:
    entries = {entry.id: entry for entry in catalogue(path) if entry.id}
    assert set(entries) == messages()
    for entry in entries.values():
        assert all(entry.string if isinstance(entry.string, tuple) else (entry.string,))
        assert not list(entry.check()), entry.id


async def test_plural_forms_are_those_of_the_language() -> None:
    english, german = await language("en", "UTC"), await language("de-AT", "UTC")
    assert english.count("One like", "%(number)s likes", 1) == "One like"
    assert english.count("One like", "%(number)s likes", 0) == "0 likes"
    assert english.count("One like", "%(number)s likes", 1234) == "1,234 likes"
    assert german.count("One like", "%(number)s likes", 2) == "Gefällt 2 Personen"


async def test_values_are_escaped() -> None:
    words = await language("en", "UTC")
    assert words.text("for %(group)s", group="<b>") == "for &lt;b&gt;"
    assert words.count("One on %(title)s", "%(number)s on %(title)s", 2, title="100% <i>") == (
        "2 on 100% &lt;i&gt;"
    )
