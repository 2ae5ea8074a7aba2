"""What the demo publishes: the group, its authors, five articles and a note that follows them.

All places, people and papers in them are invented.
"""

from dataclasses import dataclass
from importlib.resources import files

TITLE = "Act Today"
TAGLINE = "What you can do about it before supper"
HANDLE = "guestspeaker"
GROUP = "Guestspeaker"
ABOUT = (
    "Guestspeaker is several people who write in turn and answer together. We do not always agree, "
    "and we welcome those who agree with none of us. All we ask of readers is that they do one "
    "thing about it, however small, and come back to say how it went."
)


@dataclass(frozen=True, slots=True)
class Writer:
    """One of the people behind the group."""

    handle: str
    name: str
    about: str


OWNER = Writer("nell-ardery", "Nell Ardery", "")
WRITERS = (
    Writer(
        "lena-marwick",
        "Lena Marwick",
        "Carpenter's daughter, surveyor's wife, treasurer of three societies. Counts things.",
    ),
    Writer(
        "oduya-brand",
        "Oduya Brand",
        "Used to edit other people's minutes. Now asks for them.",
    ),
    Writer(
        "sam-tereshk",
        "Sam Tereshk",
        "Walks a great deal and photographs the weather on the way.",
    ),
)


@dataclass(frozen=True, slots=True)
class Article:
    """One article: its text is the Markdown file of its slug's own name in ``articles/``."""

    slug: str
    title: str
    text: str
    writers: tuple[str, ...]
    tags: tuple[str, ...]
    categories: tuple[str, ...]
    has_picture: bool = False


def _text(name: str) -> str:
    return files("fedblog.demo").joinpath("articles", f"{name}.md").read_text(encoding="utf-8")


PICTURE_ALT = (
    "A wide valley under water at first light. Bare trees stand in the flood, a line of fence "
    "posts runs out into it, and the low sun glitters between dark hills."
)
PICTURE_CAPTION = "The lower meadow of the Senna at first light on Monday"
PICTURE_CREDIT = "Sam Tereshk"


def first_articles() -> tuple[Article, ...]:
    """The four articles that are there before anyone follows."""
    return (
        Article(
            "six-hundred-and-eleven-days",
            "Six hundred and eleven days without a bridge",
            _text("bridge"),
            ("lena-marwick",),
            ("bridges", "neighbours"),
            ("Hands needed",),
        ),
        Article(
            "what-the-counter-cannot-see",
            "What the counter above the door cannot see",
            _text("library"),
            ("oduya-brand",),
            ("libraries", "publicmeetings"),
            ("Close to home",),
        ),
        Article(
            "ask-the-meadow-first",
            "Ask the meadow before you dismiss it",
            _text("flood"),
            ("sam-tereshk", "lena-marwick"),
            ("rivers", "floods", "neighbours"),
            ("Close to home",),
            has_picture=True,
        ),
        Article(
            "look-first-under-sundries",
            "Look first under “Sundries”",
            _text("ledgers"),
            ("oduya-brand", "sam-tereshk"),
            ("harbours", "ledgers"),
            ("Read elsewhere",),
        ),
    )


def last_article() -> Article:
    """The fifth, which goes out to those who follow by then."""
    return Article(
        "bring-one-question",
        "Bring one question",
        _text("question"),
        ("lena-marwick", "oduya-brand", "sam-tereshk", "nell-ardery"),
        ("publicmeetings", "neighbours"),
        ("Hands needed",),
    )


def follow_up(number: int) -> Article:
    """The note that goes out when the demo runs again in a folder that has the five."""
    return Article(
        f"between-articles-{number}",
        f"Between articles, number {number}",
        _text("follow_up"),
        ("nell-ardery",),
        ("neighbours",),
        ("Notes",),
    )
