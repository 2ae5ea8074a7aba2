"""names of tokens, slugs as they were asked for, tags that symbols tell apart"""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_tokens = sa.table(
    "tokens", sa.column("id", sa.Text), sa.column("author_id", sa.Text), sa.column("name", sa.Text)
)
_posts = sa.table(
    "posts",
    *(sa.column(name, sa.Text) for name in ("id", "title", "slug", "asked_slug", "path", "status")),
)
_terms = sa.table(
    "post_terms", *(sa.column(name, sa.Text) for name in ("post_id", "kind", "slug", "name"))
)
_former = sa.table(
    "former_terms",
    sa.column("blog_id", sa.Integer),
    *(sa.column(name, sa.Text) for name in ("kind", "slug", "present")),
)

logger = logging.getLogger("alembic.runtime.migration")


def upgrade() -> None:
    connection = op.get_bind()
    _name_tokens(connection)
    op.add_column("posts", sa.Column("asked_slug", sa.Text(), nullable=True))
    _note_asked(connection)
    op.create_table(
        "former_terms",
        sa.Column("blog_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("present", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["blog_id"], ["blogs.id"], name=op.f("fk_former_terms_blog_id")),
        sa.PrimaryKeyConstraint("blog_id", "kind", "slug", name=op.f("pk_former_terms")),
    )
    _split_terms(connection)


def _name_tokens(connection: sa.Connection) -> None:
    """Each author's tokens become “token”, “token 2”… in the order they were made."""
    op.add_column("tokens", sa.Column("name", sa.Text(), nullable=True))
    numbers: Counter[str] = Counter()
    rows = connection.execute(
        sa.select(_tokens.c.id, _tokens.c.author_id).order_by(_tokens.c.id)
    ).all()
    for row in rows:
        numbers[row.author_id] += 1
        number = numbers[row.author_id]
        name = "token" if number == 1 else f"token {number}"
        connection.execute(sa.update(_tokens).where(_tokens.c.id == row.id).values(name=name))
    with op.batch_alter_table("tokens") as batch:
        batch.alter_column("name", existing_type=sa.Text(), nullable=False)
    where = sa.text("revoked_at IS NULL")
    op.create_index(
        op.f("ix_tokens_author_id_name"),
        "tokens",
        ["author_id", "name"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _note_asked(connection: sa.Connection) -> None:
    """A slug of a post that is not out and was not made from its title was asked for."""
    rows = connection.execute(
        sa.select(_posts.c.id, _posts.c.title, _posts.c.slug).where(
            _posts.c.status.in_(("draft", "scheduled")), _posts.c.path.is_(None)
        )
    ).all()
    for row in rows:
        if row.slug != _former_slug(row.title):
            asked = sa.update(_posts).where(_posts.c.id == row.id)
            connection.execute(asked.values(asked_slug=row.slug))


def _split_terms(connection: sa.Connection) -> None:
    """Tags and categories that were one but for their symbols are told apart by their names. What
    has no present tag at its former address leads to the one of most posts that came from it."""
    blogs = connection.execute(sa.text("SELECT id FROM blogs")).scalars().all()
    columns = (_terms.c.kind, _terms.c.slug, _terms.c.name)
    found = connection.execute(sa.select(*columns, sa.func.count()).group_by(*columns)).all()
    became: dict[tuple[str, str], Counter[str]] = {}
    other = _terms.alias("other")
    for kind, slug, name, number in found:
        present = _slug(name) or slug
        became.setdefault((kind, slug), Counter())[present] += number
        if present == slug:
            continue
        is_there = sa.exists().where(
            other.c.post_id == _terms.c.post_id, other.c.kind == kind, other.c.slug == present
        )
        connection.execute(
            sa.update(_terms)
            .where(_terms.c.kind == kind, _terms.c.slug == slug, _terms.c.name == name, ~is_there)
            .values(slug=present)
        )
    moved = [(key, numbers) for key, numbers in became.items() if key[1] not in numbers]
    logger.info("telling tags apart: %d of %d have another address", len(moved), len(became))
    for (kind, slug), numbers in moved:
        is_used = sa.select(1).where(_terms.c.kind == kind, _terms.c.slug == slug).limit(1)
        if connection.execute(is_used).first() is None:
            present = max(numbers, key=lambda one: (numbers[one], one))
            for blog_id in blogs:
                row = {"blog_id": blog_id, "kind": kind, "slug": slug, "present": present}
                connection.execute(sa.insert(_former).values(row))


# --- how slugs of posts were made --------------------------------------------------------------

_SPELLINGS = str.maketrans(
    {"æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "œ": "oe"}
    | {"ø": "o", "ß": "ss", "þ": "th", "ŧ": "t", "'": "", "’": "", "ʼ": "", "&": " and "}
)


def _former_slug(title: str) -> str:
    text = unicodedata.normalize("NFKC", title).lower().translate(_SPELLINGS)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(slug) > 80:
        cut = slug[:81].rfind("-")
        slug = (slug[:cut] if cut > 40 else slug[:80]).strip("-")
    return slug or "post"


# --- how slugs of tags are made -------------------------------------------------------------------

_JAMO = frozenset(map(chr, (*range(0x3131, 0x318F), *range(0xFFA0, 0xFFDD))))
_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
    + "".join(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_SIGNS = frozenset("!#%&*@_?¡¿§¶†‡•‰·")
_NO_SYMBOLS = frozenset("<>`´")
_SLASHES = str.maketrans(dict.fromkeys("/\\", "\u2044"))
_MINUS = re.compile(r"(?<=\S)[-\u2212]+$")
_BETWEEN_WORDS = re.compile(r"(?<!\d)-|-(?!\d)|[\u2010-\u2015\u2212\ufe58]|\s")


def _slug(name: str) -> str:
    text = _compatible(name).strip()
    end = _MINUS.search(text)
    minus = "-" * len(end[0]) if end is not None else ""
    parts = _BETWEEN_WORDS.split(text[: end.start()] if end is not None else text)
    words = [kept for part in parts if (kept := _kept(part.translate(_SLASHES)))]
    if not any(_is_letter(character) for word in words for character in word):
        return ""
    lowered = [_composed(word.lower().replace("i\u0307", "i")) for word in words]
    return _composed("".join([*lowered, minus])).lstrip("#_").rstrip("_")[:100]


def _kept(word: str) -> str:
    kept, takes_marks = "", False
    for before, character, after in zip(" " + word, word, word[1:] + " ", strict=False):
        if _is_mark(character):
            kept += character if takes_marks else ""
            continue
        takes_marks = _is_letter(character)
        if (
            takes_marks
            or character in _SIGNS
            or (unicodedata.category(character)[0] == "S" and character not in _NO_SYMBOLS)
            or (character == "." and _is_letter(after))
            or (character in ".,:-" and before.isdigit() and after.isdigit())
        ):
            kept += character
    return kept


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN" and character not in _UNSEEN


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" and character not in _UNSEEN


def _compatible(text: str) -> str:
    return _composed(
        "".join(
            one if one in _JAMO else unicodedata.normalize("NFKC", one) for one in _composed(text)
        )
    )


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
