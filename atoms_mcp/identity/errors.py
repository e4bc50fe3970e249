"""Why a request is not allowed to go on; the transport turns these into its own refusal."""

from atoms_mcp.errors import AtomsError


class Unauthenticated(AtomsError):  # noqa: N818 - says what is the case
    """Nobody is known to be calling: HTTP 401 with a challenge.

    `reason` says what was wrong with the token in words that are safe to show ("expired"),
    and is None where no token came: RFC 6750 section 3.1 wants no error code then, and some
    clients never start to sign in when they see one.
    """

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "no token")
        self.reason = reason


class InsufficientScope(AtomsError):  # noqa: N818 - says what is the case
    """The caller is known, and was not granted what this call needs: HTTP 403 with a challenge.

    `needed` is one scope; a wider one that implies it would do as well.
    """

    def __init__(self, needed: str) -> None:
        super().__init__(f"needs the scope {needed}")
        self.needed = needed
