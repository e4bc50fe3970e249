"""Signing in as a person does it: with a browser, on every way that the pages offer."""

import re

import pytest
from page_audit import audit, walk
from playwright.async_api import expect

PASSWORD = "correct-horse-demo"
ADA = "ada@acme.example"

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def fill_in(page, email, password):
    await page.get_by_label("Email", exact=True).fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def is_signed_in(page, server):
    """The browser was sent on, and holds the cookie of a sign-in."""
    await expect(page).to_have_url(f"{server.url}/account")
    cookies = {cookie["name"]: cookie for cookie in await page.context.cookies()}
    held = cookies["atoms_session"]
    return (held["httpOnly"], held["sameSite"], held["path"]) == (True, "Lax", "/")


async def test_a_wrong_password_first_and_then_the_right_one(page, pages_server, look):
    await page.goto(f"{pages_server.url}/sign-in")
    await expect(page).to_have_title("Sign in · Atoms")
    await expect(page.get_by_label("Email", exact=True)).to_be_focused()

    await fill_in(page, ADA, "wrong-password")

    await expect(page.get_by_role("alert")).to_contain_text("Email or password is wrong.")
    await expect(page.get_by_label("Email", exact=True)).to_have_value(ADA)
    password = page.get_by_label("Password", exact=True)
    await expect(password).to_be_focused()
    await expect(password).to_have_value("")
    await expect(password).to_have_accessible_description(re.compile("Check both"))
    await look(page, "wrong-password")

    await password.fill(PASSWORD)
    await password.press("Enter")

    assert await is_signed_in(page, pages_server)


async def test_a_code_by_mail(page, pages_stack, pages_server, look):
    email = pages_stack.new_account()
    await page.goto(f"{pages_server.url}/sign-in")
    await page.get_by_label("Email", exact=True).fill(email)
    await page.get_by_role("button", name="Email me a code instead").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    await expect(page.get_by_text(email)).to_be_visible()
    code = page.get_by_label("Code from the mail")
    await expect(code).to_be_focused()
    await look(page, "code")

    await code.fill("000000")
    await code.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("wrong or too old")
    await expect(code).to_have_attribute("aria-invalid", "true")
    await look(page, "wrong-code")

    sent = pages_stack.mails(email)[0]["code"]
    await code.fill(f"{sent[:3]} {sent[3:]}")
    await page.get_by_role("button", name="Continue").click()

    assert await is_signed_in(page, pages_server)


async def test_the_link_of_the_mail_does_it_as_well_in_the_same_browser_alone(
    page, new_page, pages_stack, pages_server
):
    email = pages_stack.new_account()
    await page.goto(f"{pages_server.url}/sign-in/code")
    await page.get_by_label("Email", exact=True).fill(email)
    await page.get_by_role("button", name="Email me a code").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    link = pages_stack.mails(email)[0]["link"]

    await page.goto(link)

    assert await is_signed_in(page, pages_server)
    other = await new_page()
    await other.goto(f"{pages_server.url}/sign-in/code")
    await other.get_by_label("Email", exact=True).fill(pages_stack.new_account())
    await other.get_by_role("button", name="Email me a code").click()
    await expect(other.get_by_role("heading", name="Check your mail")).to_be_visible()
    stranger = await new_page()
    await stranger.goto(pages_stack.mails()[0]["link"])
    await expect(stranger.get_by_role("heading")).to_have_text(
        "This link belongs to another browser."
    )
    assert "atoms_session" not in {cookie["name"] for cookie in await stranger.context.cookies()}
    await audit(stranger)


async def test_a_second_factor(page, pages_stack, pages_server, totp_now, look):
    email = pages_stack.new_account()
    secret = pages_stack.enroll_totp(email)
    await page.goto(f"{pages_server.url}/sign-in")
    await fill_in(page, email, PASSWORD)
    code = page.get_by_label("Code with six digits")
    await expect(code).to_be_focused()
    await expect(page.get_by_text(email)).to_be_visible()
    assert "atoms_session" not in {cookie["name"] for cookie in await page.context.cookies()}
    await look(page, "second-factor")

    await code.fill("12345")
    await code.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("six to ten digits")
    right = totp_now(secret)
    await code.fill(str((int(right) + 1) % 1_000_000).zfill(6))
    await code.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("wrong or too old")
    await code.fill(totp_now(secret))
    await code.press("Enter")

    assert await is_signed_in(page, pages_server)


async def test_a_new_account_of_an_open_project_is_signed_in_at_once(page, pages_server):
    await page.goto(f"{pages_server.url}/sign-in")
    await page.get_by_role("button", name="Create an account").click()
    await expect(page.get_by_role("heading", name="Create your account")).to_be_visible()
    await audit(page)
    await page.get_by_label("Email", exact=True).fill("vic@acme.example")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("alert")).to_contain_text("account for this address already")
    await page.get_by_label("Email", exact=True).fill("new@example.com")
    await page.get_by_label("Password", exact=True).fill("short")
    await page.get_by_role("button", name="Create account").click()
    password = page.get_by_label("Password", exact=True)
    await expect(password).to_have_accessible_description(re.compile("too short"))

    await password.fill(PASSWORD)
    await password.press("Enter")

    assert await is_signed_in(page, pages_server)


async def test_a_forgotten_password(page, pages_stack, pages_server, look):
    email = pages_stack.new_account()
    await page.goto(f"{pages_server.url}/sign-in")
    await page.get_by_label("Email", exact=True).fill(email)
    await page.get_by_role("button", name="Forgot password?").click()
    await expect(page.get_by_label("Email", exact=True)).to_have_value(email)
    await look(page, "recover-begun")
    await page.get_by_role("button", name="Send the mail").click()
    await expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()

    await page.goto(pages_stack.mails(email)[0]["link"])

    password = page.get_by_label("New password")
    await expect(password).to_be_focused()
    await expect(page.get_by_text(email)).to_be_visible()
    await look(page, "new-password")
    await password.fill(PASSWORD)
    await password.press("Enter")
    await expect(password).to_have_accessible_description(re.compile("This is your old password"))
    await password.fill("battery-staple-demo")
    await password.press("Enter")
    assert await is_signed_in(page, pages_server)
    assert pages_server.login(email, "battery-staple-demo")["access_token"]


async def test_a_forgotten_password_with_the_code_of_the_mail(page, pages_stack, pages_server):
    email = pages_stack.new_account()
    await page.goto(f"{pages_server.url}/recover")
    await page.get_by_label("Email", exact=True).fill(email)
    await page.get_by_role("button", name="Send the mail").click()
    await page.get_by_label("Code from the mail").fill(pages_stack.mails(email)[0]["code"])
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("New password").fill("battery-staple-demo")
    await page.get_by_role("button", name="Save and continue").click()

    assert await is_signed_in(page, pages_server)


async def test_an_external_provider(page, pages_server):
    await page.goto(f"{pages_server.url}/sign-in")
    await page.get_by_role("button", name="Continue with Demo").click()
    await page.get_by_role("button", name=re.compile(re.escape(ADA))).click()

    assert await is_signed_in(page, pages_server)


async def test_turning_back_at_the_provider_is_said_on_the_page(page, pages_server, look):
    await page.goto(f"{pages_server.url}/sign-in")
    await page.get_by_role("button", name="Continue with Demo").click()
    await page.get_by_role("button", name=re.compile("refuse|cancel|deny", re.IGNORECASE)).click()

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    await look(page, "provider-refused")


async def test_whoever_is_signed_in_may_go_on_or_be_somebody_else(
    page, pages_stack, pages_server, look
):
    other = pages_stack.new_account()
    await page.goto(f"{pages_server.url}/sign-in")
    await fill_in(page, ADA, PASSWORD)
    await page.goto(f"{pages_server.url}/sign-in")
    await look(page, "signed-in-already")

    await page.get_by_role("link", name=f"Continue as {ADA}").click()
    await expect(page).to_have_url(f"{pages_server.url}/account")
    await page.goto(f"{pages_server.url}/sign-in")
    await fill_in(page, other, PASSWORD)

    assert await is_signed_in(page, pages_server)
    await page.goto(f"{pages_server.url}/sign-in")
    await expect(page.get_by_role("link", name=f"Continue as {other}")).to_be_visible()


async def test_a_new_account_that_has_to_confirm_its_address(
    page, start_server, confirming_stack, look
):
    stack, server = confirming_stack, start_server(confirming_stack)
    # An address that has an account is answered alike.
    for email in ("vic@acme.example", "new@example.com"):
        await page.goto(f"{server.url}/sign-up")
        await page.get_by_label("Email", exact=True).fill(email)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Create account").click()
        await expect(page.get_by_role("heading", name="Confirm your address")).to_be_visible()
    await look(page, "confirm")
    assert stack.mails("vic@acme.example") == []
    await page.goto(f"{server.url}/sign-in")
    await fill_in(page, "new@example.com", PASSWORD)
    await expect(page.get_by_role("alert")).to_contain_text("not confirmed yet")

    await page.goto(stack.mails("new@example.com")[0]["link"])

    assert await is_signed_in(page, server)


async def test_a_project_with_captcha_says_so_and_leaves_the_providers(
    page, start_stack, start_server, tmp_path, look
):
    stack = start_stack(tmp_path, ATOMS_LOCAL_CAPTCHA="on", ATOMS_LOCAL_DEMO_PROVIDER="on")
    server = start_server(stack)
    await page.goto(f"{server.url}/sign-in")

    await fill_in(page, ADA, PASSWORD)

    await expect(page.get_by_role("status")).to_contain_text("captcha")
    await expect(page.get_by_role("status")).to_contain_text("other ways below")
    await look(page, "captcha")
    await page.get_by_role("button", name="Continue with Demo").click()
    await page.get_by_role("button", name=re.compile(re.escape(ADA))).click()
    assert await is_signed_in(page, server)


async def test_everything_works_without_a_script(new_page, pages_server):
    page = await new_page(java_script_enabled=False)
    await page.goto(f"{pages_server.url}/sign-in")
    await fill_in(page, ADA, PASSWORD)

    assert await is_signed_in(page, pages_server)


async def test_the_home_page_can_be_copied_from_and_walked_by_keyboard(new_page, pages_server):
    page = await new_page(permissions=["clipboard-read", "clipboard-write"])
    await page.goto(pages_server.url)
    await audit(page)

    await page.get_by_role("button", name="Copy").first.click()

    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == pages_server.mcp_url
    await walk(page, 12)
    await page.get_by_text("VS Code").click()
    await expect(page.get_by_text('"servers"')).to_be_visible()
    await audit(page)


@pytest.mark.parametrize("path", ["", "sign-in", "sign-in/code", "sign-up", "recover", "nowhere"])
async def test_each_page_is_fit_to_be_seen_and_walked(page, pages_server, look, path):
    await page.goto(f"{pages_server.url}/{path}")

    await look(page, path.replace("/", "-") or "home")
    await walk(page, 4)


async def test_on_a_phone_nothing_has_to_be_enlarged(new_page, pages_server):
    page = await new_page(is_phone=True)
    await page.goto(f"{pages_server.url}/sign-in")

    assert await page.evaluate("visualViewport.scale") == 1
    assert await page.evaluate("document.documentElement.clientWidth") == 390
    await audit(page)


async def test_the_operators_look_is_readable_whatever_its_colour(
    page, start_server, pages_stack, look, tmp_path
):
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4">'
        '<rect width="4" height="4" rx="2" fill="#ffd400"/></svg>')  # fmt: skip
    server = start_server(
        pages_stack,
        ATOMS_THEME_NAME="Acme Laboratories",
        ATOMS_THEME_ACCENT="#ffd400",
        ATOMS_THEME_LOGO=str(logo),
    )
    await page.goto(f"{server.url}/sign-in")

    await expect(page.get_by_role("heading")).to_have_text("Sign in to Acme Laboratories")
    await look(page, "theme")
