"""What is sealed into codes and refresh tokens. Changing a field voids what clients hold."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from atoms_mcp.identity.seal import Seal, SealBroken


@dataclass(frozen=True, slots=True)
class CodeClaims:
    """What an authorization code says.

    `gid` is the grant, `sid` Supabase's session and `rt` its refresh token, `uid` the
    user, `client_id` the client as `access.name_client` names it; `shown_id`, `client_name`
    and `client_host` are what the list of connections says of it. `has_redirect_uri` is whether
    the request named it. `exp` is in Unix seconds.
    """

    jti: str = field(repr=False)
    gid: str
    sid: str
    rt: str = field(repr=False)
    uid: str
    client_id: str
    shown_id: str
    client_name: str
    client_host: str | None
    redirect_uri: str
    has_redirect_uri: bool
    challenge: str
    resource: str
    issuer: str
    scope: str
    exp: int


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says, in the same words; `n` is its generation."""

    gid: str
    sid: str
    rt: str = field(repr=False)
    uid: str
    client_id: str
    scope: str
    iss: str
    aud: str
    n: int
    exp: int


PURPOSES = {CodeClaims: "code", RefreshClaims: "refresh"}
Claims = TypeVar("Claims", CodeClaims, RefreshClaims)


def seal_claims(seal: Seal, claims: CodeClaims | RefreshClaims) -> str:
    """Give the code or the refresh token."""
    said: dict[str, Any] = {name: getattr(claims, name) for name in type(claims).__slots__}
    return seal.seal(PURPOSES[type(claims)], said)


def open_claims(seal: Seal, kind: type[Claims], text: str) -> Claims:
    """Give what a code or a refresh token says; that its time may be over is not looked at.

    Raises:
        SealBroken: it is none of ours, or of another kind.
    """
    said = seal.open(PURPOSES[kind], text)
    try:
        return kind(**said)
    except TypeError:
        raise SealBroken("made by another version") from None
