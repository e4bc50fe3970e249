"""Somebody who signs in and approves on our pages, without a browser: forms are read and sent.

Knows nothing but HTML and HTTP, and no library: clients of any environment can bring it along.
"""

import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar

EMAIL = "ada@acme.example"
PASSWORD = "correct-horse-demo"


class Forms(HTMLParser):
    """The forms of a page: where each goes, and what it says already."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif tag == "button" and given.get("value") == "approve":
            self.found[-1][1][given["name"]] = given["value"]
        elif tag == "input" and self.found and "name" in given:
            is_chosen = given.get("type") != "radio" or "checked" in given
            if is_chosen:
                self.found[-1][1][given["name"]] = given.get("value") or ""


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at before they are followed."""

    def redirect_request(self, *_args):
        return None


class Person:
    """One browser with its cookies. `visits` counts how often a client sent it here."""

    def __init__(self, email=EMAIL, password=PASSWORD):
        self.email, self.password = email, password
        self.visits = 0
        self.typed = 0
        self._browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar()), Stay
        )

    def approve(self, url, **choices):
        """Go from a client's authorization URL to its callback; give that URL, not yet visited."""
        self.visits += 1
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        data = None
        for _ in range(8):
            status, where, page = self._ask(url, data)
            if 300 <= status < 400:
                url, data = urllib.parse.urljoin(url, where), None
                if url.startswith(asked["redirect_uri"][0]):
                    return url
                continue
            action, fields = self._fill(page, choices)
            url = urllib.parse.urljoin(url, action)
            data = urllib.parse.urlencode(fields).encode()
        raise AssertionError(f"lost at {url}")

    def sign_in(self, url):
        """Open a page that wants somebody signed in; give what it shows then."""
        _, _, page = self._ask(url, None)
        action, fields = self._fill(page, {})
        sent = urllib.parse.urlencode(fields).encode()
        status, where, page = self._ask(urllib.parse.urljoin(url, action), sent)
        assert status == 303, page
        _, _, page = self._ask(urllib.parse.urljoin(url, where), None)
        return page

    def visit(self, url):
        """Fetch a page, for whoever waits there."""
        return self._ask(url, None)

    def _fill(self, page, choices):
        for action, fields in Forms(page).found:
            if "password" in fields:
                self.typed += 1
                return action, {**fields, "email": self.email, "password": self.password}
            if "decision" in fields:
                return action, {**fields, **choices}
        raise AssertionError(f"nothing to fill in:\n{page}")

    def _ask(self, url, data):
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"} if data else {}
        request = urllib.request.Request(url, data, headers)  # noqa: S310 - our own server
        try:
            with self._browser.open(request, timeout=10) as answer:
                return answer.status, "", answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.headers.get("Location", ""), answer.read().decode()
