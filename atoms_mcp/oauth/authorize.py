"""The authorization request: who asks, where the answer goes, and for what.

It is read in two steps. `read_client` says which client to look up; `read_request` verifies the
redirect URI against that client, and only from there on can an error be redirected.

Source: RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 8707 section 2, RFC 9207;
MCP 2026-07-28 authorization.
"""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from atoms_mcp.oauth import pkce
from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.errors import RedirectableError, UnverifiedRequest
from atoms_mcp.oauth.pairs import Doubled, Pairs, get_one
from atoms_mcp.oauth.redirects import MAX_URI_BYTES, find_redirect_uri
from atoms_mcp.oauth.resources import find_resource
from atoms_mcp.oauth.scopes import parse_scope

MAX_CLIENT_ID_BYTES = 4096
MAX_STATE_BYTES = 2048
MAX_SCOPE_BYTES = 2048
TITLE = "This sign-in link does not work"
ADVICE = "Go back to the app that sent you here and connect again"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request whose client and redirect URI are verified.

    `has_redirect_uri` says whether the request named it or the client has only this one.
    `resource` is spelled as we spell it.
    """

    client: Client
    redirect_uri: str
    has_redirect_uri: bool
    state: str | None
    scopes: tuple[str, ...]
    code_challenge: str
    resource: str


def read_client(pairs: Pairs) -> tuple[str, str | None]:
    """Give the client_id and, if there is one, the redirect_uri of the request.

    Raises:
        UnverifiedRequest: either came twice or is too long, or there is no client_id.
    """
    try:
        client_id = get_one(pairs, "client_id")
        redirect_uri = get_one(pairs, "redirect_uri")
    except Doubled as exc:
        raise UnverifiedRequest(TITLE, f"Its {exc}. {ADVICE}.") from None
    if client_id is None:
        raise UnverifiedRequest(TITLE, f"It does not say which app asks. {ADVICE}.")
    if len(client_id) > MAX_CLIENT_ID_BYTES or len(redirect_uri or "") > MAX_URI_BYTES:
        raise UnverifiedRequest(TITLE, f"It is longer than any that this server made. {ADVICE}.")
    return client_id, redirect_uri


def verify_redirect(client: Client, redirect_uri: str | None) -> str:
    """Give where the answer to `client` goes. Left out, it is the only one that it has.

    Raises:
        UnverifiedRequest: the client did not register it, or has several to choose from.
    """
    if redirect_uri is None:
        if len(client.redirect_uris) != 1:
            raise UnverifiedRequest(TITLE, f"It does not say where to go next. {ADVICE}.")
        return client.redirect_uris[0]
    if not find_redirect_uri(client.redirect_uris, redirect_uri):
        raise UnverifiedRequest(
            TITLE,
            "It leads to an address that the app did not register, which can be an attempt to "
            f"steal your sign-in. {ADVICE}.",
        )
    return redirect_uri


def read_request(
    pairs: Pairs,
    client: Client,
    redirect_uri: str | None,
    own_resource: str,
) -> AuthorizationRequest:
    """Give the request of `client`; `redirect_uri` is what `read_client` gave.

    `own_resource` is the URL that a token can be for; it is meant where the request names none.
    Unknown parameters are ignored.

    Raises:
        UnverifiedRequest: the redirect URI is not one of the client's.
        RedirectableError: anything else.
    """
    verified = verify_redirect(client, redirect_uri)
    state = _read_state(pairs, verified)

    def fault(error: str, description: str) -> RedirectableError:
        return RedirectableError(error, description, redirect_uri=verified, state=state)

    try:
        response_type = get_one(pairs, "response_type")
        challenge = get_one(pairs, "code_challenge")
        method = get_one(pairs, "code_challenge_method")
        scope = get_one(pairs, "scope")
    except Doubled as exc:
        raise fault("invalid_request", str(exc)) from None
    if response_type != "code":
        code = "unsupported_response_type" if response_type else "invalid_request"
        raise fault(code, "response_type has to be code")
    if challenge is None or not pkce.is_well_formed(challenge):
        raise fault("invalid_request", "code_challenge has to be there, with 43 to 128 characters")
    if method != pkce.METHOD:
        raise fault("invalid_request", f"code_challenge_method has to be {pkce.METHOD}")
    if len(scope or "") > MAX_SCOPE_BYTES:
        raise fault("invalid_scope", f"scope has more than {MAX_SCOPE_BYTES} characters")
    asked = [value for name, value in pairs if name == "resource" and value]
    resource = find_resource(asked, [own_resource], own_resource)
    if resource is None:
        raise fault("invalid_target", f"resource has to be {own_resource}")
    return AuthorizationRequest(
        client=client,
        redirect_uri=verified,
        has_redirect_uri=redirect_uri is not None,
        state=state,
        scopes=parse_scope(scope or client.scope),
        code_challenge=challenge,
        resource=resource,
    )


def _read_state(pairs: Pairs, redirect_uri: str) -> str | None:
    """Give `state`; a bad one is not repeated to the client."""
    try:
        state = get_one(pairs, "state")
    except Doubled as exc:
        description = str(exc)
    else:
        if len((state or "").encode()) <= MAX_STATE_BYTES:
            return state
        description = f"state has more than {MAX_STATE_BYTES} bytes"
    raise RedirectableError("invalid_request", description, redirect_uri=redirect_uri, state=None)


def render_redirect(redirect_uri: str, **params: str | None) -> str:
    """Give the redirect URI with `params` in its query; those that are None are left out.

    A query that it has stays as it is.

    Source: RFC 6749 section 3.1.2; spaces as %20, which every parser of queries reads.
    """
    given = {name: value for name, value in params.items() if value is not None}
    if not given:
        return redirect_uri
    separator = "?"
    if "?" in redirect_uri:
        separator = "" if redirect_uri.endswith(("?", "&")) else "&"
    return f"{redirect_uri}{separator}{urlencode(given, quote_via=quote)}"
