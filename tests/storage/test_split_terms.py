"""What migration 0013 makes of rows of before: tags, slugs that were chosen, names of tokens."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from fedblog.storage import counts, migrate, views
from fedblog.text.hashtags import tag_slug

MOMENT = "2026-01-01 10:00:00.000000"
TAGS = [("C", "c"), ("C++", "c"), ("C#", "c"), ("R&D", "rd"), (".NET", "net"), ("NET", "net")]
TAGS += [("Climate Action", "climateaction"), ("Q&A", "qa"), ("Q & A", "qa"), ("Q/A", "qa")]
DRAFTS = [("日本語", "post"), ("Rivers", "rivers"), ("Rivers", "my-own"), ("x" * 99, "x" * 80)]


@pytest.fixture
def upgraded(empty_url: str) -> Iterator[Connection]:
    """A database that revision 0012 filled, after its upgrade."""
    from alembic import command
    from alembic.config import Config

    if empty_url.startswith("sqlite"):
        migrate._make_file(migrate.Path(make_url(empty_url).database or ""))
    url = make_url(empty_url)
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(migrate.migrations_folder()))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0012")
        _fill(connection)
    migrate.upgrade(empty_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _fill(connection: Connection) -> None:
    def put(table: str, **values: object) -> None:
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)

    at = {"created_at": MOMENT, "updated_at": MOMENT}
    blog = dict.fromkeys(("handle", "title", "tagline", "group_name", "about"), "b")
    put("blogs", id=1, language="en", time_zone="UTC", **blog, **at)
    person = dict.fromkeys(("name", "about", "url", "fediverse"), "")
    for author in ("A", "B"):
        put("authors", id=author, blog_id=1, handle=author, role="author", **person, **at)
    for number, author in enumerate("ABAA"):
        hashed = f"hash {number}"
        put("tokens", id=f"T{number}", author_id=author, token_hash=hashed, created_at=MOMENT)
    words = dict.fromkeys(("content_source", "content_html", "excerpt"), "")
    post = {"blog_id": 1, "version": 1, "content_format": "html", "language": "en", **words, **at}
    post |= {"voice": "group", "comments": "open"}
    for number, (title, slug) in enumerate(DRAFTS):
        put("posts", id=f"D{number}", status="draft", title=title, slug=slug, **post)
    for number, (name, slug) in enumerate(TAGS):
        id_, path = f"P{number}", f"/2026/01/01/p-{number}/"
        out = {"status": "published", "published_at": MOMENT, "path": path}
        put("posts", id=id_, title=name, slug=f"p-{number}", **out, **post)
        term = {"post_id": id_, "slug": slug, "name": name, "position": 0}
        put("post_terms", kind="tag", **term)
        if number < 3:
            put("post_terms", kind="category", **term)


def test_tags_that_were_one_are_told_apart_and_counted_anew(upgraded: Connection) -> None:
    found = upgraded.execute(text("SELECT name, slug FROM post_terms WHERE kind = 'tag'")).all()
    assert sorted(tuple(row) for row in found) == sorted((name, tag_slug(name)) for name, _ in TAGS)
    for slug, number in (("c", 1), ("c++", 1), ("c#", 1), ("q&a", 2), ("net", 1), ("rd", 0)):
        assert counts.one(upgraded, "posts", counts.term_key(1, "tag", slug)) == number
    page = views.term(upgraded, 1, "category", "c++", None, 10)
    assert page is not None
    assert [post.title for post in page.listing.posts] == ["C++"]


def test_address_that_no_tag_has_any_more_leads_to_the_one_of_most_posts(
    upgraded: Connection,
) -> None:
    present = {
        slug: views.present_term(upgraded, 1, "tag", slug)
        for slug in ("rd", "qa", "c", "net", "climateaction", "nothing")
    }
    assert present == {
        "rd": "r&d",
        "qa": "q&a",
        "c": "c",
        "net": "net",
        "climateaction": "climateaction",
        "nothing": None,
    }


def test_slug_that_no_title_made_was_asked_for_and_tokens_have_names(upgraded: Connection) -> None:
    asked = upgraded.execute(text("SELECT id, asked_slug FROM posts WHERE asked_slug IS NOT NULL"))
    assert [tuple(row) for row in asked] == [("D2", "my-own")]
    names = upgraded.execute(text("SELECT id, name FROM tokens ORDER BY id")).all()
    assert [name for _, name in names] == ["token", "token", "token 2", "token 3"]
