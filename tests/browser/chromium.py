"""The browser of these tests: Debian's Chromium, led by Playwright.

Tests that need it ask for `require()`, which says what is missing. With
FEDBLOG_TEST_BROWSER=required a missing browser is a failure, not a skip.
"""

import importlib.util
import os
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Open = Callable[..., Awaitable[Any]]
ARGUMENTS = [
    "--no-sandbox",  # the tests may run as root, which Chromium refuses otherwise
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def program() -> str | None:
    """Where Chromium is installed, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def missing() -> str | None:
    """Why no browser can be started, or None."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed: pip install -e '.[test,browser]'"
    if program() is None:
        return "there is no chromium: apt-get install chromium"
    return None


def require() -> None:
    """Skip the test, or fail where skipping is not allowed, if no browser can be started."""
    reason = missing()
    if reason is None:
        return
    if os.environ.get("FEDBLOG_TEST_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
