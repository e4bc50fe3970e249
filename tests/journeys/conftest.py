"""A real browser for the journeys, and a place for what it saw.

Tests that use it run in the loop of the session, as the browser does:
`pytestmark = pytest.mark.asyncio(loop_scope="session")`.
"""

import os
import shutil
from pathlib import Path

import pytest
import pytest_asyncio
from page_audit import audit
from playwright.async_api import async_playwright

DEADLINE_MS = 5000
DESKTOP = {"viewport": {"width": 1100, "height": 820}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
# What Chromium says of every answer that is an error; the tests look at those themselves.
EXPECTED = "Failed to load resource"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser():
    """The system's own Chromium."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            # Chromium refuses to build its sandbox as root.
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        yield found
        await found.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_page(browser):
    """Open a page in a browser of its own, without cookies; `is_phone` and `is_dark` as named.

    Whatever the browser complains about (a policy that blocks something, a script) fails the test.
    """
    contexts, complaints = [], []

    async def open_one(*, is_phone=False, is_dark=False, **options):
        context = await browser.new_context(
            **(PHONE if is_phone else DESKTOP),
            color_scheme="dark" if is_dark else "light",
            # What is still on its way from one colour to another has no contrast to speak of.
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(DEADLINE_MS)
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        await context.close()
    assert [said for said in complaints if EXPECTED not in said] == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(new_page):
    """A page on a desktop, in light."""
    return await new_page()


@pytest.fixture(scope="session")
def shots(tmp_path_factory):
    """Where pictures of the pages go: the folder SCREENSHOTS, or one that pytest clears up."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("shots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def look(shots):
    """Audit the page as it is, and take its picture, on desktop and phone, in light and dark."""

    async def look_at(page, name):
        for size, device in (("desktop", DESKTOP), ("phone", PHONE)):
            await page.set_viewport_size(device["viewport"])
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme=scheme)
                await audit(page)
                await page.screenshot(path=shots / f"{name}-{size}-{scheme}.png", full_page=True)
        await page.set_viewport_size(DESKTOP["viewport"])
        await page.emulate_media(color_scheme="light")

    return look_at


@pytest.fixture(scope="session")
def pages_stack(start_stack, tmp_path_factory):
    """A project with an external provider."""
    return start_stack(tmp_path_factory.mktemp("pages"), ATOMS_LOCAL_DEMO_PROVIDER="on")


@pytest.fixture(scope="session")
def pages_server(start_server, pages_stack):
    """A server before it."""
    return start_server(pages_stack)


@pytest.fixture(scope="session")
def confirming_stack(start_stack, tmp_path_factory):
    """A project that confirms addresses by mail, has a provider and an OAuth 2.1 server."""
    return start_stack(
        tmp_path_factory.mktemp("confirming"),
        ATOMS_LOCAL_AUTOCONFIRM="off",
        ATOMS_LOCAL_DEMO_PROVIDER="on",
        ATOMS_LOCAL_OAUTH_SERVER="on",
    )


@pytest.fixture(scope="session")
def delegated(start_stack, start_server, free_port, tmp_path_factory):
    """A project that authorizes by itself, and a server that shows its page of consent."""
    port = free_port()
    stack = start_stack(
        tmp_path_factory.mktemp("delegated"),
        ATOMS_LOCAL_OAUTH_SERVER="on",
        ATOMS_LOCAL_SITE_URL=f"http://127.0.0.1:{port}",
    )
    options = {"ATOMS_FASTMCP_AUTH_MODE": "delegated", "ATOMS_FASTMCP_PORT": str(port)}
    return start_server(stack, **options)
