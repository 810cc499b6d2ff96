"""A real Chromium for the end-to-end tests: Debian's, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Playwright turns this off by default; then localStorage throws in a cross-site frame (TRUST.md 7).
    "--enable-features=ThirdPartyStoragePartitioning",
)


def chromium_path() -> str:
    """The browser's path; fails with a sentence that says what to install."""
    found = os.environ.get("KEELWAY_TEST_CHROMIUM") or shutil.which("chromium")
    assert found, "Chromium is missing: install Debian's package `chromium`."
    return found


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path(),
            args=list(SWITCHES),
            ignore_default_args=["--disable-features=ThirdPartyStoragePartitioning"],
        )
        try:
            yield browser
        finally:
            await browser.close()
