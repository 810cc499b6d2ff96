"""Somebody of the old system comes back: by password, to the old versions, and onwards from one of them."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import bcrypt
import pytest
from playwright.async_api import Browser, Page, expect
from tests.support.axe import violations
from tests.support.browser import chromium
from tests.support.legacy import SAMPLE, import_from
from tests.support.server import Server

pytestmark = pytest.mark.timeout(900)
SHOTS = Path(__file__).resolve().parents[2] / "test-results"
PROJECT = "5b0f2b6e-3c1d-4a77-9a0e-2f6d1f0c9a11"
TEAM = "cmb1u0qa20002jz08team0001"
ADA, ADAS_PASSWORD = "ada@example.org", "ferns drink on tuesdays"
BEN, BENS_PASSWORD = "ben@example.org", "moss needs no mowing"
NEW_PASSWORD = "ferns drink on fridays"
LOOKS = {
    "light": ({"width": 1440, "height": 900}, "light"),
    "dark": ({"width": 1440, "height": 900}, "dark"),
    "phone": ({"width": 390, "height": 844}, "light"),
}


def bcrypted(password: str) -> str:
    """As the old system kept it."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()


def message(name: str, role: str, at: str, parts: str) -> str:
    row = (name, PROJECT, role, at, at, parts.replace("\\", "\\\\"))
    return "\t".join(row) + "\n"


MORE_MESSAGES = (
    message("msg_u3", "user", "2025-09-13 18:39:00", '[{"type": "text", "text": "Wider, please"}]')
    + message(
        "msg_a3", "assistant", "2025-09-13 18:41:00",
        '[{"type": "tool-visualEdit", "toolCallId": "c1", "state": "output-available",'
        ' "input": {"selector": "main"}, "output": {"success": true}},'
        ' {"type": "tool-invocation", "toolInvocationId": "c2", "toolName": "readFile",'
        ' "state": "call", "args": {"path": "src/App.tsx"}},'
        ' {"type": "source-url", "url": "https://example.org/padding"},'
        ' {"type": "text", "text": "It is **wider** now."}]',
    )
)  # fmt: skip


def write_dump(path: Path) -> Path:
    """The sample, with passwords, somebody who may only look, and odd messages at its end."""
    text = SAMPLE.read_text("utf-8")
    ada = re.search(r"^cmb1u0q7x0000jz08habit001\t.*$", text, re.MULTILINE)
    assert ada is not None
    fields = ada[0].split("\t")
    fields[8] = bcrypted(ADAS_PASSWORD)
    ben = ["cmb1u0q7x0000jz08looks002", "Ben Reed", BEN, *fields[3:]]
    ben[8] = bcrypted(BENS_PASSWORD)
    text = text.replace(ada[0], "\t".join(fields) + "\n" + "\t".join(ben))
    messages = text.index('COPY public."V2Message"')
    end = text.index("\\.\n", messages)
    teams = (
        'COPY public.teams (id, name, slug, "isPersonal") FROM stdin;\n'
        f"{TEAM}\tGardeners\tgardeners\tf\n\\.\n\n\n"
        'COPY public.team_members ("userId", "teamId", role) FROM stdin;\n'
        f"{ben[0]}\t{TEAM}\tVIEWER\n\\.\n\n\n"
    )
    rest = text[end:].replace(
        "--\n-- PostgreSQL database dump complete",
        teams + "--\n-- PostgreSQL database dump complete",
    )
    path.write_text(text[:end] + MORE_MESSAGES + rest, "utf-8")
    return path


@pytest.fixture
async def server(home: Path) -> AsyncIterator[Server]:
    dump = write_dump(home / "old.sql")
    status, _ = await import_from(dump, home, base="react-vite")
    assert status == 3  # a picture was never stored, a file was cut
    server = Server(home)
    await server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        await server.stop()
    server.end_engine()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


async def fresh(browser: Browser) -> Page:
    """A browser that has never been here."""
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",  # colours on their way from one theme to the other are nobody's
    )
    return await context.new_page()


async def look(page: Page, name: str) -> None:
    """The state in light, dark and on a phone: no rule of axe is broken, and a picture of each is kept."""
    SHOTS.mkdir(exist_ok=True)
    for look, (size, scheme) in LOOKS.items():
        await page.set_viewport_size(size)  # pyright: ignore[reportArgumentType]
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.screenshot(path=SHOTS / f"imported-{name}-{look}.png")
        assert await violations(page) == [], (name, look)
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.emulate_media(color_scheme="light")


async def log_in(page: Page, email: str, password: str) -> None:
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_label("Password", exact=True).press("Enter")


async def test_an_old_user_logs_in_and_goes_on_from_an_old_version(
    server: Server, browser: Browser
) -> None:
    page = await fresh(browser)
    await come_back_by_password(page, server)
    await read_the_old_history(page)
    await read_the_old_chat(page)
    await see_what_is_incomplete(page)
    await restore_an_old_version(page)
    elsewhere = await fresh(browser)
    await elsewhere.goto(f"{server.page}/p/{PROJECT}/v/2/files/src/App.tsx")
    await log_in(elsewhere, ADA, ADAS_PASSWORD)
    await expect(elsewhere.get_by_role("heading", name="Files at v2")).to_be_visible()
    await change_the_password(page, server)
    await expect(elsewhere.get_by_role("heading", name="Log in")).to_be_visible(timeout=30_000)
    await log_in(elsewhere, ADA, NEW_PASSWORD)
    await expect(elsewhere.get_by_role("heading", name="Files at v2")).to_be_visible()
    await expect(elsewhere.get_by_label("Text of the file")).to_contain_text("Habit Garden")
    await only_look(await fresh(browser), server)
    await try_too_often(await fresh(browser), server)


async def come_back_by_password(page: Page, server: Server) -> None:
    """An old address leads to the login page, and from there to where it led."""
    await page.goto(f"{server.page}/login#k=a-key-that-is-none")
    await expect(page.get_by_role("status").first).to_contain_text("This link has expired.")
    await expect(page.get_by_label("E-mail")).to_be_focused()
    await look(page, "login-expired")
    await page.goto(f"{server.page}/p/{PROJECT}?panel=history")
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await look(page, "login")
    await log_in(page, ADA, "not this one")
    await expect(page.get_by_role("alert").first).to_have_text(
        "This e-mail and this password do not belong together."
    )
    await expect(page.get_by_label("Password", exact=True)).to_be_focused()
    await page.get_by_role("button", name="Show password").click()
    await look(page, "login-wrong")
    await log_in(page, ADA, ADAS_PASSWORD)
    await page.wait_for_url(f"{server.page}/p/{PROJECT}?panel=history")


async def read_the_old_history(page: Page) -> None:
    rows = page.get_by_test_id("history-row")
    await expect(rows).to_have_count(5)
    days = page.locator(".history h3")
    await expect(days).to_have_text(["13 September 2025", "12 September 2025", "24 August 2025"])
    await expect(rows.first).to_contain_text("18:40")
    await expect(rows.first).to_contain_text("imported")
    await look(page, "asleep")
    await page.get_by_role("button", name="Wake").click()
    frame = page.frame_locator('[data-testid="preview-frame"]')
    await expect(frame.get_by_role("heading", name="Habit Garden")).to_be_visible(timeout=120_000)
    await look(page, "project")


async def read_the_old_chat(page: Page) -> None:
    asked = page.get_by_test_id("user-message")
    await expect(asked).to_have_count(3)
    await expect(asked.first).to_contain_text("24 August 2025, 09:12")
    await expect(page.get_by_test_id("change-card")).to_have_count(2)
    for fold in await page.get_by_role("button", name=re.compile("Worked")).all():
        await fold.click()
    chat = page.get_by_role("log", name="Conversation")
    await expect(chat).to_contain_text("Created App.tsx")
    await expect(chat).to_contain_text("Used visual edit")
    await expect(chat).to_contain_text("The old system never finished this step.")
    await expect(chat).to_contain_text("Kept from the old chat: source url")
    await look(page, "chat")


async def see_what_is_incomplete(page: Page) -> None:
    """The mark is read by its name, opens by hand, and the changes and files say which and why."""
    name = "Incomplete: 2 files of this version came incomplete from the old system."
    marks = page.get_by_role("complementary", name="History").get_by_role("button", name=name)
    await expect(marks).to_have_count(3)
    await marks.first.click()
    await expect(page.locator(":popover-open")).to_contain_text("kept no more of them")
    await look(page, "mark")
    await page.keyboard.press("Escape")
    await page.get_by_test_id("history-row").filter(has_text="v3").first.click()
    diff = page.get_by_test_id("diff")
    await expect(diff).to_contain_text("imported from the old system, by Builder AI")
    await expect(diff).to_contain_text("Against v2")
    await expect(page.get_by_test_id("version-mark")).to_contain_text(
        "The bytes of this picture were never in the old database."
    )
    await expect(page.get_by_test_id("diff-mark")).to_have_count(2)
    await look(page, "diff")
    await page.get_by_test_id("version-mark").get_by_role("link", name="Stats.tsx").click()
    await expect(page.get_by_test_id("file-mark")).to_contain_text("It was cut")
    listed = page.get_by_role("navigation", name="Files of this version")
    await expect(
        listed.get_by_role("link", name=re.compile(r"Stats\.tsx.*Incomplete.*It was cut"))
    ).to_be_visible()
    await look(page, "file")


async def restore_an_old_version(page: Page) -> None:
    await page.goto(f"{page.url.split('/p/')[0]}/p/{PROJECT}?panel=history")
    rows = page.get_by_test_id("history-row")
    await rows.filter(has_text="v3").first.click()
    await page.get_by_test_id("restore").click()
    await expect(page.get_by_test_id("restore-dialog")).to_contain_text(
        "2 files of v3 are incomplete"
    )
    await expect(page.get_by_test_id("restore-dialog")).to_contain_text("12 September 2025")
    await look(page, "restore")
    await page.get_by_role("button", name="Cancel").click()
    await rows.filter(has_text="Built the habit list").click()
    await page.get_by_test_id("restore").click()
    await page.get_by_test_id("restore-confirm").click()
    await expect(page.get_by_test_id("toast")).to_contain_text("Restored to v2", timeout=120_000)
    await page.get_by_role("link", name="Preview", exact=True).click()
    frame = page.frame_locator('[data-testid="preview-frame"]')
    await expect(frame.get_by_role("heading", name="Habit Garden")).to_be_visible(timeout=120_000)
    await expect(frame.get_by_text("Water the ferns")).to_be_visible()
    await expect(rows).to_have_count(6)
    await look(page, "restored")


async def change_the_password(page: Page, server: Server) -> None:
    await page.get_by_role("button", name=re.compile("Ada Moss")).click()
    await page.get_by_role("menuitem", name="Change password…").click()
    dialog = page.get_by_test_id("password-dialog")
    await dialog.get_by_label("Current password", exact=True).fill("not this one")
    await dialog.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    await dialog.get_by_role("button", name="Change password").click()
    await expect(dialog.get_by_role("alert")).to_have_text("That is not your current password.")
    await expect(dialog.get_by_label("Current password", exact=True)).to_be_focused()
    await look(page, "password")
    await dialog.get_by_label("Current password", exact=True).fill(ADAS_PASSWORD)
    await dialog.get_by_label("New password", exact=True).fill("password1")
    await dialog.get_by_role("button", name="Change password").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("tried first")
    await dialog.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    await dialog.get_by_role("button", name="Change password").click()
    await expect(page.get_by_test_id("toast")).to_have_text(
        "Password changed. Other browsers were logged out."
    )
    await page.get_by_role("button", name=re.compile("Ada Moss")).click()
    await page.get_by_role("menuitem", name="Log out").click()
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    await log_in(page, ADA, NEW_PASSWORD)
    await page.wait_for_url(f"{server.page}/")
    await expect(page.get_by_test_id("project-card")).to_contain_text("habit-garden")


async def only_look(page: Page, server: Server) -> None:
    """Somebody who may not change it is offered nothing that would fail."""
    await page.goto(f"{server.page}/p/{PROJECT}?panel=history")
    await log_in(page, BEN, BENS_PASSWORD)
    await expect(page.get_by_test_id("read-only")).to_have_text(
        "You can look, compare and copy, not change."
    )
    await expect(page.get_by_test_id("history-row")).to_have_count(6)
    await page.get_by_test_id("history-row").last.click()
    await expect(page.get_by_test_id("diff")).to_be_visible()
    for name in ("Restore", "Undo", "Send", "Stop"):
        await expect(page.get_by_role("button", name=re.compile(f"^{name}"))).to_have_count(0)
    await page.keyboard.press("r")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("button", name="Project habit-garden").click()
    await expect(page.get_by_role("menuitem", name="All projects")).to_be_visible()
    for name in ("Rename…", "Delete…"):
        await expect(page.get_by_role("menuitem", name=name)).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="Preview", exact=True).click()
    await look(page, "looking")


async def try_too_often(page: Page, server: Server) -> None:
    await page.goto(f"{server.page}/login")
    for _ in range(8):
        await log_in(page, "nobody@example.org", "not this one")
        await expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
        if await page.get_by_text("Too many tries.").count():
            break
    await expect(page.get_by_test_id("login-problem")).to_contain_text("The next one is taken in")
    await look(page, "login-often")
    await page.route("**/api/login/password", lambda route: route.abort())
    await log_in(page, "somebody@example.org", "not this one")
    await expect(page.get_by_role("alert").first).to_have_text(
        "The server does not answer. What you typed is still here."
    )
    await expect(page.get_by_label("E-mail")).to_have_value("somebody@example.org")
