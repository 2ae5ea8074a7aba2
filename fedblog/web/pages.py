"""The pages for readers: front page, posts, authors, the group, tags and categories."""

from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from fedblog.domain.addresses import BLOG, Addresses
from fedblog.domain.blog import Blog
from fedblog.endpoints import actors, objects
from fedblog.endpoints.caching import cache_tags, cache_until
from fedblog.endpoints.negotiation import at_human_address, wants_activity
from fedblog.endpoints.queries import QueryRoute
from fedblog.publishing.site import Site
from fedblog.storage import views, views_post
from fedblog.storage.changes import Change
from fedblog.storage.views import Card, Listing
from fedblog.storage.views_people import Person
from fedblog.text import figures, hashtags
from fedblog.web import answers, rendering
from fedblog.web.answers import AFTER, BEFORE, asked_path, page_number, place
from fedblog.web.cache import ANY
from fedblog.web.languages import language
from fedblog.web.prose import prose

_EVERY_POST = Change("post", ANY)
_EVERY_AUTHOR = Change("author", ANY)
_BLOG = Change("blog")
_MANY_COMMENTS = 100


def routes(site: Site) -> list[BaseRoute]:
    """The pages' routes."""
    pages = Pages(site)
    return [
        QueryRoute("/", pages.home, query=BEFORE),
        QueryRoute("/{year}/{month}/{day}/{slug}/", pages.post, query=AFTER),
        QueryRoute("/authors/{handle}/", pages.author, query=BEFORE),
        QueryRoute("/tags/{slug}/", pages.tag, query=BEFORE),
        QueryRoute("/categories/{slug}/", pages.category, query=BEFORE),
    ]


class Pages:
    """Handlers over a site. Each names what its page depends on, for the page cache."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._store = site.store
        self._size = site.settings.page_size

    async def home(self, request: Request) -> Response:
        """The front page."""
        if wants_activity(request):
            return await self._actor_object(request, BLOG)
        if (number := page_number(request)) > 1:
            return await self._way(request, number)
        before = place(request, "before")
        view = await self._store.read(views.home, self._site.blog_id, before, self._size)
        if view is None:
            raise HTTPException(404)
        self._tag_listing(request, view.listing)
        return await self._page(
            "home.html",
            view.blog,
            listing=view.listing,
            actor_url=self._site.addresses.actor(BLOG),
            here="home",
        )

    async def post(self, request: Request) -> Response:
        """What stands at a post's path: the post, the way to its new place, or that it is gone."""
        if wants_activity(request):
            return await self._post_object(request)
        path, blog_id = asked_path(request), self._site.blog_id
        if (number := page_number(request)) > 1:
            begins = await self._store.read(views_post.after_page, blog_id, path, number)
            if begins is not None:
                return answers.begins_at(path, "after", begins)
        found = await self._store.read(
            views_post.find,
            blog_id,
            path,
            place(request, "after"),
            self._site.settings.comment_levels,
            self._site.settings.thread_bytes,
            start=place(request, "from"),
        )
        if isinstance(found, views_post.Moved):
            return answers.moved(self._site.addresses.page(found.path))
        if isinstance(found, views_post.Gone):
            return await gone(self._site, found)
        if found is None or number > 1:
            raise HTTPException(404)
        cache_tags(request.scope, *_post_tags(found))
        now = datetime.now(UTC)
        if ends := _ends(found, now):
            cache_until(request.scope, min(ends))
        return await self._post(found, now)

    async def _post_object(self, request: Request) -> Response:
        """The post as an Article, for who asks its page for it."""
        path = asked_path(request)
        found = await self._store.read(views_post.identify, self._site.blog_id, path)
        if found is None:
            raise HTTPException(404)
        if isinstance(found, views_post.Moved):
            return answers.moved(self._site.addresses.page(found.path))
        answer = await objects.post_answer(self._site, request.scope, found)
        return at_human_address(request.scope, answer)

    async def _actor_object(self, request: Request, owner: str) -> Response:
        answer = await actors.answer(self._site, request.scope, owner)
        return at_human_address(request.scope, answer)

    async def _post(self, view: views_post.PostPage, now: datetime) -> Response:
        blog, post, addresses = view.blog, view.post, self._site.addresses
        openings, closing = rendering.nested([comment.level for comment in view.thread.comments])
        url = addresses.page(post.path)
        object_url = addresses.post(post.id)
        description = post.summary or post.excerpt
        group_link = Markup('<a href="{}">{}</a>').format(
            rendering.author_path(blog.handle), rendering.line(blog.group_name, blog.language)
        )
        words = await language(blog.language, blog.time_zone)

        def credited(credit: str) -> Markup:
            text = words.text("Credit: %(credit)s", credit=rendering.apart(credit))
            return Markup('<bdi lang="{}" dir="{}">{}</bdi>').format(
                words.words_tag, words.direction, text
            )

        setting = figures.Setting(url, addresses.base_url, post.language, view.pictures)
        content = prose(figures.on_page(post.content_html, setting), words, 1)
        return await self._page(
            "post.html",
            blog,
            headers={"link": f'<{object_url}>; rel="alternate"; type="application/activity+json"'},
            is_long=len(view.thread.comments) > _MANY_COMMENTS,
            post=post,
            url=url,
            object_url=object_url,
            description=description,
            group_link=group_link,
            content=content,
            credited=credited,
            creator=creator(blog, addresses, post.bylines),
            structured=rendering.data_block(structured(blog, post, addresses, view)),
            comments_policy=view.comments_policy,
            shows_pictures=self._site.settings.comment_pictures == "shown",
            faces=view.faces,
            members=view.members,
            previous=view.previous,
            next=view.next,
            thread=view.thread,
            steps=list(zip(openings, view.thread.comments, strict=True)),
            closing=closing,
            now=now,
        )

    async def author(self, request: Request) -> Response:
        """The page of an author, or of the group under the blog's own handle."""
        asked_path(request)
        handle, number = request.path_params["handle"], page_number(request)
        addresses = self._site.addresses
        if handle == addresses.handle:
            if wants_activity(request):
                return await self._actor_object(request, BLOG)
            return await self._group(request, number)
        if number > 1 and not wants_activity(request):
            return await self._way(request, number, handle=handle)
        before = place(request, "before")
        view = await self._store.read(views.author, self._site.blog_id, handle, before, self._size)
        if view is None:
            raise HTTPException(404)
        if handle != view.author.handle:
            return answers.moved(addresses.author_page(view.author.handle))
        if wants_activity(request):
            return await self._actor_object(request, view.author.id)
        self._tag_listing(request, view.listing)
        return await self._page(
            "author.html",
            view.blog,
            author=view.author,
            person=view.person,
            listing=view.listing,
            url=addresses.author_page(handle),
            actor_url=addresses.actor(view.author.id),
            creator=creator(view.blog, addresses, (view.person,)),
        )

    async def _group(self, request: Request, number: int) -> Response:
        addresses = self._site.addresses
        if number > 1:
            return await self._way(request, number)
        before = place(request, "before")
        view = await self._store.read(views.group, self._site.blog_id, before, self._size)
        if view is None:
            raise HTTPException(404)
        self._tag_listing(request, view.listing)
        return await self._page(
            "group.html",
            view.blog,
            members=view.members,
            listing=view.listing,
            url=addresses.author_page(view.blog.handle),
            actor_url=addresses.actor(BLOG),
            here="group",
        )

    async def tag(self, request: Request) -> Response:
        """The posts with a tag."""
        return await self._term(request, "tag", "tags")

    async def category(self, request: Request) -> Response:
        """The posts of a category."""
        return await self._term(request, "category", "categories")

    async def _term(self, request: Request, kind: str, folder: str) -> Response:
        asked_path(request)
        slug = request.path_params["slug"]
        if (number := page_number(request)) > 1:
            return await self._way(request, number, kind=kind, slug=slug)
        before = place(request, "before")
        view = await self._store.read(
            views.term, self._site.blog_id, kind, slug, before, self._size
        )
        if view is None and before is None:
            present = await self._store.read(
                views.present_term, self._site.blog_id, kind, slug, hashtags.tag_slug(slug)
            )
            if present is not None:
                path = rendering.term_path(folder, present)
                return answers.moved(self._site.addresses.base_url + path)
        if view is None:
            raise HTTPException(404)
        self._tag_listing(request, view.listing)
        path = rendering.term_path(folder, slug)
        return await self._page(
            "term.html",
            view.blog,
            kind=kind,
            term=view.term,
            listing=view.listing,
            path=path,
            url=self._site.addresses.base_url + path,
        )

    async def _way(self, request: Request, number: int, **wanted: str) -> Response:
        """To the place where page *number* of a list begins now."""
        begins = await self._store.read(
            views.before_page, self._site.blog_id, number, self._size, **wanted
        )
        return answers.begins_at(asked_path(request), "before", begins)

    async def _page(
        self, template: str, blog: Blog, *, headers: dict[str, str] | None = None, **values: Any
    ) -> Response:
        html = await rendering.render(template, blog, self._site.addresses, **values)
        return answers.page(html, base_url=self._site.addresses.base_url, headers=headers)

    def _tag_listing(self, request: Request, listing: Listing) -> None:
        cache_tags(
            request.scope,
            _BLOG,
            _EVERY_POST,
            _EVERY_AUTHOR,
            *(Change("comments", post.id) for post in listing.posts),
            *(Change("reactions", post.id) for post in listing.posts),
        )


def _post_tags(view: views_post.PostPage) -> list[Change]:
    """Any post's change may move the neighbours; people are known by their URI."""
    people = [comment.person for comment in view.thread.comments]
    people.extend(view.faces)
    uris = {person.actor_uri for person in people if person.actor_uri is not None}
    return [
        _BLOG,
        _EVERY_POST,
        _EVERY_AUTHOR,
        Change("comments", view.post.id),
        Change("reactions", view.post.id),
        *(Change("actor", uri) for uri in uris),
    ]


def _ends(view: views_post.PostPage, now: datetime) -> list[datetime]:
    """When the polls end that are still open on the page."""
    polls = (comment.poll for comment in view.thread.comments)
    return [poll.ends_at for poll in polls if poll and poll.ends_at and poll.ends_at > now]


async def gone(site: Site, found: views_post.Gone) -> Response:
    """The page of a deleted post (410)."""
    blog = found.blog
    words = await language(blog.language, blog.time_zone)
    newest = await site.store.read(views.newest, site.blog_id, 3)
    sentence = words.text("Its authors have taken it back.")
    if found.deleted_at is not None:
        sentence = words.text(
            "Its authors took it back on %(date)s.",
            date=words.date(found.deleted_at, blog.time_zone),
        )
    html = await rendering.render(
        "message.html",
        blog,
        site.addresses,
        status=410,
        heading=words.text("This article is gone"),
        sentence=sentence,
        posts=newest,
    )
    return answers.page(html, base_url=site.addresses.base_url, status=410)


def creator(blog: Blog, addresses: Addresses, bylines: tuple[Person, ...]) -> str:
    """The one account that ``fediverse:creator`` names: the first author's own, else ours."""
    for person in bylines[:1]:
        if person.fediverse:
            return "@" + person.fediverse.removeprefix("@")
        if person.author_id is not None:
            return "@" + addresses.acct(person.handle)
    return "@" + addresses.acct(blog.handle)


def structured(
    blog: Blog, post: Card, addresses: Addresses, view: views_post.PostPage
) -> dict[str, Any]:
    """The post as schema.org's BlogPosting (no other type: Mastodon would prefer it to
    OpenGraph and lose the byline)."""
    group = {
        "@type": "Organization",
        "name": blog.group_name,
        "url": addresses.author_page(blog.handle),
    }
    people: list[dict[str, Any]] = [
        {"@type": "Person", "name": person.name, "url": addresses.author_page(person.handle)}
        if person.author_id is not None
        else {"@type": "Person", "name": person.name}
        for person in post.bylines
    ]
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "BlogPosting",
        "headline": rendering.headline(post),
        "url": addresses.page(post.path),
        "mainEntityOfPage": addresses.page(post.path),
        "datePublished": rendering.iso(post.published_at),
        "dateModified": rendering.iso(post.edited_at or post.published_at),
        "inLanguage": post.language,
        "author": people or [group],
        "publisher": group,
        "commentCount": post.comments,
    }
    if post.summary or post.excerpt:
        document["description"] = post.summary or post.excerpt
    if post.picture is not None:
        document["image"] = {
            "@type": "ImageObject",
            "url": addresses.media(post.picture.file_name),
            "width": post.picture.width,
            "height": post.picture.height,
        }
    if post.tags:
        document["keywords"] = [term.name for term in post.tags]
    return document
