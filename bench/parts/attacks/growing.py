"""What would grow without end: reports, reactions, Follows, replies to nothing and Undos, all by
senders who are proven."""

import sqlite3
from contextlib import closing

from parts.attacks.stage import Kind, Stage, answered

_EMOJI = ["👍", "🎉", "❤️", "😀", "🏳️‍🌈", ":blob:", ":cat@x.example:"]


def _reports(stage: Stage, number: int) -> bytes:
    named = [stage.post(number)] + [f"https://x.example/{'y' * 900}/{n}" for n in range(60)]
    body = stage.activity(number, "flag", "Flag", named, content="&amp;<p>" * 4000)
    return stage.sign(body, number)


def _emoji(stage: Stage, number: int) -> bytes:
    content = _EMOJI[number % len(_EMOJI)] if number % 2 else f":e{number}:"
    body = stage.activity(number, "react", "EmojiReact", stage.post(number), content=content)
    return stage.sign(body, number)


def _texts_as_emoji(stage: Stage, number: int) -> bytes:
    content = f"text {number} " + "🎉" * 30
    body = stage.activity(number, "text", "EmojiReact", stage.post(number), content=content)
    return stage.sign(body, number)


def _follows(stage: Stage, number: int) -> bytes:
    return stage.sign(stage.activity(number, "follow", "Follow", stage.blog), number)


def _orphans(stage: Stage, number: int) -> bytes:
    nothing = f"{stage.person(number)}/nothing/{number}"
    note = stage.note(number, "orphan", inReplyTo=nothing, content="<p>" + "x" * 20_000)
    return stage.sign(stage.create(number, "orphan", note), number)


def _undos(stage: Stage, number: int) -> bytes:
    body = stage.activity(number, "undo", "Undo", f"{stage.person(number)}/likes/{number}")
    return stage.sign(body, number)


def _counts(stage: Stage, query: str) -> int:
    """What *query* finds in the server's database, 0 where that is no file."""
    path = stage.folder / "fedblog.sqlite3"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute(query).fetchone()[0] or 0)


def _few_reports(stage: Stage) -> list[str]:
    size = "coalesce(sum(length(content) + length(object_uris)), 0)"
    number = _counts(stage, "SELECT count(*) FROM reports")
    found = [f"{number} reports are kept"] if number > 1000 else []
    total = _counts(stage, f"SELECT {size} FROM reports")
    return found + ([f"{total} characters of reports are kept"] if total > 25_000_000 else [])


def _few_reactions(stage: Stage) -> list[str]:
    most = "SELECT max(n) FROM (SELECT count(*) AS n FROM reactions GROUP BY object_uri, actor_uri)"
    number = _counts(stage, most)
    return [f"{number} reactions of one person to one post"] if number > 10 else []


def _few_orphans(stage: Stage) -> list[str]:
    number = _counts(stage, "SELECT count(*) FROM comments WHERE post_id IS NULL")
    return [f"{number} replies to nothing wait"] if number > 1000 else []


KINDS = [
    Kind("reports", _reports, answered(202, 429, 503), after=_few_reports),
    Kind("emoji", _emoji, answered(202, 429), after=_few_reactions),
    Kind("texts as emoji", _texts_as_emoji, answered(202, 429), after=_few_reactions),
    Kind("Follows again and again", _follows, answered(202, 429)),
    Kind("replies to nothing", _orphans, answered(202, 429, 503), after=_few_orphans),
    Kind("Undos of nothing", _undos, answered(202, 429)),
]
