"""How OAuth requests fail: as JSON, as a redirect to the client, or on a page of our own.

Which of the three it is says the class, so that nothing can be redirected before the client
and its redirect URI are verified.

Source: RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2, RFC 8707 section 2.
"""

from atoms_mcp.errors import AtomsError

BAD_REQUEST = 400
UNAUTHORIZED = 401


class OAuthError(AtomsError):
    """Answered as JSON with `status`.

    `error` is a code of the RFCs, `description` one sentence for the developer of the client.
    `challenge` is the WWW-Authenticate header that has to go with it, if one has to.
    """

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = BAD_REQUEST,
        challenge: str | None = None,
    ) -> None:
        self.error = error
        self.description = quotable(description)
        self.status = status
        self.challenge = challenge
        super().__init__(f"{error}: {self.description}")


class RedirectableError(OAuthError):
    """Told to the client through the browser: who asks and where to answer are both verified."""

    def __init__(
        self, error: str, description: str, *, redirect_uri: str, state: str | None
    ) -> None:
        super().__init__(error, description)
        self.redirect_uri = redirect_uri
        self.state = state


class UnverifiedRequest(OAuthError):  # noqa: N818 - says what is the case
    """Shown on a page (400) and never redirected: nobody vouches for where it would go.

    `title` is a heading, `description` says to the person before the browser what to do.
    """

    def __init__(self, title: str, description: str, *, error: str = "invalid_request") -> None:
        super().__init__(error, description)
        self.title = title


class UnknownClient(OAuthError):  # noqa: N818 - says what is the case
    """There is no such client here, or it cannot be looked up now; why is not told."""

    def __init__(self) -> None:
        super().__init__(
            "invalid_client",
            "This client is not known here; register again, or use a client_id that is",
            status=UNAUTHORIZED,
        )


def quotable(text: str) -> str:
    """Leave only what the RFCs allow in a description or between quotes in a header.

    Printable ASCII it is, without quotes and backslashes: nothing can end a value or a line.

    Source: RFC 6749 section 5.2, RFC 6750 section 3.
    """
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in text)
