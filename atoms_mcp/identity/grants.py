"""Grants: from a user's consent to codes and tokens, and to their end.

A grant is one consent of one user for one client. What a client holds is sealed, so nothing of a
grant is stored but what ends it: that a code was used, which generation of refresh tokens is the
newest, and that it was revoked. `identity.chains` keeps the Supabase session that it lives on.

Source: RFC 6749 sections 4.1.2, 4.1.3, 5.1 and 6; RFC 7009; RFC 8707; OAuth 2.1 sections 4.1
and 4.3 (replayed codes, rotation of refresh tokens).
"""

import secrets
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from atoms_mcp.identity.access import AccessClaims, AccessTokens, name_client
from atoms_mcp.identity.browser import BrowserSession, BrowserSessions
from atoms_mcp.identity.chains import Chains, SessionOver, SessionUnknown, find_expiry
from atoms_mcp.identity.claims import InvalidToken, peek
from atoms_mcp.identity.connections import Connection, client_key
from atoms_mcp.identity.ledger import Ledger
from atoms_mcp.identity.records import Claims, CodeClaims, RefreshClaims, open_claims, seal_claims
from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.oauth.authorize import AuthorizationRequest
from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.errors import OAuthError
from atoms_mcp.oauth.pkce import verifier_matches
from atoms_mcp.oauth.redirects import redirect_host
from atoms_mcp.oauth.resources import find_resource
from atoms_mcp.oauth.scopes import narrow, render_scope
from atoms_mcp.oauth.token_request import CodeGrant, RefreshGrant
from atoms_mcp.store.store import Store
from atoms_mcp.supabase.auth import Session
from atoms_mcp.supabase.errors import SupabaseError

CODE_LIFETIME_S = 60
REFRESH_LIFETIME_S = 30 * 24 * 3600
# A code is remembered for longer than it lives: shown twice, it was stolen, however late.
CODE_REMEMBERED_S = 3600
# For how long a refresh token that was traded is answered again. Beyond that it is a replay: of
# two who hold it, one renews first and the other comes with the one before, however late.
REUSE_S = 10
# A fresh grant gets a token that lives for long: some clients log in anew when it ends.
MARGIN_S = 30 * 60
AGAIN = "connect again, so that the user can sign in"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What a client gets. `scope` is as granted to the access token; `user_id` is for the log."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int
    scope: str
    user_id: str


class Grants:
    """Issues, trades and revokes. `now` gives Unix seconds.

    Every method that waits raises `StoreDown` where the store cannot be asked, and
    `SupabaseError` where Supabase cannot; neither says anything about the grant.
    """

    def __init__(  # noqa: PLR0913 - the parts that a grant goes through
        self,
        seal: Seal,
        store: Store,
        chains: Chains,
        browsers: BrowserSessions,
        *,
        access: AccessTokens,
        verifier: Verifier,
        ledger: Ledger,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._seal = seal
        self._store = store
        self._chains = chains
        self._holders = chains.holders
        self._browsers = browsers
        self._access = access
        self._verifier = verifier
        self._ledger = ledger
        self._now = now

    async def issue_code(
        self,
        request: AuthorizationRequest,
        scopes: Iterable[str],
        browser: BrowserSession,
        issuer: str,
    ) -> str:
        """Give the code for a consent; `scopes` are those that the user agreed to.

        Raises:
            SessionOver: the user is no longer signed in.
        """
        session = await self._browsers.current(browser)
        client = request.client
        code = CodeClaims(
            jti=secrets.token_urlsafe(16),
            gid=str(uuid.uuid4()),
            sid=browser.sid,
            rt=session.refresh_token,
            uid=browser.user_id,
            client_id=name_client(client.client_id),
            shown_id=client_key(client.client_id),
            client_name=client.name,
            client_host=client.host,
            redirect_uri=request.redirect_uri,
            has_redirect_uri=request.has_redirect_uri,
            challenge=request.code_challenge,
            resource=request.resource,
            issuer=issuer,
            scope=render_scope(scopes),
            exp=int(self._now()) + CODE_LIFETIME_S,
        )
        return seal_claims(self._seal, code)

    async def redeem(self, grant: CodeGrant, client: Client) -> TokenAnswer:
        """Trade a code for tokens, once; the second time ends what the first one gave.

        Raises:
            OAuthError: invalid_grant, invalid_target.
        """
        code = self._open(CodeClaims, grant.code)
        self._check_code(code, grant, client)
        now = self._now()
        until = now + REFRESH_LIFETIME_S
        session = None
        if not await self._store.is_marked(_code_key(code)):
            if now >= code.exp:
                raise _refused(f"The code has expired; {AGAIN}")
            # First what can fail for a while: a code that was not answered can be sent again.
            session = await self._find_session(code)
            await self._holders.add(code.uid, code.sid, code.gid, until)
        if session is None or not await self._take(code):
            await self._end_stolen(code)
            raise _refused(f"The code was used before, so its tokens are revoked; {AGAIN}")
        first = RefreshClaims(
            gid=code.gid,
            sid=code.sid,
            rt=session.refresh_token,
            uid=code.uid,
            client_id=code.client_id,
            scope=code.scope,
            iss=code.issuer,
            aud=code.resource,
            n=0,
            exp=int(until),
        )
        answer = self._answer(first, code.scope, session)
        self._ledger.record(_to_connection(code), session.access_token)
        return answer

    async def refresh(self, grant: RefreshGrant, client: Client) -> TokenAnswer:
        """Trade a refresh token for the next one.

        The one before the newest is answered for a few seconds more, with the newest: an
        answer gets lost, and processes of a client share a token. After that, and for any
        older one, the grant ends.

        Raises:
            OAuthError: invalid_grant, invalid_target, invalid_scope.
        """
        held = self._open(RefreshClaims, grant.refresh_token)
        self._check_refresh(held, grant, client)
        scope = render_scope(narrow(held.scope.split(), grant.scope))
        if await self._holders.is_revoked(held.gid):
            raise _refused(f"The grant was revoked; {AGAIN}")
        newest, renewed_at = await self._find_newest(held)
        is_late = self._now() - renewed_at > REUSE_S
        if held.n < newest - 1 or (held.n < newest and is_late):
            await self._end_stolen(held)
            raise _refused(f"The refresh token was used before, so the grant has ended; {AGAIN}")
        try:
            if held.n == newest:
                session = await self._chains.renew(held.sid, held.rt)
            else:
                session = await self._chains.current(held.sid, held.rt)
        except SessionOver:
            await self._mark(held.uid, held.gid)
            raise _refused(f"The session at Supabase has ended; {AGAIN}") from None
        following = max(newest, held.n + 1)
        until = self._now() + REFRESH_LIFETIME_S
        if following > newest:
            # The generation last: what fails before it can be sent again, as late as it may be.
            await self._holders.add(held.uid, held.sid, held.gid, until)
            await self._store.put(_grant_key(held.gid), f"{following} {self._now():.0f}", until)
        successor = replace(held, rt=session.refresh_token, n=following, exp=int(until))
        answer = self._answer(successor, scope, session)
        self._ledger.touch(held.gid, session.access_token)
        return answer

    async def revoke_token(self, token: str, client: Client) -> None:
        """Revoke the grant that a token (access or refresh, expired or not) belongs to.

        What is no token of ours is passed over.

        Raises:
            OAuthError: invalid_grant; it was issued to another client.

        Source: RFC 7009 sections 2.1 and 2.2.
        """
        rt: str | None = None
        held: RefreshClaims | AccessClaims
        try:
            held = open_claims(self._seal, RefreshClaims, token)
            uid, sid, rt = held.uid, held.sid, held.rt
        except SealBroken:
            try:
                held = self._access.open_any(token)
            except InvalidToken:
                return
            said = peek(held.jwt)
            uid, sid = str(said.get("sub")), str(said.get("session_id"))
        if held.client_id != name_client(client.client_id):
            raise _refused("The token was issued to another client")
        await self._end(uid, held.gid, sid, rt)

    async def revoke_proved(self, uid: str, gid: str, sid: str | None, jwt: str) -> None:
        """Revoke a grant that the user has shown a token of; `jwt` is the one inside.

        Its session ends with it where no other grant lives on it.
        """
        await self._mark(uid, gid)
        self._ledger.remove(gid, jwt)
        if sid is not None:
            await self._end_unheld(uid, sid)

    async def revoke_listed(self, connection: Connection, uid: str, kept_sid: str) -> bool:
        """Revoke a grant of the user's list, and tell whether it is over now.

        The list is the user's own to write, so it proves nothing: only what the store knows as
        this user's is touched. `kept_sid` is the session of the browser, which stays signed in.
        Where the store has lost the grant, its session is ended if that is this user's.
        """
        gid = connection.id
        sid = (await self._holders.get_all(uid)).get(gid)
        if sid is not None:
            await self._mark(uid, gid)
            if sid != kept_sid:
                await self._end_unheld(uid, sid)
            return True
        used_at = max(connection.last_used_at, connection.created_at)
        if self._now() >= used_at + REFRESH_LIFETIME_S or await self._holders.is_revoked(gid):
            return True
        return connection.session_id != kept_sid and await self._end_own(uid, connection.session_id)

    async def revoke_all(self, uid: str) -> None:
        """Revoke all grants of a user, so that their sessions can be ended; can be repeated."""
        for gid, sid in (await self._holders.get_all(uid)).items():
            await self._holders.revoke(gid, self._now() + REFRESH_LIFETIME_S)
            self._verifier.forget_grant(gid)
            self._verifier.forget_session(sid)

    async def clear_list(self, jwt: str) -> None:
        """Strike all off the list of the user whose access token this is; never fails."""
        await self._ledger.clear(jwt)

    def _check_code(self, code: CodeClaims, grant: CodeGrant, client: Client) -> None:
        """Check who redeems, and with what; nothing is used up by a wrong one."""
        if code.client_id != name_client(client.client_id):
            raise _refused("The code was issued to another client")
        named = grant.redirect_uri
        if named != code.redirect_uri and (named is not None or code.has_redirect_uri):
            raise _refused("redirect_uri is not the one of the authorization request")
        if not verifier_matches(grant.verifier, code.challenge):
            raise _refused("code_verifier does not belong to the code_challenge")
        self._check_target(code.resource, code.issuer, grant.resource)

    def _check_refresh(self, held: RefreshClaims, grant: RefreshGrant, client: Client) -> None:
        if held.client_id != name_client(client.client_id):
            raise _refused("The refresh token was issued to another client")
        if self._now() >= held.exp:
            raise _refused(f"The refresh token has expired; {AGAIN}")
        self._check_target(held.aud, held.iss, grant.resource)

    def _check_target(self, resource: str, issuer: str, asked: str | None) -> None:
        """Check that a grant is for this server, and for what the client says it is."""
        if self._access.issuers.get(resource) != issuer:
            raise _refused("It was issued for another server")
        if asked is not None and find_resource([asked], [resource], resource) is None:
            raise OAuthError("invalid_target", f"The grant is for {resource}")

    async def _find_session(self, code: CodeClaims) -> Session:
        try:
            return await self._chains.current(code.sid, code.rt, margin_s=MARGIN_S)
        except SessionOver:
            raise _refused(f"The session at Supabase has ended; {AGAIN}") from None

    async def _take(self, code: CodeClaims) -> bool:
        """Use a code up; false for all but the first."""
        return await self._store.take_once(_code_key(code), self._now() + CODE_REMEMBERED_S)

    async def _find_newest(self, held: RefreshClaims) -> tuple[int, float]:
        """Give the newest generation, and when it was made (Unix seconds).

        Where nothing is known of it, the one that came is the newest.
        """
        kept = await self._store.get(_grant_key(held.gid))
        number, _, renewed_at = (kept or "").partition(" ")
        return max(int(number or 0), held.n), float(renewed_at or 0)

    def _answer(self, refresh: RefreshClaims, scope: str, session: Session) -> TokenAnswer:
        expires_at = find_expiry(session)
        claims = AccessClaims(
            gid=refresh.gid,
            client_id=refresh.client_id,
            scope=scope,
            iss=refresh.iss,
            aud=refresh.aud,
            exp=expires_at,
            jwt=session.access_token,
        )
        try:
            access = self._access.make(claims)
        except ValueError:
            raise OAuthError(
                "invalid_request",
                "The access tokens of this Supabase project are too long to be sealed; "
                "its operator can make them shorter (custom claims)",
            ) from None
        sealed = seal_claims(self._seal, refresh)
        life_s = max(0, int(expires_at - self._now()))
        return TokenAnswer(access, sealed, life_s, scope, refresh.uid)

    def _open(self, kind: type[Claims], text: str) -> Claims:
        try:
            return open_claims(self._seal, kind, text)
        except SealBroken:
            raise _refused(f"That is none that this server handed out; {AGAIN}") from None

    async def _mark(self, uid: str, gid: str) -> None:
        """Revoke a grant: here at once, elsewhere as soon as they look."""
        until = self._now() + REFRESH_LIFETIME_S
        await self._holders.revoke(gid, until)
        self._verifier.forget_grant(gid)
        await self._holders.remove(uid, gid, until)

    async def _end_unheld(self, uid: str, sid: str) -> None:
        """End a session where no grant lives on it any more."""
        if not await self._holders.has_any(uid, sid):
            await self._chains.end(sid, None)
            self._verifier.forget_session(sid)

    async def _end_own(self, uid: str, sid: str) -> bool:
        """End a session if it is this user's, and tell whether it is over now."""
        try:
            session = await self._chains.current(sid, None, margin_s=0)
        except SessionOver as exc:
            return not isinstance(exc, SessionUnknown)
        if session.user.id != uid:
            return False
        await self._chains.sign_out(sid, session, "local")
        self._verifier.forget_session(sid)
        return True

    async def _end(self, uid: str, gid: str, sid: str, rt: str | None) -> None:
        """Revoke a grant, strike it off the list, and end its session where it is the last."""
        await self._mark(uid, gid)
        try:
            session = await self._chains.current(sid, rt, margin_s=0)
        except SessionOver:
            return
        self._ledger.remove(gid, session.access_token)
        if not await self._holders.has_any(uid, sid):
            await self._chains.sign_out(sid, session, "local")
            self._verifier.forget_session(sid)

    async def _end_stolen(self, held: CodeClaims | RefreshClaims) -> None:
        """End a grant whose code or token came twice; it is over, whatever Supabase says."""
        log.warning(
            "grant.replayed",
            grant_id=held.gid,
            user_id=held.uid,
            kind="code" if isinstance(held, CodeClaims) else "refresh token",
            hint="somebody else may have seen it, or the client has lost track",
        )
        with suppress(SupabaseError):
            await self._end(held.uid, held.gid, held.sid, held.rt)


def _refused(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)


def _to_connection(code: CodeClaims) -> Connection:
    return Connection(
        id=code.gid,
        client_id=code.shown_id,
        client_name=code.client_name,
        client_host=code.client_host,
        redirect_host=redirect_host(code.redirect_uri),
        scope=code.scope,
        session_id=code.sid,
    )


def _code_key(code: CodeClaims) -> str:
    return f"code:{code.jti}"


def _grant_key(gid: str) -> str:
    return f"grant:{gid}"
