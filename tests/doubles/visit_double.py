"""A browser in small: keeps cookies, reads forms out of pages, sends them as browsers do."""

import time
import uuid
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from yarl import URL

from atoms_mcp.supabase.auth import Session, User
from atoms_mcp.web import keys


@dataclass
class Form:
    """A form of a page. `choices` are radio buttons, `buttons` what can be pressed."""

    action: str = ""
    fields: dict = field(default_factory=dict)
    choices: dict = field(default_factory=dict)
    buttons: list = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms, self.links, self.words, self.title = [], [], [], ""
        self._open = []

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        self._open.append(tag)
        if tag == "form":
            self.forms.append(Form(said.get("action", "")))
        elif tag == "a":
            self.links.append(said.get("href"))
        elif tag == "input" and self.forms:
            self._read_input(said)
        elif tag == "button" and self.forms:
            self.forms[-1].buttons.append((said.get("name"), said.get("value")))

    def _read_input(self, said):
        form, name, value = self.forms[-1], said.get("name"), said.get("value", "")
        if said.get("type") == "radio":
            form.choices.setdefault(name, []).append(value)
            if "checked" not in said:
                return
        form.fields[name] = value

    def handle_data(self, data):
        if "title" in self._open[-1:]:
            self.title += data
        elif self._open[-1:] not in (["style"], ["script"]):
            self.words.append(data)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass


class Page:
    """An answer, and what a person finds on it."""

    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.raw = answer.told
        self.location = answer.headers.get("Location")
        reader = _Reader()
        if answer.content_type == "text/html":
            reader.feed(self.raw.decode())
        self.forms, self.links, self.title = reader.forms, reader.links, reader.title
        self.text = " ".join("".join(reader.words).split())

    @property
    def query(self):
        """The parameters of where the browser is sent."""
        return dict(parse_qsl(urlsplit(self.location).query, keep_blank_values=True))

    def form(self, name, value):
        """The form with this button."""
        return next(form for form in self.forms if (name, value) in form.buttons)


class Visit:
    """One browser before one server (`web_double.WebDouble`)."""

    def __init__(self, web):
        self.web = web
        self.cookies = {}

    async def get(self, path, **headers):
        return await self._ask("GET", path, headers)

    async def press(self, page, name, value, *, headers=None, **filled):
        """Press a button of a page, with fields filled in before; None leaves one out."""
        form = page.form(name, value)
        fields = {**form.fields, name: value, **filled}
        sent = {key: text for key, text in fields.items() if text is not None}
        return await self.post(form.action, sent, **(headers or {}))

    async def post(self, path, fields, **headers):
        """Send a form as pages of ours do: without a referrer, so the origin is null."""
        said = {"Origin": "null", "Sec-Fetch-Site": "same-origin", **headers}
        said = {name: value for name, value in said.items() if value is not None}
        return await self._ask("POST", path, said, data=fields)

    async def _ask(self, method, path, headers, **more):
        self.web.client.session.cookie_jar.clear()  # shared by all who use the server's client
        if self.cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers = {"Cookie": pairs, **headers}
        answer = await self.web.ask(method, URL(path, encoded=True), headers=headers, **more)
        for morsel in answer.cookies.values():
            if morsel["max-age"] == "0" or not morsel.value:
                self.cookies.pop(morsel.key, None)
            else:
                self.cookies[morsel.key] = morsel.value
        return Page(answer)


async def let_in(visit, email, *, user_id=None, session_id="session-1"):
    """Sign a browser in, as the page of signing in does at its end."""
    supabase = visit.web.supabase
    user_id = user_id or (
        supabase.user_id if email == supabase.email else str(uuid.uuid5(uuid.NAMESPACE_URL, email))
    )
    session = Session(
        access_token=supabase.token(sub=user_id, email=email, session_id=session_id),
        refresh_token=supabase.refresh_token,
        expires_in_s=3600,
        expires_at=int(time.time()) + 3600,
        user=User(user_id, email, is_anonymous=False),
    )
    _, visit.cookies["atoms_session"] = await visit.web.app[keys.BROWSERS].start(session)


@pytest.fixture
def make_visit():
    """Open a browser before a server."""

    async def make(web, *, is_signed_in=False, session_id="session-1"):
        visit = Visit(web)
        if is_signed_in:
            await let_in(visit, web.supabase.email, session_id=session_id)
        return visit

    return make


@pytest.fixture
async def visit(web, make_visit):
    """A browser in which nobody has signed in."""
    return await make_visit(web)


@pytest.fixture
async def signed_in(web, make_visit):
    """A browser in which Ada has signed in."""
    return await make_visit(web, is_signed_in=True)
