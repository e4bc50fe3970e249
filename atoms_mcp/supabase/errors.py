"""What can go wrong upstream, told apart by who has to act."""

from typing import Literal

from atoms_mcp.errors import AtomsError

Kind = Literal["refused", "busy", "wrong", "down", "slow"]

# What Auth says of a token whose session has ended, or whose user may not be here any more.
SESSION_ENDED = frozenset(
    {"session_not_found", "session_expired", "bad_jwt", "no_authorization"}
    | {"user_not_found", "user_banned"}
)
# Of a refresh token that it will never take again it says 400, or one of these.
REFRESH_REFUSED = 400
REFRESH_ENDED = frozenset({"user_banned", "user_not_found", "session_not_found", "session_expired"})


class SupabaseError(AtomsError):
    """Supabase refused a request, or could not be asked.

    `kind` says who has to act:

    - ``refused``: a 4xx with a reason; the request or its user is at fault
    - ``busy``: 429; `retry_after_s` where known
    - ``wrong``: it answered with a 5xx or with something that is not its contract (502 for our
      caller); a gateway that refused the API key of the project is among them, so that
      ``refused`` never is about that key
    - ``down``: nobody answered, or it said 503 (503 for our caller)
    - ``slow``: no answer in time (504 for our caller)

    `status` and `code` are upstream's own; `reasons` are Auth's for calling a password weak.
    `message`, `details` and `hint` are upstream's words: they may contain row data, so they are
    for decisions, never for a log line or an answer as they stand.
    """

    def __init__(  # noqa: PLR0913 - mirrors the members of the upstream error object
        self,
        kind: Kind,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        details: str | None = None,
        hint: str | None = None,
        retry_after_s: int | None = None,
        reasons: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{kind} {status or '-'} {code or '-'}")
        self.kind: Kind = kind
        self.message = message
        self.status = status
        self.code = code
        self.details = details
        self.hint = hint
        self.retry_after_s = retry_after_s
        self.reasons = reasons

    @property
    def ends_session(self) -> bool:
        """Whether Auth refused because the session of the access token is over."""
        return self.kind == "refused" and self.code in SESSION_ENDED

    @property
    def ends_refresh(self) -> bool:
        """Whether Auth refused the refresh token for good; any other no leaves that open."""
        return self.kind == "refused" and (
            self.status == REFRESH_REFUSED or self.code in REFRESH_ENDED
        )


class CallerExpired(AtomsError):  # noqa: N818 - says what is the case
    """The REST interface no longer accepts the caller's token (PGRST301, PGRST303).

    It was accepted when the request came in and has expired or lost its key since;
    the transport answers as to any invalid token, so that the client refreshes it.
    """

    def __init__(self, code: str | None = None) -> None:
        super().__init__(f"the caller's token is no longer accepted ({code or 'no code'})")
        self.code = code
