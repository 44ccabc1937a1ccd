"""A real Chromium, and people who use it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-sandbox")  # fmt: skip


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium from PATH."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on PATH")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page on a cheap phone, in Bangla, without scripts."""
    context = await browser.new_context(
        viewport={"width": 360, "height": 740}, locale="bn-BD", java_script_enabled=False
    )
    yield await context.new_page()
    await context.close()
