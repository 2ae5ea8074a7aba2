"""The scenes of the demo: what is done over HTTP, and where each step is then seen.

A step counts as seen only when it stands in the other server's database or on the blog's page as
a reader fetches it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any

from fedblog.demo import articles
from fedblog.demo.articles import Article
from fedblog.demo.exchange import BlogApi, ask, page
from fedblog.demo.landscape import paint
from fedblog.demo.stage import Stage
from fedblog.demo.telling import Telling

FOLLOWERS = (("ines", "Ines Varga"), ("tomas", "Tomas Okell"))
LIKERS = (("ines", "Ines Varga"), ("jonna", "Jonna Reet"), ("wick", "Bram Wick"))


@dataclass(slots=True)
class Scenes:
    """The scenes in order, and what they hand on to one another."""

    stage: Stage
    telling: Telling
    _api: BlogApi | None = None
    _group: str = ""
    _post: dict[str, Any] = field(default_factory=dict)
    _before: dict[str, int] = field(default_factory=dict)
    _done: dict[str, int] = field(default_factory=lambda: {"users": 0, "posts": 0, "comments": 0})
    _notes: dict[str, str] = field(default_factory=dict)

    @property
    def api(self) -> BlogApi:
        """The blog's API, once a token was made."""
        if self._api is None:
            raise RuntimeError("the blog has to be opened first")
        return self._api

    def open(self) -> None:
        """Set the blog up, start it, let the authors join."""
        stage, telling = self.stage, self.telling
        telling.say(f"[bold]{articles.TITLE}[/], published by {articles.GROUP}: a demo of fedblog")
        telling.say(f"  blog    {stage.base_url}   @{stage.handle}")
        telling.say(
            f"  peer    {stage.peer_url}   a second server, a process with its own database"
        )
        telling.say(f"  folder  {stage.folder}")
        telling.chapter("The group opens its blog")
        if stage.was_used_before:
            telling.say(
                "   There is a blog in this folder already: it opens again, with a new post."
            )
        self.telling.step(
            "Its server starts" if stage.was_used_before else "It is set up and its server starts",
            lambda: f"process {stage.start_blog().pid}",
            lambda: self._on_page(f"{stage.base_url}/", articles.TITLE),
        )
        self._before = stage.node_counts()
        for writer in articles.WRITERS:
            self._join(writer)
        self._api = stage.api()

    def publish_first(self) -> None:
        """Publish what the folder lacks of the first four articles."""
        known = self._known_slugs()
        wanted = [item for item in articles.first_articles() if item.slug not in known]
        if wanted:
            self.telling.chapter("Four articles")
        for article in wanted:
            self._publish(article, self._as_article)

    def others_arrive(self) -> None:
        """Start the second server, let its people find the blog and follow it."""
        stage = self.stage
        self.telling.chapter("People on another server hear of it")
        self.telling.step(
            "A second server starts",
            lambda: f"process {stage.start_peer().pid}",
            lambda: self._in_peer("people:", "SELECT group_concat(name, ', ') FROM people"),
        )

        def resolve() -> str:
            self._group = str(stage.control.act("resolve", handle=f"@{stage.handle}")["id"])
            return self._group

        self.telling.step(
            f"It looks up @{stage.handle}: WebFinger, then the actor",
            resolve,
            lambda: self._in_peer(
                "the actor with its key",
                "SELECT id FROM actors WHERE handle = ? AND type = 'Group' AND key_id <> ''",
                stage.handle,
            ),
        )
        for person, name in FOLLOWERS:
            self._follow(person, name)

    def publish_last(self) -> None:
        """Publish the article that the followers get."""
        known = self._known_slugs()
        article = articles.last_article()
        if article.slug in known:
            number = sum(slug.startswith("between-articles-") for slug in known) + 1
            article = articles.follow_up(number)
        self.telling.chapter("A new article goes out to those who follow")
        self._publish(article, self._delivered)

    def readers_answer(self) -> None:
        """Replies, a reply to an own reply, likes and a boost."""
        self.telling.chapter("Readers answer from their own server")
        post = self._post["activitypub_id"]
        self._reply(
            "ines",
            "Ines Varga replies",
            post,
            "Ours was: on which day will the ferry timetable say what the ferry does? "
            "They said the fourteenth.",
        )
        self._reply(
            "own",
            "Ines Varga replies to her own reply",
            "ines",
            "It is the fifteenth today. It does.",
            below="They said the fourteenth.",
        )
        self._reply(
            "tomas",
            "Tomas Okell replies to Ines Varga",
            "ines",
            "Could somebody ask the same of the level crosing at Cope Lock?",
            below="They said the fourteenth.",
        )
        self._reply("jonna", "Jonna Reet replies", post, "First! (Sorry, wrong window.)")
        for number, (person, name) in enumerate(LIKERS, 1):
            self._like(person, name, number)
        self.telling.step(
            "Tomas Okell boosts it",
            lambda: self._act("boost", person="tomas", target=post),
            lambda: self._matches(r"\bOne boost\b"),
        )

    def second_thoughts(self) -> None:
        """One reply is edited, another deleted."""
        self.telling.chapter("Second thoughts")
        right = "Could somebody ask the same of the level crossing at Cope Lock? I will bring soup."

        def edited() -> str | None:
            is_new = self._on_post(right)
            return is_new if is_new and not self._on_post("level crosing") else None

        self.telling.step(
            "Tomas Okell edits his reply",
            lambda: self._act("edit", note_id=self._notes["tomas"], content=right),
            edited,
        )

        def deleted() -> str | None:
            shows_three = self._matches(r"\b3 thoughts on\b")
            return shows_three if shows_three and not self._on_post("wrong window") else None

        self.telling.step(
            "Jonna Reet deletes hers: 3 thoughts remain",
            lambda: self._act("delete", note_id=self._notes["jonna"]),
            deleted,
        )

    def group_answers(self) -> None:
        """An author answers a reply, and the article is corrected; both reach the other server."""
        self.telling.chapter("The group answers")
        answer = "The fifteenth it is. Would you write to us how you put it?"
        comments = self._call("GET", f"/posts/{self._post['id']}/comments")["items"]
        first = next(item for item in comments if item["activitypub_id"] == self._notes["ines"])

        def reply() -> str:
            made = self._call("POST", f"/comments/{first['id']}/reply", {"content": answer})
            self._done["comments"] += 1
            return str(made["activitypub_id"])

        self.telling.step(
            "An author replies to Ines Varga",
            reply,
            lambda: self._in_peer(
                "the reply",
                "SELECT received.id FROM objects JOIN received ON received.object = objects.id"
                " WHERE in_reply_to = ? AND content LIKE ?",
                self._notes["ines"],
                f"%{answer}%",
            ),
        )
        addition = f"\n\n*Added at {datetime.now(UTC):%H:%M:%S}: thank you for the first answers.*"

        def correct() -> str:
            content = self._call("GET", f"/posts/{self._post['id']}")["content"]
            self._call("PATCH", f"/posts/{self._post['id']}", {"content": content + addition})
            return str(self._post["activitypub_id"])

        self.telling.step(
            "The article gets a line more",
            correct,
            lambda: self._in_peer(
                "the new text, by",
                "SELECT received.id FROM objects JOIN received ON received.object = objects.id"
                " AND received.type = 'Update' WHERE objects.id = ? AND content LIKE ?",
                self._post["activitypub_id"],
                f"%{addition.strip(chr(10) + '*')}%",
            ),
        )

    def count(self) -> None:
        """NodeInfo's counts have changed by exactly what was done, and the other pages follow."""
        self.telling.chapter("The sum of it")
        expected = {name: self._before[name] + more for name, more in self._done.items()}
        self.telling.step(
            "NodeInfo counts what was done and nothing else",
            lambda: ", ".join(f"{more:+d} {name}" for name, more in self._done.items()),
            lambda: (
                f"{self.stage.base_url}/.well-known/nodeinfo: {expected}"
                if self.stage.node_counts() == expected
                else None
            ),
        )
        self.telling.step(
            "Every delivery that reached the other server was signed rightly",
            lambda: "",
            lambda: self._in_peer(
                "activities received, none refused:",
                "SELECT count(*) FROM received HAVING NOT EXISTS (SELECT 1 FROM refused)",
            ),
        )
        for name, address in self._pages().items():
            if name != "post":
                self._show(name, address)

    def name_pages(self) -> None:
        """Say which pages to open."""
        self.telling.say("\n[bold]Pages to open[/]")
        for name, address in self._pages().items():
            self.telling.say(f"  {name:13} {address}")
        self.telling.say(f"  {'the peer':13} {self.stage.peer_url}/")

    def _pages(self) -> dict[str, str]:
        base = self.stage.base_url
        return {
            "home page": f"{base}/",
            "post": str(self._post["url"]),
            "author's page": f"{base}/authors/{articles.OWNER.handle}/",
            "group's page": f"{base}/authors/{articles.HANDLE}/",
            "tag page": f"{base}/tags/neighbours/",
            "RSS feed": f"{base}/feed/",
            "Atom feed": f"{base}/feed/atom/",
            "JSON feed": f"{base}/feed.json",
        }

    # steps that occur more than once
    def _join(self, writer: articles.Writer) -> None:
        address = f"{self.stage.base_url}/authors/{writer.handle}/"
        if ask("GET", address).status == 200:
            return
        self.telling.step(
            f"{writer.name} joins",
            lambda: self.stage.fedblog(
                *("author", "add", writer.name, "--handle", writer.handle, "--about", writer.about)
            ),
            lambda: self._on_page(address, writer.name),
        )
        self._done["users"] += 1

    def _publish(self, article: Article, seen: Callable[[Article], str | None]) -> None:
        def publish() -> str:
            document: dict[str, Any] = {
                "title": article.title,
                "slug": article.slug,
                "content": article.text,
                "content_format": "markdown",
                "status": "published",
                "language": "en",
                "authors": list(article.writers),
                "tags": list(article.tags),
                "categories": list(article.categories),
            }
            if article.has_picture:
                document["featured_media"] = self._upload()
            key = f"demo-{article.slug}"
            self._post = self._call("POST", "/posts", document, key)
            self._done["posts"] += 1
            return f"{self._post['activitypub_id']}  {self._post['url']}"

        self.telling.step(f"“{article.title}” is published", publish, lambda: seen(article))

    def _upload(self) -> str:
        fields = {
            "alt": articles.PICTURE_ALT,
            "caption": articles.PICTURE_CAPTION,
            "credit": articles.PICTURE_CREDIT,
        }
        return str(self.api.upload("senna-meadow.jpg", paint(), "image/jpeg", fields)["id"])

    def _follow(self, person: str, name: str) -> None:
        accepted = (
            "SELECT accept_activity AS id FROM following"
            " WHERE person = ? AND actor = ? AND state = 'accepted'"
        )
        if self.stage.peer.row(accepted, person, self._group):
            self.telling.say(f"   {name} follows since the last time.")
            return
        self.telling.step(
            f"{name} follows; the blog accepts",
            lambda: self._act("follow", person=person, actor=self._group),
            lambda: self._in_peer("the Accept", accepted, person, self._group),
        )

    def _reply(self, key: str, text: str, target: str, content: str, *, below: str = "") -> None:
        person = {"own": "ines"}.get(key, key)

        def reply() -> str:
            activity = self.stage.control.act(
                "reply",
                person=person,
                target=self._notes.get(target, target),
                content=content,
            )
            self._notes[key] = str(activity["object"]["id"])
            return str(activity["id"])

        def seen() -> str | None:
            html = self._post_page()
            place = html.find(content)
            if place < 0 or (below and not -1 < html.find(below) < place):
                return None
            return f"on {self._post['url']}"

        self.telling.step(text, reply, seen)

    def _show(self, name: str, address: str) -> None:
        self.telling.step(
            f"The {name} shows the new article",
            lambda: "",
            lambda: self._on_page(address, self._post["title"]),
        )

    def _like(self, person: str, name: str, number: int) -> None:
        sentence = "One blogger likes this" if number == 1 else f"{number} bloggers like this"
        self.telling.step(
            f"{name} likes it: {sentence}",
            lambda: self._act("like", person=person, target=self._post["activitypub_id"]),
            lambda: self._on_post(sentence),
        )

    # doing and seeing
    def _call(self, method: str, path: str, document: Any = None, key: str = "") -> Any:
        return self.api.call(method, path, document, key)

    def _act(self, action: str, **arguments: str) -> str:
        return str(self.stage.control.act(action, **arguments)["id"])

    def _known_slugs(self) -> set[str]:
        return {str(post["slug"]) for post in self.api.everything("/posts")}

    def _in_peer(self, what: str, query: str, *values: Any) -> str | None:
        row = self.stage.peer.row(query, *values)
        return f"in the peer's database: {what} {next(iter(row.values()))}" if row else None

    def _delivered(self, article: Article) -> str | None:
        return self._in_peer(
            "the signed Create",
            "SELECT received.id FROM received JOIN objects ON objects.id = received.object"
            " WHERE received.type = 'Create' AND objects.name = ? AND objects.id = ?",
            article.title,
            self._post["activitypub_id"],
        )

    def _as_article(self, article: Article) -> str | None:
        names = [w.name for w in (*articles.WRITERS, articles.OWNER) if w.handle in article.writers]
        wanted = [article.title, *names]
        if article.has_picture:
            wanted += [articles.PICTURE_CAPTION, articles.PICTURE_CREDIT]
        return self._on_page(self._post["url"], *wanted)

    def _on_page(self, address: str, *texts: str) -> str | None:
        html = page(address)
        plain = unescape(html)
        found = all(text in plain or escape(text) in html for text in texts)
        return f"on {address}" if found else None

    def _post_page(self) -> str:
        return unescape(page(self._post["url"]))

    def _on_post(self, text: str) -> str | None:
        return self._on_page(self._post["url"], text)

    def _matches(self, pattern: str) -> str | None:
        text = re.sub(r"<[^>]*>", "", self._post_page())
        return f"on {self._post['url']}" if re.search(pattern, text) else None
