"""What Supabase's refusals mean to whoever signs in: one table a door.

A refusal that counts as a guess says so here. Words of Supabase are never passed on.

Source: Supabase Auth API, error codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from atoms_mcp.errors import AtomsError
from atoms_mcp.supabase.errors import SupabaseError

BUSY_RETRY_S = 5
CONFLICT = 409


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
class Refusal:
    """One row: what to say, and whether it was a guess that failed."""

    status: int
    error: str
    message: str
    hint: str
    is_failure: bool = False

    def error_for(self, upstream: SupabaseError | None = None) -> SignInRefused:
        """Make the error; a weak password is told what it lacks."""
        message = self.message
        reasons = [WEAKNESSES[r] for r in (upstream.reasons if upstream else ()) if r in WEAKNESSES]
        if reasons:
            message = f"{message.removesuffix('.')}: {' and '.join(reasons)}."
        return SignInRefused(self.status, self.error, message, self.hint)


WEAKNESSES = {
    "length": "it is too short",
    "characters": "it lacks a kind of character that the project asks for",
    "pwned": "it is known from a leak",
}
BEGIN_AGAIN = "Begin again."

WRONG_CREDENTIALS = Refusal(
    401,
    "invalid_credentials",
    "Email or password is wrong.",
    "Check both; reset the password in the application that the account belongs to.",
    is_failure=True,
)
# Auth says this before it looks at any proof, so it has to count as a guess.
BANNED = Refusal(
    403,
    "user_banned",
    "This user is banned.",
    "Ask an administrator of the Supabase project.",
    is_failure=True,
)
UNCONFIRMED = Refusal(
    403,
    "email_not_confirmed",
    "This email address is not confirmed yet.",
    "Open the link in the confirmation mail, then sign in again.",
)
CAPTCHA = Refusal(
    403,
    "captcha_failed",
    "The Supabase project asks for a captcha at sign-in, and none was passed.",
    "Send a fresh captcha_token with the login, or sign in on the project's own page and "
    "use that access token.",
)
NO_PASSWORDS = Refusal(
    403,
    "password_sign_in_disabled",
    "The Supabase project does not allow signing in by password.",
    "Sign in on the project's own page and use that access token.",
)
NO_MAILS = Refusal(
    403,
    "email_sign_in_disabled",
    "The Supabase project does not allow signing in by email.",
    "Sign in another way.",
)
MALFORMED = Refusal(
    400,
    "malformed",
    "Supabase does not take this as an email address and a password.",
    "Check that email is an email address.",
    is_failure=True,
)
# A session's own end; each of them is final.
SESSION_OVER = Refusal(
    401,
    "session_over",
    "The refresh token is not valid any more.",
    "Sign in again.",
    is_failure=True,
)
SIGNED_OUT = Refusal(401, "session_over", "This sign-in has ended.", "Sign in again.")
WRONG_CODE = Refusal(
    401,
    "code_refused",
    "The code is wrong or has expired.",
    "Take the code of the newest mail, or ask for another one.",
    is_failure=True,
)
WRONG_SECOND_FACTOR = Refusal(
    401,
    "second_factor_refused",
    "The code of the second factor is wrong.",
    "Wait for the next code of the authenticator, and check that its clock is right.",
    is_failure=True,
)
SECOND_FACTOR_EXPIRED = Refusal(
    CONFLICT,
    "second_factor_expired",
    "The code could not be checked in time.",
    "Enter the code that the authenticator shows now.",
)
SECOND_FACTOR_GONE = Refusal(
    CONFLICT,
    "second_factor_gone",
    "This second factor is not enrolled any more.",
    "Sign in again.",
)
NO_SECOND_FACTORS = Refusal(
    403,
    "second_factor_unsupported",
    "This account has a second factor that cannot be asked for here.",
    "Sign in on the project's own page, and enroll an authenticator app there.",
)
SECOND_FACTOR_NEEDED = Refusal(
    403,
    "second_factor_needed",
    "The second factor is needed for this.",
    "Sign in again, with the code of the authenticator.",
)
SIGN_IN_EXPIRED = Refusal(
    400,
    "sign_in_expired",
    "This way to sign in was used already, has expired, or began in another browser.",
    BEGIN_AGAIN,
    is_failure=True,
)
NO_PROVIDER = Refusal(
    403,
    "provider_disabled",
    "The Supabase project does not offer signing in with this provider.",
    "Sign in another way.",
)
PROVIDER_REFUSED = Refusal(
    403,
    "provider_refused",
    "The provider did not sign you in.",
    "Begin again, or sign in another way.",
)
CANCELLED = Refusal(
    403, "sign_in_cancelled", "Signing in was cancelled at the provider.", BEGIN_AGAIN
)
NO_SIGN_UP = Refusal(
    403,
    "sign_up_disabled",
    "The Supabase project takes no new accounts.",
    "Ask an administrator of the project for one.",
)
REGISTERED = Refusal(
    CONFLICT,
    "already_registered",
    "There is an account with this email address already.",
    "Sign in, or ask for a new password.",
)
WEAK_PASSWORD = Refusal(
    422,
    "weak_password",
    "This password is too weak.",
    "Choose a longer one, best of several words.",
)
SAME_PASSWORD = Refusal(
    422,
    "same_password",
    "This is the password that the account has already.",
    "Choose another one, or sign in with it.",
)
REAUTHENTICATE = Refusal(
    403,
    "reauthentication_needed",
    "The Supabase project wants a fresh proof before a password is changed.",
    "Ask for a mail to set a new password, and use its link.",
)

PASSWORD = {
    "invalid_credentials": WRONG_CREDENTIALS,
    "user_banned": BANNED,
    "email_not_confirmed": UNCONFIRMED,
    "captcha_failed": CAPTCHA,
    "email_provider_disabled": NO_PASSWORDS,
    "validation_failed": MALFORMED,
}
CODE = {
    "otp_expired": WRONG_CODE,
    "otp_disabled": WRONG_CODE,
    "user_not_found": WRONG_CODE,
    "validation_failed": WRONG_CODE,
    "user_banned": BANNED,
    "email_provider_disabled": NO_MAILS,
}
# What does not hang on whether there is an account; anything else is not told.
MAIL = {
    "captcha_failed": CAPTCHA,
    "email_provider_disabled": NO_MAILS,
    "validation_failed": MALFORMED,
}
ENDED = dict.fromkeys(
    ("session_not_found", "session_expired", "bad_jwt", "no_authorization", "user_not_found"),
    SIGNED_OUT,
) | {"user_banned": BANNED}
SECOND_FACTOR = ENDED | {
    "mfa_verification_failed": WRONG_SECOND_FACTOR,
    "mfa_verification_rejected": WRONG_SECOND_FACTOR,
    "validation_failed": WRONG_SECOND_FACTOR,
    "mfa_challenge_expired": SECOND_FACTOR_EXPIRED,
    "mfa_ip_address_mismatch": SECOND_FACTOR_EXPIRED,
    "mfa_factor_not_found": SECOND_FACTOR_GONE,
    "mfa_totp_verify_not_enabled": NO_SECOND_FACTORS,
    "mfa_phone_verify_not_enabled": NO_SECOND_FACTORS,
    "mfa_webauthn_verify_not_enabled": NO_SECOND_FACTORS,
    "insufficient_aal": NO_SECOND_FACTORS,
}
EXCHANGE = {
    "flow_state_not_found": SIGN_IN_EXPIRED,
    "flow_state_expired": SIGN_IN_EXPIRED,
    "bad_code_verifier": SIGN_IN_EXPIRED,
    "validation_failed": SIGN_IN_EXPIRED,
    "user_not_found": SIGN_IN_EXPIRED,
    "user_banned": BANNED,
}
REFRESH = {"user_banned": BANNED} | dict.fromkeys(
    (
        "refresh_token_not_found",
        "refresh_token_already_used",
        "validation_failed",
        "session_not_found",
        "session_expired",
        "user_not_found",
        "invalid_grant",
        "invalid_client",
    ),
    SESSION_OVER,
)
SIGN_UP = {
    "weak_password": WEAK_PASSWORD,
    "signup_disabled": NO_SIGN_UP,
    "captcha_failed": CAPTCHA,
    "email_provider_disabled": NO_PASSWORDS,
    "validation_failed": MALFORMED,
    "email_address_invalid": MALFORMED,
}
# Told only where the project tells it anyway, by signing a new account in at once.
SIGN_UP_OPENLY = SIGN_UP | {"user_already_exists": REGISTERED, "email_exists": REGISTERED}
NEW_PASSWORD = (
    ENDED
    | {
        "weak_password": WEAK_PASSWORD,
        "same_password": SAME_PASSWORD,
        "insufficient_aal": SECOND_FACTOR_NEEDED,
        "validation_failed": WEAK_PASSWORD,
        "email_provider_disabled": NO_PASSWORDS,
    }
    | dict.fromkeys(
        (
            "reauthentication_needed",
            "reauthentication_not_valid",
            "current_password_required",
            "current_password_invalid",
        ),
        REAUTHENTICATE,
    )
)
CALLBACK = {
    "access_denied": CANCELLED,
    "otp_expired": SIGN_IN_EXPIRED,
    "bad_oauth_state": SIGN_IN_EXPIRED,
    "bad_oauth_callback": SIGN_IN_EXPIRED,
    "flow_state_not_found": SIGN_IN_EXPIRED,
    "flow_state_expired": SIGN_IN_EXPIRED,
    "signup_disabled": NO_SIGN_UP,
    "user_banned": BANNED,
    "provider_disabled": NO_PROVIDER,
    "oauth_provider_not_supported": NO_PROVIDER,
    "provider_email_needs_verification": UNCONFIRMED,
    "email_not_confirmed": UNCONFIRMED,
}


def find_refusal(exc: SupabaseError, table: Mapping[str, Refusal]) -> Refusal:
    """Give the refusal that Supabase meant.

    Raises:
        SignInRefused: (429) it has no time for us.
        SupabaseError: it could not be asked, or said something that is not in `table`.
    """
    if exc.kind == "busy" or exc.status == CONFLICT:
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
    known = table.get(exc.code or "")
    if known is None:
        raise SupabaseError("wrong", exc.message, status=exc.status, code=exc.code) from exc
    return known


def read_callback(error: str, error_code: str | None) -> SignInRefused:
    """Say in our words what a browser brings back from Supabase instead of a code.

    `error` and `error_code` are of the query, so anybody may have written them: they choose
    among our texts and are shown nowhere.
    """
    found = CALLBACK.get(error_code or "") or CALLBACK.get(error, PROVIDER_REFUSED)
    return found.error_for()
