"""Whether a login is only half of one: a second factor is enrolled and was not asked for yet.

Source: Supabase Auth (`aal` of the access token, `factors` of the user); NIST SP 800-63B.
"""

from atoms_mcp.identity.claims import peek
from atoms_mcp.supabase.auth import Factor, Session

TOTP = "totp"
# What a token says after a second factor.
RAISED = ("aal2", "aal3")


def needs_second_factor(session: Session) -> Factor | None:
    """Give the factor to ask for before anything is done with this login, or None.

    One whose codes an authenticator shows comes first, since that is what can be asked for
    here; a factor of another type says by its type that it cannot.
    """
    verified = [factor for factor in session.user.factors if factor.is_verified]
    if not verified or peek(session.access_token).get("aal") in RAISED:
        return None
    return next((factor for factor in verified if factor.type == TOTP), verified[0])
