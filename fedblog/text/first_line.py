"""The first line of an Article (decision 7) in the language of its text: “Title”, by A and B."""

from collections.abc import Sequence

from markupsafe import Markup

from fedblog.text.catalogues import sentence

_HERE = "\x00"


def quoted(title: str, language: str) -> Markup:
    """*title* between the quotation marks of *language*."""
    return sentence(language, "“%(title)s”", "“%(title)s”", title=title)


def line(title: str, names: Sequence[str], language: str) -> Markup:
    """*title* (quoted already) and who wrote it."""
    if not names:
        return sentence(language, "%(title)s", "%(title)s", title=title)
    together = Markup(", ").join(names[:-1]) if len(names) > 1 else names[0]
    if len(names) > 1:
        together = sentence(
            language,
            "%(names)s and %(last)s",
            "%(names)s, %(last)s",
            names=together,
            last=names[-1],
        )
    return sentence(
        language, "%(title)s, by %(names)s", "%(title)s · %(names)s", title=title, names=together
    )


def names_of(first: str, title: str, language: str) -> str:
    """Who wrote it, from the first line *first* of the article *title*, or ""."""
    before = str(line(quoted(_HERE, language), [_HERE], language)).rpartition(_HERE)[0]
    begin = before.replace(_HERE, title)
    return first.removeprefix(begin) if first.startswith(begin) else ""
