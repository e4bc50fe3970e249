"""Signing in by password, for every door that offers it.

Holds what must be the same at all of them: the limits on failures, one answer for an unknown
user and a wrong password (in words, status and time), and what Supabase's refusals mean.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.attempts import Attempts, TooManyFailures
from atoms_mcp.identity.credentials import Credentials, check_token
from atoms_mcp.supabase.auth import Session, SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError

# Longer than a password hash upstream and the way there: Auth answers unknown users before
# it computes any hash, and the difference could be heard.
FAILURE_FLOOR_S = 0.35
BUSY_RETRY_S = 5


class SignInRefused(AtomsError):  # noqa: N818 - says what is the case
    """Nobody was signed in; everything here is for whoever tried.

    `status` is the HTTP status, `error` a stable code.
    """

    def __init__(
        self, status: int, error: str, message: str, hint: str, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(f"{error}: {message}")
        self.status = status
        self.error = error
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    error: str
    message: str
    hint: str
    is_failure: bool = False


WRONG_CREDENTIALS = _Refusal(
    401,
    "invalid_credentials",
    "Email or password is wrong.",
    "Check both; reset the password in the application that the account belongs to.",
    is_failure=True,
)
REFUSALS = {
    "invalid_credentials": WRONG_CREDENTIALS,
    # Auth says this before it looks at the password, so it has to count as a guess.
    "user_banned": _Refusal(
        403,
        "user_banned",
        "This user is banned.",
        "Ask an administrator of the Supabase project.",
        is_failure=True,
    ),
    "email_not_confirmed": _Refusal(
        403,
        "email_not_confirmed",
        "This email address is not confirmed yet.",
        "Open the link in the confirmation mail, then sign in again.",
    ),
    "captcha_failed": _Refusal(
        403,
        "captcha_failed",
        "The Supabase project asks for a captcha at sign-in, and none was passed.",
        "Send a fresh captcha_token with the login, or sign in on the project's own page and "
        "use that access token.",
    ),
    "email_provider_disabled": _Refusal(
        403,
        "password_sign_in_disabled",
        "The Supabase project does not allow signing in by password.",
        "Sign in on the project's own page and use that access token.",
    ),
    "validation_failed": _Refusal(
        400,
        "malformed",
        "Supabase does not take this as an email address and a password.",
        "Check that email is an email address.",
        is_failure=True,
    ),
}
# A refresh token's own end; each of them is final.
SESSION_OVER = _Refusal(
    401,
    "session_over",
    "The refresh token is not valid any more.",
    "Sign in again.",
)


class SignIn:
    """Opens and renews sessions; without `attempts` failures are not limited.

    Times are in seconds; `clock` is monotonic.
    """

    def __init__(
        self,
        auth: SupabaseAuth,
        attempts: Attempts | None,
        *,
        failure_floor_s: float = FAILURE_FLOOR_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._auth = auth
        self._attempts = attempts or Attempts(per_account=None, per_address=None)
        self._failure_floor_s = failure_floor_s
        self._clock = clock
        self._sleep = sleep

    async def by_password(self, credentials: Credentials, address: str | None) -> Session:
        """Open a session. `address` is the peer's, as far as it is known for sure.

        Raises:
            SignInRefused: Supabase said no, or there were too many failures.
            SupabaseError: it could not be asked (wrong, down, slow).
        """
        began_at = self._clock()
        try:
            async with self._attempts.begin(credentials.account, address) as attempt:
                try:
                    session = await self._auth.sign_in(
                        credentials.email,
                        credentials.password,
                        captcha_token=credentials.captcha_token,
                    )
                except SupabaseError as exc:
                    refusal = _find_refusal(exc, REFUSALS.get(exc.code or ""))
                    attempt.is_failure = refusal.is_failure
                    raise _refused(refusal) from exc
                attempt.is_success = True
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
            if exc.status == WRONG_CREDENTIALS.status:
                await self._sleep(self._failure_floor_s - (self._clock() - began_at))
            raise

    async def by_refresh_token(self, value: object) -> Session:
        """Renew a session.

        Raises:
            Malformed: not a refresh token at all.
            SignInRefused: the session is over, or Supabase is busy.
            SupabaseError: it could not be asked.
        """
        token = check_token("refresh_token", value)
        try:
            return await self._auth.refresh(token)
        except SupabaseError as exc:
            refusal = REFUSALS["user_banned"] if exc.code == "user_banned" else SESSION_OVER
            # 409: many refreshes of one session at once; the next one may do.
            is_final = exc.kind == "refused" and exc.status != 409  # noqa: PLR2004 - Conflict
            raise _refused(_find_refusal(exc, refusal if is_final else None)) from exc


def _find_refusal(exc: SupabaseError, known: _Refusal | None) -> _Refusal:
    """Give the refusal that Supabase meant.

    Raises:
        SignInRefused: (429) it has no time for us.
        SupabaseError: it could not be asked, or said something that is not its contract.
    """
    is_busy = exc.kind == "busy" or exc.status == 409  # noqa: PLR2004 - Conflict
    if is_busy:
        wait_s = exc.retry_after_s or BUSY_RETRY_S
        raise SignInRefused(
            429,
            "supabase_busy",
            "Supabase takes no more sign-ins at the moment.",
            f"Wait {wait_s} seconds, then try again.",
            retry_after_s=wait_s,
        ) from exc
    if exc.kind != "refused":
        raise exc
    if known is None:
        raise SupabaseError("wrong", exc.message, status=exc.status, code=exc.code) from exc
    return known


def _refused(refusal: _Refusal) -> SignInRefused:
    return SignInRefused(refusal.status, refusal.error, refusal.message, refusal.hint)
