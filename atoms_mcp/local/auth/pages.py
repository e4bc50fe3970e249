"""The few pages that the gateway itself shows, for people at their own machine.

They are not reachable from elsewhere: not from another host, not under another name (which a
page of a stranger could bind to this machine), and their answers are not for other origins.
"""

from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from atoms_mcp.local.auth.errors import AuthError, json_response
from atoms_mcp.local.auth.mailbox import Mail, Mailbox, render_mail
from atoms_mcp.local.auth.redirects import is_loopback_address
from atoms_mcp.local.auth.user import User

MAIL_PATH = "/mail"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}
article {{ border-top: 1px solid; padding: .5rem 0 }}
code {{ font-size: 1.25rem }}
button {{ font: inherit; padding: .4rem .8rem; margin: .2rem 0 }}
</style>
<h1>{title}</h1>
{content}
</html>
"""


class MailPage:
    """Shows what was mailed: as a page, and as JSON to whoever asks for that."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def show(self, request: web.Request) -> web.Response:
        """List the mails, the newest first: GET /mail, or /mail?to=<address>."""
        check_local(request)
        mails = self._mailbox.find(request.query.get("to", ""))
        if "application/json" in request.headers.get(hdrs.ACCEPT, ""):
            return json_response([render_mail(mail) for mail in mails], headers=HEADERS)
        return render_page("Mails of the embedded project", render_mails(mails))


def check_local(request: web.Request) -> None:
    """Let pass whoever sits at this machine and calls it by an address of its own.

    Raises:
        AuthError: not_found (404).
    """
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        host = ""
    is_here = is_loopback_address(request.remote or "")
    if not (is_here and (host == "localhost" or is_loopback_address(host))):
        raise AuthError(404, "not_found", "Not Found")


def render_page(title: str, content: str) -> web.Response:
    """Give a page; `content` is HTML."""
    return web.Response(
        text=PAGE.format(title=escape(title), content=content),
        content_type="text/html",
        headers=HEADERS,
    )


def render_mails(mails: Sequence[Mail]) -> str:
    """Give the list of mails as HTML."""
    if not mails:
        return "<p>Nothing was mailed since the start. Mails are kept here, never sent.</p>"
    return "\n".join(
        f"<article><p>{escape(mail.kind)} to <strong>{escape(mail.to)}</strong>, "
        f"{mail.sent_at:%H:%M:%S} UTC</p><p>Code <code>{escape(mail.code)}</code> or "
        f'<a href="{escape(mail.link)}">the link</a></p></article>'
        for mail in mails
    )


def render_accounts(users: Sequence[User], *, state: str, action: str) -> str:
    """Give the list of accounts to sign in as, and a way to refuse, as HTML."""
    buttons = "\n".join(
        f'<p><button name="code" value="{user.id}">{escape(user.email)}</button></p>'
        for user in users
    )
    return (
        "<p>This provider is pretended: it signs in as any account, without a password.</p>\n"
        f'<form action="{escape(action)}">\n'
        f'<input type="hidden" name="state" value="{escape(state)}">\n{buttons}\n'
        '<p><button name="error" value="access_denied">Cancel</button></p>\n</form>'
    )
