"""The access tokens that the OAuth endpoints hand out: a Supabase access token, sealed.

Only this server can open one, so a client can do with it what was consented to and nothing else,
and cannot take it to the project past our scopes. It lives as long as what is inside. What is
inside is verified as ever, by `identity.verify`.

Source: RFC 6749 section 1.4; RFC 8707 section 2; MCP 2026-07-28 authorization (token audience).
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from atoms_mcp.identity.claims import InvalidToken
from atoms_mcp.identity.holders import Holders
from atoms_mcp.identity.seal import Seal, SealBroken

PURPOSE = "access"
# A client_id can be long, and what is in a token goes over the wire with every request.
MAX_NAME_CHARS = 128
# What fits into a header line of 8190 bytes, with the word before it.
MAX_TOKEN_CHARS = 8000


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What such a token says; the names are those on the wire.

    `gid` is the grant, `client_id` the client as `name_client` names it, `aud` our resource,
    `exp` Unix seconds, `jwt` the Supabase access token.
    """

    gid: str
    client_id: str
    scope: str
    iss: str
    aud: str
    exp: int
    jwt: str = field(repr=False)


class AccessTokens:
    """Makes them and opens them. `issuers` gives the issuer of each of our resources."""

    def __init__(
        self,
        seal: Seal,
        holders: Holders,
        issuers: Mapping[str, str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.issuers = issuers
        self._seal = seal
        self._holders = holders
        self._now = now

    def make(self, claims: AccessClaims) -> str:
        """Give the token.

        Raises:
            ValueError: it would be too long to be sent.
        """
        token = self._seal.seal(
            PURPOSE, {name: getattr(claims, name) for name in AccessClaims.__slots__}
        )
        if len(token) > MAX_TOKEN_CHARS:
            raise ValueError(f"an access token would exceed {MAX_TOKEN_CHARS} characters")
        return token

    def open(self, token: str) -> AccessClaims:
        """Give what a token says, if it is for this server and its time is not over.

        Raises:
            InvalidToken: it is not ours, for somebody else, or expired.
        """
        claims = self.open_any(token)
        if self.issuers.get(claims.aud) != claims.iss:
            raise InvalidToken("meant for somebody else")
        if self._now() >= claims.exp:
            raise InvalidToken("expired")
        return claims

    def open_any(self, token: str) -> AccessClaims:
        """Give what a token says, wherever and whenever it is good for.

        Raises:
            InvalidToken: it is not ours.
        """
        try:
            return AccessClaims(**self._seal.open(PURPOSE, token))
        except (SealBroken, TypeError):
            raise InvalidToken("not a token of this server") from None

    async def is_revoked(self, gid: str) -> bool:
        """Tell whether the grant was revoked, by whatever process.

        Raises:
            StoreDown: nobody can tell.
        """
        return await self._holders.is_revoked(gid)


def name_client(client_id: str) -> str:
    """Give what a token calls its client: the client_id, or a digest of a long one."""
    if len(client_id) <= MAX_NAME_CHARS:
        return client_id
    return "sha256:" + hashlib.sha256(client_id.encode()).hexdigest()
