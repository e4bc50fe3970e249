"""Mails with a code and a link in them: written, counted, remembered by their hash.

Source: Supabase Auth API.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import asyncpg
from aiohttp import web

from atoms_mcp.local.auth import code_store
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.code_store import Departure
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.limits import EVERYBODY
from atoms_mcp.local.auth.mailbox import Mail
from atoms_mcp.local.auth.pkce import Challenge, read_challenge
from atoms_mcp.local.auth.redirects import choose_redirect
from atoms_mcp.local.auth.user import User

CODE_LIMIT = 1_000_000
PKCE_PREFIX = "pkce_"
FLOW_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of mail: as what its token is kept, when it was sent last, what it proves."""

    token_type: str
    sent_at: str
    method: str


# A link to sign in and one to recover share a place: the newer mail voids the older one.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "signup": Kind("confirmation_token", "confirmation_sent_at", "email/signup"),
        "magiclink": Kind("recovery_token", "recovery_sent_at", "magiclink"),
        "recovery": Kind("recovery_token", "recovery_sent_at", "recovery"),
    }
)


@dataclass(frozen=True, slots=True)
class Way:
    """How whoever follows the link comes back: where to, and with what proof."""

    redirect_to: str
    challenge: Challenge | None


def read_way(request: web.Request, body: Mapping[str, Any], site_url: str) -> Way:
    """Read how to come back from a request for a mail.

    Raises:
        AuthError: validation_failed (400), the challenge is malformed.
    """
    asked = request.query.get("redirect_to", "")
    return Way(choose_redirect(asked, site_url), read_challenge(body))


async def send(
    context: Context, connection: asyncpg.Connection, user: User, kind: str, way: Way
) -> None:
    """Mail a new code and link to a user; the last ones of that kind are void.

    Raises:
        AuthError: over_email_send_rate_limit (429).
    """
    _count(context, user, kind)
    code = f"{secrets.randbelow(CODE_LIMIT):06d}"
    token_hash = hash_code(user.email, code)
    told, at = KINDS[kind], context.at()
    if way.challenge is not None:
        token_hash = PKCE_PREFIX + token_hash
        await code_store.remove_old(connection, at - FLOW_KEPT)
        departure = Departure("email", told.method, way.redirect_to, way.challenge)
        await code_store.add_flow(connection, departure, at, user.id)
    await code_store.put_token(
        connection, user.id, token_type=told.token_type, token_hash=token_hash, at=at
    )
    await auth_store.note_mail(connection, user.id, told.sent_at, at)
    query = {"token": token_hash, "type": kind, "redirect_to": way.redirect_to}
    link = f"{context.issuer}/verify?{urlencode(query)}"
    context.mailbox.put(Mail(to=user.email, kind=kind, sent_at=at, code=code, link=link))


def hash_code(email: str, code: str) -> str:
    """Give what is kept of a code; the link holds the same."""
    return hashlib.sha224((email + code).encode("utf-8", "surrogatepass")).hexdigest()


def _count(context: Context, user: User, kind: str) -> None:
    limits = context.limits
    sent_at = user.times.get(KINDS[kind].sent_at)
    if sent_at is not None:
        left_s = limits.mail_gap_s - (context.at() - sent_at).total_seconds()
        if left_s > 0:
            raise AuthError(
                429,
                "over_email_send_rate_limit",
                "For security purposes, you can only request this after "
                f"{int(left_s) + 1} seconds.",
            )
    if limits.mails is not None and not limits.mails.take(EVERYBODY):
        raise AuthError(429, "over_email_send_rate_limit", "email rate limit exceeded")
