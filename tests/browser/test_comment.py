"""comment.js in a browser: the former address of a comment leads to the page that shows it."""

from browser.chromium import Open
from support.batches import FAR, act, note, outcomes
from support.servers import Server

from fedblog.domain.ids import new_id
from fedblog.storage.comment_pages import THREADS


async def test_former_address_of_a_comment_leads_to_the_page_that_shows_it(
    server: Server, open_page: Open
) -> None:
    post = await server.publish()
    for _ in range(0, THREADS + 20, 20):
        written = [act("Create", note(post, id=f"{FAR}/{new_id()}")) for _ in range(20)]
        assert await outcomes(server, *written) == ["stored"] * 20
    found = await server.api("GET", f"/posts/{post['id']}/comments?limit=100")
    later = await server.api("GET", f"/posts/{post['id']}/comments?cursor={found.json()['next']}")
    first, last = found.json()["items"][0]["id"], later.json()["items"][-1]["id"]
    page = await open_page()
    for id_, place in ((first, "#"), (last, "?after=")):
        await page.goto(f"{post['url']}#comment-{id_}")
        await page.wait_for_selector(f"#comment-{id_}")
        assert page.url.startswith(f"{post['url']}{place}")
        assert page.url.endswith(f"#comment-{id_}")
    await page.goto(post["url"])
    await page.evaluate(f"location.hash = 'comment-{last}'")
    await page.wait_for_selector(f"#comment-{last}")
    await page.goto(f"{post['url']}#comment-{new_id()}")
    await page.wait_for_url("**/comments/*/")
    assert "404" in await page.content()
