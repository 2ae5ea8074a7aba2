"""A blog with something of everything that its pages can show, in words of the test's choice."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image
from sqlalchemy import Connection
from support.people import People
from support.servers import Server

from fedblog.storage import authors, blogs

DEEP = "<blockquote><ul><li>" * 16


def picture(width: int, height: int) -> bytes:
    """A PNG of this size."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(out, "PNG")
    return out.getvalue()


async def upload(server: Server, width: int, height: int, **texts: str) -> dict[str, Any]:
    """A picture in the media folder, as the API has it."""
    files = {"file": ("picture.png", picture(width, height), "image/png")}
    answer = await server.api("POST", "/media", files=files, data=texts)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def reply(
    server: Server, people: People, by: str, to: str, content: str, given: dict[str, Any]
) -> dict[str, Any]:
    """A public reply to *to* by a person of the other server; *given* is what it has beside."""
    note = people.note(by, to, content) | given
    answer = await people.post(server.inbox, people.activity("Create", by, note), by=by)
    assert answer.status_code == 202, answer.text
    return note


async def name(server: Server, language: str, word: str) -> None:
    """Call the blog, the group and the author *word*; the blog speaks *language*."""
    blog_id = server.site.blog_id
    (owner,) = await server.site.store.read(authors.list_all, blog_id)

    def unit(connection: Connection) -> None:
        texts = {"title": word, "tagline": word, "group_name": word, "about": f"{word} {word}"}
        blogs.update_blog(connection, blog_id, {**texts, "language": language})
        changed = {"name": word, "about": word, "fediverse": f"owner@{'x' * 60}.example"}
        changed["url"] = f"https://{'y' * 60}.example/"
        authors.update_author(connection, owner.id, changed)

    await server.site.store.write(unit)


def article(word: str, wide: str, tall: str) -> str:
    """HTML with all that an author may write; *wide* and *tall* are addresses of pictures."""
    address = f"https://a.example/{word}"
    return f"""
<h2>{word}</h2><h4>{word}</h4><p>{word} <code>{word}</code> <a href="{address}">{word}</a></p>
<p><img src="{wide}"></p>
<figure class="wide"><img src="{wide}" alt=""><figcaption>{word}</figcaption></figure>
<p><img src="{tall}"></p>
<pre><code>{word} {word} {word}</code></pre>
<table><caption>{word}</caption><thead><tr><th>{word}</th><th>b</th><th>c</th></tr></thead>
<tbody><tr><td>{word}</td><td>{word}</td><td>{word}</td></tr></tbody></table>
<blockquote class="quoted-piece" cite="https://post.example/river">
<header><h3>{word}</h3><p class="byline">{word}</p></header><p>{word}</p>
<footer class="source"><cite>{word}</cite></footer></blockquote>
<blockquote class="pull-quote"><p>{word}</p></blockquote><blockquote><p>{word}</p></blockquote>
{DEEP.replace("<li>", f"<li>{word}")}{"</li></ul></blockquote>" * 16}
<dl><dt>{word}</dt><dd>{word}</dd></dl><details><summary>{word}</summary><p>{word}</p></details>
<p><ruby>{word}<rt>{word}</rt></ruby> <kbd>{word}</kbd> <q>{word}</q> <sup>{word}</sup></p>
<p><ruby>{word[:1]}<rt>{word}</rt></ruby></p><ol start="123456"><li>{word}</li></ol>
"""


def replies(word: str, pictures: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Texts of replies with what they carry; *pictures* is where small.png and large.png are."""
    ends = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    options = [{"type": "Note", "name": one, "replies": {"totalItems": 3}} for one in (word, "No")]
    long_host = f"https://{'a' * 60}.example/"
    attachments: list[dict[str, Any]] = [
        {"type": "Image", "mediaType": "image/png", "name": word, "url": f"{pictures}/{one}.png"}
        for one in ("small", "large")
    ]
    attachments.append({"type": "Document", "name": word, "url": long_host})
    sized = {**attachments[0], "width": 96, "height": 96}
    yield f"<p>{word} <code>{word}</code></p><pre><code>{word} {word}</code></pre>", {}
    yield f"{DEEP}{word}", {"summary": word, "sensitive": True}
    yield f"<ol start='123456'><li>{word}</ol>", {"attachment": attachments}
    yield f"<p><ruby>{word[:1]}<rt>{word}</rt></ruby></p>", {"attachment": [sized]}
    yield f"<p>{word}</p>", {"type": "Question", "oneOf": options, "endTime": ends}
    yield f"<p>{word}</p>", {"quote": f"{long_host}{word}"}
    yield f"<h1>{word}</h1><p>{word}</p>", {"name": word}


async def talk(server: Server, people: People, word: str, post: dict[str, Any]) -> None:
    """Have two people of the other server, one with a long handle, like and answer *post*."""
    people.documents["/small.png"] = (200, "image/png", picture(96, 96))
    people.documents["/large.png"] = (200, "image/png", picture(1200, 800))
    to = post["activitypub_id"]
    for by in ("ann", "a" * 90):
        people.publish(f"/users/{by}", people.actor_document(by) | {"name": word})
        answered = await reply(server, people, by, to, f"<p>{word}</p>", {})
        await people.post(server.inbox, people.activity("Like", by, to), by=by)
        for content, given in replies(word, people.base_url):
            answered = await reply(server, people, by, answered["id"], content, given)


async def fill(
    server: Server, people: People, word: str, *, language: str = "en", blog_language: str = "en"
) -> dict[str, str]:
    """Put *word* into everything that is shown, as it comes from authors and from others; gives
    the path of a page of each kind."""
    await name(server, blog_language, word)
    wide = await upload(server, 1600, 900, alt=word, caption=word, credit=word)
    tall = await upload(server, 300, 1200, alt=word, caption=word, credit=word)
    given: dict[str, Any] = {"language": language, "tags": [word[:90], "C"]}
    given["categories"] = [word[:90]]
    for title in ("Before", word):
        await server.publish(title, content=word, **given)
    text = article(word, wide["url"], tall["url"])
    given |= {"content_format": "html", "summary": word, "featured_media": wide["id"]}
    post = await server.publish(word, content=text, **given)
    await server.publish(word, content="After", language=language)
    await talk(server, people, word, post)
    closed = await server.publish(word, content=word, comments="closed", language=language)
    await server.publish(word, content=word, comments="held", language=language)
    gone = await server.publish(f"{word} gone")
    assert (await server.api("DELETE", f"/posts/{gone['id']}")).is_success
    interact = "/interact?action="
    paths = {
        "home": "/",
        "post": path_of(server, post),
        "closed post": path_of(server, closed),
        "author": "/authors/owner/",
        "group": "/authors/blog/",
        "not found": "/nowhere",
        "gone": path_of(server, gone),
        "to answer": f"{interact}reply&object={post['activitypub_id']}",
        "to follow": f"{interact}follow&object={server.base_url}/ap/blog",
    }
    page = (await server.anonymous(paths["post"])).text
    for kind in ("tags", "categories"):
        start = page.index(f'href="/{kind}/') + len('href="')
        paths[kind] = page[start : page.index('"', start)]
    return paths


def path_of(server: Server, post: dict[str, Any]) -> str:
    """The path of a post's page."""
    return str(post["url"]).removeprefix(server.base_url)
