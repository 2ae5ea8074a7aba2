"""A real server, and tabs of a browser to open its pages in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from browser import chromium
from browser.chromium import Open
from support.servers import Server, running_server
from support.waiting import PATIENCE

from fedblog.settings import Settings


@pytest.fixture
async def server(settings: Settings, sqlite_url: str) -> AsyncIterator[Server]:
    """A real server; one engine is enough for what a browser does."""
    changed = {"database_url": sqlite_url, "comment_pictures": "shown"}
    async with running_server(settings.model_copy(update=changed)) as started:
        yield started


@pytest.fixture
async def open_page() -> AsyncIterator[Open]:
    """``await open_page(**options)``: an empty tab in a browser profile of its own, as another
    reader has it; *options* are those of Playwright's contexts."""
    chromium.require()
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.program(), args=chromium.ARGUMENTS
        )

        async def opened(**options: Any) -> Any:
            context = await browser.new_context(**options)
            context.set_default_timeout(PATIENCE * 1000)
            return await context.new_page()

        yield opened
        await browser.close()
