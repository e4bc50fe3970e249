import base64
import hashlib
import re

import aiohttp_jinja2
import jinja2
import pytest

from atoms_mcp.web.files import FILES
from atoms_mcp.web.pages import HEADERS

PAGES = ["/", "/sign-in", "/sign-in/code", "/sign-up", "/recover", "/sign-in/callback", "/nowhere"]
AS_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", PAGES)
async def test_each_page_is_protected_the_same_way(web, path):
    answer = await web.ask("GET", path, headers=AS_BROWSER)

    assert answer.content_type == "text/html"
    assert answer.charset == "utf-8"
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    script = policy.pop("script-src", None)
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert (script is not None) == (path == "/")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Server"] == "atoms-mcp"
    assert set(HEADERS) <= set(answer.headers)


@pytest.mark.parametrize("path", PAGES)
async def test_each_page_is_light_and_needs_nothing_from_elsewhere(web, path):
    page = (await web.ask("GET", path, headers=AS_BROWSER)).told
    files = web.app[FILES]
    style = (await web.ask("GET", files.stylesheet)).told
    logo = (await web.ask("GET", files.logo)).told

    assert len(page) + len(style) + len(logo) < 50_000
    text = page.decode()
    assert re.findall(r'(?:src|href)="(?!/)([^"]+)"', text) == []
    assert " style=" not in text
    assert not re.search(r"\son[a-z]+=", text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert re.search(r"<title>[^<]+ · Atoms</title>", text)


async def test_the_one_script_is_named_by_its_hash(web):
    answer = await web.ask("GET", "/")
    script = re.search(rb"<script>(.*?)</script>", answer.told, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()

    assert f"script-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


async def test_the_name_of_the_theme_is_escaped(make_web):
    web = await make_web(ATOMS_THEME_NAME="Acme <script>")

    page = (await web.ask("GET", "/sign-in")).told.decode()

    assert "Sign in to Acme &lt;script&gt;" in page
    assert "Acme <script>" not in page


async def test_a_page_that_names_what_it_was_not_given_is_our_fault_and_not_empty(web):
    environment = aiohttp_jinja2.get_env(web.app)

    assert environment.autoescape is True
    with pytest.raises(jinja2.UndefinedError):
        environment.from_string("{{ nobody.knows }}").render()
    for name in environment.list_templates(["html"]):
        environment.get_template(name)


async def test_a_refusal_of_a_page_is_a_page_and_elsewhere_json(web):
    as_page = await web.ask("POST", "/sign-in", headers={"Origin": "https://evil.example"})
    as_json = await web.ask("POST", "/auth/login", headers={"Origin": "https://evil.example"})

    assert (as_page.status, as_page.content_type) == (403, "text/html")
    assert b"This form was sent from another site." in as_page.told
    assert as_page.headers["X-Request-Id"].encode() in as_page.told
    assert (as_json.status, as_json.content_type) == (403, "application/json")


async def test_what_is_not_there_is_said_as_it_was_asked_for(web):
    page = await web.ask("GET", "/nowhere", headers=AS_BROWSER)
    json = await web.ask("GET", "/nowhere", headers={"Accept": "*/*"})
    document = await web.ask("GET", "/.well-known/nothing", headers=AS_BROWSER)
    method = await web.ask("GET", "/sign-in/provider", headers=AS_BROWSER)

    assert (page.status, page.content_type) == (404, "text/html")
    assert (json.status, json.content_type) == (404, "application/json")
    assert (document.status, document.content_type) == (404, "application/json")
    assert (method.status, method.content_type) == (405, "text/html")
    assert method.headers["Allow"] == "OPTIONS,POST"


async def test_a_page_under_a_name_that_is_not_ours_is_refused_as_a_page(web):
    answer = await web.ask("GET", "/sign-in", headers={"Host": "evil.example"})

    assert (answer.status, answer.content_type) == (421, "text/html")
    assert b"evil.example" not in answer.told
    assert "Set-Cookie" not in answer.headers
