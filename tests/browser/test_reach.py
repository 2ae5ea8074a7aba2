"""Whether pages can be used in a browser by finger, by keyboard, and by ear."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

from browser.filling import fill, path_of, reply
from support.people import People
from support.servers import Server

from fedblog.storage import blogs

Open = Callable[..., Awaitable[Any]]

SMALL = """() => [...document.querySelectorAll("a[href], button, input, summary")]
  .filter(e => e.checkVisibility() && e.tabIndex >= 0 && !e.closest(".text"))
  .map(e => [e.outerHTML.slice(0, 120), ...(rects => [
     Math.max(...rects.map(r => r.width)), Math.max(...rects.map(r => r.height))]
   )([...e.getClientRects()])])
  .filter(([, width, height]) => width < 24 || height < 24).slice(0, 3)"""


async def test_targets_outside_of_sentences_have_24_pixels_on_a_phone(
    server: Server, people: People, open_page: Open
) -> None:
    failed = []
    for word in ("C", "The river came at four"):
        paths = await fill(server, people, word)
        page = await open_page(viewport={"width": 390, "height": 800})
        for kind, path in paths.items():
            await page.goto(server.base_url + path)
            if small := await page.evaluate(SMALL):
                failed.append((word, kind, small))
    assert failed == []


LEVELS = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter(e => e.checkVisibility()).map(e => Number(e.localName[1]))"""


async def test_headings_of_every_page_leave_no_level_out(
    server: Server, people: People, open_page: Open
) -> None:
    page = await open_page()

    async def check(path: str) -> None:
        await page.goto(server.base_url + path)
        levels = await page.evaluate(LEVELS)
        assert levels.count(1) == 1, path
        assert levels[0] == 1, path
        assert all(after <= before + 1 for before, after in pairwise(levels)), (path, levels)

    for path in ("/", "/authors/owner/", "/authors/blog/"):
        await check(path)
    paths = await fill(server, people, "The river")
    post = await server.publish(content="#### Four\n\n## Two\n\n#### Four", comments="closed")
    for path in (*paths.values(), path_of(server, post)):
        await check(path)


async def test_what_is_wider_than_the_page_is_scrolled_by_keyboard(
    server: Server, people: People, open_page: Open
) -> None:
    line = "wide " * 60
    content = f"<pre><code>{line}</code></pre><table><tr><td>{'w' * 300}</td></tr></table>"
    post = await server.publish(content=content, content_format="html")
    people.add("ann")
    said = f"<pre><code>{line}</code></pre>"
    await reply(server, people, "ann", post["activitypub_id"], said, {})
    page = await open_page(viewport={"width": 390, "height": 800})
    await page.goto(post["url"])
    for selector in (".body pre", ".body .scrolls", ".comment pre"):
        box = page.locator(selector)
        assert await box.evaluate("e => e.scrollWidth > e.clientWidth"), selector
        reached = False
        for _ in range(40):
            await page.keyboard.press("Tab")
            if reached := await box.evaluate("e => e === document.activeElement"):
                break
        assert reached, selector
        assert await box.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        await page.keyboard.press("ArrowRight")
        await page.wait_for_function("s => document.querySelector(s).scrollLeft > 0", arg=selector)


async def left_to_right(page: Any, selector: str) -> str:
    """The letters of an element in the order in which the eye meets them on the first line."""
    return str(
        await page.locator(selector).first.evaluate(
            """e => { const out = [], walk = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) { const node = walk.currentNode, r = document.createRange();
              for (let i = 0; i < node.length; i++) { r.setStart(node, i); r.setEnd(node, i + 1);
                const box = r.getBoundingClientRect();
                if (box.width) out.push([Math.round(box.top / 8), box.left, node.data[i]]); } }
            const top = Math.min(...out.map(x => x[0])) + 1;
            return out.filter(x => x[0] <= top).sort((a, b) => a[1] - b[1]).map(x => x[2]).join("");
            }"""
        )
    )


async def test_code_handles_and_titles_keep_their_order_between_arabic_words(
    server: Server, people: People, open_page: Open
) -> None:
    code = "if (a[0] > b) { return -1; }"
    content = '<p class="lead">مرحبا @bo@a.example!</p>'
    content += f"<p>مرحبا <code>{code}</code> والنهر</p><pre><code>{code}</code></pre>"
    given = {"content_format": "html", "content": content}
    await server.publish("What is C++?", language="en")
    post = await server.publish("ما هي لغة C++؟", language="ar", **given)
    people.add("ann")
    text = f'<p><a href="x" class="mention">@owner</a> مرحبا!</p><pre><code>{code}</code></pre>'
    await reply(server, people, "ann", post["activitypub_id"], text, {})
    for language in ("en", "ar"):
        await server.site.store.write(
            blogs.update_blog, server.site.blog_id, {"language": language}
        )
        page = await open_page()
        await page.goto(post["url"])
        plain = code.replace(" ", "")
        for selector in (".body p code", ".body pre code", ".comment pre code"):
            seen = await left_to_right(page, selector)
            assert seen.replace(" ", "") == plain, (language, selector)
        host = server.base_url.removeprefix("http://")
        assert await left_to_right(page, ".masthead .handle") == f"@blog@{host}"
        assert (await left_to_right(page, ".comment .handle")).startswith("@ann@")
        assert await left_to_right(page, ".neighbours [rel=prev]") == "What is C++?"
        reply_text = await left_to_right(page, ".comment .text p")
        assert reply_text.startswith("!")
        assert reply_text.endswith("@owner")
        assert "@bo@a.example" in await left_to_right(page, ".body p.lead")
        assert (await left_to_right(page, ".post h1")).startswith("؟")
        await page.goto(server.base_url)
        assert (await left_to_right(page, ".lead h2")).startswith("؟")
        assert await left_to_right(page, ".entry h3") == "What is C++?"
