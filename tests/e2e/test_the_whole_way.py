"""The one walk that must never break, in a real browser on a real engine with the demo model."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.support.browser import chromium
from tests.support.server import Server, wait_idle

pytestmark = pytest.mark.timeout(900)
SHOTS = Path(__file__).resolve().parents[2] / "test-results"


@pytest.fixture
async def server(home: Path) -> AsyncIterator[Server]:
    server = Server(home)
    yield server
    if server.process is not None and server.process.poll() is None:
        await server.stop()
    server.end_engine()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        page = await context.new_page()
        yield page


async def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png")


def preview(page: Page):
    return page.frame_locator('[data-testid="preview-frame"]')


def said(page: Page, text: str):
    """What the person said, as the chat shows it."""
    return page.get_by_test_id("user-message").filter(has_text=text)


async def ask(page: Page, text: str) -> None:
    box = page.get_by_test_id("prompt")
    await box.fill(text)
    await box.press("Enter")


async def settled(page: Page, server: Server) -> None:
    """The run has ended, for the server and for the page."""
    project = page.url.split("/p/")[1].split("?")[0].split("/")[0]
    async with server.client() as client:
        await wait_idle(client, project)
    await expect(page.get_by_test_id("stop")).to_have_count(0, timeout=90_000)


async def test_from_the_prompt_to_a_restored_version_through_reload_stop_and_kill(
    server: Server, page: Page
) -> None:
    await page.goto(await server.start())
    await expect(page.get_by_test_id("prompt")).to_be_visible()
    assert "#k=" not in page.url

    # A prompt builds an app, and the preview shows it.
    await page.get_by_test_id("prompt").fill("A todo list for our garden")
    await page.get_by_test_id("send").click()
    await page.wait_for_url(re.compile(r"/p/"))
    project = page.url.split("/p/")[1].split("?")[0].split("/")[0]
    await expect(preview(page).get_by_role("heading").first).to_contain_text(
        re.compile("todo", re.IGNORECASE), timeout=120_000
    )
    await settled(page, server)
    await shoot(page, "1-built")
    first = (await preview(page).get_by_role("heading").first.text_content() or "").strip()

    # A second prompt changes it.
    await ask(page, f"change {first} to Beds and borders")
    await expect(preview(page).get_by_role("heading").first).to_have_text(
        "Beds and borders", timeout=60_000
    )
    await settled(page, server)

    # History lists both, the diff shows the change.
    await page.goto(f"{server.page}/p/{project}?panel=history")
    rows = page.get_by_test_id("history-row")
    await expect(rows).to_have_count(3)  # the starter, the app, the change
    await rows.first.click()
    await expect(page.get_by_test_id("diff")).to_contain_text("Beds and borders")
    await shoot(page, "2-diff")

    # Restore brings the first app back.
    await page.goto(f"{server.page}/p/{project}?panel=history")
    await page.get_by_test_id("history-row").nth(1).click()
    await page.get_by_test_id("restore").click()
    await page.get_by_test_id("restore-confirm").click()
    await expect(page.get_by_test_id("toast")).to_contain_text("Restored to v2", timeout=60_000)
    await page.get_by_role("link", name="Preview", exact=True).click()
    await expect(preview(page).get_by_role("heading").first).to_have_text(first, timeout=60_000)
    await expect(page.get_by_test_id("history-row")).to_have_count(4)
    await shoot(page, "3-restored")

    # Reload in mid-stream: the same run goes on, once.
    await ask(page, "make the heading green")
    await expect(page.get_by_test_id("stop")).to_be_visible()
    await page.reload()
    await settled(page, server)
    await expect(said(page, "make the heading green")).to_have_count(1)
    await expect(page.get_by_test_id("change-card").last).to_be_visible()

    # Stop: what is done is kept, and the page says so.
    await ask(page, "add a section about compost")
    await page.get_by_test_id("stop").click()
    await settled(page, server)
    await shoot(page, "4-stopped")

    # kill -9 in mid-turn, start again: nothing shown is gone, the project goes on.
    await ask(page, "add a section about seeds")
    await expect(page.get_by_test_id("stop")).to_be_visible()
    await asyncio.sleep(1.0)
    server.kill()
    link = await server.start()
    await page.goto(link)
    await page.goto(f"{server.page}/p/{project}?panel=history")
    await settled(page, server)
    await expect(said(page, "add a section about seeds")).to_have_count(1)
    await ask(page, "change To do to Doing")
    await settled(page, server)
    await expect(preview(page).locator("body")).to_contain_text(first)
    await shoot(page, "5-after-the-kill")
    assert await server.stop() == 0
