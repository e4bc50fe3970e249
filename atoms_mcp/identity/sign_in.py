"""Every way to sign in and sign up: the one door that all others lead through.

Holds what must be the same at all of them: the limits on failures, one answer for an unknown
user and a wrong proof (in words, status and time), and the checks of what somebody typed
before anybody upstream sees it. What Supabase's refusals mean is in `refusals`.

An external provider, and a link in a mail, come back with a code that only the verifier
redeems, which never leaves this side.

Source: Supabase Auth API; RFC 7636; OWASP ASVS 5.0 section 6.3.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping

from atoms_mcp.identity import refusals
from atoms_mcp.identity.attempts import Attempts, TooManyFailures
from atoms_mcp.identity.credentials import (
    Credentials,
    account_key,
    check_code,
    check_email,
    check_new_password,
    check_refresh_token,
    check_token,
    way_key,
)
from atoms_mcp.identity.mails import MAIL_FLOOR_S, Mails, MailSent
from atoms_mcp.identity.project import Project
from atoms_mcp.identity.proof import make_proof
from atoms_mcp.identity.quota import Quota
from atoms_mcp.identity.refusals import Refusal, SignInRefused, find_refusal
from atoms_mcp.identity.second_factor import TOTP, needs_second_factor
from atoms_mcp.supabase.auth import CodeType, Session, SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError

__all__ = ["MailSent", "SignIn", "SignInRefused", "needs_second_factor"]

# Longer than a password hash upstream and the way there: Auth answers unknown users before
# it computes any hash, and the difference could be heard.
FAILURE_FLOOR_S = 0.35
# A provider that tells no address unless it is asked for it.
SCOPES = {"azure": "email"}

Open = Callable[[], Coroutine[object, object, Session]]


class SignIn:
    """Opens, renews and ends sessions; without `attempts` failures are not limited.

    `mails` is how many an address may ask for, without it any number. Times are in seconds;
    `clock` is monotonic. An `address` is the client's as far as it is known for sure, or None.
    What somebody typed is taken as it came, of any type: `Malformed` says which field is wrong,
    before anything goes upstream.
    """

    def __init__(  # noqa: PLR0913 - each is a part or a setting of its own
        self,
        auth: SupabaseAuth,
        attempts: Attempts | None,
        *,
        mails: Quota | None = None,
        failure_floor_s: float = FAILURE_FLOOR_S,
        mail_floor_s: float = MAIL_FLOOR_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.project = Project(auth, clock)
        self._auth = auth
        self._attempts = attempts or Attempts(per_account=None, per_address=None)
        self._mails = Mails(mails, floor_s=mail_floor_s, clock=clock, sleep=sleep)
        self._failure_floor_s = failure_floor_s
        self._clock = clock
        self._sleep = sleep

    async def by_password(self, credentials: Credentials, address: str | None) -> Session:
        """Open a session.

        Raises:
            SignInRefused: Supabase said no, or there were too many failures.
            SupabaseError: it could not be asked (wrong, down, slow).
        """

        async def ask() -> Session:
            return await self._auth.sign_in(
                credentials.email, credentials.password, captcha_token=credentials.captcha_token
            )

        return await self._attempt(ask, refusals.PASSWORD, credentials.account, address)

    async def by_code(
        self, email: object, code: object, address: str | None, *, kind: CodeType = "email"
    ) -> Session:
        """Open a session by a code that was mailed; `kind` is what it was mailed for.

        Raises:
            Malformed: email or code cannot be one.
            SignInRefused: wrong, expired, used, or too many failures.
            SupabaseError: it could not be asked.
        """
        checked, token = check_email(email), check_code(code)
        return await self._attempt(
            lambda: self._auth.verify_code(checked, token, kind),
            refusals.CODE,
            account_key(checked),
            address,
        )

    async def by_second_factor(
        self, session: Session, factor_id: str, code: object, address: str | None
    ) -> Session:
        """Raise a session by the code of an authenticator; the one before is spent.

        Raises:
            Malformed: code cannot be one.
            SignInRefused: wrong, too late, too many failures, or not a factor of this user
                whose codes an authenticator shows.
            SupabaseError: it could not be asked.
        """
        checked = check_code(code)
        types = {factor.id: factor.type for factor in session.user.factors}
        if factor_id not in types:
            raise refusals.SECOND_FACTOR_GONE.error_for()
        if types[factor_id] != TOTP:
            raise refusals.NO_SECOND_FACTORS.error_for()

        async def ask() -> Session:
            # Both in one go, since Auth wants them from one address.
            token = session.access_token
            challenge_id = await self._auth.challenge_factor(token, factor_id)
            return await self._auth.verify_factor(token, factor_id, challenge_id, checked)

        account = account_key(session.user.email or session.user.id)
        return await self._attempt(ask, refusals.SECOND_FACTOR, account, address)

    async def begin_provider(self, provider: object, callback_url: str) -> tuple[str, str]:
        """Give where to send the browser, and the verifier to keep until it is back.

        Raises:
            SignInRefused: the project does not offer this provider.
            SupabaseError: nobody can tell which it offers.
        """
        settings = await self.project.settings()
        if not isinstance(provider, str) or provider not in settings.providers:
            raise refusals.NO_PROVIDER.error_for()
        proof = make_proof()
        url = self._auth.authorize_url(
            provider, callback_url, proof.challenge, SCOPES.get(provider)
        )
        return url, proof.verifier

    async def by_provider(self, auth_code: object, verifier: str, address: str | None) -> Session:
        """Open a session by what a browser brought back, from a provider or a mail's link.

        Raises:
            Malformed: the code cannot be one.
            SignInRefused: it is not of this verifier, was used, has expired, or there were too
                many failures.
            SupabaseError: it could not be asked.
        """
        checked = check_token("code", auth_code)
        # Nobody guesses such a code. But each try takes from the number of sign-ins that Supabase
        # grants all users of this server together, and no account is known to count it for.
        return await self._attempt(
            lambda: self._auth.exchange_code(checked, verifier),
            refusals.EXCHANGE,
            way_key(address),
            address,
        )

    async def by_refresh_token(self, value: object, address: str | None) -> Session:
        """Renew a session; how often is not limited, but how often it fails.

        Raises:
            Malformed: not a refresh token at all.
            SignInRefused: the session is over, Supabase is busy, or there were too many failures.
            SupabaseError: it could not be asked.
        """
        token = check_refresh_token(value)
        # As in `by_provider`: nobody guesses one, but each try takes from what all users share.
        return await self._attempt(
            lambda: self._auth.refresh(token), refusals.REFRESH, way_key(address), address
        )

    async def request_code(
        self,
        email: object,
        address: str | None,
        redirect_to: str | None = None,
        *,
        captcha_token: str | None = None,
    ) -> MailSent:
        """Mail a code, and a link to `redirect_to`, if there is such an account.

        Raises:
            Malformed: email cannot be one.
            SignInRefused: too many mails, a captcha is missing, no sign-in by email.
            SupabaseError: it could not be asked.
        """
        return await self._request(self._auth.send_code, email, address, redirect_to, captcha_token)

    async def request_recovery(
        self,
        email: object,
        address: str | None,
        redirect_to: str | None = None,
        *,
        captcha_token: str | None = None,
    ) -> MailSent:
        """Mail a way to set a new password, if there is such an account.

        Its link, or its code by `by_code(kind="recovery")`, opens a session for `set_password`.

        Raises:
            Malformed, SignInRefused, SupabaseError: as in `request_code`.
        """
        return await self._request(self._auth.recover, email, address, redirect_to, captcha_token)

    async def sign_up(
        self,
        email: object,
        password: object,
        captcha_token: str | None,
        address: str | None,
        redirect_to: str | None = None,
    ) -> Session | MailSent:
        """Make an account: signed in at once, or after a mail, as the project wants it.

        Where a mail has to confirm it, an address that has an account is answered alike.

        Raises:
            Malformed: email or password cannot be one.
            SignInRefused: no sign-ups, a weak password, too many mails, a captcha is missing;
                registered already, where the project tells that.
            SupabaseError: it could not be asked.
        """
        checked, secret = check_email(email), check_new_password(password)
        verifier, challenge = _proof_for(redirect_to)

        async def ask() -> Session | None:
            return await self._auth.sign_up(
                checked,
                secret,
                captcha_token=captcha_token,
                redirect_to=redirect_to,
                code_challenge=challenge,
            )

        if not (await self.project.settings()).is_autoconfirm:
            await self._mails.request(ask, refusals.SIGN_UP, address)
            return MailSent(verifier)
        await self._mails.count(address)
        try:
            return await ask() or MailSent(verifier)
        except SupabaseError as exc:
            raise find_refusal(exc, refusals.SIGN_UP_OPENLY).error_for(exc) from exc

    async def set_password(self, session: Session, password: object) -> None:
        """Give the account of this session a new password, which ends its other sessions.

        Raises:
            Malformed: no account can have it.
            SignInRefused: weak, the same as before, or a fresh proof is wanted first.
            SupabaseError: it could not be asked.
        """
        secret = check_new_password(password)
        try:
            await self._auth.update_user(session.access_token, password=secret)
        except SupabaseError as exc:
            raise find_refusal(exc, refusals.NEW_PASSWORD).error_for(exc) from exc

    async def _request(
        self,
        send: Callable[..., Coroutine[object, object, None]],
        email: object,
        address: str | None,
        redirect_to: str | None,
        captcha_token: str | None,
    ) -> MailSent:
        """Ask for a mail; `send` is the method of Auth that sends it."""
        checked = check_email(email)
        verifier, challenge = _proof_for(redirect_to)
        ask = functools.partial(
            send,
            checked,
            code_challenge=challenge,
            redirect_to=redirect_to,
            captcha_token=captcha_token,
        )
        await self._mails.request(ask, refusals.MAIL, address)
        return MailSent(verifier)

    async def _attempt(
        self, ask: Open, table: Mapping[str, Refusal], account: str, address: str | None
    ) -> Session:
        """Open a session by a proof that can be guessed: limited, and never telling by time."""
        began_at = self._clock()
        try:
            async with self._attempts.begin(account, address) as attempt:
                try:
                    session = await ask()
                except SupabaseError as exc:
                    refusal = find_refusal(exc, table)
                    attempt.is_failure = refusal.is_failure
                    raise refusal.error_for() from exc
                # Half a sign-in clears nothing: whoever knows the password could otherwise
                # guess at the second factor for ever, signing in again between guesses.
                attempt.is_success = needs_second_factor(session) is None
                return session
        except TooManyFailures as exc:
            raise SignInRefused(
                429,
                "too_many_failures",
                "Too many failed sign-ins from this address or for this account.",
                f"Wait {exc.retry_after_s} seconds, then try again. Sessions that are open go on.",
                retry_after_s=exc.retry_after_s,
            ) from None
        except SignInRefused as exc:
            if exc.status == refusals.WRONG_CREDENTIALS.status:
                await self._sleep(self._failure_floor_s - (self._clock() - began_at))
            raise


def _proof_for(redirect_to: str | None) -> tuple[str | None, str | None]:
    """Give verifier and challenge for a link that leads back here.

    None where it leads to the project's own site, which would not have the verifier.
    """
    if redirect_to is None:
        return None, None
    proof = make_proof()
    return proof.verifier, proof.challenge
