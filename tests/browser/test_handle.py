"""handle.js in a browser: the account that a reader follows from is remembered, and only there."""

from typing import Any
from urllib.parse import quote

from browser.chromium import Open
from support.people import People
from support.servers import Server
from support.waiting import eventually

FOLLOW = "https://w3id.org/fep/3b86/Follow"
FIELDS = "form.interact input[name=handle]"


def at_home(people: People, blog: str) -> str:
    """Let bo's own server have a page to follow *blog*; gives the handle."""
    link = {"rel": FOLLOW, "href": f"{people.base_url}/follow?object={{object}}"}
    path = f"/follow?object={quote(blog, safe='')}"
    for address in (path, f"/follow?object={blog}"):
        people.documents[address] = (200, "text/html", b"<title>Your own server</title>")
    return people.webfinger("bo", [link])


async def follow_from(page: Any, address: str, handle: str) -> None:
    """Type *handle* at *address* and follow; the browser must be at the reader's own server."""
    await page.goto(address)
    form = page.locator("form.interact:has(button[value=follow])").first
    assert await form.locator("input[name=handle]").input_value() == ""
    await form.locator("input[name=handle]").fill(handle)
    await form.locator("button[value=follow]").click()
    await page.wait_for_url(lambda url: "/follow?object=" in url)
    assert await page.title() == "Your own server"


async def remembered(page: Any, address: str) -> set[str]:
    """What stands in the fields for the handle at *address*."""
    await page.goto(address)
    fields = await page.locator(FIELDS).all()
    assert fields
    return {await field.input_value() for field in fields}


async def test_handle_once_typed_is_remembered_on_every_page(
    server: Server, people: People, open_page: Open
) -> None:
    post = await server.publish()
    blog = f"{server.base_url}/ap/blog"
    handle = at_home(people, blog)
    page = await open_page()
    home = f"{server.base_url}/"
    form = f"{server.base_url}/interact?action=follow&object={blog}"
    await follow_from(page, home, handle)
    assert page.url.startswith(f"{people.base_url}/follow?object=")
    for address in (home, post["url"], form):
        assert await remembered(page, address) == {handle}
    stranger = await open_page()  # another reader's browser
    assert await remembered(stranger, home) == {""}


async def test_what_is_no_handle_is_not_remembered_and_the_server_says_so(
    server: Server, people: People, open_page: Open
) -> None:
    page = await open_page()
    await page.goto(f"{server.base_url}/")
    form = page.locator("form.interact:has(button[value=follow])").first
    await form.locator("input[name=handle]").fill("nobody")
    await form.locator("button[value=follow]").click()
    assert await page.locator("[role=alert]").count() == 1
    assert await remembered(page, f"{server.base_url}/") == {""}


async def test_without_javascript_the_way_is_the_same_and_nothing_is_remembered(
    server: Server, people: People, open_page: Open
) -> None:
    handle = at_home(people, f"{server.base_url}/ap/blog")
    page = await open_page(java_script_enabled=False)
    await follow_from(page, f"{server.base_url}/", handle)
    assert page.url.startswith(f"{people.base_url}/follow?object=")
    assert await remembered(page, f"{server.base_url}/") == {""}


async def test_browser_has_nothing_to_complain_of(
    server: Server, people: People, open_page: Open
) -> None:
    """No errors of scripts, nothing that the Content-Security-Policy forbids, nothing missing."""
    people.add("ann")
    post = await server.publish()
    note = people.note("ann", post["activitypub_id"], "<p>Well said.</p>")
    await people.post(server.inbox, people.activity("Create", "ann", note), by="ann")
    assert len(await server.comments(post)) == 1
    complaints: list[str] = []
    page = await open_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.on(
        "response",
        lambda answer: complaints.append(answer.url) if answer.status >= 400 else None,
    )
    form = f"{server.base_url}/interact?action=reply&object={post['activitypub_id']}"
    for address in (f"{server.base_url}/", post["url"], form):
        await page.goto(address, wait_until="networkidle")
        assert complaints == [], address
    # The eyes are open: what is forbidden is noticed.
    await page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), "
        "{textContent: 'window.injected = 1'}))"
    )
    await eventually(lambda: any("Content Security Policy" in one for one in complaints))
    assert await page.evaluate("window.injected") is None
