"""Who is calling: the one record that says so, passed by value, stored on nothing shared."""

from dataclasses import dataclass, field

from atoms_mcp.oauth.scopes import ALL_SCOPES, READ_SCOPE, WRITE_SCOPE

__all__ = ["ALL_SCOPES", "READ_SCOPE", "WRITE_SCOPE", "Caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """A user whose token was verified.

    `expires_at` is in Unix seconds. `token` is what goes upstream, so that the
    database applies this user's row-level security. `presented` is what the client sent: the
    same, or what the OAuth endpoints handed out for it; then `client_id` and `grant_id` say to
    which client, and by which consent.
    """

    user_id: str
    email: str
    role: str
    session_id: str | None
    scopes: frozenset[str]
    expires_at: int
    token: str = field(repr=False)
    client_id: str | None = None
    grant_id: str | None = None
    presented: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Take the token for what was presented, where nothing else is said."""
        if not self.presented:
            object.__setattr__(self, "presented", self.token)
