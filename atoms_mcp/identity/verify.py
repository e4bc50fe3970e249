"""Token -> Caller, in the four modes.

- ``jwt``: checked here, by the project's keys
- ``simple``: checked here, and the live session is asked for as well
- ``bearer``: Supabase is asked; what can be seen to be wrong here is not even asked about
- ``delegated``: as simple; tokens come from Supabase's own OAuth server

What the OAuth endpoints handed out is opened first (`identity.access`), and the access token
inside is checked like any other.

A verified token is remembered by its SHA-256 until it expires, successes only. In all modes but
jwt the live session is asked for again after `session_check_s`: that is how long a revoked
session may go on. Whether a grant was revoked is looked up as often, in jwt mode too.

When Supabase cannot be asked, nobody can tell whether a token is good: `SupabaseError`, which
is neither a yes nor a no.

Source: RFC 7515, RFC 7519, RFC 8725; Supabase Auth (`GET /user`, signing keys).
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from atoms_mcp.identity.access import AccessTokens
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.claims import PARTS_OF_A_JWT, InvalidToken, read_claims
from atoms_mcp.identity.flight import Flight
from atoms_mcp.identity.jwks import Jwks
from atoms_mcp.identity.seal import PARTS_OF_A_JWE
from atoms_mcp.oauth.scopes import expand
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError

__all__ = ["InvalidToken", "Mode", "Verifier"]

Mode = Literal["simple", "bearer", "jwt", "delegated"]

MAX_TOKEN_BYTES = 8 * 1024
# In jwt mode nothing else is asked for again, so looking up grants need not follow the setting.
MIN_GRANT_CHECK_S = 15
MAX_REMEMBERED = 10_000
# Of tokens that cannot be checked here: about how many Supabase is asked at once, out of the
# hundred connections that sign-ins have too, and for how long one waits for its turn.
MAX_UNPROVED = 16
TURN_S = 5
ASYMMETRIC = frozenset({"ES256", "RS256", "EdDSA"})
SYMMETRIC = "HS256"
REASONS = {
    "session_not_found": "signed out",
    "user_not_found": "its user no longer exists",
    "user_banned": "its user is banned",
}


@dataclass(slots=True)
class _Known:
    """A verified token; `good_until` moves on as its session is asked for again."""

    caller: Caller
    good_until: float


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A token in parts, nothing verified."""

    token: str
    algorithm: str
    kid: str | None
    claims: dict[str, Any]


class Verifier:
    """Verifies access tokens of the project. `now` gives Unix seconds.

    `secret` is the project's HS256 secret, if it has one; without it tokens that are signed
    so are put before Supabase in every mode. `access` opens what the OAuth endpoints handed
    out; None where there are none. `accepts_jwt` says whether the project's own access tokens
    are taken as well (delegated: those that no client was named in).
    """

    def __init__(  # noqa: PLR0913 - each is a part or a setting of its own
        self,
        mode: Mode,
        jwks: Jwks,
        auth: SupabaseAuth,
        *,
        secret: str | None = None,
        access: AccessTokens | None = None,
        accepts_jwt: bool = True,
        session_check_s: float = 15,
        now: Callable[[], float] = time.time,
        max_remembered: int = MAX_REMEMBERED,
    ) -> None:
        self.mode = mode
        self._jwks = jwks
        self._auth = auth
        self._secret = secret
        self._access = access
        self._accepts_jwt = accepts_jwt
        self._now = now
        self._max_remembered = max_remembered
        # In jwt mode a session is never asked for again.
        self._session_check_s = float("inf") if mode == "jwt" else session_check_s
        self._grant_check_s = max(session_check_s, MIN_GRANT_CHECK_S if mode == "jwt" else 0)
        self._jws = PyJWS([*ASYMMETRIC, SYMMETRIC])
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._revoked: OrderedDict[str | None, None] = OrderedDict()
        self._flight: Flight[bytes, Caller] = Flight()
        self._turns = asyncio.Semaphore(MAX_UNPROVED)

    def get_remembered(self, token: str) -> Caller | None:
        """Give the caller if this token was verified lately enough: the fast way, no waiting."""
        key = _digest(token)
        known = self._known.get(key)
        if known is None or self._now() >= known.good_until:
            return None
        self._known.move_to_end(key)
        return known.caller

    async def verify(self, token: str) -> Caller:
        """Give the caller whose token this is.

        Raises:
            InvalidToken: it is not accepted.
            SupabaseError, StoreDown: nobody can tell at the moment.
        """
        caller = self.get_remembered(token)
        if caller is not None:
            return caller
        if len(token) > MAX_TOKEN_BYTES:
            raise InvalidToken("too long")
        parts = token.count(".") + 1
        if not token.isascii() or parts not in {PARTS_OF_A_JWT, PARTS_OF_A_JWE}:
            raise InvalidToken("not a token of this project")
        key = _digest(token)
        return await self._flight.share(key, lambda: self._verify_anew(key, token))

    def forget(self, token: str) -> None:
        """Verify this token from the ground when it comes again."""
        self._known.pop(_digest(token), None)

    def forget_session(self, session_id: str) -> None:
        """Forget all tokens of a session that was ended."""
        ended = [key for key, known in self._known.items() if known.caller.session_id == session_id]
        for key in ended:
            del self._known[key]

    def forget_grant(self, grant_id: str) -> None:
        """Forget all tokens of a grant that was revoked, those being verified included."""
        self._revoked[grant_id] = None
        if len(self._revoked) > self._max_remembered:
            self._revoked.popitem(last=False)
        ended = [key for key, known in self._known.items() if known.caller.grant_id == grant_id]
        for key in ended:
            del self._known[key]

    async def _verify_anew(self, key: bytes, token: str) -> Caller:
        started_at = self._now()
        try:
            caller = await self._find_caller(self._known.get(key), token)
        except InvalidToken:
            self._known.pop(key, None)
            raise
        check_s = self._session_check_s if caller.grant_id is None else self._grant_check_s
        self._known[key] = _Known(caller, min(started_at + check_s, caller.expires_at))
        self._known.move_to_end(key)
        if len(self._known) > self._max_remembered:
            self._known.popitem(last=False)
        return caller

    async def _find_caller(self, known: _Known | None, token: str) -> Caller:
        """Ask again about a token that is known; prove any other one.

        While a question stays open what is known stays so, for the next time it is asked.
        """
        if known is not None and self._now() < known.caller.expires_at:
            caller = known.caller
            await self._check_again(caller)
        else:
            caller = await self._prove(token)
        if caller.grant_id in self._revoked:
            raise InvalidToken("revoked")
        return caller

    async def _check_again(self, caller: Caller) -> None:
        """Ask what can have changed since the token was verified."""
        if caller.grant_id is not None:
            # Who was known goes on; whoever is new has to wait for the store.
            with suppress(StoreDown):
                await self._check_grant(caller.grant_id)
        if self.mode != "jwt":
            await self._ask(caller)

    async def _prove(self, token: str) -> Caller:
        """Check everything; what costs nothing comes first."""
        if token.count(".") == PARTS_OF_A_JWT - 1:
            return await self._prove_jwt(token, is_ours=False)
        if self._access is None:
            raise InvalidToken("not a token of this project")
        claims = self._access.open(token)
        await self._check_grant(claims.gid)
        caller = await self._prove_jwt(claims.jwt, is_ours=True)
        return replace(
            caller,
            scopes=expand(claims.scope.split()),
            expires_at=min(claims.exp, caller.expires_at),
            client_id=claims.client_id,
            grant_id=claims.gid,
            presented=token,
        )

    async def _check_grant(self, grant_id: str) -> None:
        assert self._access is not None  # noqa: S101 - nobody else names grants
        if await self._access.is_revoked(grant_id):
            raise InvalidToken("revoked")

    async def _prove_jwt(self, token: str, *, is_ours: bool) -> Caller:
        """Check a Supabase access token; `is_ours` says that it came inside of one of ours."""
        parsed = _parse(token)
        caller = read_claims(parsed.claims, issuer=self._auth.issuer, now=self._now(), token=token)
        if not (is_ours or self._accepts_jwt or self._is_delegated(caller)):
            raise InvalidToken("a Supabase access token, which is not taken here by itself")
        is_proved = self.mode != "bearer" and await self._is_signed(parsed)
        if not (is_proved or is_ours):
            await self._ask_in_turn(caller)
        elif not is_proved or self.mode != "jwt":
            await self._ask(caller)
        return caller

    def _is_delegated(self, caller: Caller) -> bool:
        return self.mode == "delegated" and caller.client_id is not None

    async def _is_signed(self, parsed: _Parsed) -> bool:
        """Check the signature; False where only Supabase can.

        Raises:
            InvalidToken: no key of the project made it.
        """
        key: Any = self._secret
        if parsed.algorithm != SYMMETRIC:
            found = await self._jwks.find(parsed.kid)
            # The algorithm is the key's. The token's must be the same, and decides nothing.
            if found is None or found.algorithm != parsed.algorithm:
                raise InvalidToken("not signed by a key of this project")
            key = found.key
        if key is None:
            return False
        try:
            self._jws.decode(parsed.token, key, algorithms=[parsed.algorithm])
        except PyJWTError:
            raise InvalidToken("bad signature") from None
        return True

    async def _ask_in_turn(self, caller: Caller) -> None:
        """Ask about a token that anybody may have made up: few at once, so that sign-ins have room.

        Raises:
            SupabaseError: (busy) too many such came before it; or as below.
        """
        try:
            async with asyncio.timeout(TURN_S):
                await self._turns.acquire()
        except TimeoutError:
            raise SupabaseError("busy", "too many tokens to ask about") from None
        try:
            await self._ask(caller)
        finally:
            self._turns.release()

    async def _ask(self, caller: Caller) -> None:
        """Ask Supabase for the live session and user."""
        try:
            user = await self._auth.get_user(caller.token)
        except SupabaseError as exc:
            raise _read_refusal(exc) from exc
        if user.id != caller.user_id or user.is_anonymous:
            raise InvalidToken("its user is not accepted")


def _read_refusal(exc: SupabaseError) -> SupabaseError | InvalidToken:
    """Tell a bad token from a question that went unanswered.

    Auth says 403 where one would expect 401, and 400 for a subject or audience it cannot
    read. Anything else says nothing about the token.
    """
    if exc.kind != "refused":
        return exc
    if exc.status in {401, 403} or exc.code in {"bad_jwt", "validation_failed"}:
        return InvalidToken(REASONS.get(exc.code or "", "not accepted by Supabase"))
    return SupabaseError("wrong", exc.message, status=exc.status, code=exc.code)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _parse(token: str) -> _Parsed:
    """Take the token apart; refuse algorithms that are never accepted here.

    Source: RFC 7515 section 4.1.11 (`crit`: what is not understood is refused; nothing is).
    """
    try:
        parts = PyJWS().decode_complete(token, options={"verify_signature": False})
        claims = orjson.loads(parts["payload"])
    except (PyJWTError, ValueError):
        raise InvalidToken("malformed") from None
    header = parts["header"]
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in {*ASYMMETRIC, SYMMETRIC}:
        raise InvalidToken("signed in a way that is not accepted")
    if "crit" in header or "b64" in header or not isinstance(claims, dict):
        raise InvalidToken("malformed")
    return _Parsed(token, algorithm, header.get("kid"), claims)
