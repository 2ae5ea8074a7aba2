"""Which post is previewed, and that nothing comes of looking."""

from datetime import UTC, datetime, timedelta

import pytest
from support.blog import author_named, contents

from fedblog.domain.errors import NotFoundError
from fedblog.domain.post import Post
from fedblog.publishing import posts
from fedblog.publishing.fields import PostFields
from fedblog.publishing.preview import article_of
from fedblog.publishing.site import Site


async def made(site: Site, **fields: object) -> Post:
    given: PostFields = {"title": "Herons", "content": "They wait.", **fields}  # type: ignore[typeddict-item]
    post = await posts.create(site, await author_named(site, "ada"), given)
    assert isinstance(post, Post)
    return post


async def test_a_post_is_found_by_id_slug_path_and_address(site: Site) -> None:
    post = await made(site, status="published")
    await made(site, title="Storks", status="published")
    assert post.path is not None
    for named in (
        post.id,
        "herons",
        post.path,
        post.path.strip("/"),
        site.addresses.page(post.path),
        f"{site.addresses.page(post.path)}?utm_source=x#respond",
        site.addresses.post(post.id),
        f"{site.addresses.post(post.id)}/",
    ):
        article = await article_of(site.store, named)
        assert article["id"] == site.addresses.post(post.id), named


async def test_a_draft_is_shown_as_if_published_now_and_stays_a_draft(site: Site) -> None:
    post = await made(site)
    before = await contents(site)
    article = await article_of(site.store, "herons")
    today = datetime.now(UTC)
    assert article["url"].startswith(f"{site.addresses.base_url}/{today:%Y/%m/}")
    assert article["url"].endswith("/herons/")
    assert article["content"].startswith(f'<p><a href="{article["url"]}">“Herons”</a>, by ')
    assert await contents(site) == before
    assert (await article_of(site.store, post.id))["name"] == "Herons"


async def test_an_empty_draft_is_shown_too(site: Site) -> None:
    await made(site, content="")
    assert "Herons" in (await article_of(site.store, "herons"))["content"]


async def test_a_scheduled_post_is_shown_with_its_own_date(site: Site) -> None:
    moment = datetime.now(UTC) + timedelta(days=400)
    await made(site, status="scheduled", publish_at=moment)
    assert f"/{moment:%Y/%m/%d}/herons/" in (await article_of(site.store, "herons"))["url"]


async def test_a_former_path_leads_to_the_post(site: Site) -> None:
    post = await made(site, status="published")
    ada = await author_named(site, "ada")
    await posts.revise(site, ada, post.id, {"slug": "grey-herons"})
    assert post.path is not None
    assert (await article_of(site.store, post.path))["url"].endswith("/grey-herons/")


async def test_of_several_posts_with_a_slug_the_newest_is_meant(site: Site) -> None:
    await made(site)
    newest = await made(site)
    assert (await article_of(site.store, "herons"))["id"] == site.addresses.post(newest.id)
    await posts.delete(site, newest.id)
    assert (await article_of(site.store, "herons"))["id"] != site.addresses.post(newest.id)


@pytest.mark.parametrize("named", ["", "/", "nothing", "https://blog.example.org/2020/01/01/no/"])
async def test_a_post_that_does_not_exist_is_named(site: Site, named: str) -> None:
    await made(site)
    with pytest.raises(NotFoundError, match="there is no post with the id, slug or path"):
        await article_of(site.store, named)


async def test_a_deleted_post_is_not_shown(site: Site) -> None:
    post = await made(site, status="published")
    await posts.delete(site, post.id)
    for named in (post.id, post.path or "", "herons"):
        with pytest.raises(NotFoundError):
            await article_of(site.store, named)


async def test_what_is_no_address_names_no_post(site: Site) -> None:
    for named in ("http://[", "https://[::1", "", "/", "%00"):
        with pytest.raises(NotFoundError, match="there is no post"):
            await article_of(site.store, named)
