"""A request of a client at Supabase's own OAuth 2.1 server, which waits for its user's word.

Source: Supabase Auth API (`/oauth/authorizations/{id}`, `/user/oauth/grants`); RFC 6749,
section 4.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.session import get_text, read_object, read_text


@dataclass(frozen=True, slots=True)
class Authorization:
    """Who asks for what. Texts that Supabase did not say are empty.

    `redirect_uri` is where the answer will go, without any answer in it.
    """

    id: str
    client_id: str
    client_name: str
    redirect_uri: str
    scope: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The user decided, now or earlier: the browser goes on to `redirect_url`."""

    redirect_url: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user has allowed a client there. `granted_at` is in Unix seconds."""

    client_id: str
    client_name: str
    scope: str
    granted_at: int


def read_authorization(body: Mapping[str, Any]) -> Authorization | Decided:
    """Read what waits for a word, or where to go because none is needed any more.

    Clients are told of in two ways, the earlier one with a prefix before each name.

    Raises:
        SupabaseError: (wrong) it is neither.
    """
    if "redirect_url" in body:
        return read_decided(body)
    client_id, client_name = _read_client(body)
    return Authorization(
        id=read_text(body, "authorization_id"),
        client_id=client_id,
        client_name=client_name,
        redirect_uri=get_text(body, "redirect_uri"),
        scope=get_text(body, "scope"),
    )


def read_decided(body: Mapping[str, Any]) -> Decided:
    """Read where the browser has to go.

    Raises:
        SupabaseError: (wrong) it is not said.
    """
    return Decided(read_text(body, "redirect_url"))


def read_consents(parsed: object) -> tuple[Consent, ...]:
    """Read what a user has allowed; an entry whose client is gone is left out.

    Raises:
        SupabaseError: (wrong) it is no list of that.
    """
    if not isinstance(parsed, list):
        raise SupabaseError("wrong", "the answer is not a list")
    return tuple(_read_consent(body) for body in map(read_object, parsed) if body.get("client"))


def _read_consent(body: Mapping[str, Any]) -> Consent:
    client_id, client_name = _read_client(body)
    scopes = body.get("scopes")
    try:
        granted_at = int(datetime.fromisoformat(read_text(body, "granted_at")).timestamp())
    except ValueError:
        raise SupabaseError("wrong", "the answer has no time in granted_at") from None
    told = scopes if isinstance(scopes, list) else []
    scope = " ".join(name for name in told if isinstance(name, str))
    return Consent(client_id, client_name, scope, granted_at)


def _read_client(body: Mapping[str, Any]) -> tuple[str, str]:
    """Give id and name of the client."""
    client = read_object(body.get("client"))
    return (
        get_text(client, "id") or read_text(client, "client_id"),
        get_text(client, "name") or get_text(client, "client_name"),
    )
