"""Whether pages hold in a browser what is put into them, and stay where they are as they load."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from browser.filling import fill, picture, reply, upload
from support.people import People
from support.servers import Server

Open = Callable[..., Awaitable[Any]]

OVERFLOW = """() => {
  const root = document.documentElement, width = root.clientWidth, out = [];
  const scrolls = e => { for (let p = e; p !== root; p = p.parentElement)
    if (getComputedStyle(p).overflowX !== "visible") return true; return false; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, range = document.createRange();
    if (!node.data.trim() || scrolls(node.parentElement)) continue;
    range.selectNodeContents(node);
    for (const r of range.getClientRects())
      if (r.width && (r.left < -1 || r.right > width + 1)) {
        out.push([node.parentElement.outerHTML.slice(0, 120), r.left, r.right]); break; }
  }
  return {scroll: root.scrollWidth, width, out: out.slice(0, 5)};
}"""


@pytest.mark.parametrize(
    "word",
    [
        "Donaudampfschifffahrtsgesellschaft" * 5,
        "https://a.example/" + "x/_" * 45,
        "والنهر" * 25,
        "\N{NO-BREAK SPACE}".join(["four"] * 30),
        "川" * 120,
        "a" + "👩‍👩‍👧‍👦" * 20,
    ],
    ids=["word", "address", "arabic", "no-break", "han", "emoji"],
)
async def test_no_text_of_others_makes_a_page_scroll_sideways(
    server: Server, people: People, open_page: Open, word: str
) -> None:
    paths = await fill(server, people, word)
    page = await open_page()
    failed = []
    for width in (390, 1280):
        await page.set_viewport_size({"width": width, "height": 800})
        for kind, path in paths.items():
            await page.goto(server.base_url + path)
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            found = await page.evaluate(OVERFLOW)
            if found["scroll"] > found["width"] or found["out"]:
                failed.append((kind, width, found))
    assert failed == []


SHIFTS = """() => { window.shifts = []; new PerformanceObserver(list => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) shifts.push(one.value); })
  .observe({type: "layout-shift", buffered: true}); }"""
IN_VIEW = """() => [...document.images].every(i => i.complete || (r =>
  r.bottom < 0 || r.top > innerHeight)(i.getBoundingClientRect()))"""
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


async def shifted(page: Any, address: str, style: str = "") -> float:
    """How far the layout of *address* moves in all, each picture coming only when the page has
    been drawn without it."""
    gate = asyncio.Event()

    async def late(route: Any) -> None:
        await gate.wait()
        await route.continue_()

    for pictures in ("**/media/**", "**/proxy/**"):
        await page.route(pictures, late)
    await page.add_init_script(f"({SHIFTS})()")
    await page.goto(address, wait_until="domcontentloaded")
    await page.evaluate(
        "s => document.adoptedStyleSheets.push((x => (x.replaceSync(s), x))(new CSSStyleSheet()))",
        style,
    )
    at = 0
    while at < await page.evaluate("document.documentElement.scrollHeight"):
        gate.clear()
        await page.evaluate(f"scrollTo(0, {at})")
        await page.evaluate(TWO_FRAMES)
        gate.set()
        await page.wait_for_function(IN_VIEW)
        await page.evaluate(TWO_FRAMES)
        at += 500
    return float(await page.evaluate("shifts.reduce((a, b) => a + b, 0)"))


@pytest.mark.parametrize("width", [390, 1280])
async def test_layout_stands_still_while_pictures_load(
    server: Server, people: People, open_page: Open, width: int
) -> None:
    paths = await fill(server, people, "The river came at four")
    for kind in ("post", "home"):
        page = await open_page(viewport={"width": width, "height": 800})
        assert await shifted(page, server.base_url + paths[kind]) <= 0.02, kind
    # The eyes are open: what undoes the sizes is noticed.
    page = await open_page(viewport={"width": width, "height": 800})
    undone = "img { inline-size: auto !important; aspect-ratio: auto !important; }"
    undone += ".text img { block-size: auto !important; }"
    assert await shifted(page, server.base_url + paths["post"], undone) > 0.02


BOX = "e => (r => [r.width, r.height, r.left, r.right].map(Math.round))(e.getBoundingClientRect())"


async def box(page: Any, selector: str) -> list[int]:
    """Width, height, left and right of the first such element, its picture loaded."""
    found = page.locator(selector).first
    await found.scroll_into_view_if_needed()
    await page.wait_for_function(IN_VIEW)
    return list(await found.evaluate(BOX))


async def test_pictures_keep_their_shape_and_are_never_enlarged(
    server: Server, people: People, open_page: Open
) -> None:
    sizes = [(96, 96), (300, 1200), (1600, 400)]
    uploads = [await upload(server, *size) for size in sizes]
    content = "\n\n".join(f"![]({one['url']})" for one in uploads)
    post = await server.publish(content=content, featured_media=uploads[1]["id"])
    people.add("ann")
    for number, (width, height) in enumerate(sizes):
        people.documents[f"/{number}.png"] = (200, "image/png", picture(width, height))
        item = {"type": "Image", "mediaType": "image/png", "url": f"{people.base_url}/{number}.png"}
        for said in ({}, {"width": width, "height": height}):
            given = {"attachment": [item | said]}
            to = post["activitypub_id"]
            await reply(server, people, "ann", to, f"<p>{number} {len(said)}</p>", given)
    for viewport in (390, 1280):
        page = await open_page(viewport={"width": viewport, "height": 800})
        await page.goto(post["url"])
        shown = [await box(page, ".featured > img")]
        wanted = [sizes[1]]
        for number in range(3):
            shown.append(await box(page, f".body img >> nth={number}"))
            wanted.append(sizes[number])
        for number in range(6):
            shown.append(await box(page, f".comment .pictures img >> nth={number}"))
            wanted.append(sizes[number // 2])
        for (width, height, *_), size in zip(shown, wanted, strict=True):
            assert width <= size[0], (viewport, size, width)
            assert height <= 640, (viewport, size, height)
            assert abs(width * size[1] - height * size[0]) <= 2 * max(size), (viewport, size)


async def test_wide_figure_is_wider_than_the_text_and_within_the_page(
    server: Server, people: People, open_page: Open
) -> None:
    media = await upload(server, 1600, 900)
    figure = f'<figure class="wide"><img src="{media["url"]}"></figure>'
    content = f'<p>Text</p>{figure}<figure><img src="{media["url"]}"></figure>'
    for language in ("en", "ar"):
        post = await server.publish(content=content, content_format="html", language=language)
        for viewport in (320, 390, 740, 900, 1119, 1120, 1280, 1800):
            page = await open_page(viewport={"width": viewport, "height": 800})
            await page.goto(post["url"])
            text, _, left, right = await box(page, ".body > p")
            plain = await box(page, ".body > figure:not(.wide) > img")
            wide = await box(page, ".body > figure.wide > img")
            assert plain[0] == text
            assert wide[0] > text, (language, viewport)
            assert (wide[2], wide[3]) <= (left, viewport)
            assert wide[2] >= 0
            assert wide[3] >= right
            assert await page.evaluate("document.documentElement.scrollWidth") <= viewport


async def test_nothing_of_a_text_stands_over_its_neighbour(
    server: Server, people: People, open_page: Open
) -> None:
    """The blocks of an article and of a reply stand one below the other, however they nest."""
    blocks = [f"<h{level}>A heading</h{level}>" for level in (2, 3, 4)] + [
        "<p>A paragraph</p>",
        '<p class="byline">By A. Writer</p>',
        "<ul><li>One<ul><li>Two</li></ul></li></ul>",
        "<pre><code>code</code></pre>",
        "<blockquote><p>Quoted</p></blockquote>",
        "<p>2<sup>2<sup>2<sup>2</sup></sup></sup></p>",
    ]
    pairs = "".join(f"{one}{two}" for one in blocks for two in blocks)
    frames = ("{}", "<header>{}</header>", "<blockquote class='quoted-piece'>{}</blockquote>")
    frames += ("<section>{}</section>", "<details open>{}</details>", "<ul><li>{}</li></ul>")
    frames += (
        "<div>{}</div>",
        "<table><tr><td>{}</td></tr></table>",
        "<blockquote>{}</blockquote>",
    )
    content = "".join(frame.format(pairs) for frame in frames)
    post = await server.publish(content=content, content_format="html")
    page = await open_page(viewport={"width": 390, "height": 800})
    await page.goto(post["url"])
    over = await page.evaluate(
        """() => { const out = [], sel = "h2, h3, h4, h5, p, ul, pre, blockquote";
        for (const one of document.querySelectorAll(".body :is(" + sel + ")")) {
          const next = one.nextElementSibling;
          if (!next || !next.matches(sel)) continue;
          const gap = next.getBoundingClientRect().top - one.getBoundingClientRect().bottom;
          if (gap < 2) out.push([one.outerHTML, next.outerHTML, gap]);
        } return out.slice(0, 3); }"""
    )
    assert over == []


QUOTES = """() => [...document.querySelectorAll(".text blockquote")].flatMap(e => {
  const s = getComputedStyle(e); return [s.borderLeftWidth, s.borderRightWidth]; })"""


async def test_quotes_have_no_stripe_at_their_side(
    server: Server, people: People, open_page: Open
) -> None:
    quotes = "<blockquote><p>One</p><blockquote>Two</blockquote></blockquote>"
    quotes += "<blockquote class='quoted-piece'>Three</blockquote>"
    post = await server.publish(content=quotes, content_format="html")
    people.add("ann")
    text = f"{quotes}<ol><li>Four</li></ol>"
    await reply(server, people, "ann", post["activitypub_id"], text, {})
    page = await open_page()
    await page.goto(post["url"])
    widths = await page.evaluate(QUOTES)
    assert len(widths) == 12
    assert set(widths) == {"0px"}
    listed = page.locator(".comment .text ol")
    style = "e => (s => [s.borderLeftWidth, s.listStyleType])(getComputedStyle(e))"
    assert await listed.evaluate(style) == ["0px", "decimal"]


async def test_printed_page_has_its_address_and_no_forms(
    server: Server, people: People, open_page: Open
) -> None:
    paths = await fill(server, people, "The river")
    page = await open_page(color_scheme="dark")
    for kind in ("post", "home", "author", "group", "tags"):
        address = server.base_url + paths[kind]
        await page.goto(address)
        await page.emulate_media(media="screen")
        assert address not in (await page.inner_text("footer.colophon"))
        await page.emulate_media(media="print")
        seen = await page.inner_text("body")
        assert address in seen, kind
        assert "The river" in await page.inner_text("header.masthead") or kind == "home"
        assert await page.locator("form, .band, .skip, nav").locator("visible=true").count() == 0
        ink = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
        colours = await page.locator("h1").evaluate(ink)
        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
