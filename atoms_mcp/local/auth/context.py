"""What the handlers of Auth share.

Source: Supabase Auth API.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
from aiohttp import hdrs, web

from atoms_mcp.local.auth.bearers import Bearers
from atoms_mcp.local.auth.body import check_captcha, read_object
from atoms_mcp.local.auth.limits import Buckets, Limits, take
from atoms_mcp.local.auth.mailbox import Mailbox
from atoms_mcp.local.auth.options import Options
from atoms_mcp.local.auth.passwords import Passwords
from atoms_mcp.local.auth.sessions import Sessions
from atoms_mcp.local.auth.store import Entry
from atoms_mcp.local.keys import KeyRing

USER_AGENT_CHARS = 500


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that several groups of endpoints work with.

    `issuer` is the URL of Auth; `anon_key` as a bearer means that nobody is signed in.
    """

    pool: asyncpg.Pool
    ring: KeyRing
    issuer: str
    anon_key: str
    limits: Limits = field(default_factory=Limits)
    options: Options = field(default_factory=Options)
    now: Callable[[], float] = time.time
    sessions: Sessions = field(init=False)
    bearers: Bearers = field(init=False)
    mailbox: Mailbox = field(default_factory=Mailbox, init=False)
    passwords: Passwords = field(default_factory=Passwords, init=False)

    def __post_init__(self) -> None:
        """Make what is made of the rest."""
        sessions = Sessions(
            self.pool, self.ring, self.issuer, self.now, life_s=self.options.token_life_s
        )
        object.__setattr__(self, "sessions", sessions)
        bearers = Bearers(self.pool, self.ring, self.anon_key, self.now)
        object.__setattr__(self, "bearers", bearers)

    def at(self) -> datetime:
        """Give the time, as rows have it."""
        return datetime.fromtimestamp(self.now(), UTC)

    async def read(
        self, request: web.Request, buckets: Buckets | None, *, has_captcha: bool = False
    ) -> dict[str, Any]:
        """Give the body of a request that is counted; `has_captcha` for what bots would use.

        Raises:
            AuthError: captcha_failed (400), which comes first; over_request_rate_limit (429).
        """
        body = await read_object(request)
        if has_captcha and self.options.has_captcha:
            check_captcha(body)
        take(buckets, request.remote)
        return body


def entry(request: web.Request, method: str, provider: str | None = None) -> Entry:
    """Tell how and from where somebody comes in."""
    agent = request.headers.get(hdrs.USER_AGENT)
    return Entry(
        method=method,
        provider=provider,
        user_agent=agent and agent[:USER_AGENT_CHARS],
        ip=request.remote,
    )
