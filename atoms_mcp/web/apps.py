"""The apps of a user: which are connected, how they are shown, and how one is ended.

The list is read and changed with the user's own token, so that the database decides whose it
is. In mode delegated it is Supabase's own: what the user consented to at its OAuth server.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from atoms_mcp.identity.browser import BrowserSession
from atoms_mcp.identity.connections import Connection, TableMissing
from atoms_mcp.oauth.redirects import LOOPBACK_HOSTS
from atoms_mcp.oauth.scopes import WRITE_SCOPE, expand
from atoms_mcp.supabase.auth import Session
from atoms_mcp.supabase.authorization import Consent
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.web.age import measure_age
from atoms_mcp.web.asking import render_host
from atoms_mcp.web.keys import AUTH, BROWSERS, CONNECTIONS, GRANTS, SETTINGS
from atoms_mcp.web.label import render_label
from atoms_mcp.web.texts import Texts

SEPARATOR = " · "


def is_delegated(request: web.Request) -> bool:
    """Tell whether Supabase's own OAuth server connects the apps."""
    return request.app[SETTINGS].auth_mode == "delegated"


async def list_apps(request: web.Request, session: Session) -> list[Connection] | None:
    """Give what is connected; None where the project keeps no such list.

    Raises:
        SupabaseError: it cannot be asked.
    """
    if not is_delegated(request):
        try:
            return await request.app[CONNECTIONS].list(session.access_token)
        except TableMissing:
            return None
    try:
        consents = await request.app[AUTH].list_consents(session.access_token)
    except SupabaseError as exc:
        # The session was looked at a moment ago: what is refused is the list.
        if exc.kind == "refused":
            return None
        raise
    return [_to_connection(consent) for consent in consents]


async def end_app(
    request: web.Request, app: Connection, visitor: BrowserSession, session: Session
) -> bool:
    """End an app of the user's list, and tell whether that could be done.

    The browser stays signed in, on the same session even.

    Raises:
        SupabaseError, StoreDown: it could not be done.
    """
    if is_delegated(request):
        await request.app[AUTH].revoke_consent(session.access_token, app.client_id)
        return True
    if not await request.app[GRANTS].revoke_listed(app, visitor.user_id, visitor.sid):
        return False
    await request.app[CONNECTIONS].remove(app.id, session.access_token)
    return True


async def end_everything(request: web.Request, visitor: BrowserSession, session: Session) -> None:
    """Sign the user out everywhere: all apps, listed or not, and all browsers.

    First the apps are revoked here, which stops the access tokens that are under way; then
    Supabase ends the sessions, which stops every renewal. Whatever fails can be tried again.
    Supabase looks after its own apps, and remembers the consent: the next time they take a click.

    Raises:
        SessionOver: this session has ended already, so it can end no other.
        SupabaseError, StoreDown: it could not be done.
    """
    grants = request.app[GRANTS]
    await grants.revoke_all(visitor.user_id)
    await request.app[BROWSERS].end_everywhere(visitor)
    if not is_delegated(request):
        # The token is good for the database until it expires, whatever became of its session.
        await grants.clear_list(session.access_token)


def render_apps(apps: Iterable[Connection], texts: Texts, now: float) -> list[dict[str, Any]]:
    """Give the apps as the page shows them, the one used last first.

    `about` is one line, `moments` are labels with a time in words, for machines, and exactly.
    """
    newest_first = sorted(apps, key=lambda app: max(app.last_used_at, app.created_at), reverse=True)
    return [
        {
            "id": app.id,
            "name": render_label(app.client_name) or texts("client.nameless"),
            "about": SEPARATOR.join(_describe(app, texts)),
            "moments": [
                _render_moment(texts(f"account.{label}"), then, texts, now)
                for label, then in (("connected", app.created_at), ("used", app.last_used_at))
                if then
            ],
        }
        for app in newest_first
    ]


def _to_connection(consent: Consent) -> Connection:
    """Give an app of Supabase's as one of ours; it is not told where and when it works."""
    return Connection(
        id=consent.client_id,
        client_id=consent.client_id,
        client_name=consent.client_name,
        client_host=None,
        redirect_host="",
        scope="",
        session_id="",
        created_at=consent.granted_at,
    )


def _describe(app: Connection, texts: Texts) -> list[str]:
    """Give where an app is, who vouches for it, and what it may do."""
    places = dict.fromkeys((_render_place(app.redirect_host, texts), app.client_host or ""))
    access = "delegated.full"
    if app.scope:
        access = "scope.write" if WRITE_SCOPE in expand(app.scope.split()) else "scope.read"
    return [*(render_host(place) for place in places if place), texts(access)]


def _render_place(host: str, texts: Texts) -> str:
    """Give where an app is answered: a host of the network, or what is on the user's machine."""
    if host in LOOPBACK_HOSTS:
        return texts("client.computer")
    # As `oauth.redirects.redirect_host` writes the scheme of an app.
    is_private = "//" in host or host.endswith(":")
    return f"{texts('client.app')} ({host})" if is_private else host


def _render_moment(label: str, then: float, texts: Texts, now: float) -> dict[str, str]:
    unit, count = measure_age(then, now)
    exact = datetime.fromtimestamp(then, UTC)
    return {
        "label": label,
        "words": texts(f"age.{unit}" if count < 2 else f"age.{unit}s", count=count),  # noqa: PLR2004 - plural
        "iso": exact.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "exact": exact.strftime("%Y-%m-%d %H:%M UTC"),
    }
