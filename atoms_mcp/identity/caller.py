"""Who is calling: the one record that says so, passed by value, stored on nothing shared."""

from dataclasses import dataclass, field

READ_SCOPE = "atoms:read"
WRITE_SCOPE = "atoms:write"
ALL_SCOPES = frozenset({READ_SCOPE, WRITE_SCOPE})


@dataclass(frozen=True, slots=True)
class Caller:
    """A user whose token was verified.

    `expires_at` is in Unix seconds. `token` is what goes upstream, so that the
    database applies this user's row-level security.
    """

    user_id: str
    email: str
    role: str
    session_id: str | None
    scopes: frozenset[str]
    expires_at: int
    token: str = field(repr=False)
